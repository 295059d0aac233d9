//! Writing a delta into the tree: a new root that shares every node that didn't change with the old one.
//!
//! Level by level from the leaves up, so that nodes of a level are appended together and no node is written before
//! the ones it points at.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::Error;
use crate::format::{
    Entry, FANOUT_BITS, LEVELS, Location, Node, NodeAddress, Record, RecordKind, SLOT_BYTES, payload_crc,
};
use crate::map::delta::Delta;
use crate::map::nodes::{Base, Nodes};
use crate::storage::Wait;

/// Where new nodes are appended. Takes records with all their payloads, padded, one after the other; returns where the
/// first went.
pub(crate) trait NodeSink {
    fn append(&mut self, records: &[Record], payloads: &[u8]) -> Result<Location, Error>;
    /// The most bytes of payload in one call.
    fn payload_bytes_max(&self) -> usize;
}

/// Nodes of one level whose pointer changed, ascending by index.
type Changes = Vec<(u64, Entry)>;
/// Ranges of nodes of one level that became uniform: first, one past the last, entry.
type Fills = Vec<(u64, u64, Entry)>;

/// Appends the nodes that `delta` changes and returns the new root.
pub(crate) fn build_root(nodes: &Nodes, root: &Entry, delta: &Delta, sink: &mut dyn NodeSink) -> Result<Entry, Error> {
    let mut writer = Writer {
        nodes,
        sink,
        records: Vec::new(),
        payloads: Vec::new(),
        waiting: Vec::new(),
    };
    for (leaf, changed) in delta.sorted_leaves() {
        let address = NodeAddress { level: 0, index: leaf };
        let node = merged_leaf(nodes, root, address, changed)?;
        writer.put(address, node)?;
    }
    let mut changes = writer.finish_level()?;
    let mut fills: Fills = delta.fills().collect();
    for level in 1..LEVELS {
        for index in affected_parents(&changes, &fills) {
            let address = NodeAddress { level, index };
            let node = merged_parent(nodes, root, address, &changes, &fills)?;
            writer.put(address, node)?;
        }
        changes = writer.finish_level()?;
        fills = whole_parents(&fills);
    }
    let filled = fills.first().map(|(_, _, entry)| *entry);
    Ok(changes.first().map(|(_, entry)| *entry).or(filled).unwrap_or(*root))
}

fn merged_leaf(nodes: &Nodes, root: &Entry, address: NodeAddress, changed: &Node) -> Result<Node, Error> {
    if changed.len() == address.fanout() as usize {
        return Ok(changed.clone());
    }
    let mut node = base_node(nodes, root, address)?;
    changed.iter().for_each(|(position, entry)| node.set(position, entry));
    Ok(node)
}

fn merged_parent(
    nodes: &Nodes,
    root: &Entry,
    address: NodeAddress,
    changes: &Changes,
    fills: &Fills,
) -> Result<Node, Error> {
    let first = address.index << FANOUT_BITS;
    let end = first + (1 << FANOUT_BITS);
    let from = fills.partition_point(|(_, fill_end, _)| *fill_end <= first);
    let overlapping = fills.iter().skip(from).take_while(|(start, _, _)| *start < end);
    let whole = overlapping
        .clone()
        .find(|(start, fill_end, _)| *start <= first && *fill_end >= end);
    let mut node = match whole {
        Some((_, _, entry)) => Node::filled(address.fanout(), *entry),
        None => base_node(nodes, root, address)?,
    };
    for (start, fill_end, entry) in overlapping.filter(|_| whole.is_none()) {
        for index in (*start).max(first)..(*fill_end).min(end) {
            node.set((index - first) as u32, *entry);
        }
    }
    let from = changes.partition_point(|(index, _)| *index < first);
    for (index, entry) in changes.iter().skip(from).take_while(|(index, _)| *index < end) {
        node.set((index - first) as u32, *entry);
    }
    Ok(node)
}

/// The old node, as one that can be changed. What only a damaged node knew becomes [`Entry::lost`], so that damage
/// costs what it hit and doesn't keep the volume from writing checkpoints.
fn base_node(nodes: &Nodes, root: &Entry, address: NodeAddress) -> Result<Node, Error> {
    match nodes.find(root, address, Wait::Allowed) {
        Ok(Base::Node(node)) => Ok((*node).clone()),
        Ok(Base::Uniform(Entry::NEVER)) => Ok(Node::default()),
        Ok(Base::Uniform(entry)) => Ok(Node::filled(address.fanout(), entry)),
        Err(Error::CorruptStructure { segment, offset, .. }) => {
            let slot = crate::format::Slot::at(offset).unwrap_or_default();
            let damaged = Location {
                segment: crate::format::Segment(segment),
                slot,
            };
            Ok(Node::filled(address.fanout(), Entry::lost(damaged)))
        }
        Err(error) => Err(error),
    }
}

/// The parents that changes touch, and those that fills touch in part.
fn affected_parents(changes: &Changes, fills: &Fills) -> BTreeSet<u64> {
    let width = 1u64 << FANOUT_BITS;
    let mut parents: BTreeSet<u64> = changes.iter().map(|(index, _)| index >> FANOUT_BITS).collect();
    for (start, end, _) in fills {
        if !start.is_multiple_of(width) {
            parents.insert(start >> FANOUT_BITS);
        }
        if !end.is_multiple_of(width) {
            parents.insert(end >> FANOUT_BITS);
        }
    }
    parents
}

/// The fills of the level above: parents that lie within a fill as a whole.
fn whole_parents(fills: &Fills) -> Fills {
    let width = 1u64 << FANOUT_BITS;
    let raised = fills
        .iter()
        .map(|(start, end, entry)| (start.div_ceil(width), end / width, *entry));
    raised.filter(|(start, end, _)| start < end).collect()
}

/// Gathers nodes into batches. A level's pointers are known when the level is finished.
struct Writer<'a> {
    nodes: &'a Nodes,
    sink: &'a mut dyn NodeSink,
    records: Vec<Record>,
    payloads: Vec<u8>,
    /// Index and node, in order; or the entry, for those that needed no node.
    waiting: Vec<(u64, Pending)>,
}

enum Pending {
    Done(Entry),
    Node(Arc<Node>),
}

impl Writer<'_> {
    fn put(&mut self, address: NodeAddress, node: Node) -> Result<(), Error> {
        if let Some(entry) = node.uniform(address.fanout()) {
            self.waiting.push((address.index, Pending::Done(entry)));
            return Ok(());
        }
        let node_bytes_max = Node::HEADER_BYTES + Entry::BYTES * address.fanout() as usize;
        if self.payloads.len() + node_bytes_max > self.sink.payload_bytes_max() {
            self.flush()?;
        }
        let start = self.payloads.len();
        node.put(address, &mut self.payloads);
        let payload = self.payloads.get(start..).unwrap_or_default();
        self.records.push(Record {
            kind: RecordKind::Node,
            class: 0,
            payload_length: payload.len() as u32,
            address: address.to_record(),
            count: 0,
            crc: payload_crc(payload),
        });
        self.payloads
            .resize(self.payloads.len().next_multiple_of(SLOT_BYTES as usize), 0);
        self.waiting.push((address.index, Pending::Node(Arc::new(node))));
        Ok(())
    }

    /// Appends what was gathered and learns the places.
    fn flush(&mut self) -> Result<(), Error> {
        if self.records.is_empty() {
            return Ok(());
        }
        let mut location = self.sink.append(&self.records, &self.payloads)?;
        let mut records = self.records.iter();
        for (_, pending) in &mut self.waiting {
            let Pending::Node(node) = pending else { continue };
            let Some(record) = records.next() else { break };
            let entry = Entry::node(location, record.crc, record.payload_length);
            self.nodes.insert(location, node);
            *pending = Pending::Done(entry);
            location.slot.0 += (record.stored_bytes() / SLOT_BYTES) as u32;
        }
        self.records.clear();
        self.payloads.clear();
        Ok(())
    }

    fn finish_level(&mut self) -> Result<Changes, Error> {
        self.flush()?;
        let waiting = std::mem::take(&mut self.waiting);
        let done = waiting.into_iter().filter_map(|(index, pending)| match pending {
            Pending::Done(entry) => Some((index, entry)),
            Pending::Node(_) => None,
        });
        Ok(done.collect())
    }
}
