//! Sorting more keys than fit in memory: runs are sorted, written as tables and merged when they are read. Equal keys are counted.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::merge::{Fold, Merge};
use super::table::{KEY_BYTES_MAX, Table, TableWriter, varint};
use crate::Error;

/// The kind of table that a run is.
const RUN: u8 = 0;
/// The most runs that are merged at once: each needs a file handle and a block in memory.
const RUNS_MAX: usize = 128;

/// Several sorters that share one memory.
#[derive(Debug)]
pub(crate) struct Sorters {
    sorters: Vec<Sorter>,
    memory_bytes: usize,
    used_bytes: usize,
}

/// Keys, sorted within a memory.
#[derive(Debug)]
struct Sorter {
    folder: PathBuf,
    name: &'static str,
    buffer: Buffer,
    /// The run that is being written by a thread of its own.
    writing: Option<JoinHandle<Result<PathBuf, Error>>>,
    runs: Vec<PathBuf>,
    runs_made: u32,
}

/// Keys in memory.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A key in a buffer: its first bytes, by which most comparisons are decided, and where it is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    beginning: [u64; 2],
    start: u32,
    length: u32,
}

/// Takes a key, and how often it was there.
pub type VisitCount<'a> = dyn FnMut(&[u8], u64) -> Result<ControlFlow<()>, Error> + 'a;

/// Sorted keys, and how often each was there.
#[derive(Debug)]
pub(crate) struct Sorted {
    runs: Vec<PathBuf>,
}

impl Sorters {
    /// Sorters of these names, which are in this order asked for by number. `memory_bytes` is what all need together before something is
    /// written; while it is, up to as much again.
    pub(crate) fn new(folder: &Path, names: &[&'static str], memory_bytes: usize) -> Self {
        let sorter = |name: &&'static str| Sorter {
            folder: folder.to_owned(),
            name,
            buffer: Buffer::default(),
            writing: None,
            runs: Vec::new(),
            runs_made: 0,
        };
        Self {
            sorters: names.iter().map(sorter).collect(),
            memory_bytes,
            used_bytes: 0,
        }
    }

    /// Sorters that keep nothing.
    pub(crate) fn discarding() -> Self {
        Self::new(Path::new(""), &[], usize::MAX)
    }

    /// Adds a key made of parts. A key that is too long is left out: false.
    pub(crate) fn push(&mut self, sorter: usize, parts: &[&[u8]]) -> Result<bool, Error> {
        if parts.iter().map(|part| part.len()).sum::<usize>() > KEY_BYTES_MAX {
            return Ok(false);
        }
        if let Some(sorter) = self.sorters.get_mut(sorter) {
            self.used_bytes += sorter.buffer.push(parts);
        }
        if self.used_bytes >= self.memory_bytes {
            self.write_largest()?;
        }
        Ok(true)
    }

    fn write_largest(&mut self) -> Result<(), Error> {
        if let Some(largest) = self.sorters.iter_mut().max_by_key(|sorter| sorter.buffer.used_bytes()) {
            self.used_bytes -= largest.buffer.used_bytes();
            largest.write()?;
        }
        Ok(())
    }

    /// All that was added, in the order of the names.
    pub(crate) fn finish(mut self) -> Result<Vec<Sorted>, Error> {
        for sorter in &mut self.sorters {
            sorter.write()?;
        }
        self.sorters.into_iter().map(Sorter::finish).collect()
    }
}

impl Drop for Sorter {
    /// Waits for the thread, so that nothing appears in a folder after it was cleared.
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _ = writing.join();
        }
    }
}

impl Sorter {
    /// Begins to write a run of what is in memory.
    fn write(&mut self) -> Result<(), Error> {
        self.wait()?;
        if self.buffer.entries.is_empty() {
            return Ok(());
        }
        let path = self.folder.join(format!("{}-{}", self.name, self.runs_made));
        self.runs_made += 1;
        let buffer = std::mem::take(&mut self.buffer);
        self.writing = Some(std::thread::spawn(move || buffer.write(&path).map(|()| path)));
        Ok(())
    }

    fn wait(&mut self) -> Result<(), Error> {
        if let Some(writing) = self.writing.take() {
            let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            self.runs.push(written?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Sorted, Error> {
        self.wait()?;
        let mut runs = std::mem::take(&mut self.runs);
        while runs.len() > RUNS_MAX {
            let some = runs.drain(..RUNS_MAX).collect::<Vec<_>>();
            let path = self.folder.join(format!("{}-{}", self.name, self.runs_made));
            self.runs_made += 1;
            let mut writer = TableWriter::create(&path, RUN)?;
            let merged = Sorted { runs: some };
            merged.merge()?.visit(&mut Sum(0), &mut |key, count| {
                writer.push(key, count)?;
                Ok(ControlFlow::Continue(()))
            })?;
            writer.finish_unsynced()?;
            for run in &merged.runs {
                std::fs::remove_file(run).map_err(Error::io("remove", run))?;
            }
            runs.push(path);
        }
        Ok(Sorted { runs })
    }
}

impl Buffer {
    /// Adds a key: by how much it grew.
    fn push(&mut self, parts: &[&[u8]]) -> usize {
        let start = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        let key = self.bytes.get(start..).unwrap_or_default();
        // Sorters are written long before their memory has 4 GiB.
        self.entries.push(Entry {
            beginning: beginning(key),
            start: u32::try_from(start).unwrap_or(u32::MAX),
            length: u32::try_from(key.len()).unwrap_or(0),
        });
        key.len() + size_of::<Entry>()
    }

    fn used_bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        self.bytes.get(start..start + entry.length as usize).unwrap_or_default()
    }

    fn write(mut self, path: &Path) -> Result<(), Error> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by(|left, right| {
            let by_beginning = left.beginning.cmp(&right.beginning);
            by_beginning.then_with(|| self.key(left).cmp(self.key(right)))
        });
        let mut writer = TableWriter::create(path, RUN)?;
        let mut count = Vec::new();
        // Most that differ do so in their first bytes, which needn't be fetched from where the keys are.
        let is_same = |left: &Entry, right: &Entry| {
            (left.beginning, left.length) == (right.beginning, right.length) && self.key(left) == self.key(right)
        };
        for same in entries.chunk_by(is_same) {
            count.clear();
            varint::put(&mut count, same.len() as u64);
            writer.push(same.first().map(|entry| self.key(entry)).unwrap_or_default(), &count)?;
        }
        writer.finish_unsynced()
    }
}

/// The first sixteen bytes of a key as numbers that are ordered like them: enough to tell `gmail.com` and some of the alias.
fn beginning(key: &[u8]) -> [u64; 2] {
    let number = |from: usize| {
        let mut bytes = [0; 8];
        for (byte, from) in bytes.iter_mut().zip(key.iter().skip(from)) {
            *byte = *from;
        }
        u64::from_be_bytes(bytes)
    };
    [number(0), number(8)]
}

impl Sorted {
    fn merge(&self) -> Result<Merge, Error> {
        let tables = self.runs.iter().map(|run| Table::open(run, RUN).map(Arc::new));
        Merge::from(&tables.collect::<Result<Vec<_>, _>>()?, &[])
    }

    /// Visits each key once, in order, with how often it was added, until `visit` breaks.
    pub(crate) fn visit(&self, visit: &mut VisitCount<'_>) -> Result<(), Error> {
        self.merge()?.visit(&mut Sum(0), &mut |key, mut count| {
            visit(key, varint::take(&mut count).unwrap_or(0))
        })
    }
}

/// Adds up counts.
struct Sum(u64);

impl Fold for Sum {
    fn add(&mut self, mut value: &[u8]) -> Result<(), &'static str> {
        let count = varint::take(&mut value).ok_or("a count is malformed")?;
        self.0 = self.0.saturating_add(count);
        Ok(())
    }

    fn end(&mut self, _key: &[u8], value: &mut Vec<u8>) -> bool {
        varint::put(value, self.0);
        self.0 = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// More runs than are merged at once, and equal keys in many of them.
    #[test]
    fn keys_come_sorted_and_counted_from_many_runs() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorters = Sorters::new(folder.path(), &["other", "keys"], 400);
        let mut model = BTreeMap::new();
        for number in 0_u64..4000 {
            let key = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54).to_string();
            assert!(sorters.push(1, &[b"key", key.as_bytes()]).unwrap());
            *model.entry(format!("key{key}").into_bytes()).or_insert(0) += 1;
        }
        assert!(!sorters.push(0, &[&[b'a'; KEY_BYTES_MAX + 1]]).unwrap());
        let sorted = sorters.finish().unwrap();
        assert!((2..=RUNS_MAX).contains(&sorted[1].runs.len()));
        let mut found = Vec::new();
        let mut visit = |key: &[u8], count| {
            found.push((key.to_vec(), count));
            Ok(ControlFlow::Continue(()))
        };
        sorted[1].visit(&mut visit).unwrap();
        assert_eq!(found, model.into_iter().collect::<Vec<_>>());
        sorted[0].visit(&mut |_, _| panic!("nothing was added")).unwrap();
    }
}
