//! A window onto a log, of which the next bytes can be looked at before they are consumed.

use std::io::{self, BufRead};

/// How much is kept of a line that is too long.
const BEGINNING_BYTES: usize = 4 << 10;

/// What has been read of a log and not yet been consumed.
pub(super) struct Window<R> {
    log: R,
    bytes: Vec<u8>,
    /// Bytes at the beginning that were consumed.
    consumed: usize,
    ended: bool,
    /// The number of the line of the next byte, from 1. [`Self::consume`] doesn't count.
    pub(super) line: u64,
}

impl<R: BufRead> Window<R> {
    pub(super) const fn new(log: R) -> Self {
        Self {
            log,
            bytes: Vec::new(),
            consumed: 0,
            ended: false,
            line: 1,
        }
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.consumed..).unwrap_or_default()
    }

    /// Reads until more bytes are at hand, or the log has ended.
    fn grow(&mut self) -> io::Result<()> {
        // Not each time: moving what is left may be dearer than what is read.
        if self.consumed >= self.rest().len() {
            self.bytes.drain(..self.consumed);
            self.consumed = 0;
        }
        let read = self.log.fill_buf()?;
        let count = read.len();
        self.bytes.extend_from_slice(read);
        self.log.consume(count);
        self.ended = count == 0;
        Ok(())
    }

    /// So many bytes, or as many as there are until the end.
    pub(super) fn ahead(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.rest().len() < count && !self.ended {
            self.grow()?;
        }
        let available = self.rest();
        Ok(available.get(..count).unwrap_or(available))
    }

    /// All bytes at hand; none only at the end.
    pub(super) fn some(&mut self) -> io::Result<&[u8]> {
        if self.rest().is_empty() && !self.ended {
            self.grow()?;
        }
        Ok(self.rest())
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.consumed = (self.consumed + count).min(self.bytes.len());
    }

    pub(super) fn consume_lines(&mut self, count: usize) {
        let passed = self.rest().iter().take(count);
        self.line += passed.filter(|byte| **byte == b'\n').count() as u64;
        self.consume(count);
    }

    /// Passes over white space; the byte behind it, unless that is the end.
    pub(super) fn skip_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            let mut lines = 0;
            let available = self.some()?;
            if available.is_empty() {
                return Ok(None);
            }
            let found = available.iter().position(|byte| {
                lines += u64::from(*byte == b'\n');
                !byte.is_ascii_whitespace()
            });
            let (count, byte) = match found {
                Some(at) => (at, available.get(at).copied()),
                None => (available.len(), None),
            };
            self.line += lines;
            self.consume(count);
            if byte.is_some() {
                return Ok(byte);
            }
        }
    }

    /// Passes over the rest of a line.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let available = self.some()?;
            if available.is_empty() {
                return Ok(());
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(available.len(), |at| at + 1);
            self.consume(count);
            if end.is_some() {
                self.line += 1;
                return Ok(());
            }
        }
    }

    /// Consumes a line; of one that is longer than so many bytes, the beginning.
    pub(super) fn line(&mut self, bytes_max: usize) -> io::Result<Result<&[u8], &[u8]>> {
        let mut searched = 0;
        loop {
            let unseen = self.rest().get(searched..).unwrap_or_default();
            if let Some(at) = unseen.iter().position(|byte| *byte == b'\n') {
                let end = searched + at;
                let start = self.consumed;
                self.line += 1;
                self.consume(end + 1);
                let line = self.bytes.get(start..start + end).unwrap_or_default();
                return Ok(if end > bytes_max { Err(line) } else { Ok(line) });
            }
            searched = self.rest().len();
            if searched > bytes_max {
                // Forgotten but for its beginning, which stays in front of the next line.
                self.bytes.drain(..self.consumed);
                let beginning: Vec<u8> = self.bytes.iter().take(BEGINNING_BYTES).copied().collect();
                self.consumed = self.bytes.len();
                self.skip_line()?;
                let rest = self.rest().to_vec();
                self.consumed = beginning.len();
                self.bytes = beginning;
                self.bytes.extend_from_slice(&rest);
                return Ok(Err(self.bytes.get(..self.consumed).unwrap_or_default()));
            }
            if self.ended {
                let start = self.consumed;
                self.consumed = self.bytes.len();
                return Ok(Ok(self.bytes.get(start..).unwrap_or_default()));
            }
            self.grow()?;
        }
    }
}
