//! The entry of a file or folder, of 32 bytes.

use crate::dos_time;
use crate::filesystem::{Metadata, NodeKind, Time};
use crate::little_endian::{u8_at, u16_at, u32_at};
use crate::slots::SLOT_BYTES;

/// What a slot of a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nothing, and nothing follows.
    End,
    /// A deleted entry.
    Free,
    /// A part of a long name.
    LongName,
    /// The label of the volume.
    Label,
    /// A file or folder.
    Entry(Entry),
}

/// A file or folder.
///
/// Layout: 0 name (11 bytes), 11 attributes (u8), 13 hundredths of the time made (u8), 14 time made (u16), 16 date made (u16), 18 date read (u16),
/// 20 first cluster's upper half (u16), 22 time changed (u16), 24 date changed (u16), 26 first cluster's lower half (u16), 28 size (u32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) is_folder: bool,
    /// Whether it is `.` or `..`.
    pub(super) is_dots: bool,
    /// 0 for an empty file.
    pub(super) first_cluster: u32,
    pub(super) size_bytes: u32,
    created: Option<Time>,
    modified: Option<Time>,
    accessed: Option<Time>,
}

impl Slot {
    pub(super) fn parse(slot: &[u8; SLOT_BYTES]) -> Self {
        let number = |offset| u16_at(slot, offset).unwrap_or_default();
        let attributes = u8_at(slot, 11).unwrap_or_default();
        match (slot, attributes) {
            ([0, ..], _) => Self::End,
            ([0xe5, ..], _) => Self::Free,
            (_, attributes) if attributes & 0x3f == 0x0f => Self::LongName,
            (_, attributes) if attributes & 0x08 != 0 => Self::Label,
            (slot, _) => Self::Entry(Entry {
                is_folder: attributes & 0x10 != 0,
                is_dots: slot.starts_with(b".          ") || slot.starts_with(b"..         "),
                first_cluster: u32::from(number(20)) << 16 | u32::from(number(26)),
                size_bytes: u32_at(slot, 28).unwrap_or_default(),
                created: dos_time::time(number(16), number(14), u8_at(slot, 13).unwrap_or_default()),
                modified: dos_time::time(number(24), number(22), 0),
                accessed: dos_time::time(number(18), 0, 0),
            }),
        }
    }
}

impl Entry {
    /// What FAT knows of a file. A folder's size isn't stored.
    pub(super) fn metadata(&self) -> Metadata {
        Metadata {
            size_bytes: if self.is_folder { 0 } else { self.size_bytes.into() },
            created: self.created,
            modified: self.modified,
            accessed: self.accessed,
            ..Metadata::of(NodeKind::folder_if(self.is_folder))
        }
    }
}
