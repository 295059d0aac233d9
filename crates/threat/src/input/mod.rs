//! Bytes of logs into records, one at a time. What can't be read is told and passed over; nothing here grows with the length of a log.

pub mod csv;
pub mod evtx;
mod format;
pub mod framing;
pub mod json;
pub mod lines;
mod text;

use std::sync::Arc;

use serde_json::Value;

pub use self::format::Format;
use crate::event::Origin;

/// A record as it was found, before anybody understood it.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it says.
    pub body: Body,
    /// Where it was found.
    pub origin: Origin,
}

/// What a record says.
#[derive(Debug, Clone)]
pub enum Body {
    /// A JSON object, or what is one in all but its notation (EVTX, CSV with a head).
    Document(Value),
    /// A line of text: syslog, audit, a program's own log.
    Line(String),
}

/// A piece of a log that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where it is.
    pub origin: Origin,
    /// Why it can't be read, as a fragment.
    pub reason: String,
    /// Its beginning, for people, without control characters.
    pub sample: String,
}

/// Who takes records: gives false to have no more.
pub type Take<'a> = dyn FnMut(Result<Record, Unreadable>) -> bool + 'a;

/// A log's name, shared by all its records.
pub type Source = Arc<str>;

/// How much of what can't be read is shown.
const SAMPLE_CHARACTERS: usize = 200;

/// The beginning of what can't be read, for people.
fn sample(bytes: &[u8]) -> String {
    let beginning = bytes.get(..SAMPLE_CHARACTERS * 4).unwrap_or(bytes);
    String::from_utf8_lossy(beginning)
        .chars()
        .take(SAMPLE_CHARACTERS)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}
