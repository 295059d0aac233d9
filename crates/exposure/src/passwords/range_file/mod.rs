//! A range file: every byte of every hash of one kind, with its count, by the 20-bit prefix that the range API asks for.
//!
//! The layout is documented in `docs/format-exposure.md`: a header, a block for each prefix that has rows, a directory of the blocks'
//! lengths, and a trailer, which is written last. A file without its trailer is unfinished.

mod block;
mod layout;
mod read;
mod scan;
mod write;

pub(super) use block::{Block, with_block};
pub(super) use layout::{Totals, is_sealed, kind_code, kind_of, seal};
pub(super) use read::RangeFile;
pub(super) use scan::Scan;
pub(super) use write::RangeWriter;

#[cfg(test)]
mod tests;
