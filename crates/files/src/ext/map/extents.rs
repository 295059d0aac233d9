//! Extent trees: `struct ext4_extent_header` and, behind it, entries of 12 bytes.
//!
//! Entries ascend through the whole tree, and every node but the root has some. A walk that checks both visits each node once at most,
//! however the nodes refer to each other.

use std::ops::{ControlFlow, Range};

use super::{Budget, Run, Visit};
use crate::error::Error;
use crate::ext::core::Core;
use crate::ext::inode::Inode;
use crate::ext::superblock::checksum;
use crate::fields::{joined, le16, le32, part};
use crate::filesystem::Flow;

const MAGIC: u16 = 0xf30a;
const HEADER_BYTES: usize = 12;
const ENTRY_BYTES: usize = 12;
/// With four entries in the inode and the smallest blocks, five levels map all 2^32 blocks of a file.
const DEPTH_MAX: u16 = 5;
/// Longer lengths are unwritten extents of that much less.
const WRITTEN_BLOCKS_MAX: u16 = 32768;

pub(super) fn walk(core: &Core, inode: &Inode, range: Range<u64>, visit: Visit) -> Result<Flow, Error> {
    let mut walk = Walk {
        core,
        checksum_seed: inode.checksum_seed,
        range,
        next: 0,
        budget: Budget::new(core),
        visit,
    };
    let place = inode.block_map_place();
    let root = Node::parse(inode.block_map(), place)?;
    walk.node(&root)
}

struct Walk<'a> {
    core: &'a Core,
    checksum_seed: Option<u32>,
    range: Range<u64>,
    /// The first block of the file that the next extent may have.
    next: u64,
    budget: Budget,
    visit: Visit<'a>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node) -> Result<Flow, Error> {
        if node.depth == 0 {
            self.leaf(node)
        } else {
            self.index(node)
        }
    }

    fn index(&mut self, node: &Node) -> Result<Flow, Error> {
        for index in 0..node.entries {
            let entry = node.entry(index);
            let first = u64::from(le32(entry, 0));
            // A child reaches up to where the next one starts.
            let end = if index + 1 < node.entries {
                u64::from(le32(node.entry(index + 1), 0))
            } else {
                u64::MAX
            };
            if end <= first {
                return Err(node.damaged("its entries don't ascend"));
            }
            if end <= self.range.start {
                continue;
            }
            if first >= self.range.end {
                break;
            }
            let child = self.child(joined(le32(entry, 4), u32::from(le16(entry, 8))), node)?;
            if self.node(&child)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn child(&mut self, block: u64, parent: &Node) -> Result<Node, Error> {
        self.budget.take(1, "extent tree", parent.place)?;
        let bytes = self.core.block(block, "extent tree")?;
        let place = block.saturating_mul(self.core.block_bytes());
        let child = Node::parse(&bytes, place)?;
        if child.depth + 1 != parent.depth {
            return Err(child.damaged("its depth isn't one less than its parent's"));
        }
        if child.entries == 0 {
            return Err(child.damaged("it is empty"));
        }
        if let Some(seed) = self.checksum_seed {
            // The checksum stands behind the room for entries, used or not.
            let at = HEADER_BYTES + ENTRY_BYTES * usize::from(le16(&bytes, 4));
            let covered = part(&bytes, 0, at).ok_or(child.damaged("its checksum lies beyond its end"))?;
            if checksum(seed, covered) != le32(&bytes, at) {
                return Err(child.damaged("its checksum is wrong"));
            }
        }
        Ok(child)
    }

    fn leaf(&mut self, node: &Node) -> Result<Flow, Error> {
        for index in 0..node.entries {
            let run = node.run(index);
            if run.blocks == 0 || run.logical < self.next {
                return Err(node.damaged("its extents don't ascend"));
            }
            let end = run.physical.saturating_add(run.blocks);
            if run.physical == 0 || end > self.core.superblock.blocks_present {
                return Err(node.damaged("an extent lies beyond the end of the disk"));
            }
            self.budget.take(run.blocks, "extent tree", node.place)?;
            self.next = run.end();
            if run.end() > self.range.start && run.logical < self.range.end && (self.visit)(run)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Invariant: `bytes` has room for `entries` entries behind the header.
struct Node {
    bytes: Vec<u8>,
    place: u64,
    entries: usize,
    depth: u16,
}

impl Node {
    fn parse(bytes: &[u8], place: u64) -> Result<Self, Error> {
        let node = Self {
            bytes: bytes.to_vec(),
            place,
            entries: usize::from(le16(bytes, 2)),
            depth: le16(bytes, 6),
        };
        if le16(bytes, 0) != MAGIC {
            return Err(node.damaged("it doesn't start as one"));
        }
        if node.depth > DEPTH_MAX {
            return Err(node.damaged("it is deeper than any"));
        }
        if HEADER_BYTES + ENTRY_BYTES * node.entries > bytes.len() {
            return Err(node.damaged("it has more entries than room"));
        }
        Ok(node)
    }

    fn damaged(&self, detail: &'static str) -> Error {
        Error::Damaged {
            structure: "extent tree",
            offset: self.place,
            detail,
        }
    }

    fn entry(&self, index: usize) -> &[u8] {
        part(&self.bytes, HEADER_BYTES + ENTRY_BYTES * index, ENTRY_BYTES).unwrap_or_default()
    }

    fn run(&self, index: usize) -> Run {
        let entry = self.entry(index);
        let length = le16(entry, 4);
        let unwritten = length > WRITTEN_BLOCKS_MAX;
        Run {
            logical: u64::from(le32(entry, 0)),
            physical: joined(le32(entry, 8), u32::from(le16(entry, 6))),
            blocks: u64::from(if unwritten { length - WRITTEN_BLOCKS_MAX } else { length }),
            unwritten,
        }
    }
}
