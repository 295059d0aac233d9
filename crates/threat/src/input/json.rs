//! JSON in any wrapping, one record at a time: a document a line, documents one after the other, an array, or an object around an array as
//! CloudTrail, Microsoft Graph, Azure and Google deliver them.
//!
//! Nothing grows with the length of a log: what is held is a window onto it and at most one record. Where the JSON is broken, reading goes
//! on with the next line, or with the next line that begins an object if records stretch over lines.

mod scan;
mod window;
mod wrapper;

use std::io::{self, BufRead};

use serde_json::Value;
use serde_json::error::Category;

use self::scan::{Broken, Scan};
use self::window::Window;
use super::text::Utf8;
use super::{Body, Record, Source, Take, Unreadable, sample};
use crate::event::Origin;

/// How long one record may be. Windows' are shorter than 64 KiB and CloudTrail's than 256 KiB; parsed, JSON takes some twenty times as much.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// So many bytes are looked at to see whether a log has a record a line.
const LINE_BYTES: usize = 64 << 10;

/// So many bytes are looked at to see whether an object is a wrapping, and shown of what is broken.
const AHEAD_BYTES: usize = 4 << 10;

/// Arrays and wrappings within each other in one line.
const WRAPPINGS_MAX: usize = 3;

/// Reads a log until its end or until nobody takes more. UTF-16 is understood; bytes that are no UTF-8 are replaced.
///
/// # Errors
///
/// If the log can't be read. What it says is no matter: that is told to `take`.
pub fn read<R: BufRead>(log: R, source: &Source, take: &mut Take<'_>) -> io::Result<()> {
    let mut reader = Reader {
        window: Window::new(Utf8::new(log)?),
        teller: Teller {
            source,
            number: 0,
            take,
            stopped: false,
        },
        layout: Layout::Unknown,
    };
    while !reader.teller.stopped && reader.next()? {}
    Ok(())
}

/// How records are laid out outside of arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Unknown,
    /// Each line is complete by itself.
    Lines,
    /// Records stretch over lines, or share one.
    Documents,
}

struct Reader<'a, 't, R> {
    window: Window<Utf8<R>>,
    teller: Teller<'a, 't>,
    layout: Layout,
}

impl<R: BufRead> Reader<'_, '_, R> {
    /// Reads a line, a document, or a whole array; false at the end.
    fn next(&mut self) -> io::Result<bool> {
        let Some(first) = self.window.skip_space()? else {
            return Ok(false);
        };
        match first {
            b'{' => self.object()?,
            b'[' if self.layout != Layout::Lines => {
                self.window.consume(1);
                self.array()?;
            }
            b'[' => self.line()?,
            b',' | 0x1e => self.window.consume(1),
            _ if self.layout == Layout::Documents => {
                self.teller.broken("not JSON", self.window.ahead(AHEAD_BYTES)?);
                self.resume()?;
            }
            _ => self.line()?,
        }
        Ok(true)
    }

    fn object(&mut self) -> io::Result<()> {
        if let Some(opening_bytes) = wrapper::opening(self.window.ahead(AHEAD_BYTES)?) {
            self.window.consume(opening_bytes);
            self.array()?;
            if !self.teller.stopped {
                // What follows the array in its object says nothing of events.
                self.skip(Scan::within_object())?;
            }
            return Ok(());
        }
        if self.layout == Layout::Unknown {
            let ahead = self.window.ahead(LINE_BYTES)?;
            let line = ahead.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let is_short = line.len() < ahead.len();
            self.layout = if is_short && is_complete(line) {
                Layout::Lines
            } else {
                Layout::Documents
            };
        }
        match self.layout {
            Layout::Lines => self.line(),
            Layout::Unknown | Layout::Documents => self.document(),
        }
    }

    /// Elements, behind the opening bracket and with the closing one.
    fn array(&mut self) -> io::Result<()> {
        while !self.teller.stopped {
            match self.window.skip_space()? {
                Some(b']') => {
                    self.window.consume(1);
                    return Ok(());
                }
                Some(b',') => self.window.consume(1),
                Some(b'{' | b'[') => self.document()?,
                Some(_) => {
                    self.teller.broken(
                        "an element of an array that is no object",
                        self.window.ahead(AHEAD_BYTES)?,
                    );
                    self.resume()?;
                }
                None => {
                    self.teller.broken("the log ends within an array", b"");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// One object, wherever it ends.
    fn document(&mut self) -> io::Result<()> {
        let mut document = Vec::new();
        let mut scan = Scan::default();
        let outcome = loop {
            let ahead = self.window.some()?;
            if ahead.is_empty() {
                break Err(Broken::End);
            }
            let (used, done) = scan.advance(ahead);
            let room = RECORD_BYTES_MAX.saturating_sub(document.len());
            let is_too_long = used > room;
            if is_too_long {
                document.truncate(AHEAD_BYTES);
            } else {
                document.extend_from_slice(ahead.get(..used).unwrap_or_default());
            }
            self.window.consume_lines(used);
            if is_too_long {
                self.teller.broken(&too_long(), &document);
                return if matches!(done, Ok(true)) {
                    Ok(())
                } else {
                    self.skip(scan)
                };
            }
            match done {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(broken) => break Err(broken),
            }
        };
        match outcome {
            Ok(()) => self.teller.document(&document),
            Err(broken) => {
                self.teller.broken(broken.reason(), &document);
                self.mend(broken)?;
            }
        }
        Ok(())
    }

    /// Passes over what a scan is in.
    fn skip(&mut self, mut scan: Scan) -> io::Result<()> {
        loop {
            let ahead = self.window.some()?;
            if ahead.is_empty() {
                return Ok(());
            }
            let (used, done) = scan.advance(ahead);
            self.window.consume_lines(used);
            match done {
                Ok(false) => {}
                Ok(true) => return Ok(()),
                Err(broken) => return self.mend(broken),
            }
        }
    }

    /// Goes to where reading can go on.
    fn mend(&mut self, broken: Broken) -> io::Result<()> {
        match broken {
            // An object where none can be is the next record: the end of the one before it is missing.
            Broken::Misplaced if self.window.some()?.first() == Some(&b'{') => Ok(()),
            Broken::Misplaced => self.resume(),
            Broken::Line | Broken::End => Ok(()),
        }
    }

    /// Passes over the rest of this line and all that don't begin an object or an array of them.
    fn resume(&mut self) -> io::Result<()> {
        loop {
            self.window.skip_line()?;
            match self.window.skip_space()? {
                Some(b'{') | None => return Ok(()),
                Some(_) => {}
            }
        }
    }

    fn line(&mut self) -> io::Result<()> {
        self.teller.number = self.window.line;
        match self.window.line(RECORD_BYTES_MAX)? {
            Ok(line) => self.teller.line(line),
            Err(beginning) => {
                let unreadable = self.teller.unreadable(&too_long(), beginning);
                self.teller.tell(Err(unreadable));
            }
        }
        Ok(())
    }
}

fn too_long() -> String {
    format!("longer than {RECORD_BYTES_MAX} bytes")
}

/// Whether a line holds whole documents: broken ones are whole, too, if more lines wouldn't mend them.
fn is_complete(line: &[u8]) -> bool {
    let mut documents = serde_json::Deserializer::from_slice(line).into_iter::<serde::de::IgnoredAny>();
    let broken = documents.find_map(Result::err);
    broken.is_none_or(|error| error.classify() != Category::Eof)
}

/// Tells what was read.
struct Teller<'a, 't> {
    source: &'a Source,
    /// Of the newest record: its line, or how many there were.
    number: u64,
    take: &'a mut Take<'t>,
    stopped: bool,
}

impl Teller<'_, '_> {
    fn origin(&self) -> Origin {
        Origin {
            source: Source::clone(self.source),
            record: self.number,
        }
    }

    /// A line with a document, or with several.
    fn line(&mut self, line: &[u8]) {
        match serde_json::from_slice::<Value>(line) {
            Ok(value) => self.value(value, 0),
            Err(error) => self.several(line, &error),
        }
    }

    /// A line that isn't one document.
    fn several(&mut self, line: &[u8], error: &serde_json::Error) {
        if let Some(mended) = mended(line) {
            return self.line(mended.as_bytes());
        }
        let mut documents = serde_json::Deserializer::from_slice(line).into_iter::<Value>();
        // Only a line that begins with a document and goes on with another has several.
        let Some(Ok(first @ (Value::Object(_) | Value::Array(_)))) = documents.next() else {
            return self.tell(Err(self.unreadable(&format!("not JSON: {error}"), line)));
        };
        self.value(first, 0);
        for document in documents {
            if self.stopped {
                return;
            }
            match document {
                Ok(value) => self.value(value, 0),
                Err(error) => return self.tell(Err(self.unreadable(&format!("not JSON: {error}"), line))),
            }
        }
    }

    /// A record that isn't alone on its line.
    fn document(&mut self, document: &[u8]) {
        self.number += 1;
        match serde_json::from_slice::<Value>(document) {
            Ok(value) => self.value(value, 1),
            Err(error) => match mended(document) {
                Some(mended) => {
                    self.number -= 1;
                    self.document(mended.as_bytes());
                }
                None => self.tell(Err(self.unreadable(&format!("not JSON: {error}"), document))),
            },
        }
    }

    /// A parsed document: the records in it if it is a wrapping.
    fn value(&mut self, value: Value, within: usize) {
        let elements = match value {
            Value::Array(elements) if within < WRAPPINGS_MAX => elements,
            Value::Object(mut object) => match wrapper::elements(&mut object) {
                Some(elements) if within < WRAPPINGS_MAX => elements,
                _ => {
                    return self.tell(Ok(Record {
                        body: Body::Document(Value::Object(object)),
                        origin: self.origin(),
                    }));
                }
            },
            other => {
                let text = other.to_string();
                return self.tell(Err(self.unreadable("JSON, but no object", text.as_bytes())));
            }
        };
        for element in elements {
            if self.stopped {
                return;
            }
            self.value(element, within + 1);
        }
    }

    fn broken(&mut self, reason: &str, bytes: &[u8]) {
        self.number += 1;
        self.tell(Err(self.unreadable(reason, bytes)));
    }

    fn unreadable(&self, reason: &str, bytes: &[u8]) -> Unreadable {
        Unreadable {
            origin: self.origin(),
            reason: reason.to_owned(),
            sample: sample(bytes),
        }
    }

    fn tell(&mut self, read: Result<Record, Unreadable>) {
        self.stopped = self.stopped || !(self.take)(read);
    }
}

/// The text with U+FFFD for what is no UTF-8; none if there is no such thing.
fn mended(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes)
        .is_err()
        .then(|| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests;
