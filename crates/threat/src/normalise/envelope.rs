//! What services and shippers wrap records in: lists of a page, a stream's envelope, JSON kept as text.
//!
//! A document is opened only if no source knows it as it is, so that nothing of a known record is lost.

use std::vec::IntoIter;

use serde_json::{Map, Value};

use super::document;

/// How many envelopes may lie in each other.
pub(super) const NESTED_MAX: usize = 4;
/// What the parts of a document may have in common, in bytes: it is copied for each of them.
const SHARED_MAX: usize = 2048;

/// Names of lists of records: CloudTrail's, Azure's, Graph's, Okta's hooks', Google's, Duo's, and those of common clients.
const LISTS: [&str; 9] = [
    "Records", "records", "value", "events", "items", "authlogs", "response", "data", "logs",
];
/// Names under which one record lies, as an object or as JSON in a text.
const INNER: [&str; 17] = [
    "detail",
    "AuditData",
    "auditData",
    "RawEventData",
    "_source",
    "_raw",
    "response",
    "data",
    "event",
    "result",
    "message",
    "Message",
    "original",
    "office365",
    "aws",
    "okta",
    "gcp",
];

/// Names under which shippers put a line that they have read and not understood: Vector, Fluent Bit, Splunk, NXLog, journald.
const LINES: [&str; 6] = ["message", "log", "_raw", "raw", "MESSAGE", "line"];
/// Names of the machine that it was read on.
const HOSTS: [&str; 4] = ["host", "hostname", "host.name", "_HOSTNAME"];

/// A line that a shipper has put into a document.
pub(super) struct Carried<'a> {
    pub(super) line: &'a str,
    /// Where it was read; may be empty.
    pub(super) host: &'a str,
}

/// The line in a document, if there is one.
pub(super) fn line(document: &Value) -> Option<Carried<'_>> {
    let line = LINES.iter().find_map(|name| document.get(*name)?.as_str())?;
    Some(Carried {
        line: line.trim_end(),
        host: document::first(document, &HOSTS).unwrap_or_default(),
    })
}

/// The documents in an envelope.
pub(super) enum Parts {
    /// Each by itself.
    Apart(IntoIter<Value>),
    /// One activity of Google's, which tells of several events.
    Shared {
        /// What they have in common.
        common: Map<String, Value>,
        /// The events.
        events: IntoIter<Value>,
    },
}

impl Iterator for Parts {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match self {
            Self::Apart(parts) => parts.next(),
            Self::Shared { common, events } => {
                let event = events.next()?;
                let mut part = common.clone();
                part.insert("events".to_owned(), Value::Array(vec![event]));
                Some(Value::Object(part))
            }
        }
    }
}

/// The documents in an envelope; the document itself if it isn't any.
pub(super) fn open(document: Value) -> Result<Parts, Value> {
    match document {
        Value::Array(parts) => Ok(Parts::Apart(parts.into_iter())),
        Value::Object(object) if is_activity(&object) => Ok(split(object)),
        Value::Object(object) => open_object(object).map_err(Value::Object),
        other => Err(other),
    }
}

/// Google's activities alone have several events in one record.
fn is_activity(object: &Map<String, Value>) -> bool {
    object.get("events").is_some_and(Value::is_array)
        && object.get("id").and_then(|id| id.get("applicationName")).is_some()
}

fn split(mut activity: Map<String, Value>) -> Parts {
    let events = match activity.remove("events") {
        Some(Value::Array(events)) => events,
        _ => Vec::new(),
    };
    let mut left = SHARED_MAX;
    activity.retain(|name, value| {
        let size = name.len() + value.to_string().len();
        let keeps = size <= left;
        left -= if keeps { size } else { 0 };
        keeps
    });
    Parts::Shared {
        common: activity,
        events: events.into_iter(),
    }
}

fn open_object(mut object: Map<String, Value>) -> Result<Parts, Map<String, Value>> {
    for name in LISTS {
        if object
            .get(name)
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(Value::is_object))
            && let Some(Value::Array(parts)) = object.remove(name)
        {
            return Ok(Parts::Apart(parts.into_iter()));
        }
    }
    for name in INNER {
        let inner = match object.get_mut(name) {
            Some(inner) if inner.is_object() => inner.take(),
            Some(Value::String(text)) => match document::json(text) {
                Some(inner) => inner,
                None => continue,
            },
            _ => continue,
        };
        return Ok(Parts::Apart(vec![inner].into_iter()));
    }
    Err(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_inner_objects_and_texts_are_opened() {
        for (document, expected) in [
            (
                json!({"Records": [{"a": 1}, {"a": 2}]}),
                vec![json!({"a": 1}), json!({"a": 2})],
            ),
            (json!([{"a": 1}]), vec![json!({"a": 1})]),
            (
                json!({"detail-type": "SystemLog", "detail": {"a": 1}}),
                vec![json!({"a": 1})],
            ),
            (
                json!({"Operations": "x", "AuditData": "{\"a\":1}"}),
                vec![json!({"a": 1})],
            ),
            (
                json!({"message": "plain", "event": {"original": "{\"a\":1}"}}),
                vec![json!({"original": "{\"a\":1}"})],
            ),
        ] {
            assert_eq!(
                open(document.clone()).unwrap().collect::<Vec<_>>(),
                expected,
                "{document}"
            );
        }
        assert!(open(json!({"message": "no JSON", "records": []})).is_err());
        assert!(open(json!("text")).is_err());
    }

    #[test]
    fn what_several_events_share_is_bounded() {
        let events: Vec<Value> = (0..3).map(|number| json!({"name": number})).collect();
        let document =
            json!({"id": {"applicationName": "login"}, "actor": {"email": "x".repeat(5000)}, "events": events});
        let parts: Vec<Value> = open(document).unwrap().collect();
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.to_string().len() < 200));
    }
}
