//! A stream of text in lines, with a bound to what is held of it.

use std::io::{self, Read};

/// The longest line that is taken as one. What is longer comes in pieces.
const LINE_BYTES_MAX: usize = 1 << 20;
/// What is read at a time.
const READ_BYTES: usize = 1 << 18;
/// How far back from its end a piece is cut, so that no address is: the longest has 320 bytes.
const CUT_BYTES: usize = 1024;

/// A line without its end, or a piece of one that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) bytes: &'a [u8],
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Where it begins.
    pub(crate) byte: u64,
    /// Whether it is a whole line.
    pub(crate) is_whole: bool,
}

/// A stream of text.
pub(crate) struct Text<'a> {
    reader: &'a mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_ended: bool,
    is_in_long_line: bool,
    number: u64,
    byte: u64,
}

impl<'a> Text<'a> {
    pub(crate) fn new(reader: &'a mut dyn Read) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            is_ended: false,
            is_in_long_line: false,
            number: 0,
            byte: 0,
        }
    }

    /// What is in memory and not taken yet.
    fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads more; false when nothing is left.
    fn fill(&mut self) -> io::Result<bool> {
        if self.is_ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < self.end + READ_BYTES {
            self.buffer.resize(self.end + READ_BYTES, 0);
        }
        let read = loop {
            match self.reader.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end += read;
        self.is_ended = read == 0;
        Ok(read > 0)
    }

    /// The beginning of what is left, without taking it: as much as is wanted, if there is so much.
    pub(crate) fn head(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.held().len() < wanted && self.fill()? {}
        let held = self.held();
        Ok(held.get(..wanted).unwrap_or(held))
    }

    /// Takes whatever is in memory, after reading more if nothing is; empty at the end. Lines are not counted in it.
    pub(crate) fn chunk(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.fill()?;
        }
        let start = self.start;
        self.byte += (self.end - self.start) as u64;
        self.start = self.end;
        Ok(self.buffer.get(start..self.end).unwrap_or_default())
    }

    /// Where what is taken next begins, in bytes.
    pub(crate) const fn byte(&self) -> u64 {
        self.byte
    }

    /// Takes the next line, or the next piece of one.
    pub(crate) fn line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        let (length, taken, is_end) = loop {
            let held = self.held();
            let rest = held.get(searched..).unwrap_or_default();
            if let Some(position) = memchr::memchr(b'\n', rest)
                .map(|position| position + searched)
                .filter(|at| *at <= LINE_BYTES_MAX)
            {
                break (position, position + 1, true);
            }
            searched = held.len();
            if searched > LINE_BYTES_MAX {
                let length = cut(held.get(..LINE_BYTES_MAX).unwrap_or_default());
                break (length, length, false);
            }
            if !self.fill()? {
                let length = self.held().len();
                if length == 0 {
                    return Ok(None);
                }
                break (length, length, true);
            }
        };
        let (start, byte, was_in_long_line) = (self.start, self.byte, self.is_in_long_line);
        self.number += u64::from(!was_in_long_line);
        self.start += taken;
        self.byte += taken as u64;
        self.is_in_long_line = !is_end;
        let bytes = self.buffer.get(start..start + length).unwrap_or_default();
        let bytes = if is_end {
            bytes.strip_suffix(b"\r").unwrap_or(bytes)
        } else {
            bytes
        };
        Ok(Some(Line {
            bytes,
            number: self.number,
            byte,
            is_whole: is_end && !was_in_long_line,
        }))
    }
}

/// Where a piece ends so that it doesn't end within an address.
fn cut(piece: &[u8]) -> usize {
    let near = piece.iter().rev().take(CUT_BYTES);
    let inside = near.take_while(|byte| crate::address::is_address_byte(**byte)).count();
    if inside < CUT_BYTES {
        piece.len() - inside
    } else {
        piece.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<(Vec<u8>, u64, bool)> {
        let mut reader = bytes;
        let mut text = Text::new(&mut reader);
        let mut lines = Vec::new();
        while let Some(line) = text.line().unwrap() {
            lines.push((line.bytes.to_vec(), line.number, line.is_whole));
        }
        lines
    }

    #[test]
    fn lines_end_with_either_end_or_with_the_text() {
        let expected = [
            (b"a".to_vec(), 1, true),
            (Vec::new(), 2, true),
            (b"b".to_vec(), 3, true),
        ];
        assert_eq!(lines(b"a\r\n\nb"), expected);
        assert_eq!(lines(b"a\n\nb\n"), expected);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_of_ten_million_bytes_comes_in_pieces_that_cut_no_address() {
        let address = b"ann.lee@example.com;";
        let mut bytes = address.repeat(500_000);
        bytes.extend_from_slice(b"\nnext\n");
        let pieces = lines(&bytes);
        assert!(pieces.len() >= 10 && pieces.iter().all(|piece| piece.0.len() <= LINE_BYTES_MAX));
        let (last, long) = pieces.split_last().unwrap();
        assert_eq!(*last, (b"next".to_vec(), 2, true));
        assert!(long.iter().all(|piece| piece.1 == 1 && !piece.2));
        let whole = long
            .iter()
            .flat_map(|piece| piece.0.iter().copied())
            .collect::<Vec<_>>();
        assert_eq!(whole.len(), address.len() * 500_000);
        assert!(
            long.iter()
                .all(|piece| piece.0.starts_with(b"ann") || piece.0.starts_with(b";"))
        );
    }

    #[test]
    fn one_endless_word_is_cut_somewhere() {
        let pieces = lines(&vec![b'a'; 3 << 20]);
        assert_eq!(pieces.iter().map(|piece| piece.0.len()).sum::<usize>(), 3 << 20);
    }

    #[test]
    fn what_is_looked_at_beforehand_is_not_taken() {
        let mut reader: &[u8] = b"ab\ncd";
        let mut text = Text::new(&mut reader);
        assert_eq!(text.head(4).unwrap(), b"ab\nc");
        assert_eq!(text.head(100).unwrap(), b"ab\ncd");
        assert_eq!(text.line().unwrap().unwrap().bytes, b"ab");
        assert_eq!(text.chunk().unwrap(), b"cd");
        assert_eq!(text.byte(), 5);
        assert_eq!(text.chunk().unwrap(), b"");
    }
}
