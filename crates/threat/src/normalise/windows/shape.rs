//! The shapes in which shippers deliver events of Windows.
//!
//! | shape | told by | from |
//! | --- | --- | --- |
//! | XML turned into JSON | `Event.System`, or `System` beside `EventData` | EVTX files, evtx_dump, xmltodict |
//! | Elastic | `winlog.event_id`; before version 7 `event_id` beside `log_name` | Winlogbeat, Elastic Agent |
//! | Wazuh | `data.win.system`, or `win.system` | Wazuh's archives and alerts |
//! | XML as a text | `_raw` or `EventXml` with `<Event`, in `result` or not; a line of its own | Splunk, `wevtutil`, forwarders |
//! | flat | `EventID` beside `Channel`, `SourceName` or the like | NXLog, OTRF's captures, EvtxECmd, Sentinel |
//!
//! Each can be wrapped in `_source`, as exports from a search have it.

mod elastic;
mod flat;
pub(super) mod markup;
mod xml;

use serde_json::{Map, Value};

use super::Parts;

/// How deep data are looked into for values. Windows nests one level.
const DEPTH_MAX: usize = 6;

/// Whether a document is an event of Windows.
pub(super) fn is(document: &Value) -> bool {
    document.as_object().is_some_and(|object| kind(inner(object)).is_some())
}

/// Takes a record apart; none without the number that every event has.
pub(super) fn take_apart(document: Value) -> Option<Parts> {
    let Value::Object(mut object) = document else {
        return None;
    };
    if let Some(Value::Object(source)) = object.get_mut("_source") {
        object = std::mem::take(source);
    }
    match kind(&object)? {
        Kind::Xml => xml::take_apart(object),
        Kind::Text => match markup::event(raw(&object)?)? {
            Value::Object(event) => xml::take_apart(event),
            _ => None,
        },
        Kind::Elastic => elastic::take_apart(object),
        Kind::OldElastic => elastic::take_old_apart(object),
        Kind::Wazuh => flat::take_wazuh_apart(object),
        Kind::Flat => flat::take_apart(object),
    }
}

fn inner(object: &Map<String, Value>) -> &Map<String, Value> {
    object.get("_source").and_then(Value::as_object).unwrap_or(object)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Xml,
    Text,
    Elastic,
    OldElastic,
    Wazuh,
    Flat,
}

fn kind(object: &Map<String, Value>) -> Option<Kind> {
    let within = |outer: &str, inner: &str| object.get(outer).is_some_and(|value| value.get(inner).is_some());
    if within("Event", "System") || (within("System", "EventID") && object.len() <= 6) {
        Some(Kind::Xml)
    } else if within("winlog", "event_id") {
        Some(Kind::Elastic)
    } else if object.contains_key("log_name") && object.contains_key("event_id") {
        Some(Kind::OldElastic)
    } else if raw(object).is_some() {
        Some(Kind::Text)
    } else if flat::wazuh(object).is_some() {
        Some(Kind::Wazuh)
    } else if flat::is(object) {
        Some(Kind::Flat)
    } else {
        None
    }
}

/// XML in a document.
fn raw(object: &Map<String, Value>) -> Option<&str> {
    let object = object.get("result").and_then(Value::as_object).unwrap_or(object);
    let texts = ["_raw", "EventXml"].into_iter();
    let mut texts = texts.filter_map(|name| object.get(name)?.as_str());
    texts.find(|text| text.trim_start().starts_with("<Event"))
}

/// An event's number, as number or text.
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        Value::Object(object) => number(object.get("#text")?),
        _ => None,
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Lays data flat: inner objects by the names of their members, texts in place of elements with attributes. The first of a name stays.
fn flatten(from: Map<String, Value>, into: &mut Map<String, Value>, depth: usize) {
    for (name, value) in from {
        match value {
            Value::Null => {}
            Value::Object(mut object) => {
                if let Some(text) = object.remove("#text") {
                    into.entry(name).or_insert(text);
                } else if !is_attributes(&name) && depth < DEPTH_MAX {
                    flatten(object, into, depth + 1);
                }
            }
            value if !is_attribute(&name) => {
                into.entry(name).or_insert(value);
            }
            _ => {}
        }
    }
}

fn is_attributes(name: &str) -> bool {
    name.starts_with('#') || name == "@attributes"
}

fn is_attribute(name: &str) -> bool {
    name.starts_with('@') || name == "xmlns"
}
