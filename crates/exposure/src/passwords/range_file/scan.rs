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
    /// The page of the directory that is in memory.
    page: Option<u32>,
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
            page: None,
            lengths: Vec::new(),
            prefix: 0,
            buffer: Vec::new(),
        })
    }

    /// The next prefix's number; that of the last and one more behind the last.
    pub(in crate::passwords) const fn prefix(&self) -> u32 {
        self.prefix
    }

    /// How many prefixes without rows come next, as far as the page of the directory that the next is in tells.
    ///
    /// # Errors
    /// When the page can't be read or is damaged.
    pub(in crate::passwords) fn empty_ahead(&mut self) -> Result<u32, Error> {
        if self.prefix == RangePrefix::COUNT {
            return Ok(0);
        }
        self.load_page()?;
        let within = self.prefix as usize % PREFIXES_PER_PAGE;
        let rest = self.lengths.get(within..).unwrap_or_default();
        let empty = rest.iter().position(|length| *length > 0).unwrap_or(rest.len());
        Ok(u32::try_from(empty).unwrap_or(0))
    }

    /// Passes over prefixes that [`Scan::empty_ahead`] counted.
    pub(in crate::passwords) const fn skip(&mut self, prefixes: u32) {
        self.prefix += prefixes;
    }

    fn load_page(&mut self) -> Result<(), Error> {
        let number = self.prefix / PREFIXES_PER_PAGE as u32;
        if self.page == Some(number) {
            return Ok(());
        }
        let page = self.source.directory_page(u64::from(number))?;
        if page.offset != self.offset {
            return Err(self.source.damaged(self.offset, "the directory leaves a gap"));
        }
        (self.lengths, self.page) = (page.lengths, Some(number));
        Ok(())
    }

    /// Appends the rows of the next prefix, whether it has any or not; `false` behind the last prefix.
    ///
    /// # Errors
    /// When the file can't be read or is damaged here.
    pub(in crate::passwords) fn next_prefix(&mut self, records: &mut Vec<Record>) -> Result<bool, Error> {
        if self.prefix == RangePrefix::COUNT {
            return Ok(false);
        }
        self.load_page()?;
        let within = self.prefix as usize % PREFIXES_PER_PAGE;
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
