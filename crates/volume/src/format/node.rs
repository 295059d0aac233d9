//! A node of the map: a radix tree over block numbers, five levels of 7+7+7+7+6 bits.
//!
//! ```text
//! level (1) | reserved (7) | index (8) | mask (16) | entry (16) for each bit set in the mask
//! ```
//!
//! Level and index are stored so that a node that landed at another place isn't taken for one that belongs there.

use crate::format::bytes::Bytes;
use crate::format::entry::{Entry, EntryKind};

/// Bits of the block number that a leaf resolves: 64 blocks, 256 KiB.
pub const LEAF_BITS: u32 = 6;
/// Bits that every level above resolves.
pub const FANOUT_BITS: u32 = 7;
/// Levels, the leaves included. 6 + 4 x 7 = 34 bits of blocks of 4 KiB: 64 TiB.
pub const LEVELS: u8 = 5;

/// A node's place in the tree: level 0 for leaves, index = block number shifted by the bits below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddress {
    /// 0 for leaves, `LEVELS - 1` for the root.
    pub level: u8,
    /// Which of the level's nodes.
    pub index: u64,
}

impl NodeAddress {
    /// The root.
    pub const ROOT: Self = Self {
        level: LEVELS - 1,
        index: 0,
    };

    /// As a record's address.
    #[must_use]
    pub const fn to_record(self) -> u64 {
        (self.level as u64) << 56 | self.index
    }

    /// From a record's address.
    #[must_use]
    pub const fn from_record(address: u64) -> Self {
        Self {
            level: (address >> 56) as u8,
            index: address & ((1 << 56) - 1),
        }
    }

    /// The leaf that holds a block.
    #[must_use]
    pub const fn leaf_of(block: u64) -> Self {
        Self {
            level: 0,
            index: block >> LEAF_BITS,
        }
    }

    /// How many entries a node of this level has.
    #[must_use]
    pub const fn fanout(self) -> u32 {
        if self.level == 0 {
            1 << LEAF_BITS
        } else {
            1 << FANOUT_BITS
        }
    }
}

/// A node: entries by position, [`Entry::NEVER`] where none is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    mask: u128,
    entries: Vec<Entry>,
}

impl Node {
    /// Bytes of a node's fixed part.
    pub const HEADER_BYTES: usize = 32;

    /// The entry at `position` (below 128).
    #[must_use]
    pub fn entry(&self, position: u32) -> Entry {
        self.stored(position).unwrap_or(Entry::NEVER)
    }

    /// The entry at `position`, if one is stored.
    #[must_use]
    pub fn stored(&self, position: u32) -> Option<Entry> {
        if self.mask >> position & 1 == 0 {
            return None;
        }
        self.entries.get(self.rank(position)).copied()
    }

    /// Stores an entry, [`Entry::NEVER`] too.
    pub fn set(&mut self, position: u32, entry: Entry) {
        let rank = self.rank(position);
        if self.mask >> position & 1 == 0 {
            self.mask |= 1 << position;
            self.entries.insert(rank, entry);
        } else if let Some(stored) = self.entries.get_mut(rank) {
            *stored = entry;
        }
    }

    /// A node whose first `fanout` entries are all `entry`.
    #[must_use]
    pub fn filled(fanout: u32, entry: Entry) -> Self {
        let mask = if fanout >= 128 { u128::MAX } else { (1 << fanout) - 1 };
        Self {
            mask,
            entries: vec![entry; fanout as usize],
        }
    }

    /// How many entries are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no entry is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All stored entries with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Entry)> {
        let mut mask = self.mask;
        self.entries.iter().map(move |entry| {
            let position = mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
            (position, *entry)
        })
    }

    /// The entry that all `fanout` positions share, if they do and it isn't a place in the log.
    #[must_use]
    pub fn uniform(&self, fanout: u32) -> Option<Entry> {
        let first = self.entry(0);
        let place = matches!(first.kind(), EntryKind::Data | EntryKind::Node);
        (!place && (0..fanout).all(|position| self.entry(position) == first)).then_some(first)
    }

    /// Memory that the node occupies, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.entries.capacity() * Entry::BYTES
    }

    fn rank(&self, position: u32) -> usize {
        (self.mask & ((1u128 << position) - 1)).count_ones() as usize
    }

    /// The node's bytes. Positions that hold [`Entry::NEVER`] are left out.
    pub fn put(&self, address: NodeAddress, out: &mut Vec<u8>) {
        let mut mask = 0u128;
        for (position, entry) in self.iter() {
            mask |= u128::from(entry != Entry::NEVER) << position;
        }
        out.push(address.level);
        out.extend([0; 7]);
        out.extend(address.index.to_le_bytes());
        out.extend(mask.to_le_bytes());
        for (_, entry) in self.iter().filter(|(_, entry)| *entry != Entry::NEVER) {
            entry.put(out);
        }
    }

    /// Parses a node that must be at `address`.
    #[must_use]
    pub fn parse(bytes: &[u8], address: NodeAddress) -> Option<Self> {
        let mut bytes = Bytes::new(bytes);
        let level = bytes.u8()?;
        bytes.take(7)?;
        let index = bytes.u64()?;
        let mask = bytes.u128()?;
        let fits = address.fanout() >= 128 || mask >> address.fanout() == 0;
        let count = mask.count_ones() as usize;
        if level != address.level || index != address.index || !fits || bytes.remaining() != count * Entry::BYTES {
            return None;
        }
        let entries = (0..count)
            .map(|_| Self::parse_entry(&mut bytes, level))
            .collect::<Option<Vec<_>>>()?;
        Some(Self { mask, entries })
    }

    /// A leaf never points at nodes, and an inner node never at blocks.
    fn parse_entry(bytes: &mut Bytes<'_>, level: u8) -> Option<Entry> {
        let wrong = if level == 0 { EntryKind::Node } else { EntryKind::Data };
        Entry::parse(bytes).filter(|entry| entry.kind() != wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn entries_are_found_where_they_were_set() {
        let mut node = Node::default();
        for position in [127, 0, 63, 64, 5] {
            node.set(position, Entry::hole(Timestamp::from_unix_seconds(u64::from(position))));
        }
        for position in 0..128 {
            let expected = [127, 0, 63, 64, 5]
                .contains(&position)
                .then(|| Entry::hole(Timestamp::from_unix_seconds(u64::from(position))));
            assert_eq!(node.stored(position), expected);
        }
        let address = NodeAddress { level: 1, index: 3 };
        let mut bytes = Vec::new();
        node.put(address, &mut bytes);
        assert_eq!(Node::parse(&bytes, address), Some(node));
        assert_eq!(
            Node::parse(&bytes, NodeAddress { level: 0, index: 3 }),
            None,
            "64.. do not fit a leaf"
        );
        assert_eq!(Node::parse(&bytes, NodeAddress { level: 1, index: 4 }), None);
    }

    #[test]
    fn uniform_nodes_are_recognised() {
        let hole = Entry::hole(Timestamp::from_unix_seconds(9));
        assert_eq!(Node::filled(64, hole).uniform(64), Some(hole));
        assert_eq!(Node::default().uniform(128), Some(Entry::NEVER));
        let mut node = Node::filled(64, hole);
        node.set(9, Entry::NEVER);
        assert_eq!(node.uniform(64), None);
    }
}
