//! A counts file: how often a hash was seen, found by reading one page of 4 KiB.
//!
//! A key is the first 64 bits of a hash. Hashes are evenly spread, so the page of a key follows from the key itself, without an index. In
//! a page, keys are Elias-Fano coded. Rows that don't fit in their page go to overflow pages, a few in a thousand. The layout is
//! documented in `docs/format-exposure.md`.

mod bits;
mod build;
mod overflow;
mod page;
mod plan;
mod read;

pub(super) use build::CountsWriter;
pub(super) use page::Row;
pub(super) use read::{CountsFile, Found};

#[cfg(test)]
mod tests;

/// Bytes of a page.
pub(super) const PAGE_BYTES: usize = 4096;
