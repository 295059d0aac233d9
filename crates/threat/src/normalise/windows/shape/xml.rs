//! Events as the XML that Windows shows them in, turned into JSON: attributes under `#attributes`, or with `@` before their names.

use serde_json::{Map, Value};

use super::super::Parts;
use super::{flatten, number, text};

pub(super) fn take_apart(mut object: Map<String, Value>) -> Option<Parts> {
    if let Some(Value::Object(event)) = object.get_mut("Event") {
        object = std::mem::take(event);
    }
    let Some(Value::Object(mut system)) = object.remove("System") else {
        return None;
    };
    let mut parts = Parts {
        id: number(system.get("EventID")?)?,
        channel: text(system.remove("Channel")),
        computer: text(system.remove("Computer")),
        provider: text(attribute(&mut system, "Provider", "Name")),
        time: attribute(&mut system, "TimeCreated", "SystemTime"),
        ..Parts::default()
    };
    if let Some(Value::String(user)) = attribute(&mut system, "Security", "UserID") {
        parts.user = Some(user);
    }
    if let Some(process) = attribute(&mut system, "Execution", "ProcessID") {
        parts.head.insert("ProcessId".to_owned(), process);
    }
    for name in ["Level", "Keywords", "Task", "EventRecordID"] {
        if let Some(value) = system.remove(name).filter(|value| !value.is_null()) {
            parts.head.insert(name.to_owned(), value);
        }
    }
    for name in ["EventData", "UserData"] {
        match object.remove(name) {
            Some(Value::Object(data)) => take_data(data, &mut parts.data),
            Some(text @ Value::String(_)) => {
                parts.data.insert("Data".to_owned(), text);
            }
            _ => {}
        }
    }
    if let Some(Value::Object(mut rendering)) = object.remove("RenderingInfo")
        && let Some(message @ Value::String(_)) = rendering.remove("Message")
    {
        parts.head.insert("Message".to_owned(), message);
    }
    Some(parts)
}

/// Takes an attribute of an element.
fn attribute(system: &mut Map<String, Value>, element: &str, name: &str) -> Option<Value> {
    let element = system.get_mut(element)?.as_object_mut()?;
    for attributes in ["#attributes", "@attributes"] {
        if let Some(Value::Object(attributes)) = element.get_mut(attributes) {
            return attributes.remove(name);
        }
    }
    element.remove(&format!("@{name}")).or_else(|| element.remove(name))
}

pub(super) fn take_data(mut data: Map<String, Value>, into: &mut Map<String, Value>) {
    // `<Data Name="SubjectUserSid">..` as an array of elements with attributes, or as the only one.
    if let Some(only) = data.get_mut("Data").filter(|only| element_name(only).is_some()) {
        *only = Value::Array(vec![only.take()]);
    }
    if let Some(Value::Array(elements)) = data.get_mut("Data")
        && elements.iter().any(|element| element_name(element).is_some())
    {
        for mut element in std::mem::take(elements) {
            let Some(name) = element_name(&element).map(str::to_owned) else {
                continue;
            };
            let text = element.as_object_mut().and_then(|element| element.remove("#text"));
            into.entry(name).or_insert(text.unwrap_or_else(|| Value::from("")));
        }
        data.remove("Data");
    }
    // Data without names: one text, or all of them.
    if let Some(mut unnamed) = data.remove("Data") {
        if let Some(object) = unnamed.as_object_mut()
            && let Some(text) = object.remove("#text")
        {
            unnamed = text;
        }
        if !unnamed.is_null() && !unnamed.is_object() {
            into.insert("Data".to_owned(), unnamed);
        }
    }
    flatten(data, into, 0);
}

fn element_name(element: &Value) -> Option<&str> {
    let named = element.get("@Name").or_else(|| element.get("#attributes")?.get("Name"));
    named.and_then(Value::as_str)
}
