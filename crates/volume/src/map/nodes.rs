//! Reading nodes, through a cache of bounded size. Nodes never change, so a cached one is never out of date.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::format::{Entry, EntryKind, FANOUT_BITS, LEVELS, Location, Node, NodeAddress, payload_crc};
use crate::locks::{read_lock, write_lock};
use crate::segment::Segments;
use crate::storage::Wait;

/// What a cached node costs beside itself, in bytes.
const OVERHEAD_BYTES: usize = 64;

/// All nodes that a volume can see.
#[derive(Debug)]
pub(crate) struct Nodes {
    segments: Arc<Segments>,
    cache: RwLock<Cache>,
    limit_bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Cache {
    nodes: FxHashMap<Location, Cached>,
    /// The order in which eviction looks at nodes: a clock.
    clock: VecDeque<Location>,
    bytes: usize,
}

#[derive(Debug)]
struct Cached {
    node: Arc<Node>,
    used: AtomicBool,
}

/// What a root says of a subtree.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// Every block has this entry.
    Uniform(Entry),
    /// There is a node.
    Node(Arc<Node>),
}

/// How far the way to a node went.
struct Descent {
    base: Base,
    /// The level that `base` is about.
    level: u8,
    /// The node above, unless `base` is what the root says.
    parent: Option<Arc<Node>>,
}

impl Nodes {
    pub(crate) fn new(segments: Arc<Segments>, limit_bytes: usize) -> Self {
        Self {
            segments,
            cache: RwLock::default(),
            limit_bytes: AtomicUsize::new(limit_bytes),
        }
    }

    pub(crate) fn set_limit(&self, limit_bytes: usize) {
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        read_lock(&self.cache).bytes
    }

    /// The node that `entry` points at, which must be at `address`.
    pub(crate) fn load(&self, entry: &Entry, address: NodeAddress, wait: Wait) -> Result<Arc<Node>, Error> {
        let location = entry.location();
        if let Some(node) = read_lock(&self.cache).node(location) {
            return Ok(Arc::clone(node));
        }
        let segment = self.segments.open_or(location.segment, wait)?;
        let mut payload = vec![0; entry.payload_length() as usize];
        let length = payload.len().max(1);
        segment.read(location.slot, length, &mut payload, wait)?;
        let damaged = || segment.damaged("map node", location.slot.offset());
        if payload_crc(&payload) != entry.crc {
            return Err(damaged());
        }
        let node = Arc::new(Node::parse(&payload, address).ok_or_else(damaged)?);
        self.insert(location, &node);
        Ok(node)
    }

    /// Caches a node that was just written.
    pub(crate) fn insert(&self, location: Location, node: &Arc<Node>) {
        let cost = node.memory_bytes() + OVERHEAD_BYTES;
        let limit = self.limit_bytes.load(Ordering::Relaxed);
        let mut cache = write_lock(&self.cache);
        while cache.bytes + cost > limit && cache.evict_one() {}
        let cached = Cached {
            node: Arc::clone(node),
            used: AtomicBool::new(true),
        };
        if cache.nodes.insert(location, cached).is_none() {
            cache.bytes += cost;
            cache.clock.push_back(location);
        }
    }

    /// What `root` says of the node at `address`.
    pub(crate) fn find(&self, root: &Entry, address: NodeAddress, wait: Wait) -> Result<Base, Error> {
        if let Some(base) = self.find_cached(root, address) {
            return Ok(base);
        }
        self.descend(root, address, wait).map(|descent| descent.base)
    }

    /// The same, if all nodes on the way are cached: with one lock for all levels, and no hold on the nodes in between. A
    /// guarded write asks this of every block, and little else of it takes as long.
    fn find_cached(&self, root: &Entry, address: NodeAddress) -> Option<Base> {
        let cache = read_lock(&self.cache);
        let mut entry = *root;
        for level in (address.level..LEVELS).rev() {
            if entry.kind() != EntryKind::Node {
                break;
            }
            let node = cache.node(entry.location())?;
            if level == address.level {
                return Some(Base::Node(Arc::clone(node)));
            }
            entry = node.entry(child_position(address, level - 1));
        }
        Some(Base::Uniform(entry))
    }

    /// The way from `root` to the node at `address`, as far as there are nodes.
    fn descend(&self, root: &Entry, address: NodeAddress, wait: Wait) -> Result<Descent, Error> {
        let mut entry = *root;
        let mut level = LEVELS - 1;
        let mut parent = None;
        loop {
            if entry.kind() != EntryKind::Node {
                let base = Base::Uniform(entry);
                return Ok(Descent { base, level, parent });
            }
            let here = NodeAddress {
                level,
                index: address.index >> (FANOUT_BITS * u32::from(level - address.level)),
            };
            let node = self.load(&entry, here, wait)?;
            if level == address.level {
                let base = Base::Node(node);
                return Ok(Descent { base, level, parent });
            }
            level -= 1;
            entry = node.entry(child_position(address, level));
            parent = Some(node);
        }
    }

    /// If `root` says that a leaf's blocks are alike without having a node for them: their entry, and one past the last
    /// leaf of which the same place in the tree says the same.
    pub(crate) fn uniform_part(&self, root: &Entry, leaf: u64) -> Result<Option<(Entry, u64)>, Error> {
        // The leaf's own node isn't needed, only what its parent says.
        let above = NodeAddress {
            level: 1,
            index: leaf >> FANOUT_BITS,
        };
        let descent = self.descend(root, above, Wait::Allowed)?;
        let place = |level: u8| child_position(NodeAddress { level: 0, index: leaf }, level);
        let (entry, level, parent) = match descent.base {
            Base::Uniform(entry) => (entry, descent.level, descent.parent),
            Base::Node(node) => (node.entry(place(0)), 0, Some(node)),
        };
        if entry.kind() == EntryKind::Node {
            return Ok(None);
        }
        let alike = parent.map_or(1, |parent| {
            let siblings = place(level)..1 << FANOUT_BITS;
            siblings.take_while(|sibling| parent.entry(*sibling) == entry).count() as u64
        });
        let shift = FANOUT_BITS * u32::from(level);
        Ok(Some((entry, ((leaf >> shift) + alike) << shift)))
    }

    /// Where `root` has the node at `address`, without reading that node itself.
    pub(crate) fn locate(&self, root: &Entry, address: NodeAddress) -> Result<Entry, Error> {
        if address.level >= LEVELS - 1 {
            return Ok(*root);
        }
        let parent = NodeAddress {
            level: address.level + 1,
            index: address.index >> FANOUT_BITS,
        };
        match self.find(root, parent, Wait::Allowed)? {
            Base::Uniform(entry) => Ok(entry),
            Base::Node(node) => Ok(node.entry((address.index & ((1 << FANOUT_BITS) - 1)) as u32)),
        }
    }
}

/// The position, in its parent, of the node of `level` that leads to `address`.
fn child_position(address: NodeAddress, level: u8) -> u32 {
    let index = address.index >> (FANOUT_BITS * u32::from(level - address.level));
    (index & ((1 << FANOUT_BITS) - 1)) as u32
}

impl Cache {
    /// The node, which counts as used now.
    fn node(&self, location: Location) -> Option<&Arc<Node>> {
        let cached = self.nodes.get(&location)?;
        // Only if it changes anything: writing takes the line from the caches of other processors.
        if !cached.used.load(Ordering::Relaxed) {
            cached.used.store(true, Ordering::Relaxed);
        }
        Some(&cached.node)
    }

    /// Evicts the next node that wasn't used since the clock's hand last passed it. False when nothing is left.
    fn evict_one(&mut self) -> bool {
        while let Some(location) = self.clock.pop_front() {
            let Some(cached) = self.nodes.get(&location) else {
                continue;
            };
            if cached.used.swap(false, Ordering::Relaxed) {
                self.clock.push_back(location);
                continue;
            }
            if let Some(cached) = self.nodes.remove(&location) {
                self.bytes -= cached.node.memory_bytes() + OVERHEAD_BYTES;
            }
            return true;
        }
        false
    }
}
