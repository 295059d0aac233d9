//! What can be asked of the simulated disk: its shape, its faults, and when the machine stops.

/// What stays the same for the life of a disk.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// The unit in bytes that is written entirely or not at all.
    pub sector: usize,
    /// Bytes that fit on the disk.
    pub capacity_bytes: u64,
    /// Whether unsynced changes of different directories are lost independently of each other.
    pub directories_are_independent: bool,
    /// Whether a sector that was never written may show old bytes of other files after a power cut.
    pub shows_stale_bytes: bool,
}

impl Default for Geometry {
    fn default() -> Self {
        Self {
            sector: 512,
            capacity_bytes: 1 << 30,
            directories_are_independent: false,
            shows_stale_bytes: false,
        }
    }
}

/// How often each fault happens, in cases of 10,000. May change at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A write fails, part of it done.
    pub write_error: u64,
    /// A sync of a file or directory fails.
    pub sync_error: u64,
    /// A creation, renaming, removal or allocation fails.
    pub metadata_error: u64,
    /// A read fails this once.
    pub read_error: u64,
    /// A sync brings one sector to the wrong place.
    pub misdirected: u64,
    /// A sync leaves one sector out.
    pub lost: u64,
    /// A sync does nothing.
    pub lying_sync: u64,
    /// A read that must not wait finds its bytes outside memory.
    pub not_resident: u64,
}

/// How the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The power is cut: the page cache is gone.
    Power,
    /// The process is killed: the page cache stays.
    Kill,
}
