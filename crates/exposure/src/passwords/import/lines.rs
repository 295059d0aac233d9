//! Reads lines in bounded memory, many at a time.

use std::io::{self, Read};

/// Bytes read at once. A line that is longer is left out, without ever being in memory as a whole.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// A reader of whole lines.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Bytes at the front of the buffer that were given out.
    given: usize,
    /// Bytes of the buffer that are filled.
    filled: usize,
    /// Where the buffer begins in the input.
    offset: u64,
    at_end: bool,
}

/// What was read.
pub(super) enum Chunk<'a> {
    /// Whole lines with their ends; the input's last line may have none. And where they begin in the input.
    Lines(&'a [u8], u64),
    /// A line of more than [`CHUNK_BYTES`] was left out; the next begins there.
    TooLong(u64),
}

impl<R: Read> Lines<R> {
    /// Lines of an input of which `offset` bytes were read already.
    pub(super) fn new(reader: R, offset: u64) -> Self {
        Self {
            reader,
            buffer: vec![0; CHUNK_BYTES],
            given: 0,
            filled: 0,
            offset,
            at_end: false,
        }
    }

    /// The next lines; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Chunk<'_>>> {
        self.drop_given();
        self.fill()?;
        if self.filled == 0 {
            return Ok(None);
        }
        let filled = self.buffer.get(..self.filled).unwrap_or_default();
        self.given = match memchr::memrchr(b'\n', filled) {
            Some(last) if !self.at_end => last + 1,
            None if !self.at_end => return self.skip_line().map(Some),
            _ => self.filled,
        };
        let lines = self.buffer.get(..self.given).unwrap_or_default();
        Ok(Some(Chunk::Lines(lines, self.offset)))
    }

    fn drop_given(&mut self) {
        self.buffer.copy_within(self.given..self.filled, 0);
        self.offset += self.given as u64;
        self.filled -= self.given;
        self.given = 0;
    }

    fn fill(&mut self) -> io::Result<()> {
        while !self.at_end && self.filled < self.buffer.len() {
            match self.reader.read(self.buffer.get_mut(self.filled..).unwrap_or_default()) {
                Ok(0) => self.at_end = true,
                Ok(length) => self.filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Leaves out the line of which the buffer is full.
    fn skip_line(&mut self) -> io::Result<Chunk<'_>> {
        loop {
            let filled = self.buffer.get(..self.filled).unwrap_or_default();
            let end = memchr::memchr(b'\n', filled);
            self.given = end.map_or(self.filled, |end| end + 1);
            self.drop_given();
            if end.is_some() || self.at_end {
                return Ok(Chunk::TooLong(self.offset));
            }
            self.fill()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(text, 0);
        let mut found = Vec::new();
        while let Some(chunk) = lines.next().unwrap() {
            match chunk {
                Chunk::Lines(lines, mut offset) => {
                    for line in lines.split_inclusive(|byte| *byte == b'\n') {
                        found.push((offset, line.to_vec()));
                        offset += line.len() as u64;
                    }
                }
                Chunk::TooLong(offset) => found.push((offset, b"too long".to_vec())),
            }
        }
        found
    }

    #[test]
    fn lines_come_whole_with_their_places() {
        assert_eq!(read(b""), []);
        assert_eq!(read(b"a\r\nb"), [(0, b"a\r\n".to_vec()), (3, b"b".to_vec())]);
        let text: String = (0..300_000).map(|number| format!("{number}\n")).collect();
        let found = read(text.as_bytes());
        assert_eq!(found.len(), 300_000);
        for (offset, line) in found {
            assert_eq!(&text.as_bytes()[offset as usize..][..line.len()], line);
        }
    }

    #[test]
    fn a_line_of_ten_megabytes_is_left_out_and_the_next_is_read() {
        for before in [0, 1, CHUNK_BYTES - 3] {
            let text = ["a\n".repeat(before / 2).as_bytes(), &[b'x'; 10 << 20], b"\nb\n"].concat();
            let found = read(&text);
            assert_eq!(found[found.len() - 2].1, b"too long");
            assert_eq!(found[found.len() - 1], (text.len() as u64 - 2, b"b\n".to_vec()));
            assert_eq!(found.len(), before / 2 + 2);
        }
        let found = read(&[b'x'; 3 << 20]);
        assert_eq!(found, [(3 << 20, b"too long".to_vec())]);
    }
}
