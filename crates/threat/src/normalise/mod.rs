//! Records into events: one file per source, each with the lines that its mapping was tested against.

mod windows;

use jiff::Timestamp;
use serde_json::Value;

use crate::event::{Event, Origin};
use crate::input::{Body, Record};

/// Why a record didn't become an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood {
    /// As a fragment: `no source that is known`, `the time `x` isn't understood`.
    pub reason: String,
}

/// What a mapping is given besides the record.
pub(crate) struct Context {
    pub(crate) origin: Origin,
    /// When the record came in: completes times without a year, and stands in where a record has none.
    pub(crate) received: Timestamp,
}

/// A source of JSON documents: whether a document is of it, and what it means.
pub(crate) struct DocumentSource {
    pub(crate) is: fn(&Value) -> bool,
    pub(crate) read: fn(Value, Context) -> Result<Event, NotUnderstood>,
}

/// A source of lines: what a line means, or none if it isn't of this source.
pub(crate) struct LineSource {
    pub(crate) read: fn(&str, &Context) -> Option<Result<Event, NotUnderstood>>,
}

/// In the order in which they are asked: the more specific first.
const DOCUMENTS: &[DocumentSource] = &[windows::DOCUMENTS];

/// In the order in which they are asked: the more specific first.
const LINES: &[LineSource] = &[windows::LINES];

/// What a record means.
///
/// # Errors
///
/// [`NotUnderstood`] if no source is known that the record could be of, or if a part that must be there isn't.
pub fn normalise(record: Record, received: Timestamp) -> Result<Event, NotUnderstood> {
    let context = Context {
        origin: record.origin,
        received,
    };
    match record.body {
        Body::Document(document) => match DOCUMENTS.iter().find(|source| (source.is)(&document)) {
            Some(source) => (source.read)(document, context),
            None => Err(unknown()),
        },
        Body::Line(line) => LINES
            .iter()
            .find_map(|source| (source.read)(&line, &context))
            .unwrap_or_else(|| Err(unknown())),
    }
}

fn unknown() -> NotUnderstood {
    NotUnderstood {
        reason: "of no source that is known".to_owned(),
    }
}
