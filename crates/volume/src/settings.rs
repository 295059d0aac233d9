//! What an operator can choose for a volume.

use std::time::Duration;

/// A volume's settings. Not stored with the volume: whoever opens it brings them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long the past is kept, if there is space for it.
    pub retention: Duration,
    /// How long the past is kept in any case: when it fills the budget, writes are refused.
    pub retention_floor: Duration,
    /// Bytes that the volume's files may occupy; `None` for as much as the disk below holds.
    pub budget_bytes: Option<u64>,
    /// Memory for map nodes, in bytes: about half for changes since the last checkpoint, half as a cache.
    pub map_cache_bytes: usize,
    /// Bytes at which a segment is sealed, at most 256 MiB.
    pub segment_bytes: u32,
    /// Batches after the newest checkpoint that may have to be replayed, counted in records.
    pub checkpoint_records: u64,
    /// Age from which a sealed segment is compressed.
    pub compress_after: Duration,
    /// Age from which blocks that lie apart are brought together.
    pub defragment_after: Duration,
    /// How much is moved for that, in per cent of what clients write; 0 for nothing.
    pub defragment_percent: u32,
    /// Level of zstd.
    pub compression_level: i32,
    /// Share of a segment that must have expired before it is rewritten, in per cent.
    pub compact_from_percent: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(7 * 24 * 3600),
            retention_floor: Duration::from_secs(24 * 3600),
            budget_bytes: None,
            map_cache_bytes: 64 << 20,
            segment_bytes: 64 << 20,
            checkpoint_records: 128 << 10,
            compress_after: Duration::from_secs(3600),
            defragment_after: Duration::from_secs(3600),
            defragment_percent: 50,
            compression_level: 3,
            compact_from_percent: 25,
        }
    }
}

impl Settings {
    /// The smallest segment that works: room for a checkpoint of many pins in one batch.
    pub const SEGMENT_BYTES_MIN: u32 = 64 << 10;
    /// The largest segment that slots can address.
    pub const SEGMENT_BYTES_MAX: u32 = 256 << 20;

    pub(crate) fn segment_capacity(&self) -> u32 {
        self.segment_bytes
            .clamp(Self::SEGMENT_BYTES_MIN, Self::SEGMENT_BYTES_MAX - 4096)
    }

    /// Segments of small disks are small: a disk of a gigabyte shouldn't set aside a tenth of itself. Those of small
    /// budgets are too: history is dropped by segments, and one is always kept free.
    pub(crate) fn capacity_for(&self, size_bytes: u64) -> u32 {
        const SMALL: u64 = 4 << 20;
        let room_bytes = self.budget_bytes.unwrap_or(u64::MAX).min(size_bytes);
        let fitting = u32::try_from((room_bytes / 16).max(SMALL)).unwrap_or(u32::MAX);
        self.segment_capacity().min(fitting)
    }
}
