//! Loading hashes of leaked passwords: whatever the form and order, within a fixed memory.
//!
//! Records are collected until the memory is full, sorted, and written as a *run*, which is a range file. In the end all runs are merged
//! into one. After each run, a journal says how far the input was read: an import that was interrupted goes on there.

mod files;
mod format;
mod hexadecimal;
mod journal;
mod lines;
mod read;
mod rows;
mod run;
mod sort;
mod tally;

use std::io::Read;
use std::path::PathBuf;

pub use format::Format;
pub use run::{import, remove};
pub(super) use run::{pending, work_folder};
pub use tally::{Malformed, Tally};

use super::CorpusStatistics;
use crate::hash::HashKind;

#[cfg(test)]
mod tests;

/// What is imported.
pub enum Input {
    /// A file, a folder, or a pipe with a path, which is read as a stream.
    Path(PathBuf),
    /// A stream, which can be read once: an import that was interrupted begins anew.
    Stream(Box<dyn Read>),
}

/// How it is imported.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The name of the source; `None` for `pwned-passwords`, or the file's name if it is a list of passwords.
    pub source: Option<String>,
    /// Which hash, where the input doesn't say; of a list of passwords `None` means both.
    pub kind: Option<HashKind>,
    /// The format; `None` to recognise it.
    pub format: Option<Format>,
    /// Most memory for sorting, in bytes.
    pub memory_bytes: u64,
    /// What happens to what the source has already.
    pub existing: Existing,
    /// Seconds since 1970 (UTC).
    pub now: i64,
}

/// What happens to what the source of an import has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced, unless less than half as much would be there afterwards.
    Replace,
    /// It is replaced, however little takes its place.
    ReplaceWithLess,
    /// It stays, and counts of equal hashes add up.
    Add,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportProgress {
    /// What is done now.
    pub stage: ImportStage,
    /// How much is done: bytes or files of the input, or prefixes.
    pub done: u64,
    /// How much there is; 0 if that isn't known.
    pub total: u64,
}

/// What an import does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportStage {
    /// Reads the input and sorts it in parts.
    Reading,
    /// Merges the parts.
    Merging,
    /// Counts what different sources have in common.
    Counting,
    /// Writes the index of counts.
    Indexing,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The format that was given or recognised.
    pub format: Format,
    /// What was read and left out.
    pub tally: Tally,
    /// Whether it went on where one before was interrupted.
    pub resumed: bool,
    /// What the source has now.
    pub sources: Vec<CorpusStatistics>,
    /// Hashes that the source had before, of the kinds that were replaced.
    pub replaced: u64,
}
