//! A trace's records.

use sentinel::{Micros, Written};

/// Most blocks of one write record. A longer write is recorded as several.
pub const WRITE_BLOCKS_MAX: usize = 1 << 16;
/// Longest text of a mark in bytes.
pub const MARK_BYTES_MAX: usize = 4096;
/// The mark with which an attack begins: what is written from here on is damage.
pub const ATTACK_BEGINS: &str = "attack begin";
/// The mark with which an attack ends.
pub const ATTACK_ENDS: &str = "attack end";

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, in microseconds since the Unix epoch by the lab's clock. Never before the record before it.
    pub time: Micros,
    /// What.
    pub event: Event,
}

/// What happened. Blocks are of 4 KiB, counted from the disk's start. One that is read or written in part counts; of a range
/// that is cleared only whole ones do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Blocks were read.
    Read {
        /// First block.
        first: u64,
        /// Number of blocks.
        count: u32,
    },
    /// Neighbouring blocks were written.
    Write {
        /// First block.
        first: u64,
        /// Every block's look and what was there before. At most [`WRITE_BLOCKS_MAX`].
        blocks: Vec<Written>,
    },
    /// Blocks were zeroed.
    Zero {
        /// First block.
        first: u64,
        /// Number of blocks.
        count: u64,
        /// How many of them held stored bytes.
        stored: u64,
    },
    /// Blocks were trimmed.
    Trim {
        /// First block.
        first: u64,
        /// Number of blocks.
        count: u64,
        /// How many of them held stored bytes.
        stored: u64,
    },
    /// Everything was to be made durable.
    Flush,
    /// The truth, as the one who did it tells it: [`ATTACK_BEGINS`], [`ATTACK_ENDS`], `work begin NAME`, ...
    Mark(String),
}

/// The numbers that stand for the kinds of events.
pub(super) mod kind {
    pub(in super::super) const READ: u8 = 0;
    pub(in super::super) const WRITE: u8 = 1;
    pub(in super::super) const ZERO: u8 = 2;
    pub(in super::super) const TRIM: u8 = 3;
    pub(in super::super) const FLUSH: u8 = 4;
    pub(in super::super) const MARK: u8 = 5;
}
