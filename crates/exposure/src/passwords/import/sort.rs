//! Sorts records within a fixed memory: runs on disk, each of which is a range file.

use std::path::Path;

use crate::Error;
use crate::hash::HashKind;
use crate::passwords::manifest;
use crate::passwords::range_file::RangeWriter;
use crate::passwords::record::{Record, add_up};

/// First bits by which records are distributed before each part is sorted by itself.
const BITS: u32 = 12;
const BUCKETS: usize = 1 << BITS;

/// Records of one kind, until they are as many as may be in memory.
pub(super) struct Sorter {
    kind: HashKind,
    records: Vec<Record>,
    most: usize,
}

impl Sorter {
    /// For so many bytes of records.
    pub(super) fn new(kind: HashKind, memory_bytes: usize) -> Self {
        let most = (memory_bytes / size_of::<Record>()).max(1);
        Self {
            kind,
            records: Vec::new(),
            most,
        }
    }

    pub(super) const fn kind(&self) -> HashKind {
        self.kind
    }

    /// Adds a record where [`Sorter::is_full`] said that there is room.
    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        if self.records.capacity() == 0 {
            self.records.reserve_exact(self.most);
        }
        self.records.push(record);
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= self.most
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Writes what was added as a run at `path`, durably, and is empty again. Returns the number of different hashes.
    pub(super) fn write_run(&mut self, path: &Path) -> Result<u64, Error> {
        sort(&mut self.records);
        add_up(&mut self.records);
        let new = manifest::with_suffix(path, manifest::NEW);
        let mut writer = RangeWriter::create(self.kind, &new)?;
        for record in &self.records {
            writer.push(record)?;
        }
        let totals = writer.finish()?;
        manifest::rename(&new, path)?;
        self.records.clear();
        Ok(totals.hashes)
    }
}

/// Sorts records: one step of a radix sort in place, after which each part fits in a processor's cache. Twice as fast as sorting them at
/// once.
fn sort(records: &mut [Record]) {
    if records.is_sorted() {
        return;
    }
    if records.len() > BUCKETS * 8 {
        for part in distribute(records) {
            part.sort_unstable();
        }
    } else {
        records.sort_unstable();
    }
}

/// Moves every record into the part of its first bits, and returns the parts in order. An American flag sort: McIlroy, Bostic and McIlroy,
/// Engineering Radix Sort, 1993.
fn distribute(records: &mut [Record]) -> Vec<&mut [Record]> {
    let bucket = |record: &Record| (record.high >> (u64::BITS - BITS)) as usize;
    let mut sizes = vec![0_usize; BUCKETS];
    for record in &*records {
        if let Some(size) = sizes.get_mut(bucket(record)) {
            *size += 1;
        }
    }
    let mut next: Vec<usize> = sizes
        .iter()
        .scan(0, |start, size| Some(std::mem::replace(start, *start + size)))
        .collect();
    let ends: Vec<usize> = next.iter().zip(&sizes).map(|(start, size)| start + size).collect();
    for own in 0..BUCKETS {
        let end = ends.get(own).copied().unwrap_or(0);
        while let Some(at) = next.get(own).copied().filter(|at| *at < end) {
            let Some(record) = records.get(at) else { break };
            let target = bucket(record);
            let Some(place) = next.get_mut(target) else { break };
            let to = *place;
            *place += 1;
            if target != own {
                records.swap(at, to);
            }
        }
    }
    let mut rest = records;
    let mut parts = Vec::new();
    for size in sizes {
        let (part, behind) = rest.split_at_mut(size);
        parts.push(part);
        rest = behind;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::synthetic::splitmix;

    #[test]
    fn records_are_sorted_as_the_standard_library_does_it() {
        let mut state = 1;
        for (length, mask) in [
            (10, u64::MAX),
            (100_000, u64::MAX),
            (100_000, 0xfff0_0000_0000_000f),
            (100_000, 0),
        ] {
            let mut records: Vec<Record> = (0..length)
                .map(|_| Record {
                    high: splitmix(&mut state) & mask,
                    middle: splitmix(&mut state) % 5,
                    low: 7,
                    count: 1,
                })
                .collect();
            let mut expected = records.clone();
            expected.sort();
            sort(&mut records);
            assert!(records == expected, "{length} {mask:x}");
        }
    }
}
