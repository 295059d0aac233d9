//! A map at one moment: a root in the log, and changes on top.

use std::sync::{Arc, RwLock};

use crate::error::Error;
use crate::extents::Described;
use crate::format::{Entry, LEAF_BITS, NodeAddress};
use crate::locks::read_lock;
use crate::map::delta::{Delta, LeafChange, UniformPart, position};
use crate::map::nodes::{Base, Nodes};
use crate::storage::Wait;

const LEAF_BLOCKS: u64 = 1 << LEAF_BITS;

/// The map of a moment of the past.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) root: Entry,
    pub(crate) delta: Arc<Delta>,
}

/// The live map: changes since the last checkpoint began, changes that a running checkpoint is writing, and the root
/// of the last complete checkpoint. Newer shadows older.
#[derive(Debug)]
pub(crate) struct LiveMap {
    pub(crate) root: Entry,
    pub(crate) frozen: Option<Arc<Delta>>,
    pub(crate) delta: Delta,
}

/// The entries of a range as far as changes in memory know them; the rest is for the root to say.
pub(crate) struct Partial {
    root: Entry,
    start: u64,
    entries: Vec<Option<Entry>>,
}

impl Snapshot {
    /// The entries of `count` blocks from `start` on.
    pub(crate) fn entries(&self, nodes: &Nodes, start: u64, count: u64, wait: Wait) -> Result<Vec<Entry>, Error> {
        self.partial(start, count).complete(nodes, wait)
    }

    /// The entry of one block.
    pub(crate) fn entry(&self, nodes: &Nodes, block: u64) -> Result<Entry, Error> {
        match self.delta.entry(block) {
            Some(entry) => Ok(entry),
            None => base_entry(nodes, &self.root, block),
        }
    }
}

impl Described for Snapshot {
    fn uniform_part(&self, leaf: u64) -> (Entry, Option<UniformPart>) {
        (self.root, self.delta.uniform_part(leaf))
    }

    fn partial(&self, start: u64, count: u64) -> Partial {
        let mut partial = Partial::new(self.root, start, count);
        partial.overlay(&self.delta);
        partial
    }
}

impl Described for RwLock<LiveMap> {
    fn uniform_part(&self, leaf: u64) -> (Entry, Option<UniformPart>) {
        let map = read_lock(self);
        let newest = map.delta.uniform_part(leaf);
        let part = match &map.frozen {
            Some(frozen) => newest.and_then(|part| part.over(frozen.uniform_part(leaf))),
            None => newest,
        };
        (map.root, part)
    }

    fn partial(&self, start: u64, count: u64) -> Partial {
        read_lock(self).partial(start, count)
    }
}

impl LiveMap {
    /// The entries of `count` blocks from `start` on, as far as memory knows. Complete them without holding the lock.
    pub(crate) fn partial(&self, start: u64, count: u64) -> Partial {
        let mut partial = Partial::new(self.root, start, count);
        if let Some(frozen) = &self.frozen {
            partial.overlay(frozen);
        }
        partial.overlay(&self.delta);
        partial
    }

    /// A block's entry, if changes in memory know it.
    pub(crate) fn newest(&self, block: u64) -> Option<Entry> {
        let older = || self.frozen.as_ref().and_then(|frozen| frozen.entry(block));
        self.delta.entry(block).or_else(older)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.delta.memory_bytes() + self.frozen.as_ref().map_or(0, |frozen| frozen.memory_bytes())
    }
}

fn base_entry(nodes: &Nodes, root: &Entry, block: u64) -> Result<Entry, Error> {
    match nodes.find(root, NodeAddress::leaf_of(block), Wait::Allowed)? {
        Base::Uniform(entry) => Ok(entry),
        Base::Node(node) => Ok(node.entry(position(block))),
    }
}

impl Partial {
    fn new(root: Entry, start: u64, count: u64) -> Self {
        Self {
            root,
            start,
            entries: vec![None; usize::try_from(count).unwrap_or(0)],
        }
    }

    /// Every leaf that the range touches, with the part of `entries` it covers and its first position.
    fn parts(&mut self) -> impl Iterator<Item = (u64, u32, &mut [Option<Entry>])> {
        let mut block = self.start;
        let mut rest = self.entries.as_mut_slice();
        std::iter::from_fn(move || {
            let here = block;
            let count = usize::try_from(LEAF_BLOCKS - here % LEAF_BLOCKS)
                .unwrap_or(0)
                .min(rest.len());
            if count == 0 {
                return None;
            }
            let (part, tail) = std::mem::take(&mut rest).split_at_mut_checked(count)?;
            rest = tail;
            block += count as u64;
            Some((here >> LEAF_BITS, position(here), part))
        })
    }

    fn overlay(&mut self, delta: &Delta) {
        if delta.is_empty() {
            return;
        }
        for (leaf, first, part) in self.parts() {
            match delta.leaf(leaf) {
                LeafChange::None => {}
                LeafChange::Fill(entry) => part.fill(Some(entry)),
                LeafChange::Some(node) => {
                    for (position, slot) in (first..).zip(part) {
                        *slot = node.stored(position).or(*slot);
                    }
                }
            }
        }
    }

    /// Asks the root for what memory didn't know.
    pub(crate) fn complete(mut self, nodes: &Nodes, wait: Wait) -> Result<Vec<Entry>, Error> {
        let root = self.root;
        for (leaf, first, part) in self.parts() {
            if part.iter().all(Option::is_some) {
                continue;
            }
            let base = nodes.find(&root, NodeAddress { level: 0, index: leaf }, wait)?;
            for (position, slot) in (first..).zip(part) {
                slot.get_or_insert_with(|| match &base {
                    Base::Uniform(entry) => *entry,
                    Base::Node(node) => node.entry(position),
                });
            }
        }
        Ok(self.entries.into_iter().flatten().collect())
    }
}
