//! Several range files as one: rows in order, the counts of equal hashes added up.

use super::RangePrefix;
use super::range_file::{RangeFile, Scan};
use super::record::{Record, add_up};
use crate::Error;

/// Memory for reading all files of a merge.
const BUFFERS_BYTES: usize = 64 << 20;
const BUFFER_BYTES_MIN: usize = 64 << 10;
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// Reads all files side by side, prefix by prefix.
#[derive(Debug)]
pub(super) struct Merge<'a> {
    scans: Vec<Scan<'a>>,
    records: Vec<Record>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(files: &[&'a RangeFile]) -> Result<Self, Error> {
        let buffer_bytes = (BUFFERS_BYTES / files.len().max(1)).clamp(BUFFER_BYTES_MIN, BUFFER_BYTES_MAX);
        let scans = files.iter().map(|file| Scan::new(file, buffer_bytes));
        Ok(Self {
            scans: scans.collect::<Result<_, _>>()?,
            records: Vec::new(),
        })
    }

    /// How many prefixes are behind it.
    pub(super) fn done(&self) -> u32 {
        self.scans.first().map_or(0, Scan::prefix)
    }

    /// The rows of the next prefix that has any, in order; `None` behind the last.
    pub(super) fn next_prefix(&mut self) -> Result<Option<&[Record]>, Error> {
        self.records.clear();
        if !self.skip_empty()? {
            return Ok(None);
        }
        let mut contributors = 0;
        for scan in &mut self.scans {
            let before = self.records.len();
            scan.next_prefix(&mut self.records)?;
            contributors += u32::from(self.records.len() > before);
        }
        if contributors > 1 {
            self.records.sort_unstable();
            add_up(&mut self.records);
        }
        Ok(Some(self.records.as_slice()))
    }

    /// Passes over prefixes that no file has rows of, a page of the directories at a time; false at the end.
    fn skip_empty(&mut self) -> Result<bool, Error> {
        while self
            .scans
            .first()
            .is_some_and(|scan| scan.prefix() < RangePrefix::COUNT)
        {
            let mut empty = u32::MAX;
            for scan in &mut self.scans {
                empty = empty.min(scan.empty_ahead()?);
                if empty == 0 {
                    return Ok(true);
                }
            }
            for scan in &mut self.scans {
                scan.skip(empty);
            }
        }
        Ok(false)
    }
}
