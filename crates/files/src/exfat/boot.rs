//! The boot sector: where everything lies.

use crate::clusters::{FIRST_CLUSTER, Width};
use crate::disk::{BOOT_BYTES, Disk, boot_sector};
use crate::error::Error;
use crate::little_endian::{array_at, u8_at, u16_at, u32_at, u64_at};

/// What the boot sector says, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) size_bytes: u64,
    pub(super) cluster_bytes: u64,
    /// Byte offset of the table in use.
    pub(super) table: u64,
    /// Byte offset of the first cluster.
    pub(super) heap: u64,
    /// Clusters, no more than the table has entries for.
    pub(super) clusters: u32,
    /// The root folder's first cluster.
    pub(super) root_cluster: u32,
    /// Whether it wasn't unmounted.
    pub(super) is_dirty: bool,
}

impl Layout {
    pub(super) fn read(disk: &dyn Disk) -> Result<Self, Error> {
        let bytes = boot_sector(disk)?;
        if array_at(&bytes, 3) != Some(*b"EXFAT   ") {
            return Err(Error::Unrecognised);
        }
        Self::parse(&bytes).ok_or(Error::Damaged {
            structure: "boot sector",
            offset: 0,
            detail: "its sizes make no sense",
        })
    }

    /// Layout: 72 sectors (u64), 80 first sector of the table (u32), 84 its sectors (u32), 88 first sector of the clusters (u32), 92 clusters (u32),
    /// 96 first cluster of the root folder (u32), 106 flags (u16: 1 the second table is in use, 2 not unmounted), 108 bytes per sector and 109
    /// sectors per cluster as binary logarithms (u8), 110 tables (u8).
    fn parse(bytes: &[u8; BOOT_BYTES]) -> Option<Self> {
        let sector_bits = u8_at(bytes, 108).filter(|bits| (9..=12).contains(bits))?;
        let cluster_bits = u8_at(bytes, 109)?.checked_add(sector_bits).filter(|bits| *bits <= 25)?;
        let sector_bytes = 1_u64 << sector_bits;
        let flags = u16_at(bytes, 106)?;
        let tables = u8_at(bytes, 110).filter(|tables| (1..=2).contains(tables))?;
        let table_bytes = u64::from(u32_at(bytes, 84)?) * sector_bytes;
        let second = flags & 1 != 0 && tables == 2;
        let entries = Width::Bits32
            .entries_in(table_bytes)
            .saturating_sub(FIRST_CLUSTER.into());
        let clusters = u32_at(bytes, 92)?.min(u32::try_from(entries).unwrap_or(u32::MAX));
        if clusters == 0 {
            return None;
        }
        Some(Self {
            size_bytes: u64_at(bytes, 72)?.checked_mul(sector_bytes)?,
            cluster_bytes: 1 << cluster_bits,
            table: u64::from(u32_at(bytes, 80)?) * sector_bytes + if second { table_bytes } else { 0 },
            heap: u64::from(u32_at(bytes, 88)?) * sector_bytes,
            clusters,
            root_cluster: u32_at(bytes, 96)?,
            is_dirty: flags & 2 != 0,
        })
    }
}
