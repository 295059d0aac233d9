//! Leaked passwords, by hash: immutable sorted files, counts in one page, bodies of the range API.
//!
//! What one source gave is a *part*, a range file with every byte of every hash. An *index*, a counts file, answers for one or more parts with
//! one read. A manifest says which files count. Reading merges all parts; importing replaces parts and indexes, never changes them.

mod answer;
mod counts_file;
mod import;
mod manifest;
mod merge;
mod padding;
mod publish;
mod range_file;
mod record;
mod render;
mod store;
#[cfg(test)]
mod synthetic;

pub use answer::{CorpusStatistics, Encoding, Padding, RangePrefix, RangeTag};
pub use import::{
    Existing, Format, ImportOptions, ImportProgress, ImportReport, ImportStage, Input, Malformed, Tally, import, remove,
};
pub use store::Passwords;
