//! Windows event log files, a chunk of 64 KiB at a time. What is damaged is told and passed over; the rest of the file is read.
//!
//! The records come in the shape that the `evtx` crate gives them: `Event.System`, `Event.EventData` or `Event.UserData`, with
//! attributes under `#attributes`.

use std::error::Error;
use std::io::{Read, Seek};

use evtx::err::EvtxError;
use evtx::{EvtxParser, ParserSettings};
use serde_json::Value;

use super::{Body, Record, Source, Take, Unreadable, sample};
use crate::event::Origin;

/// How long a record may be, rendered as JSON. A record has less than 64 KiB in the file; only a crafted one gets far beyond that.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// Causes of an error that are told.
const CAUSES_MAX: usize = 6;

/// Reads a log from its oldest record on, until its end or until nobody takes more.
pub fn read<R: Read + Seek>(log: R, source: &Source, take: &mut Take<'_>) {
    let mut told = Told { source, last: 0 };
    let settings = ParserSettings::default().indent(false);
    let mut parser = match EvtxParser::from_read_seek(log) {
        Ok(parser) => parser.with_configuration(settings),
        Err(error) => {
            take(Err(told.damaged(&error)));
            return;
        }
    };
    for record in parser.records_json_bytes() {
        let read = match record {
            Ok(record) => told.record(record.event_record_id, &record.data),
            Err(error) => Err(told.damaged(&error)),
        };
        if !take(read) {
            return;
        }
    }
}

/// Where in a log reading is.
struct Told<'a> {
    source: &'a Source,
    /// The newest identifier of a record: damage is told with it if it has none of its own.
    last: u64,
}

impl Told<'_> {
    fn origin(&self) -> Origin {
        Origin {
            source: Source::clone(self.source),
            record: self.last,
        }
    }

    fn record(&mut self, id: u64, json: &[u8]) -> Result<Record, Unreadable> {
        self.last = id;
        if json.len() > RECORD_BYTES_MAX {
            return Err(self.unreadable(format!("longer than {RECORD_BYTES_MAX} bytes"), json));
        }
        match serde_json::from_slice::<Value>(json) {
            Ok(document) => {
                // An exported log numbers its records anew; what the event viewer shows, and finds, is the number inside.
                self.last = inner_id(&document).unwrap_or(id);
                Ok(Record {
                    body: Body::Document(document),
                    origin: self.origin(),
                })
            }
            Err(error) => Err(self.unreadable(error.to_string(), json)),
        }
    }

    fn damaged(&mut self, error: &EvtxError) -> Unreadable {
        if let EvtxError::FailedToParseRecord { record_id, .. } = error {
            self.last = *record_id;
        }
        self.unreadable(in_words(error), &[])
    }

    fn unreadable(&self, reason: String, bytes: &[u8]) -> Unreadable {
        Unreadable {
            origin: self.origin(),
            reason,
            sample: sample(bytes),
        }
    }
}

/// The number that a record itself says it has. The program that exported a log may have turned it into text.
fn inner_id(document: &Value) -> Option<u64> {
    let id = document.get("Event")?.get("System")?.get("EventRecordID")?;
    id.as_u64().or_else(|| id.as_str()?.parse().ok())
}

/// An error with its causes, the outermost first.
fn in_words(error: &EvtxError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(error) = cause else { break };
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// See `tests/data/README.md`.
    const LOG: &[u8] = include_bytes!("../../tests/data/esent-ntds-copied.evtx");

    fn read_all(bytes: Vec<u8>) -> (Vec<Record>, Vec<Unreadable>) {
        let (mut records, mut damage) = (Vec::new(), Vec::new());
        read(Cursor::new(bytes), &Source::from("log"), &mut |item| {
            match item {
                Ok(record) => records.push(record),
                Err(unreadable) => damage.push(unreadable),
            }
            true
        });
        (records, damage)
    }

    #[test]
    fn records_come_with_their_identifiers() {
        let (records, damage) = read_all(LOG.to_vec());
        assert_eq!(damage, []);
        assert_eq!(records.len(), 4);
        let Body::Document(document) = &records[0].body else {
            panic!("a document")
        };
        assert_eq!(records[0].origin.record, 442_136);
        assert_eq!(document["Event"]["System"]["Provider"]["#attributes"]["Name"], "ESENT");
    }

    #[test]
    fn a_damaged_record_is_told_and_the_others_are_read() {
        let mut bytes = LOG.to_vec();
        // Behind the file's header of 4096 bytes, the chunk's of 512 and the record's of 24: the first bytes of its content.
        bytes[4096 + 512 + 24..4096 + 512 + 40].fill(0xee);
        let (records, damage) = read_all(bytes);
        assert_eq!((records.len(), damage.len()), (3, 1), "{damage:?}");
        assert_eq!(damage[0].origin.record, 1);
    }

    #[test]
    fn a_chunk_without_its_mark_is_told_by_its_number() {
        let mut bytes = LOG.to_vec();
        bytes[4096] = b'?';
        let (records, damage) = read_all(bytes);
        assert_eq!(records.len(), 0);
        assert!(damage[0].reason.contains("chunk number 0"), "{damage:?}");
    }

    #[test]
    fn what_is_no_event_log_is_told() {
        let (records, damage) = read_all(b"ElfFile\0 and no more".to_vec());
        assert_eq!((records.len(), damage.len()), (0, 1));
    }

    #[test]
    fn nothing_is_read_once_nobody_takes_more() {
        let mut seen = 0;
        read(Cursor::new(LOG), &Source::from("log"), &mut |_| {
            seen += 1;
            false
        });
        assert_eq!(seen, 1);
    }
}
