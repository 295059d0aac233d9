//! The partition table of the master boot record: four entries, and a chain of further records with the logical partitions.

use super::area::Area;
use crate::disk::Disk;
use crate::fields::{le32, part, u8_at};

const TABLE_OFFSET: usize = 446;
const ENTRY_BYTES: usize = 16;
const SIGNATURE: &[u8] = &[0x55, 0xaa];
const TYPE_GPT: u8 = 0xee;
/// Linux numbers logical partitions from here on.
const FIRST_LOGICAL: u32 = 5;
/// More than any tool makes; a chain that is longer, or leads in circles, ends here.
const LOGICAL_MAX: u32 = 128;

#[derive(Clone, Copy)]
struct Entry {
    flags: u8,
    kind: u8,
    first_sector: u32,
    sectors: u32,
}

impl Entry {
    fn is_used(self) -> bool {
        self.kind != 0 && self.sectors > 0
    }

    const fn is_extended(self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }
}

/// The four entries of a record, or `None` if a sector isn't one.
fn entries(disk: &dyn Disk, offset: u64) -> Option<[Entry; 4]> {
    let mut sector = [0; 512];
    disk.read_at(offset, &mut sector).ok()?;
    let record = part(&sector, 510, 2)? == SIGNATURE;
    let entry = |index| {
        let at = TABLE_OFFSET + ENTRY_BYTES * index;
        Entry {
            flags: u8_at(&sector, at),
            kind: u8_at(&sector, at + 4),
            first_sector: le32(&sector, at + 8),
            sectors: le32(&sector, at + 12),
        }
    };
    record.then(|| [0, 1, 2, 3].map(entry))
}

/// Whether the disk says that it has a GPT.
pub(super) fn announces_gpt(disk: &dyn Disk) -> bool {
    entries(disk, 0).is_some_and(|entries| entries.iter().any(|entry| entry.kind == TYPE_GPT))
}

/// The partitions, with sectors of a size that the record doesn't tell. `None` if there is no such table: its signature is that of any boot
/// sector, and code in the place of a table is no table.
pub(super) fn read(disk: &dyn Disk, sector_bytes: u64) -> Option<Vec<Area>> {
    let primary = entries(disk, 0)?;
    let sound = |entry: &Entry| {
        let start = u64::from(entry.first_sector) * sector_bytes;
        matches!(entry.flags, 0 | 0x80) && (!entry.is_used() || start > 0 && start < disk.size_bytes())
    };
    if !primary.iter().all(sound) || !primary.iter().any(|entry| entry.is_used()) {
        return None;
    }
    let mut areas = Vec::new();
    for (entry, number) in primary.into_iter().zip(1..) {
        if entry.is_used() && !entry.is_extended() {
            areas.extend(area(disk, entry, 0, number, sector_bytes));
        }
    }
    let mut logical = FIRST_LOGICAL;
    for entry in primary
        .into_iter()
        .filter(|entry| entry.is_used() && entry.is_extended())
    {
        chain(
            disk,
            u64::from(entry.first_sector),
            sector_bytes,
            &mut logical,
            &mut areas,
        );
    }
    Some(areas)
}

/// The logical partitions: each record has one, whose place is counted from the record, and the next record, counted from the first.
fn chain(disk: &dyn Disk, first: u64, sector_bytes: u64, number: &mut u32, areas: &mut Vec<Area>) {
    let mut seen = Vec::new();
    let mut record = first;
    while *number < FIRST_LOGICAL + LOGICAL_MAX && !seen.contains(&record) {
        seen.push(record);
        let Some([partition, next, ..]) = entries(disk, record.saturating_mul(sector_bytes)) else {
            return;
        };
        if partition.is_used() {
            areas.extend(area(disk, partition, record, *number, sector_bytes));
            *number += 1;
        }
        if !next.is_used() || !next.is_extended() || seen.len() > LOGICAL_MAX as usize {
            return;
        }
        record = first.saturating_add(u64::from(next.first_sector));
    }
}

/// `None` for one that isn't on the disk.
fn area(disk: &dyn Disk, entry: Entry, base: u64, number: u32, sector_bytes: u64) -> Option<Area> {
    let start = base
        .checked_add(u64::from(entry.first_sector))?
        .checked_mul(sector_bytes)?;
    let end = start.checked_add(u64::from(entry.sectors).checked_mul(sector_bytes)?)?;
    let length = end
        .min(disk.size_bytes())
        .checked_sub(start)
        .filter(|length| *length > 0)?;
    Some(Area::single(number.to_string(), describe(entry.kind), start, length))
}

fn describe(kind: u8) -> String {
    let known = match kind {
        0x01 | 0x04 | 0x06 | 0x0b | 0x0c | 0x0e => "FAT",
        0x07 => "NTFS or exFAT",
        0x27 => "Windows recovery",
        0x82 => "Linux swap",
        0x83 => "Linux data",
        0x8e => "Linux LVM",
        0xa5 => "FreeBSD",
        0xaf => "HFS+",
        0xef => "EFI system",
        0xfd => "Linux RAID",
        _ => return format!("type {kind:02X}"),
    };
    known.to_owned()
}
