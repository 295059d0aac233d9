//! The set of slots that is a file's or folder's entry.

use crate::clusters::Chain;
use crate::dos_time;
use crate::filesystem::{Metadata, NodeKind, Time};
use crate::little_endian::{u8_at, u16_at, u32_at, u64_at, utf8_from_utf16, utf16_units};
use crate::slots::SLOT_BYTES;

/// Types of slots. Bit 7: in use; bit 6: belongs to the one before.
pub(super) const END: u8 = 0;
pub(super) const FILE: u8 = 0x85;
pub(super) const DELETED_FILE: u8 = 0x05;
pub(super) const LABEL: u8 = 0x83;
const STREAM: u8 = 0xc0;
const NAME: u8 = 0xc1;
const SECONDARY: u8 = 0xc0;
/// Longest set, the first slot included: a stream and 17 slots of names.
pub(super) const SET_SLOTS_MAX: usize = 19;

/// Slots while they go by.
#[derive(Clone, Debug)]
pub(super) struct Set {
    /// Byte offset of the first.
    pub(super) place: u64,
    slots: Vec<[u8; SLOT_BYTES]>,
    /// How many there will be.
    length: usize,
}

impl Set {
    /// A set that begins with this slot of type [`FILE`].
    ///
    /// Layout: 1 slots that follow (u8), 2 checksum of the set (u16), 4 attributes (u16), 8, 12, 16 times made, changed, read (u16 time, u16
    /// date), 20, 21 hundredths of the first two (u8), 22, 23, 24 their time zones (u8).
    pub(super) fn begin(place: u64, slot: &[u8; SLOT_BYTES]) -> Result<Self, &'static str> {
        let length = 1 + usize::from(u8_at(slot, 1).unwrap_or_default());
        if !(3..=SET_SLOTS_MAX).contains(&length) {
            return Err("the number of its slots is impossible");
        }
        Ok(Self {
            place,
            slots: vec![*slot],
            length,
        })
    }

    /// Takes the next slot; `false` if it isn't one that belongs to a set.
    pub(super) fn push(&mut self, slot: &[u8; SLOT_BYTES]) -> bool {
        let [kind, ..] = *slot;
        if kind & SECONDARY != SECONDARY {
            return false;
        }
        self.slots.push(*slot);
        true
    }

    pub(super) fn is_complete(&self) -> bool {
        self.slots.len() >= self.length
    }

    /// A sum over all bytes but its own.
    fn checksum(&self) -> u16 {
        let bytes = self.slots.iter().flatten().enumerate();
        bytes
            .filter(|(index, _)| !matches!(index, 2 | 3))
            .fold(0_u16, |sum, (_, byte)| {
                sum.rotate_right(1).wrapping_add(u16::from(*byte))
            })
    }

    /// The entry, if the set is whole and its checksum right.
    ///
    /// Layout of the stream: 1 flags (u8: 2 its clusters aren't chained), 3 code units of the name (u8), 8 bytes ever written (u64), 20 first
    /// cluster (u32), 24 size in bytes (u64). Of a name: 2 fifteen code units.
    pub(super) fn parse(&self) -> Result<Entry, &'static str> {
        let short = "it has too few slots";
        let [file, stream, names @ ..] = self.slots.as_slice() else {
            return Err(short);
        };
        if u16_at(file, 2) != Some(self.checksum()) {
            return Err("its checksum is wrong");
        }
        if u8_at(stream, 0) != Some(STREAM) {
            return Err("its stream is missing");
        }
        let units = usize::from(u8_at(stream, 3).ok_or(short)?);
        let names = names.iter().filter(|slot| slot.starts_with(&[NAME]));
        let name: Vec<u16> = names
            .flat_map(|slot| utf16_units(slot.get(2..).unwrap_or_default()))
            .collect();
        let name = name.get(..units).ok_or("its name is longer than its slots")?;
        let first = u32_at(stream, 20).ok_or(short)?;
        let size_bytes = u64_at(stream, 24).ok_or(short)?;
        let is_contiguous = u8_at(stream, 1).ok_or(short)? & 2 != 0;
        let time = |offset, hundredths, zone| {
            let hundredths = u8_at(file, hundredths).unwrap_or_default();
            zoned_time(u32_at(file, offset)?, hundredths, u8_at(file, zone)?)
        };
        Ok(Entry {
            name: utf8_from_utf16(name),
            is_folder: u16_at(file, 4).ok_or(short)? & 0x10 != 0,
            chain: if is_contiguous {
                Chain::Contiguous(first)
            } else {
                Chain::Linked(first)
            },
            size_bytes,
            written_bytes: u64_at(stream, 8).ok_or(short)?.min(size_bytes),
            created: time(8, 20, 22),
            modified: time(12, 21, 23),
            // No hundredths: slot 31 is reserved, and zero.
            accessed: time(16, SLOT_BYTES, 24),
        })
    }
}

/// A local time, and its distance from UTC in quarters of an hour (bits 0 to 6, signed) if that is known (bit 7).
fn zoned_time(packed: u32, hundredths: u8, zone: u8) -> Option<Time> {
    let [low, high] = [packed & 0xffff, packed >> 16].map(|half| u16::try_from(half).unwrap_or_default());
    let local = dos_time::time(high, low, hundredths)?;
    let quarters = if zone & 0x80 == 0 {
        0
    } else {
        (zone << 1).cast_signed() >> 1
    };
    Some(Time(local.0 - i128::from(quarters) * 900 * 1_000_000_000))
}

/// A file or folder.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) is_folder: bool,
    pub(super) chain: Chain,
    pub(super) size_bytes: u64,
    /// What follows reads as zeros.
    pub(super) written_bytes: u64,
    created: Option<Time>,
    modified: Option<Time>,
    accessed: Option<Time>,
}

impl Entry {
    /// The root folder, which has no entry.
    pub(super) fn root(first: u32, size_bytes: u64) -> Self {
        Self {
            name: Vec::new(),
            is_folder: true,
            chain: Chain::Linked(first),
            size_bytes,
            written_bytes: size_bytes,
            created: None,
            modified: None,
            accessed: None,
        }
    }

    pub(super) fn metadata(&self) -> Metadata {
        Metadata {
            size_bytes: self.size_bytes,
            modified: self.modified,
            accessed: self.accessed,
            created: self.created,
            ..Metadata::of(NodeKind::folder_if(self.is_folder))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_utc() {
        let packed = u32::from((2026_u16 - 1980) << 9 | 11 << 5 | 26) << 16 | 12 << 11;
        let noon = zoned_time(packed, 0, 0).unwrap().0 / 1_000_000_000;
        let in_zone = |zone: u8| zoned_time(packed, 0, zone).unwrap().0 / 1_000_000_000;
        assert_eq!(in_zone(0x80 | 4), noon - 3600, "an hour ahead of UTC");
        assert_eq!(in_zone(0x80 | 0x6c), noon + 5 * 3600, "five hours behind it");
        assert_eq!(in_zone(0x6c), noon, "not known");
    }

    #[test]
    fn a_set_with_any_byte_changed_is_refused() {
        let mut slots = [[0_u8; SLOT_BYTES]; 3];
        slots[0][..2].copy_from_slice(&[FILE, 2]);
        slots[1][..4].copy_from_slice(&[STREAM, 3, 0, 4]);
        slots[2][..10].copy_from_slice(b"\xc1\0n\0a\0m\0e\0");
        let set = |slots: &[[u8; SLOT_BYTES]; 3]| {
            let mut set = Set::begin(0, &slots[0]).ok()?;
            (set.push(&slots[1]) && set.push(&slots[2])).then_some(set)
        };
        let sum = set(&slots).unwrap().checksum();
        slots[0][2..4].copy_from_slice(&sum.to_le_bytes());
        let entry = set(&slots).unwrap().parse().unwrap();
        assert_eq!(
            (entry.name.as_slice(), entry.chain),
            (&b"name"[..], Chain::Contiguous(0))
        );
        for index in 0..slots.len() * SLOT_BYTES {
            let mut changed = slots;
            changed[index / SLOT_BYTES][index % SLOT_BYTES] ^= 1;
            let parsed = set(&changed).and_then(|set| set.parse().ok());
            // Without its type, the first slot would not have begun a set.
            assert!(parsed.is_none() || index == 0, "byte {index}");
        }
    }
}
