//! ext2, ext3 and ext4 as the real tools make them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails shall panic"
)]

mod compare;
mod damage;
mod features;
mod image;
mod journal;
mod kernel;
