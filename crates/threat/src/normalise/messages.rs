//! Which source a message of syslog is of: the header is read once, and every source that comes by syslog asked in turn.

use jiff::Timestamp;
use serde_json::Value;

use super::{Context, NotUnderstood, backup, esxi, linux, syslog, vcenter, vpn};
use crate::event::Event;
use crate::input::{Body, Record};

/// The event of a line with a header of syslog.
pub(crate) fn read(line: &str, context: &Context) -> Option<Result<Event, NotUnderstood>> {
    let message = syslog::parse(line, context.received)?;
    if let Some(result) = embedded(message.text, context) {
        return Some(result);
    }
    let event = vpn::read(&message, context)
        .or_else(|| vcenter::read(&message, context))
        .or_else(|| esxi::read(&message, context))
        .or_else(|| backup::read(&message, context))
        .unwrap_or_else(|| linux::read(&message, context));
    Some(Ok(event))
}

/// A line that is a JSON document.
pub(crate) fn read_json(line: &str, context: &Context) -> Option<Result<Event, NotUnderstood>> {
    embedded(line, context)
}

fn embedded(text: &str, context: &Context) -> Option<Result<Event, NotUnderstood>> {
    let record = Record {
        body: Body::Document(parsed(text)?),
        origin: context.origin.clone(),
    };
    super::normalise(record, context.received).ok().map(Ok)
}

/// The document that a line is or carries.
pub(crate) fn document(line: &str, received: Timestamp) -> Option<Value> {
    if !line.contains('{') {
        return None;
    }
    let message = syslog::parse(line, received);
    parsed(message.map_or(line, |message| message.text))
}

/// Programs that write JSON, such as Suricata and Wazuh, send it as the message's text; some put `@cee:` before it.
fn parsed(text: &str) -> Option<Value> {
    let text = text.strip_prefix("@cee:").unwrap_or(text).trim();
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}
