//! Several range files as one: rows in order, the counts of equal hashes added up.

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

    /// The rows of the next prefix, in order; `None` behind the last prefix.
    pub(super) fn next_prefix(&mut self) -> Result<Option<&[Record]>, Error> {
        self.records.clear();
        let (mut more, mut contributors) = (false, 0);
        for scan in &mut self.scans {
            let before = self.records.len();
            more |= scan.next_prefix(&mut self.records)?;
            contributors += u32::from(self.records.len() > before);
        }
        if contributors > 1 {
            self.records.sort_unstable();
            add_up(&mut self.records);
        }
        Ok(more.then_some(self.records.as_slice()))
    }
}
