//! Partition tables and logical volumes as the real tools make them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails shall panic"
)]

mod foreign;
mod lvm;
mod tables;
mod tools;
