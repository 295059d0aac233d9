//! Events of Windows, in whichever shape a shipper delivers them, into the names that Sigma's rules are written with: `EventID`, `Channel`,
//! `Provider_Name`, `Computer`, and the event's own data beside them.
//!
//! `shape` takes records of all shapes apart. `logsource` says what Sigma calls their kind. `adapt` gives what the security log says of
//! processes, registry, files and connections the names that Sysmon has for it, since rules are written for those. `facts` says who did
//! what.

mod adapt;
mod facts;
mod logsource;
mod shape;
mod time;

use serde_json::{Map, Value};

use super::{Context, DocumentSource, LineSource, NotUnderstood};
use crate::event::{Event, Logsource};

/// Windows' events as JSON.
pub(super) const DOCUMENTS: DocumentSource = DocumentSource { is: shape::is, read };

/// A record of any shape, taken apart.
#[derive(Debug, Default)]
struct Parts {
    /// The event's number within its provider.
    id: u32,
    /// Such as `Security`.
    channel: String,
    /// Such as `Microsoft-Windows-Security-Auditing`.
    provider: String,
    /// The machine that it happened on.
    computer: String,
    /// When, as written.
    time: Option<Value>,
    /// The security identifier that it was written under: for many providers that of the service, not of who caused it.
    user: Option<String>,
    /// Other parts of the head that rules name, under their names.
    head: Map<String, Value>,
    /// The event's own data, flat.
    data: Map<String, Value>,
}

/// Windows' events as XML, a line each; forwarders put a head of their own before it.
pub(super) const LINES: LineSource = LineSource { read: read_line };

fn read_line(line: &str, context: &Context) -> Option<Result<Event, NotUnderstood>> {
    let document = shape::markup::event(line)?;
    shape::is(&document).then(|| read(document, context.clone()))
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let mut parts = shape::take_apart(document).ok_or_else(|| NotUnderstood {
        reason: "an event of Windows without a number".to_owned(),
    })?;
    let service = logsource::service(&parts.channel, &parts.provider);
    adapt::adapt(service, parts.id, &mut parts.data);
    let logsource = Logsource {
        product: logsource::product(&parts.provider),
        service,
        category: logsource::category(service, parts.id, &parts.data),
    };
    let time = parts.time.as_ref().and_then(time::read).unwrap_or(context.received);
    let event = facts::View {
        id: parts.id,
        service: service.unwrap_or_default(),
        provider: &parts.provider,
        computer: &parts.computer,
        user: parts.user.as_deref(),
        head: &parts.head,
        data: &parts.data,
    };
    let facts = facts::facts(&event);
    Ok(context.event(time, logsource, Value::Object(fields(parts)), facts))
}

/// What rules look into. The event's own data stand before its head: of the event that a log was cleared, the channel is the cleared one.
fn fields(parts: Parts) -> Map<String, Value> {
    let mut fields = parts.data;
    fields.insert("EventID".to_owned(), Value::from(parts.id));
    let texts = [
        ("Provider_Name", parts.provider),
        ("Computer", parts.computer),
        ("Channel", parts.channel),
    ];
    for (name, text) in texts {
        if !text.is_empty() && (name != "Channel" || !fields.contains_key(name)) {
            fields.insert(name.to_owned(), Value::String(text));
        }
    }
    if let Some(user) = parts.user {
        fields.entry("UserID").or_insert(Value::String(user));
    }
    for (name, value) in parts.head {
        fields.entry(name).or_insert(value);
    }
    fields
}

#[cfg(test)]
mod tests;
