//! Lines of text, one at a time: of files and streams that end lines with LF or CR LF.
//!
//! A line is held in memory up to a limit; what is longer is told and passed over. Bytes that are no UTF-8, and NULs, become U+FFFD, so that
//! a line is never lost for one damaged letter.

use std::io::{self, BufRead};

use super::{Body, Record, Source, Unreadable};
use crate::event::Origin;

/// Bytes of a line at most, its end not counted. Records of Windows events rendered as JSON have up to some hundred kilobytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Characters of a line that is passed over, shown to people.
const SAMPLE_CHARS: usize = 120;

/// The lines of a log as records.
///
/// Invariant: `offset` bytes were consumed as whole lines, and `number` lines have ended in them.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    source: Source,
    offset: u64,
    number: u64,
    limit: usize,
    unended: Unended,
}

/// What is done with bytes after the last line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unended {
    /// They are a line: nothing more will come.
    AreALine,
    /// They are left for later: the log is still being written. Read on from [`Lines::offset`].
    AreLeft,
}

impl<R: BufRead> Lines<R> {
    /// Reads from the beginning of a log.
    pub fn new(reader: R, source: Source, unended: Unended) -> Self {
        Self::from(reader, source, unended, 0, 0)
    }

    /// Reads on where another reader of the same log left off: at its [`Lines::offset`], after [`Lines::number`] lines.
    pub fn from(reader: R, source: Source, unended: Unended, offset: u64, number: u64) -> Self {
        Self {
            reader,
            source,
            offset,
            number,
            limit: LINE_BYTES_MAX,
            unended,
        }
    }

    /// The same with a smaller limit of a line's bytes.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes.min(LINE_BYTES_MAX);
        self
    }

    /// Bytes of the log up to the end of the last line that was given out or passed over.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Lines that have ended so far, empty ones among them.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line that isn't empty; none at the end.
    ///
    /// # Errors
    ///
    /// Those of the reader. What was read of an unfinished line is then lost to this reader; one made anew at [`Lines::offset`] finds it.
    pub fn read(&mut self) -> io::Result<Option<Result<Record, Unreadable>>> {
        loop {
            let line = self.piece()?;
            if !line.ended && (line.consumed == 0 || self.unended == Unended::AreLeft) {
                return Ok(None);
            }
            self.offset += line.consumed;
            self.number += 1;
            let origin = Origin {
                source: self.source.clone(),
                record: self.number,
            };
            let text = into_line_text(line.kept);
            if line.too_long {
                return Ok(Some(Err(Unreadable {
                    origin,
                    reason: too_long("line", line.consumed, self.limit),
                    sample: sample(&text),
                })));
            }
            if !text.trim().is_empty() {
                return Ok(Some(Ok(Record {
                    body: Body::Line(text),
                    origin,
                })));
            }
        }
    }

    /// Bytes up to and with the next line end, of which no more than the limit are kept.
    fn piece(&mut self) -> io::Result<Piece> {
        let mut piece = Piece::default();
        loop {
            let available = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if available.is_empty() {
                return Ok(piece);
            }
            let (part, ended) = match available.iter().position(|&byte| byte == b'\n') {
                Some(end) => (available.get(..end).unwrap_or_default(), true),
                None => (available, false),
            };
            let room = self.limit.saturating_sub(piece.kept.len());
            piece.kept.extend_from_slice(part.get(..room).unwrap_or(part));
            // The CR of a CR LF isn't the line's.
            piece.too_long |= part.len() > room + 1 || (part.len() == room + 1 && !part.ends_with(b"\r"));
            let taken = part.len() + usize::from(ended);
            self.reader.consume(taken);
            piece.consumed += taken as u64;
            if ended {
                piece.ended = true;
                return Ok(piece);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Piece {
    kept: Vec<u8>,
    consumed: u64,
    ended: bool,
    too_long: bool,
}

/// A line's bytes as text, without the CR of its end.
pub(super) fn line_text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    without_nuls(String::from_utf8_lossy(bytes).into_owned())
}

/// The same of bytes that nobody else needs: they aren't copied unless some of them have to be replaced.
fn into_line_text(mut bytes: Vec<u8>) -> String {
    bytes.pop_if(|last| *last == b'\r');
    let text = String::from_utf8(bytes);
    without_nuls(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn without_nuls(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

/// The beginning of a text, for people: without control characters.
pub(super) fn sample(text: &str) -> String {
    text.chars()
        .take(SAMPLE_CHARS)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

pub(super) fn too_long(what: &str, bytes: u64, limit: usize) -> String {
    format!("the {what} has {bytes} bytes, more than {limit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], limit: usize, capacity: usize) -> Vec<Result<(u64, String), String>> {
        let reader = io::BufReader::with_capacity(capacity, bytes);
        let mut lines = Lines::new(reader, "test".into(), Unended::AreALine).with_limit(limit);
        let mut found = Vec::new();
        while let Some(line) = lines.read().unwrap() {
            found.push(match line {
                Ok(Record {
                    body: Body::Line(text),
                    origin,
                }) => Ok((origin.record, text)),
                Ok(_) => panic!("no line"),
                Err(unreadable) => Err(unreadable.reason),
            });
        }
        assert_eq!(lines.offset(), bytes.len() as u64);
        found
    }

    #[test]
    fn lines_end_with_lf_or_cr_lf_and_empty_ones_are_counted_but_not_given() {
        for capacity in 1..9 {
            let found = all(b"one\r\n\n  \ntwo\nthree", 100, capacity);
            assert_eq!(
                found,
                [Ok((1, "one".into())), Ok((4, "two".into())), Ok((5, "three".into()))]
            );
        }
    }

    #[test]
    fn damaged_letters_and_nuls_are_replaced_and_the_rest_of_the_line_is_kept() {
        assert_eq!(all(b"a\xff\0b\n", 100, 4), [Ok((1, "a\u{fffd}\u{fffd}b".into()))]);
    }

    #[test]
    fn a_line_longer_than_the_limit_is_told_and_the_next_one_is_read() {
        for capacity in 1..9 {
            let found = all(b"12345678\nok\n", 5, capacity);
            assert_eq!(
                found,
                [Err("the line has 9 bytes, more than 5".into()), Ok((2, "ok".into()))]
            );
            assert_eq!(all(b"12345\nok\n", 5, capacity).len(), 2);
            assert!(
                all(b"12345\r\nok\n", 5, capacity).iter().all(Result::is_ok),
                "with a buffer of {capacity}"
            );
        }
    }

    #[test]
    fn an_unended_line_of_a_growing_log_is_left_and_found_when_it_has_ended() {
        let mut lines = Lines::new(&b"one\ntw"[..], "test".into(), Unended::AreLeft);
        assert!(lines.read().unwrap().is_some());
        assert!(lines.read().unwrap().is_none());
        let (offset, number) = (lines.offset(), lines.number());
        assert_eq!((offset, number), (4, 1));
        let whole = b"one\ntwo\n";
        let mut lines = Lines::from(
            &whole[offset as usize..],
            "test".into(),
            Unended::AreLeft,
            offset,
            number,
        );
        let record = lines.read().unwrap().unwrap().unwrap();
        assert_eq!(record.origin.record, 2);
        assert!(matches!(record.body, Body::Line(text) if text == "two"));
    }
}
