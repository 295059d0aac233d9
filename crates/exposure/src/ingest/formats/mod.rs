//! The shapes in which breaches come, told by how a text begins.

mod blocks;
mod credentials;
mod delimited;
mod json;
mod lexer;
mod sniff;
mod sql;
mod value;

use super::gather::Gatherer;
use super::problems::{Problem, Problems};
use super::source::Text;
use crate::Error;

/// How much of a text is looked at to tell its shape.
const HEAD_BYTES: usize = 1 << 16;
/// The longest value that is held; addresses in longer ones are found, but it is no password and no name.
const VALUE_BYTES_MAX: usize = 1 << 16;

/// A shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// One JSON document, or one a line.
    Json,
    /// A dump with `INSERT` or `COPY`.
    Sql,
    /// Records of lines `URL: ..`, `Username: ..`, `Password: ..`.
    Blocks,
    /// Lines `url:login:password` or `address:password`.
    Credentials,
    /// A table with this between its columns.
    Delimited(u8),
    /// Anything with addresses in it.
    Plain,
}

/// Takes a line and its number.
type TakeLine<'a> = dyn FnMut(&mut Gatherer, &[u8], u64) -> Result<(), Error> + 'a;

/// What a reader of a format needs.
struct Reading<'a, 'r> {
    name: &'a str,
    text: &'a mut Text<'r>,
    gatherer: &'a mut Gatherer,
    problems: &'a mut Problems,
}

impl Reading<'_, '_> {
    /// Something can't be read.
    fn problem(&mut self, line: Option<u64>, byte: Option<u64>, reason: impl Into<String>) {
        self.problems.add(Problem {
            file: self.name.to_owned(),
            line,
            byte,
            reason: reason.into(),
        });
    }

    /// Gives the lines to `take`, and pieces of lines that are too long to the search for addresses.
    fn lines(&mut self, take: &mut TakeLine<'_>) -> Result<(), Error> {
        loop {
            let line = match self.text.line() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(()),
                Err(error) => {
                    let byte = self.text.byte();
                    self.problem(None, Some(byte), error.to_string());
                    return Ok(());
                }
            };
            if line.is_whole {
                take(self.gatherer, line.bytes, line.number)?;
            } else {
                self.gatherer.scan(line.bytes)?;
            }
        }
    }

    /// What comes next, in whatever pieces; empty at the end, and when the rest can't be read.
    fn chunk(&mut self, buffer: &mut Vec<u8>) {
        buffer.clear();
        match self.text.chunk() {
            Ok(chunk) => buffer.extend_from_slice(chunk),
            Err(error) => {
                let byte = self.text.byte();
                self.problem(None, Some(byte), error.to_string());
            }
        }
    }
}

/// Reads a text of whatever shape.
pub(super) fn read(
    name: &str,
    text: &mut Text<'_>,
    gatherer: &mut Gatherer,
    problems: &mut Problems,
) -> Result<(), Error> {
    gatherer.counts.files += 1;
    let head = match text.head(HEAD_BYTES) {
        Ok(head) => head,
        Err(_) => {
            // It can't be read further than this; what there is is taken, and the reason is told by the reader that gets there.
            &[]
        }
    };
    let format = sniff::format(head, &gatherer.columns, &gatherer.known);
    let mut reading = Reading {
        name,
        text,
        gatherer,
        problems,
    };
    match format {
        Format::Json => json::read(&mut reading),
        Format::Sql => sql::read(&mut reading),
        Format::Blocks => blocks::read(&mut reading),
        Format::Credentials => credentials::read(&mut reading),
        Format::Delimited(delimiter) => delimited::read(&mut reading, delimiter),
        Format::Plain => reading.lines(&mut |gatherer, line, _| {
            gatherer.counts.records += 1;
            gatherer.scan(line).map(drop)
        }),
    }
}
