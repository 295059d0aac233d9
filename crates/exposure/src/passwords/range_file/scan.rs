//! Reads a range file from front to back.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::block::Block;
use super::layout::{HEADER_BYTES, PREFIXES_PER_PAGE};
use super::read::RangeFile;
use crate::Error;
use crate::passwords::RangePrefix;
use crate::passwords::record::Record;

/// A reader of all rows, prefix by prefix.
#[derive(Debug)]
pub(in crate::passwords) struct Scan<'a> {
    source: &'a RangeFile,
    reader: BufReader<File>,
    offset: u64,
    lengths: Vec<u32>,
    prefix: u32,
    buffer: Vec<u8>,
}

impl<'a> Scan<'a> {
    /// Starts before the first prefix, reading `buffer_bytes` at a time.
    ///
    /// # Errors
    /// When the file can't be opened a second time.
    pub(in crate::passwords) fn new(source: &'a RangeFile, buffer_bytes: usize) -> Result<Self, Error> {
        let mut file = File::open(source.path()).map_err(Error::io("open", source.path()))?;
        file.seek(SeekFrom::Start(HEADER_BYTES))
            .map_err(Error::io("read", source.path()))?;
        Ok(Self {
            source,
            reader: BufReader::with_capacity(buffer_bytes, file),
            offset: HEADER_BYTES,
            lengths: Vec::new(),
            prefix: 0,
            buffer: Vec::new(),
        })
    }

    /// Appends the rows of the next prefix, whether it has any or not; `false` behind the last prefix.
    ///
    /// # Errors
    /// When the file can't be read or is damaged here.
    pub(in crate::passwords) fn next_prefix(&mut self, records: &mut Vec<Record>) -> Result<bool, Error> {
        if self.prefix == RangePrefix::COUNT {
            return Ok(false);
        }
        let within = self.prefix as usize % PREFIXES_PER_PAGE;
        if within == 0 {
            let number = u64::from(self.prefix) / PREFIXES_PER_PAGE as u64;
            let page = self.source.directory_page(number)?;
            if page.offset != self.offset {
                return Err(self.source.damaged(self.offset, "the directory leaves a gap"));
            }
            self.lengths = page.lengths;
        }
        let length = self.lengths.get(within).map_or(0, |length| *length as usize);
        if length > 0 {
            self.buffer.resize(length, 0);
            self.reader
                .read_exact(&mut self.buffer)
                .map_err(Error::io("read", self.source.path()))?;
            let block = Block::parse(self.source.kind(), self.prefix, &self.buffer);
            block
                .map_err(|what| self.source.damaged(self.offset, what))?
                .records(records);
            self.offset += length as u64;
        }
        self.prefix += 1;
        Ok(true)
    }
}
