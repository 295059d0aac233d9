//! Leaked passwords, by hash: immutable sorted files, counts in one page, bodies of the range API.

mod answer;
mod counts_file;
mod range_file;
mod record;
mod render;
mod store;
#[cfg(test)]
mod synthetic;

pub use answer::{CorpusStatistics, Encoding, Padding, RangePrefix, RangeTag};
pub use store::Passwords;
