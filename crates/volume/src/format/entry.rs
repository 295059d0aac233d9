//! A map entry: where a block's bytes are, and what is known about them without reading them.

use crate::format::bytes::Bytes;
use crate::time::Timestamp;

/// Bytes in a block, the unit of mapping and checksumming.
pub const BLOCK_BYTES: usize = 4096;
/// Bytes in a slot, the unit in which a payload's place in its segment is counted.
pub const SLOT_BYTES: u64 = 16;

/// A segment's number. A fork's own segments have numbers above those it shares with its parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment(pub u32);

/// A payload's place in its segment as first written, in units of [`SLOT_BYTES`]. At most 24 bits: 256 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

impl Slot {
    /// The largest slot number.
    pub const MAX: u32 = (1 << 24) - 1;

    /// The slot at a byte offset that is a multiple of [`SLOT_BYTES`]; `None` past [`Slot::MAX`].
    #[must_use]
    pub fn at(offset: u64) -> Option<Self> {
        let slot = u32::try_from(offset / SLOT_BYTES).ok()?;
        (offset.is_multiple_of(SLOT_BYTES) && slot <= Self::MAX).then_some(Self(slot))
    }

    /// The byte offset in a segment that wasn't rewritten.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 as u64 * SLOT_BYTES
    }
}

/// Where a payload is. Stays valid when compaction rewrites the segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The segment.
    pub segment: Segment,
    /// The payload's slot in it.
    pub slot: Slot,
}

/// What a map entry says of a block, or of a whole subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Never written; reads as zeros.
    Never,
    /// Stored bytes.
    Data,
    /// Zeroed, still allocated.
    Zero,
    /// Trimmed, or zeroed with a hole.
    Hole,
    /// In an inner node: the child is a node.
    Node,
    /// The node that knew was damaged: where the bytes are is lost. The location is that of the damaged node.
    Lost,
}

/// 16 bytes for a block (or, in an inner node, for a child).
///
/// | bytes | block | child node |
/// | --- | --- | --- |
/// | 0..4 | segment | segment |
/// | 4..8 | slot (24 bits), kind (4), content class (4) | the same |
/// | 8..12 | CRC-32C of the payload | the same |
/// | 12..16 | second of writing since the Unix epoch | payload length in bytes |
///
/// All zeros is [`Entry::NEVER`]. The checksum is here, and not beside the data, so that a write that was lost or
/// landed elsewhere is noticed. (Not between versions of a block that ends with its own CRC-32C, such as ext4's superblock: all
/// of them have one.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    segment: u32,
    slot_kind_class: u32,
    /// CRC-32C of the payload.
    pub crc: u32,
    seconds_or_length: u32,
}

impl Entry {
    /// Bytes of an entry on disk.
    pub const BYTES: usize = 16;
    /// A block that was never written.
    pub const NEVER: Self = Self {
        segment: 0,
        slot_kind_class: 0,
        crc: 0,
        seconds_or_length: 0,
    };

    const fn pack(kind: u32, slot: Slot, class: u8) -> u32 {
        slot.0 | kind << 24 | ((class as u32) & 0xf) << 28
    }

    /// A stored block.
    #[must_use]
    pub fn data(location: Location, class: u8, crc: u32, written: Timestamp) -> Self {
        Self {
            segment: location.segment.0,
            slot_kind_class: Self::pack(1, location.slot, class),
            crc,
            seconds_or_length: seconds(written),
        }
    }

    /// The same block, stored elsewhere.
    #[must_use]
    pub const fn moved_to(self, location: Location) -> Self {
        Self {
            segment: location.segment.0,
            slot_kind_class: location.slot.0 | self.slot_kind_class & !Slot::MAX,
            ..self
        }
    }

    /// A zeroed block that stays allocated.
    #[must_use]
    pub fn zero(written: Timestamp) -> Self {
        Self {
            slot_kind_class: Self::pack(2, Slot(0), 0),
            seconds_or_length: seconds(written),
            ..Self::NEVER
        }
    }

    /// A trimmed block.
    #[must_use]
    pub fn hole(written: Timestamp) -> Self {
        Self {
            slot_kind_class: Self::pack(3, Slot(0), 0),
            seconds_or_length: seconds(written),
            ..Self::NEVER
        }
    }

    /// A child node of `length` bytes.
    #[must_use]
    pub const fn node(location: Location, crc: u32, length: u32) -> Self {
        Self {
            segment: location.segment.0,
            slot_kind_class: Self::pack(4, location.slot, 0),
            crc,
            seconds_or_length: length,
        }
    }

    /// A block, or a subtree, whose place was known only to a node that is damaged.
    #[must_use]
    pub const fn lost(damaged: Location) -> Self {
        Self {
            segment: damaged.segment.0,
            slot_kind_class: Self::pack(5, damaged.slot, 0),
            crc: 0,
            seconds_or_length: 0,
        }
    }

    /// What the entry says.
    #[must_use]
    pub const fn kind(&self) -> EntryKind {
        match self.slot_kind_class >> 24 & 0xf {
            1 => EntryKind::Data,
            2 => EntryKind::Zero,
            3 => EntryKind::Hole,
            4 => EntryKind::Node,
            5 => EntryKind::Lost,
            _ => EntryKind::Never,
        }
    }

    /// Where the payload is, for [`EntryKind::Data`] and [`EntryKind::Node`].
    #[must_use]
    pub const fn location(&self) -> Location {
        Location {
            segment: Segment(self.segment),
            slot: Slot(self.slot_kind_class & Slot::MAX),
        }
    }

    /// The payload's length in bytes.
    #[must_use]
    pub const fn payload_length(&self) -> u32 {
        match self.kind() {
            EntryKind::Data => BLOCK_BYTES as u32,
            EntryKind::Node => self.seconds_or_length,
            _ => 0,
        }
    }

    /// How random the block's bytes look, 0 (not classified) to 15.
    #[must_use]
    pub const fn class(&self) -> u8 {
        (self.slot_kind_class >> 28) as u8
    }

    /// When the block was written, zeroed or trimmed, to the second.
    #[must_use]
    pub const fn written(&self) -> Option<Timestamp> {
        match self.kind() {
            EntryKind::Data | EntryKind::Zero | EntryKind::Hole => {
                Some(Timestamp::from_unix_seconds(self.seconds_or_length as u64))
            }
            EntryKind::Never | EntryKind::Node | EntryKind::Lost => None,
        }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.segment.to_le_bytes());
        out.extend(self.slot_kind_class.to_le_bytes());
        out.extend(self.crc.to_le_bytes());
        out.extend(self.seconds_or_length.to_le_bytes());
    }

    /// Parses an entry; `None` for an unknown kind.
    pub(crate) fn parse(bytes: &mut Bytes<'_>) -> Option<Self> {
        let entry = Self {
            segment: bytes.u32()?,
            slot_kind_class: bytes.u32()?,
            crc: bytes.u32()?,
            seconds_or_length: bytes.u32()?,
        };
        (entry.slot_kind_class >> 24 & 0xf <= 5).then_some(entry)
    }
}

fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_unix_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_a_round_trip() {
        let location = Location {
            segment: Segment(u32::MAX),
            slot: Slot(Slot::MAX),
        };
        let time = Timestamp::from_unix_seconds(1_800_000_000);
        for entry in [
            Entry::NEVER,
            Entry::data(location, 15, 7, time),
            Entry::zero(time),
            Entry::hole(time),
            Entry::node(location, 9, 4000),
            Entry::lost(location),
        ] {
            let mut out = Vec::new();
            entry.put(&mut out);
            assert_eq!(out.len(), Entry::BYTES);
            assert_eq!(Entry::parse(&mut Bytes::new(&out)), Some(entry));
        }
        let data = Entry::data(location, 15, 7, time);
        assert_eq!(
            (data.location(), data.class(), data.written()),
            (location, 15, Some(time))
        );
    }
}
