//! Leaked passwords, by hash: immutable sorted files, counts in one page, bodies of the range API.
//!
//! What one source gave is a *part*, a range file with every byte of every hash. An *index*, a counts file, answers for one or more parts with
//! one read. A manifest says which files count. Files never change: an import adds a part and an index of its own, reading adds up what all of
//! them have, and merging, in the background, puts one index in the place of all.

mod answer;
mod counts_file;
mod import;
mod manifest;
mod merge;
mod merging;
mod padding;
mod publish;
mod range_file;
mod record;
mod render;
mod store;
#[cfg(test)]
mod synthetic;
mod write;

pub use answer::{CorpusStatistics, Encoding, Padding, RangePrefix, RangeTag, Reads};
pub use import::{
    Existing, Format, ImportOptions, ImportProgress, ImportReport, ImportStage, Input, Malformed, Tally, import, remove,
};
pub use merging::{MergeReport, merge, needs_merge};
pub use store::Passwords;
