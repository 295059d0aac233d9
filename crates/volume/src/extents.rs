//! Describing ranges of a disk: what is stored, zero or a hole, and since when.
//!
//! A disk is mostly holes, and may have billions of blocks. What the tree knows as a whole is described as a whole; only
//! where something is stored does a description look at blocks.

use crate::device::{Extent, ExtentKind};
use crate::error::Error;
use crate::format::{BLOCK_BYTES, Entry, EntryKind, LEAF_BITS};
use crate::map::{Nodes, Partial, UniformPart};
use crate::storage::Wait;

const BLOCK: u64 = BLOCK_BYTES as u64;
const LEAF_BLOCKS: u64 = 1 << LEAF_BITS;
/// Blocks whose entries are looked up together.
const CHUNK_BLOCKS: u64 = 4096;
/// Look-ups for one description: bounds the time that it takes.
const LOOKUPS_MAX: usize = 64;

/// A map that changes may shadow: the live one, or that of a moment.
pub(crate) trait Described {
    /// The root, and what changes in memory say of a leaf if its blocks are alike to them. Both at one time.
    fn uniform_part(&self, leaf: u64) -> (Entry, Option<UniformPart>);
    /// The entries of some blocks, as far as changes in memory know them.
    fn partial(&self, start: u64, count: u64) -> Partial;
}

/// Describes `offset..offset + length` from its start, in at most `limit` extents, and never nothing if `length > 0`.
pub(crate) fn describe(
    map: &dyn Described,
    nodes: &Nodes,
    offset: u64,
    length: u64,
    limit: usize,
) -> Result<Vec<Extent>, Error> {
    let mut description = Description {
        extents: Vec::new(),
        position: offset,
        end: offset + length,
        limit: limit.max(1),
    };
    for _ in 0..LOOKUPS_MAX {
        if description.position >= description.end {
            break;
        }
        let block = description.position / BLOCK;
        let is_room = match uniform_run(map, nodes, block)? {
            Some((entry, blocks)) => description.push(&entry, blocks),
            None => {
                let left = description.end.div_ceil(BLOCK) - block;
                // Up to the end of a leaf: what lies behind may be alike as a whole.
                let count = left.min(CHUNK_BLOCKS - block % LEAF_BLOCKS);
                let entries = map.partial(block, count).complete(nodes, Wait::Allowed)?;
                entries.iter().all(|entry| description.push(entry, 1))
            }
        };
        if !is_room {
            break;
        }
    }
    Ok(description.extents)
}

/// From a block on: how many blocks are known to be alike without looking at each, if those are more than a leaf's.
pub(crate) fn uniform_run(map: &dyn Described, nodes: &Nodes, block: u64) -> Result<Option<(Entry, u64)>, Error> {
    let leaf = block >> LEAF_BITS;
    let (root, part) = map.uniform_part(leaf);
    let Some(part) = part.filter(|part| part.until > leaf + 1) else {
        return Ok(None);
    };
    let alike = match part.entry {
        Some(entry) => Some((entry, part.until)),
        None => nodes.uniform_part(&root, leaf)?,
    };
    Ok(alike.and_then(|(entry, until)| {
        let until = until.min(part.until);
        (until > leaf + 1).then(|| (entry, until * LEAF_BLOCKS - block))
    }))
}

/// A description as it grows.
struct Description {
    extents: Vec<Extent>,
    position: u64,
    end: u64,
    limit: usize,
}

impl Description {
    /// Adds blocks that are alike. False if they need one extent too many.
    fn push(&mut self, entry: &Entry, blocks: u64) -> bool {
        let until = (self.position / BLOCK).saturating_add(blocks).saturating_mul(BLOCK);
        let length = until.min(self.end).saturating_sub(self.position);
        if length == 0 {
            return true;
        }
        let kind = kind_of(entry);
        let written = entry.written();
        let count = self.extents.len();
        match self.extents.last_mut() {
            Some(last) if last.kind == kind && last.written == written => last.length += length,
            _ if count >= self.limit => return false,
            _ => self.extents.push(Extent { length, kind, written }),
        }
        self.position += length;
        true
    }
}

fn kind_of(entry: &Entry) -> ExtentKind {
    match entry.kind() {
        EntryKind::Data | EntryKind::Lost | EntryKind::Node => ExtentKind::Data,
        EntryKind::Zero => ExtentKind::Zero,
        EntryKind::Hole | EntryKind::Never => ExtentKind::Hole,
    }
}
