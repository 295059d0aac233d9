//! Changes to a map since a root was written: what the live volume collects between checkpoints, and what a view
//! replays between the nearest root and its moment.
//!
//! Invariants: a leaf that is stored has precedence over a fill that covers it, because storing an entry in a filled
//! leaf takes the fill's entries into the leaf first, and a fill removes the leaves that it covers. Fills don't
//! overlap.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::format::{Entry, LEAF_BITS, Node};

const LEAF_BLOCKS: u64 = 1 << LEAF_BITS;
/// Bytes that a stored leaf costs beside its entries (hash slot, allocation), and a fill.
const OVERHEAD_BYTES: usize = 48;

/// Entries that differ from a base map.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delta {
    /// Leaf index -> entries that changed.
    leaves: FxHashMap<u64, Node>,
    /// First leaf -> (one past the last leaf, entry of every block in them).
    fills: BTreeMap<u64, (u64, Entry)>,
    entries: usize,
}

/// What a delta says of a whole leaf.
pub(crate) enum LeafChange<'a> {
    /// Nothing: ask the base.
    None,
    /// All blocks have this entry.
    Fill(Entry),
    /// Some blocks (all of those stored) have new entries.
    Some(&'a Node),
}

/// Leaves that changes treat alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UniformPart {
    /// The entry of every block; `None` where the base has the say.
    pub(crate) entry: Option<Entry>,
    /// One past the last of these leaves.
    pub(crate) until: u64,
}

impl UniformPart {
    /// What newer changes, which say this, leave of what older ones say of the same leaf.
    pub(crate) fn over(self, older: Option<Self>) -> Option<Self> {
        if self.entry.is_some() {
            return Some(self);
        }
        older.map(|older| Self {
            entry: older.entry,
            until: self.until.min(older.until),
        })
    }
}

impl Delta {
    pub(crate) fn is_empty(&self) -> bool {
        self.leaves.is_empty() && self.fills.is_empty()
    }

    /// How many leaves a checkpoint would have to write.
    pub(crate) fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// About how much memory the delta occupies, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.entries * Entry::BYTES
            + self.leaves.len() * (size_of::<Node>() + OVERHEAD_BYTES)
            + self.fills.len() * (size_of::<Entry>() + OVERHEAD_BYTES)
    }

    pub(crate) fn set(&mut self, block: u64, entry: Entry) {
        let leaf = block >> LEAF_BITS;
        let node = match self.leaves.entry(leaf) {
            std::collections::hash_map::Entry::Occupied(occupied) => occupied.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let node = match fill_of(&self.fills, leaf) {
                    Some(fill) => Node::filled(LEAF_BLOCKS as u32, fill),
                    None => Node::default(),
                };
                self.entries += node.len();
                vacant.insert(node)
            }
        };
        let before = node.len();
        node.set(position(block), entry);
        self.entries += node.len() - before;
    }

    /// Sets all blocks of a range. Costs O(leaves stored in the range), and never more than for all leaves stored.
    pub(crate) fn fill(&mut self, start: u64, end: u64, entry: Entry) {
        let first_whole = start.div_ceil(LEAF_BLOCKS);
        let last_whole = end / LEAF_BLOCKS;
        if first_whole >= last_whole {
            (start..end).for_each(|block| self.set(block, entry));
            return;
        }
        (start..first_whole * LEAF_BLOCKS).for_each(|block| self.set(block, entry));
        (last_whole * LEAF_BLOCKS..end).for_each(|block| self.set(block, entry));
        self.remove_leaves(first_whole, last_whole);
        self.cut_fills(first_whole, last_whole);
        self.fills.insert(first_whole, (last_whole, entry));
    }

    /// Forgets what is said of a range: the base has the say there again. Costs as much as [`Delta::fill`].
    pub(crate) fn forget(&mut self, start: u64, end: u64) {
        let first_whole = start.div_ceil(LEAF_BLOCKS);
        let last_whole = end / LEAF_BLOCKS;
        if first_whole > last_whole {
            self.forget_part(last_whole, position(start)..position(end));
            return;
        }
        if start < first_whole * LEAF_BLOCKS {
            self.forget_part(first_whole - 1, position(start)..LEAF_BLOCKS as u32);
        }
        if last_whole * LEAF_BLOCKS < end {
            self.forget_part(last_whole, 0..position(end));
        }
        if first_whole < last_whole {
            self.remove_leaves(first_whole, last_whole);
            self.cut_fills(first_whole, last_whole);
        }
    }

    fn forget_part(&mut self, leaf: u64, positions: std::ops::Range<u32>) {
        let said = match self.leaf(leaf) {
            LeafChange::None => return,
            LeafChange::Fill(entry) => Node::filled(LEAF_BLOCKS as u32, entry),
            LeafChange::Some(node) => node.clone(),
        };
        let mut kept = Node::default();
        for (position, entry) in said.iter().filter(|(position, _)| !positions.contains(position)) {
            kept.set(position, entry);
        }
        self.remove_leaves(leaf, leaf + 1);
        self.cut_fills(leaf, leaf + 1);
        if !kept.is_empty() {
            self.entries += kept.len();
            self.leaves.insert(leaf, kept);
        }
    }

    fn remove_leaves(&mut self, first: u64, end: u64) {
        if end - first < self.leaves.len() as u64 {
            for leaf in first..end {
                if let Some(node) = self.leaves.remove(&leaf) {
                    self.entries -= node.len();
                }
            }
            return;
        }
        let mut removed = 0;
        self.leaves.retain(|leaf, node| {
            let keep = !(first..end).contains(leaf);
            removed += if keep { 0 } else { node.len() };
            keep
        });
        self.entries -= removed;
    }

    /// Removes the part of every fill that lies in `first..end`.
    fn cut_fills(&mut self, first: u64, end: u64) {
        let overlapping: Vec<u64> = self
            .fills
            .range(..end)
            .rev()
            .take_while(|(_, (fill_end, _))| *fill_end > first)
            .map(|(start, _)| *start)
            .collect();
        for start in overlapping {
            let Some((fill_end, entry)) = self.fills.remove(&start) else {
                continue;
            };
            if start < first {
                self.fills.insert(start, (first, entry));
            }
            if fill_end > end {
                self.fills.insert(end, (fill_end, entry));
            }
        }
    }

    pub(crate) fn leaf(&self, leaf: u64) -> LeafChange<'_> {
        if let Some(node) = self.leaves.get(&leaf) {
            return LeafChange::Some(node);
        }
        match fill_of(&self.fills, leaf) {
            Some(entry) => LeafChange::Fill(entry),
            None => LeafChange::None,
        }
    }

    /// What this says of a leaf and those behind it that are alike; `None` if some of its blocks have entries of their
    /// own. Costs O(leaves stored).
    pub(crate) fn uniform_part(&self, leaf: u64) -> Option<UniformPart> {
        if self.leaves.contains_key(&leaf) {
            return None;
        }
        let stored = self.leaves.keys().copied().filter(|stored| *stored > leaf).min();
        let (entry, until) = match self.fills.range(..=leaf).next_back() {
            Some((_, (end, entry))) if leaf < *end => (Some(*entry), Some(*end)),
            _ => (None, self.fills.range(leaf..).next().map(|(first, _)| *first)),
        };
        let until = until.unwrap_or(u64::MAX).min(stored.unwrap_or(u64::MAX));
        Some(UniformPart { entry, until })
    }

    pub(crate) fn entry(&self, block: u64) -> Option<Entry> {
        match self.leaf(block >> LEAF_BITS) {
            LeafChange::None => None,
            LeafChange::Fill(entry) => Some(entry),
            LeafChange::Some(node) => node.stored(position(block)),
        }
    }

    /// All stored leaves, ascending.
    pub(crate) fn sorted_leaves(&self) -> Vec<(u64, &Node)> {
        let mut leaves: Vec<_> = self.leaves.iter().map(|(leaf, node)| (*leaf, node)).collect();
        leaves.sort_unstable_by_key(|(leaf, _)| *leaf);
        leaves
    }

    /// All fills, ascending: first leaf, one past the last, entry.
    pub(crate) fn fills(&self) -> impl Iterator<Item = (u64, u64, Entry)> {
        self.fills.iter().map(|(start, (end, entry))| (*start, *end, *entry))
    }

    /// Applies `later` on top of this.
    pub(crate) fn apply(&mut self, later: &Self) {
        for (first, end, entry) in later.fills() {
            self.fill(first * LEAF_BLOCKS, end * LEAF_BLOCKS, entry);
        }
        for (leaf, node) in &later.leaves {
            for (position, entry) in node.iter() {
                self.set(leaf * LEAF_BLOCKS + u64::from(position), entry);
            }
        }
    }
}

/// A block's position in its leaf.
pub(crate) const fn position(block: u64) -> u32 {
    (block & (LEAF_BLOCKS - 1)) as u32
}

fn fill_of(fills: &BTreeMap<u64, (u64, Entry)>, leaf: u64) -> Option<Entry> {
    let (_, (end, entry)) = fills.range(..=leaf).next_back()?;
    (leaf < *end).then_some(*entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn hole(second: u64) -> Entry {
        Entry::hole(Timestamp::from_unix_seconds(second))
    }

    #[test]
    fn random_sets_fills_and_forgotten_ranges_agree_with_a_plain_array() {
        const BLOCKS: u64 = 64 * 20;
        for seed in 1..60u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut next = |bound: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % bound
            };
            let (mut delta, mut earlier) = (Delta::default(), Delta::default());
            let mut plain = vec![None; BLOCKS as usize];
            for second in 1..80 {
                let start = next(BLOCKS);
                let end = if next(3) == 0 {
                    start + 1
                } else {
                    start + 1 + next(BLOCKS - start)
                };
                if next(4) == 0 {
                    // Of changes that are forgotten, the earlier ones have to be as well.
                    delta.forget(start, end);
                    earlier.forget(start, end);
                    plain[start as usize..end as usize].fill(None);
                    continue;
                }
                if end == start + 1 {
                    delta.set(start, hole(second))
                } else {
                    delta.fill(start, end, hole(second))
                }
                plain[start as usize..end as usize].fill(Some(hole(second)));
                if next(10) == 0 {
                    earlier.apply(&std::mem::take(&mut delta));
                }
            }
            earlier.apply(&delta);
            for block in 0..BLOCKS {
                assert_eq!(
                    earlier.entry(block),
                    plain[block as usize],
                    "seed {seed}, block {block}"
                );
            }
            let stored: usize = earlier.leaves.values().map(Node::len).sum();
            assert_eq!(earlier.entries, stored);
        }
    }

    #[test]
    fn trimming_a_whole_disk_of_64_tib_is_one_fill() {
        let mut delta = Delta::default();
        delta.set(5, hole(1));
        delta.fill(0, 1 << 34, hole(2));
        assert_eq!((delta.leaves.len(), delta.fills.len()), (0, 1));
        assert_eq!(delta.entry((1 << 34) - 1), Some(hole(2)));
    }
}
