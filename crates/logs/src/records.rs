//! Bytes into records: which of `threat`'s inputs reads a log.

use std::io::{self, BufReader, Cursor, Read};

use serde_json::Value;
use threat::input::lines::{Lines, Unended};
use threat::input::{Body, Format, Record, Source, Take, Unreadable, csv, evtx, json};

use crate::counts::{SAMPLE_CHARACTERS, printable};
use crate::open::read_up_to;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// Of a log of Windows: its header, and so many chunks at a time. A log is read in pieces, since archives can't be sought in.
const EVENT_LOG_HEADER_BYTES: usize = 4096;
const EVENT_LOG_PIECE_BYTES: usize = 32 * (64 << 10);
/// One zero byte in so many, and a log is no text.
const ZEROS_ONE_IN: usize = 20;
/// Names of a document that are.
const SAMPLE_NAMES: usize = 12;

/// Gives all records of a log, as far as it can be read. False: `take` wanted no more.
///
/// # Errors
///
/// The log can't be read on, or is nothing that is read. What it says is no matter: that is given to `take`.
pub fn of_log(reader: &mut dyn Read, source: &Source, take: &mut Take<'_>) -> io::Result<bool> {
    let mut head = vec![0; Format::HEAD_BYTES.max(EVENT_LOG_HEADER_BYTES)];
    let length = read_up_to(reader, &mut head)?;
    head.truncate(length);
    let mut goes_on = true;
    let mut noted = |record: Result<Record, Unreadable>| {
        goes_on = take(record);
        goes_on
    };
    match Format::of(&head) {
        Format::Evtx => event_log(&head, reader, source, &mut noted)?,
        Format::Json => json::read(
            BufReader::with_capacity(BUFFER_BYTES, head.chain(reader)),
            source,
            &mut noted,
        )?,
        Format::Csv => csv::read(
            BufReader::with_capacity(BUFFER_BYTES, head.chain(reader)),
            source,
            &mut noted,
        )?,
        Format::Lines if is_binary(&head) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is neither text nor a log that is read",
            ));
        }
        Format::Lines => lines(
            BufReader::with_capacity(BUFFER_BYTES, head.chain(reader)),
            source,
            &mut noted,
        )?,
    }
    Ok(goes_on)
}

/// Gives all lines of a text, whatever they look like together.
pub(crate) fn of_text(reader: &mut dyn Read, source: &Source, take: &mut Take<'_>) -> io::Result<()> {
    lines(BufReader::new(reader), source, take)
}

/// What is shown of a record that isn't understood: the beginning of a line, the names in a document.
#[must_use]
pub fn sample_of(record: &Record) -> String {
    match &record.body {
        Body::Line(line) => printable(line, SAMPLE_CHARACTERS),
        Body::Document(Value::Object(members)) => {
            let names: Vec<&str> = members.keys().map(String::as_str).take(SAMPLE_NAMES).collect();
            names.join(", ")
        }
        Body::Document(_) => String::new(),
    }
}

fn lines(reader: impl io::BufRead, source: &Source, take: &mut Take<'_>) -> io::Result<()> {
    let mut lines = Lines::new(reader, Source::clone(source), Unended::AreALine);
    while let Some(line) = lines.read()? {
        if !take(line.and_then(of_line)) {
            break;
        }
    }
    Ok(())
}

/// A line that is a JSON object as such.
pub(crate) fn of_line(record: Record) -> Result<Record, Unreadable> {
    let Record {
        body: Body::Line(text),
        origin,
    } = record
    else {
        return Ok(record);
    };
    if !text.trim_start().starts_with('{') {
        return Ok(Record {
            body: Body::Line(text),
            origin,
        });
    }
    match serde_json::from_str(&text) {
        Ok(document) => Ok(Record {
            body: Body::Document(document),
            origin,
        }),
        Err(error) => Err(Unreadable {
            origin,
            reason: format!("not JSON: `{error}`"),
            sample: printable(&text, SAMPLE_CHARACTERS),
        }),
    }
}

/// Gives the records of an event log of Windows that is in memory.
pub(crate) fn of_event_log(log: Vec<u8>, source: &Source, take: &mut Take<'_>) {
    evtx::read(Cursor::new(log), source, take);
}

fn event_log(head: &[u8], reader: &mut dyn Read, source: &Source, take: &mut Take<'_>) -> io::Result<()> {
    let (header, beginning) = head.split_at_checked(EVENT_LOG_HEADER_BYTES).unwrap_or((head, &[]));
    let mut rest = beginning.chain(reader);
    let mut is_first = true;
    loop {
        let mut piece = header.to_vec();
        let read = Read::by_ref(&mut rest)
            .take(EVENT_LOG_PIECE_BYTES as u64)
            .read_to_end(&mut piece)?;
        if read == 0 && !is_first {
            return Ok(());
        }
        is_first = false;
        let mut goes_on = true;
        of_event_log(piece, source, &mut |record| {
            goes_on = take(record);
            goes_on
        });
        if !goes_on || read < EVENT_LOG_PIECE_BYTES {
            return Ok(());
        }
    }
}

/// Whether it is no text of any encoding: text of two bytes a letter has every second byte zero, and is recognised as JSON or not at all.
fn is_binary(head: &[u8]) -> bool {
    let zeros = head.iter().filter(|byte| **byte == 0).count();
    zeros * ZEROS_ONE_IN > head.len() && !head.starts_with(b"\xFF\xFE") && !head.starts_with(b"\xFE\xFF")
}
