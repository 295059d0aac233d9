//! What a request's body has: pure, given bytes and what its head says of them.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use serde_json::Value;
use threat::event::Origin;
use threat::input::{Body, Record, Source, Unreadable, json};

use super::{RECORDS_MAX, UNPACKED_BYTES_MAX};
use crate::Counts;
use crate::counts::{SAMPLE_CHARACTERS, printable};
use crate::records;

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any log, told by its first bytes.
    Any,
    /// Lines, whatever they look like.
    Lines,
    /// Envelopes of Splunk's collector: JSON objects with the record under `event`.
    Events,
}

/// A record on its way to the queue: as text, in which it takes up no more than in the body. JSON is parsed when its turn comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// A line, or a document.
    pub text: String,
    /// When the sender had it, if it says so.
    pub time: Option<Timestamp>,
}

/// What a body has.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Its records.
    pub sent: Vec<Sent>,
    /// What can't be read.
    pub unreadable: Counts,
}

/// Why a body isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It unpacks to more than may be.
    TooLarge,
    /// It has more records than may be.
    TooMany,
    /// It can't be unpacked, or is neither text nor a log.
    Damaged,
    /// It has no record.
    Empty,
    /// It has nothing that can be read.
    Unreadable,
}

impl Refused {
    /// What the sender is told.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::TooLarge => {
                format!("the body has more than {UNPACKED_BYTES_MAX} bytes, unpacked: send less at a time")
            }
            Self::TooMany => format!("the body has more than {RECORDS_MAX} records: send fewer at a time"),
            Self::Damaged => "the body can't be unpacked, or is neither text nor a log that is read".to_owned(),
            Self::Empty => "the body has no record".to_owned(),
            Self::Unreadable => "nothing in the body can be read".to_owned(),
        }
    }
}

/// Reads a body.
///
/// # Errors
///
/// [`Refused`], and none of it is to be taken then.
pub fn parse(form: Form, is_packed: bool, body: &[u8], source: &Source) -> Result<Parsed, Refused> {
    let unpacked: Box<dyn Read + '_> = if is_packed {
        Box::new(MultiGzDecoder::new(body))
    } else {
        Box::new(body)
    };
    let mut bounded = Bounded {
        inner: unpacked,
        left: UNPACKED_BYTES_MAX,
    };
    let mut reading = Reading::default();
    let mut take = |record: Result<Record, Unreadable>| reading.take(form, record);
    let read = match form {
        Form::Any => records::of_log(&mut bounded, source, &mut take).map(|_| ()),
        Form::Lines => records::of_text(&mut bounded, source, &mut take),
        Form::Events => json::read(io::BufReader::new(&mut bounded), source, &mut take),
    };
    match read {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(Refused::TooLarge),
        Err(_) => return Err(Refused::Damaged),
        Ok(()) => {}
    }
    if reading.is_full {
        return Err(Refused::TooMany);
    }
    match (reading.parsed.sent.is_empty(), reading.parsed.unreadable.total()) {
        (false, _) => Ok(reading.parsed),
        (true, 0) => Err(Refused::Empty),
        (true, _) => Err(Refused::Unreadable),
    }
}

/// Gives so many bytes, and an error where there are more.
struct Bounded<R> {
    inner: R,
    left: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = into.len().min(self.left.saturating_add(1));
        let length = self.inner.read(into.get_mut(..room).unwrap_or_default())?;
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return Err(io::ErrorKind::FileTooLarge.into()),
        }
        Ok(length)
    }
}

#[derive(Default)]
struct Reading {
    parsed: Parsed,
    pieces: usize,
    is_full: bool,
}

impl Reading {
    fn take(&mut self, form: Form, record: Result<Record, Unreadable>) -> bool {
        self.pieces += 1;
        self.is_full = self.pieces > RECORDS_MAX;
        if self.is_full {
            return false;
        }
        let sent = record.and_then(|record| match (form, record.body) {
            (Form::Events, Body::Document(envelope)) => event(envelope, record.origin),
            (_, Body::Document(document)) => Ok(Sent {
                text: document.to_string(),
                time: None,
            }),
            (_, Body::Line(text)) => Ok(Sent { text, time: None }),
        });
        match sent {
            Ok(sent) => self.parsed.sent.push(sent),
            Err(unreadable) => self.parsed.unreadable.unreadable(&unreadable),
        }
        true
    }
}

/// What an envelope has in it.
fn event(mut envelope: Value, origin: Origin) -> Result<Sent, Unreadable> {
    let text = match envelope.get_mut("event").map(Value::take) {
        Some(Value::String(text)) if !text.trim().is_empty() => text,
        Some(event @ (Value::Object(_) | Value::Array(_))) => event.to_string(),
        _ => {
            return Err(Unreadable {
                origin,
                reason: "an envelope without `event`".to_owned(),
                sample: printable(&envelope.to_string(), SAMPLE_CHARACTERS),
            });
        }
    };
    Ok(Sent {
        text,
        time: envelope.get("time").and_then(seconds),
    })
}

/// Seconds since 1970 with a fraction, as a number or a text.
fn seconds(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    // Some senders have milliseconds.
    let seconds = if seconds > 1e11 { seconds / 1e3 } else { seconds };
    if !seconds.is_finite() {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it saturates, and what is out of range is no time"
    )]
    Timestamp::from_microsecond((seconds * 1e6) as i64).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn texts(form: Form, body: &[u8]) -> Vec<String> {
        let parsed = parse(form, false, body, &"http".into()).unwrap();
        parsed.sent.into_iter().map(|sent| sent.text).collect()
    }

    #[test]
    fn lines_json_and_tables_are_told_by_their_first_bytes() {
        assert_eq!(texts(Form::Any, b"<13>one\n\n<13>two"), ["<13>one", "<13>two"]);
        assert_eq!(texts(Form::Any, b"{\"a\":1}\n{\"a\":2}\n"), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(
            texts(Form::Any, b"[{\"a\":1},\n {\"a\":2}]"),
            ["{\"a\":1}", "{\"a\":2}"]
        );
        assert_eq!(
            texts(Form::Any, b"{\"Records\":[{\"a\":1},{\"a\":2}]}"),
            ["{\"a\":1}", "{\"a\":2}"]
        );
        assert_eq!(
            texts(Form::Any, b"time,user,what\n1,anna,x\n"),
            [r#"{"time":"1","user":"anna","what":"x"}"#]
        );
        assert_eq!(texts(Form::Lines, b"time,user,what\n"), ["time,user,what"]);
        let parsed = parse(Form::Any, true, &packed(b"<13>one\n"), &"http".into()).unwrap();
        assert_eq!(parsed.sent[0].text, "<13>one");
    }

    #[test]
    fn envelopes_are_opened_whatever_is_between_them() {
        let body = br#"{"time":1772359200.5,"host":"web01","event":"<13>one"}{"time":"1772359200","event":{"a":1}}
{"event":""}
{"fields":{}}"#;
        let parsed = parse(Form::Events, false, body, &"http".into()).unwrap();
        let sent: Vec<_> = parsed
            .sent
            .iter()
            .map(|sent| (sent.text.as_str(), sent.time.map(|time| time.to_string())))
            .collect();
        assert_eq!(
            sent,
            [
                ("<13>one", Some("2026-03-01T10:00:00.5Z".to_owned())),
                ("{\"a\":1}", Some("2026-03-01T10:00:00Z".to_owned())),
            ]
        );
        assert_eq!(parsed.unreadable.total(), 2);
    }

    #[test]
    fn bodies_that_grow_or_have_nothing_are_refused_whole() {
        let refused = |form, is_packed, body: &[u8]| parse(form, is_packed, body, &"http".into()).unwrap_err();
        let bomb = packed(&vec![b'x'; UNPACKED_BYTES_MAX + 1]);
        assert!(bomb.len() < 100_000);
        assert_eq!(refused(Form::Any, true, &bomb), Refused::TooLarge);
        assert_eq!(refused(Form::Events, true, &bomb), Refused::TooLarge);
        assert_eq!(
            refused(Form::Any, false, &b"x\n".repeat(RECORDS_MAX + 1)),
            Refused::TooMany
        );
        assert_eq!(refused(Form::Any, true, b"no gzip"), Refused::Damaged);
        assert_eq!(refused(Form::Any, true, &packed(b"<13>one\n")[..20]), Refused::Damaged);
        assert_eq!(refused(Form::Any, false, &[0; 100]), Refused::Damaged);
        assert_eq!(refused(Form::Any, false, b" \n"), Refused::Empty);
        assert_eq!(refused(Form::Events, false, b"{\"a\":1}"), Refused::Unreadable);
        assert_eq!(refused(Form::Events, false, b"no json"), Refused::Unreadable);
    }

    #[test]
    fn times_that_are_none_are_left_out() {
        for text in ["1e999", "\"x\"", "null", "{}"] {
            let body = format!("{{\"event\":\"x\",\"time\":{text}}}");
            if let Ok(parsed) = parse(Form::Events, false, body.as_bytes(), &"http".into()) {
                assert_eq!(parsed.sent[0].time, None, "{text}");
            }
        }
    }
}
