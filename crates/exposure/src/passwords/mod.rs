//! Leaked passwords, by hash: immutable sorted files, counts in one page, bodies of the range API.

mod answer;
mod store;

pub use answer::{CorpusStatistics, Encoding, Padding, RangePrefix, RangeTag};
pub use store::Passwords;
