//! Block pointers: twelve in the inode, then one to a block of pointers, one to a block of such, and one to a block of those.

use std::ops::{ControlFlow, Range};

use super::{Budget, Run, Visit};
use crate::error::Error;
use crate::ext::core::Core;
use crate::ext::inode::Inode;
use crate::fields::le32;
use crate::filesystem::Flow;

const DIRECT_POINTERS: usize = 12;
const LEVELS: u32 = 3;
const POINTER_BYTES: usize = 4;

pub(super) fn walk(core: &Core, inode: &Inode, range: Range<u64>, visit: Visit) -> Result<Flow, Error> {
    let mut walk = Walk {
        core,
        range,
        pending: None,
        budget: Budget::new(core),
        visit,
    };
    if walk.root(inode)?.is_break() {
        return Ok(ControlFlow::Break(()));
    }
    walk.flush()
}

struct Walk<'a> {
    core: &'a Core,
    range: Range<u64>,
    /// What isn't shown yet, because the next block may follow it on the disk too.
    pending: Option<Run>,
    budget: Budget,
    visit: Visit<'a>,
}

impl Walk<'_> {
    fn root(&mut self, inode: &Inode) -> Result<Flow, Error> {
        let map = inode.block_map();
        let place = inode.block_map_place();
        let mut first = 0;
        for (index, _) in map.chunks_exact(POINTER_BYTES).enumerate() {
            let level = u32::try_from(index.saturating_sub(DIRECT_POINTERS - 1)).unwrap_or(LEVELS);
            let pointer = le32(map, index * POINTER_BYTES);
            if self.pointer(pointer, level, first, place)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            first += self.span(level);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Blocks of a file below a pointer: at most 2^42.
    fn span(&self, level: u32) -> u64 {
        (self.core.block_bytes() / POINTER_BYTES as u64).pow(level)
    }

    /// Follows a pointer to blocks of the file from `first` on; `place` is where the pointer stands.
    fn pointer(&mut self, pointer: u32, level: u32, first: u64, place: u64) -> Result<Flow, Error> {
        let outside = first >= self.range.end || first + self.span(level) <= self.range.start;
        if pointer == 0 || outside {
            return Ok(ControlFlow::Continue(()));
        }
        let block = u64::from(pointer);
        if block >= self.core.superblock.blocks_present {
            return Err(Error::Damaged {
                structure: "block map",
                offset: place,
                detail: "a pointer leads beyond the end of the disk",
            });
        }
        self.budget.take(1, "block map", place)?;
        if level == 0 {
            return self.block(first, block);
        }
        let bytes = self.core.block(block, "block map")?;
        let place = block.saturating_mul(self.core.block_bytes());
        let mut first = first;
        for index in 0..bytes.len() / POINTER_BYTES {
            let pointer = le32(&bytes, index * POINTER_BYTES);
            if self.pointer(pointer, level - 1, first, place)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            first += self.span(level - 1);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn block(&mut self, logical: u64, physical: u64) -> Result<Flow, Error> {
        if let Some(run) = &mut self.pending
            && run.end() == logical
            && run.physical + run.blocks == physical
        {
            run.blocks += 1;
            return Ok(ControlFlow::Continue(()));
        }
        let flow = self.flush()?;
        self.pending = Some(Run {
            logical,
            physical,
            blocks: 1,
            unwritten: false,
        });
        Ok(flow)
    }

    fn flush(&mut self) -> Result<Flow, Error> {
        match self.pending.take() {
            Some(run) => (self.visit)(run),
            None => Ok(ControlFlow::Continue(())),
        }
    }
}
