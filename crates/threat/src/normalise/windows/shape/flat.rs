//! Events of which all parts stand side by side, as NXLog, OTRF's captures, EvtxECmd and Sentinel have them; and Wazuh's, which are nearly
//! so.

use serde_json::{Map, Value};

use super::super::Parts;
use super::{flatten, markup, number, text, xml};

/// Names of the head of an event, in the order in which they are believed.
const ID: [&str; 3] = ["EventID", "EventId", "event_id"];
const PROVIDER: [&str; 7] = [
    "Provider_Name",
    "SourceName",
    "ProviderName",
    "EventSourceName",
    "source_name",
    "Provider",
    "Source",
];
const CHANNEL: [&str; 4] = ["Channel", "LogName", "log_name", "EventLog"];
const COMPUTER: [&str; 6] = [
    "Computer",
    "Hostname",
    "HostName",
    "ComputerName",
    "computer_name",
    "MachineName",
];
const TIME: [&str; 7] = [
    "SystemTime",
    "TimeCreated",
    "@timestamp",
    "UtcTime",
    "EventTime",
    "TimeGenerated",
    "timestamp",
];

/// Names of providers that nobody but Windows' shippers uses beside a number.
const TELLING: [&str; 4] = ["Provider_Name", "SourceName", "ProviderName", "EventSourceName"];

/// What shippers say of themselves.
const NOISE: [&str; 11] = [
    "@version",
    "tags",
    "port",
    "host",
    "EventReceivedTime",
    "SourceModuleName",
    "SourceModuleType",
    "type",
    "Severity",
    "SeverityValue",
    "ProviderGuid",
];

/// What EvtxECmd's maps make of an event, and where it found it.
const FOR_PEOPLE: [&str; 8] = [
    "MapDescription",
    "UserName",
    "RemoteHost",
    "ExecutableInfo",
    "SourceFile",
    "ChunkNumber",
    "HiddenRecord",
    "ExtraDataOffset",
];

pub(super) fn is(object: &Map<String, Value>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| object.get(*name).is_some_and(Value::is_string));
    ID.iter().any(|name| object.get(*name).and_then(number).is_some()) && (has(&CHANNEL) || has(&TELLING))
}

pub(super) fn take_apart(mut object: Map<String, Value>) -> Option<Parts> {
    let name = ID.iter().find(|name| object.get(**name).and_then(number).is_some())?;
    let id = object.remove(*name).as_ref().and_then(number)?;
    for name in NOISE {
        object.remove(name);
    }
    let mut parts = Parts {
        id,
        provider: take(&mut object, &PROVIDER),
        channel: take(&mut object, &CHANNEL),
        computer: take(&mut object, &COMPUTER),
        time: TIME.iter().find_map(|name| object.get(*name)).cloned(),
        ..Parts::default()
    };
    // NXLog's name of the account that wrote the event; Sysmon's own fields have no such name.
    if let Some(Value::String(user)) = object
        .get("UserID")
        .filter(|_| parts.channel != "Microsoft-Windows-Sysmon/Operational")
    {
        parts.user = Some(user.clone());
    }
    take_payload(&mut object, &mut parts.data);
    take_markup(&mut object, &mut parts.data);
    flatten(object, &mut parts.data, 0);
    Some(parts)
}

/// Sentinel's table of events has the event's data as XML in a text.
fn take_markup(object: &mut Map<String, Value>, into: &mut Map<String, Value>) {
    let text = object.get("EventData").and_then(Value::as_str).unwrap_or_default();
    let data = text
        .find("<EventData")
        .and_then(|start| text.get(start..)?.rsplit_once("</EventData>"));
    let Some((data, _)) = data else { return };
    let whole = markup::event(&format!("<Event>{data}</EventData></Event>"));
    let whole = whole
        .as_ref()
        .and_then(|whole| whole.get("Event")?.get("EventData")?.as_object());
    if let Some(data) = whole.cloned() {
        object.remove("EventData");
        xml::take_data(data, into);
    }
}

/// EvtxECmd has the event's data as JSON in a text, and beside that what its maps make of them for people.
fn take_payload(object: &mut Map<String, Value>, into: &mut Map<String, Value>) {
    let is_json = |text: &&str| text.starts_with("{\"EventData\"") || text.starts_with("{\"UserData\"");
    let payload = object.get("Payload").and_then(Value::as_str).filter(is_json);
    let Some(Value::Object(payload)) = payload.and_then(|text| serde_json::from_str(text).ok()) else {
        return;
    };
    object.retain(|name, _| !FOR_PEOPLE.contains(&name.as_str()) && !name.starts_with("Payload"));
    for (_, data) in payload {
        if let Value::Object(data) = data {
            xml::take_data(data, into);
        }
    }
}

/// Takes the first of these that is a text.
fn take(object: &mut Map<String, Value>, names: &[&str]) -> String {
    let name = names
        .iter()
        .find(|name| object.get(**name).is_some_and(Value::is_string));
    text(name.and_then(|name| object.remove(*name)))
}

/// The part of Wazuh's records that is Windows' event.
pub(super) fn wazuh(object: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let win = match object.get("data") {
        Some(data) => data.get("win"),
        None => object.get("win"),
    };
    win?.as_object()
        .filter(|win| win.get("system").is_some_and(Value::is_object))
}

pub(super) fn take_wazuh_apart(mut object: Map<String, Value>) -> Option<Parts> {
    let time = object.remove("timestamp").or_else(|| object.remove("@timestamp"));
    let win = match object.get_mut("data") {
        Some(data) => data.get_mut("win"),
        None => object.get_mut("win"),
    };
    let mut win = std::mem::take(win?.as_object_mut()?);
    let Some(Value::Object(mut system)) = win.remove("system") else {
        return None;
    };
    let mut parts = Parts {
        id: number(system.get("eventID")?)?,
        provider: text(system.remove("providerName")),
        channel: text(system.remove("channel")),
        computer: text(system.remove("computer")),
        time: system.remove("systemTime").or(time),
        ..Parts::default()
    };
    for (from, to) in [
        ("keywords", "Keywords"),
        ("eventRecordID", "EventRecordID"),
        ("message", "Message"),
    ] {
        if let Some(value) = system.remove(from) {
            parts.head.insert(to.to_owned(), value);
        }
    }
    for name in ["eventdata", "userdata", "logFileCleared"] {
        if let Some(Value::Object(data)) = win.remove(name) {
            let mut flat = Map::new();
            flatten(data, &mut flat, 0);
            parts
                .data
                .extend(flat.into_iter().map(|(name, value)| (capitalised(&name), value)));
        }
    }
    Some(parts)
}

/// Wazuh writes the first letter of names small.
fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
