//! The boot sector: which of the three it is, and where everything lies.

use crate::clusters::{FIRST_CLUSTER, Width};
use crate::disk::{BOOT_BYTES, Disk, boot_sector};
use crate::error::Error;
use crate::filesystem::FileSystemKind;
use crate::little_endian::{array_at, u8_at, u16_at, u32_at};

/// FAT12 has fewer clusters than this.
const FAT16_CLUSTERS: u32 = 4085;

/// What the boot sector says, checked.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: Width,
    pub(super) size_bytes: u64,
    pub(super) cluster_bytes: u64,
    /// Byte offset of the table in use.
    pub(super) table: u64,
    /// Byte offset of the first cluster.
    pub(super) heap: u64,
    /// Clusters, no more than the table has entries for.
    pub(super) clusters: u32,
    pub(super) root: Root,
    /// From the boot sector; the root folder may have another.
    pub(super) label: Option<[u8; 11]>,
}

/// Where the root folder is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Root {
    /// Between the tables and the clusters, with a fixed length (FAT12 and FAT16).
    Fixed { place: u64, length: u64 },
    /// In clusters, from this one on (FAT32).
    Cluster(u32),
}

impl Layout {
    /// Which of the three it is.
    pub(super) const fn kind(&self) -> FileSystemKind {
        match self.width {
            Width::Bits12 => FileSystemKind::Fat12,
            Width::Bits16 => FileSystemKind::Fat16,
            Width::Bits28 | Width::Bits32 => FileSystemKind::Fat32,
        }
    }

    pub(super) fn read(disk: &dyn Disk) -> Result<Self, Error> {
        let bytes = boot_sector(disk)?;
        // A FAT has no magic number: the sizes must make sense, and there must be a table and clusters.
        Self::parse(&bytes).ok_or(Error::Unrecognised)
    }

    /// Layout: 0 a jump (3 bytes), 11 bytes per sector (u16), 13 sectors per cluster (u8), 14 sectors before the tables (u16), 16 tables (u8), 17
    /// entries of the root folder (u16), 19 sectors (u16) or 32 (u32), 21 kind of medium (u8), 22 sectors of a table (u16) or 36 (u32), 40 which
    /// table is in use (u16, FAT32), 44 first cluster of the root folder (u32, FAT32), 510 signature.
    pub(super) fn parse(bytes: &[u8; BOOT_BYTES]) -> Option<Self> {
        let sector_bytes = u64::from(u16_at(bytes, 11)?);
        let cluster_sectors = u64::from(u8_at(bytes, 13)?);
        let tables = u64::from(u8_at(bytes, 16)?);
        let is_sound = matches!((u8_at(bytes, 0)?, u8_at(bytes, 2)?), (0xeb, 0x90) | (0xe9, _))
            && matches!(sector_bytes, 512 | 1024 | 2048 | 4096)
            && cluster_sectors.is_power_of_two()
            && (1..=2).contains(&tables)
            && u8_at(bytes, 21)? >= 0xf0
            && bytes.ends_with(&[0x55, 0xaa]);
        if !is_sound {
            return None;
        }
        let either = |short: u16, long: u32| if short == 0 { u64::from(long) } else { u64::from(short) };
        let sectors = either(u16_at(bytes, 19)?, u32_at(bytes, 32)?);
        let short_table_sectors = u16_at(bytes, 22)?;
        let table_sectors = either(short_table_sectors, u32_at(bytes, 36)?);
        let reserved = u64::from(u16_at(bytes, 14)?);
        if reserved == 0 || table_sectors == 0 {
            return None;
        }
        // All of these are products of numbers of at most 32 and 8 bits.
        let root_sectors = (u64::from(u16_at(bytes, 17)?) * 32).div_ceil(sector_bytes);
        let root_start = reserved + tables * table_sectors;
        let heap_start = root_start + root_sectors;
        let clusters = u32::try_from(sectors.checked_sub(heap_start)? / cluster_sectors).ok()?;
        let is_fat32 = short_table_sectors == 0;
        let width = match clusters {
            0 => return None,
            _ if is_fat32 => Width::Bits28,
            1..FAT16_CLUSTERS => Width::Bits12,
            _ => Width::Bits16,
        };
        let entries = width.entries_in(table_sectors * sector_bytes);
        let entries = entries.saturating_sub(FIRST_CLUSTER.into());
        let table_number = if is_fat32 {
            table_in_use(u16_at(bytes, 40)?, tables)
        } else {
            0
        };
        let label_start = if is_fat32 { 71 } else { 43 };
        let has_label = matches!(u8_at(bytes, label_start - 5), Some(0x29));
        Some(Self {
            width,
            size_bytes: sectors * sector_bytes,
            cluster_bytes: cluster_sectors * sector_bytes,
            table: (reserved + table_number * table_sectors) * sector_bytes,
            heap: heap_start * sector_bytes,
            clusters: u32::try_from(entries).unwrap_or(u32::MAX).min(clusters),
            root: if is_fat32 {
                Root::Cluster(u32_at(bytes, 44)?)
            } else {
                Root::Fixed {
                    place: root_start * sector_bytes,
                    length: u64::from(u16_at(bytes, 17)?) * 32,
                }
            },
            label: array_at(bytes, label_start).filter(|_| has_label),
        })
    }
}

/// If tables aren't copies of each other (bit 7), the lowest bits tell which one is right.
fn table_in_use(flags: u16, tables: u64) -> u64 {
    let number = u64::from(flags & 0x0f);
    if flags & 0x80 != 0 && number < tables {
        number
    } else {
        0
    }
}
