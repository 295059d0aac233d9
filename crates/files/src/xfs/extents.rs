//! Where a fork's blocks lie: a list of extents in the inode, or a tree of them ("bmap btree").

use std::ops::ControlFlow;

use super::Xfs;
use super::fields::Fields;
use super::inode::{Fork, Format};
use crate::error::Error;
use crate::filesystem::Flow;

/// Bytes of an extent's record, and of a key and a pointer together.
const RECORD_BYTES: usize = 16;
/// Linux's limit on levels of a tree.
const LEVELS_MAX: u16 = 9;
/// The largest file.
const FILE_BYTES_MAX: u64 = 1 << 63;
const NODE_CRC_OFFSET: usize = 64;

/// Blocks of a fork that lie next to each other on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// First block within the fork.
    pub(super) logical: u64,
    /// First byte within the file system; the whole run is within one allocation group.
    pub(super) physical: u64,
    /// Number of blocks.
    pub(super) count: u64,
    /// Allocated, but reads as zeros.
    pub(super) is_unwritten: bool,
}

/// What is done with each mapping.
pub(super) type Visit<'v> = dyn FnMut(Mapping) -> Result<Flow, Error> + 'v;

/// Shows the mappings of a fork that end behind the block `from`, ascending.
pub(super) fn walk(xfs: &Xfs, fork: &Fork, from: u64, visit: &mut Visit<'_>) -> Result<Flow, Error> {
    let mut walk = Walk {
        xfs,
        owner: fork.owner,
        from,
        next: 0,
        visit,
    };
    let fields = Fields::new("inode", fork.at, &fork.bytes);
    match fork.format {
        Format::Extents => {
            let count = usize::try_from(fork.extents).unwrap_or(usize::MAX);
            let length = count
                .checked_mul(RECORD_BYTES)
                .ok_or_else(|| fields.damaged(0, "it has too many extents"))?;
            walk.records(Fields::new("extent list", fork.at, fields.bytes(0, length)?))
        }
        Format::Tree => walk.root(fields),
        Format::Local | Format::Device => Ok(ControlFlow::Continue(())),
    }
}

/// A walk through a tree. Records must ascend, and no node may be empty: so each node is met once at most, whatever the pointers say.
struct Walk<'a, 'v> {
    xfs: &'a Xfs,
    owner: u64,
    from: u64,
    /// Where the last mapping ended.
    next: u64,
    visit: &'a mut Visit<'v>,
}

impl Walk<'_, '_> {
    /// The root in the inode: level, number of records, keys, pointers.
    fn root(&mut self, fields: Fields<'_>) -> Result<Flow, Error> {
        let level = fields.u16(0)?;
        if level == 0 || level > LEVELS_MAX {
            return Err(fields.damaged(0, "the extent tree has an impossible height"));
        }
        self.children(fields, 4, level)
    }

    /// Goes to the children of a node whose keys begin at `header`; the pointers come after the room for all keys that would fit.
    fn children(&mut self, fields: Fields<'_>, header: usize, level: u16) -> Result<Flow, Error> {
        let count = usize::from(fields.u16(if header == 4 { 2 } else { 6 })?);
        let room = fields.all().len().saturating_sub(header) / RECORD_BYTES;
        if count == 0 || count > room {
            return Err(fields.damaged(header, "a node has an impossible number of records"));
        }
        let pointers = header + room * 8;
        for index in 0..count {
            // What ends before the block asked for isn't read.
            if index + 1 < count && fields.u64(header + (index + 1) * 8)? <= self.from {
                continue;
            }
            let pointer = fields.u64(pointers + index * 8)?;
            let offset = self.xfs.superblock.run_offset(pointer, 1).ok_or_else(|| {
                fields.damaged(
                    pointers + index * 8,
                    "a node of the extent tree is outside of the file system",
                )
            })?;
            if self.node(offset, level - 1)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn node(&mut self, offset: u64, level: u16) -> Result<Flow, Error> {
        let superblock = &self.xfs.superblock;
        let piece = self.xfs.store.read(offset, superblock.block_bytes() as usize)?;
        let fields = Fields::new("extent tree", offset, &piece.bytes);
        let (magic, header): (&[u8; 4], usize) = if superblock.is_checksummed {
            (b"BMA3", 72)
        } else {
            (b"BMAP", 24)
        };
        if fields.bytes(0, 4)? != magic || fields.u16(4)? != level {
            return Err(fields.damaged(0, "it isn't a node of this level"));
        }
        if superblock.is_checksummed && !piece.is_replayed {
            fields.check_crc(NODE_CRC_OFFSET)?;
            if fields.u64(56)? != self.owner {
                return Err(fields.damaged(56, "it belongs to another inode"));
            }
        }
        if level > 0 {
            return self.children(fields, header, level);
        }
        let count = usize::from(fields.u16(6)?);
        if count == 0 {
            return Err(fields.damaged(6, "a leaf is empty"));
        }
        let records = fields.bytes(header, count.saturating_mul(RECORD_BYTES))?;
        self.records(Fields::new("extent tree", fields.position(header), records))
    }

    /// Shows records. Each has 128 bits: a flag, 54 of the block within the file, 52 of the block on the disk, 21 of the count.
    fn records(&mut self, fields: Fields<'_>) -> Result<Flow, Error> {
        let (records, _) = fields.all().as_chunks::<RECORD_BYTES>();
        for (index, record) in records.iter().enumerate() {
            let offset = index * RECORD_BYTES;
            let mapping = self.mapping(u128::from_be_bytes(*record)).ok_or_else(|| {
                fields.damaged(offset, "an extent overlaps the one before, or leaves the file system")
            })?;
            self.next = mapping.logical + mapping.count;
            if self.next > self.from && (self.visit)(mapping)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn mapping(&self, record: u128) -> Option<Mapping> {
        let bits = |shift: u32, width: u32| u64::try_from((record >> shift) & ((1 << width) - 1)).ok();
        let count = bits(0, 21)?;
        let logical = bits(73, 54)?;
        if count == 0 || logical < self.next || logical + count > FILE_BYTES_MAX >> self.xfs.superblock.block_log {
            return None;
        }
        Some(Mapping {
            logical,
            physical: self.xfs.superblock.run_offset(bits(21, 52)?, count)?,
            count,
            is_unwritten: self.xfs.superblock.has_unwritten && bits(127, 1)? == 1,
        })
    }
}
