//! Which blocks a file has: extents on ext4, block pointers on ext2 and ext3.

mod extents;
mod pointers;

use std::ops::{ControlFlow, Range};

use super::core::Core;
use super::inode::Inode;
use crate::error::Error;
use crate::filesystem::Flow;

/// Consecutive blocks of a file that are consecutive on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// First block within the file.
    pub(super) logical: u64,
    /// First block within the file system.
    pub(super) physical: u64,
    pub(super) blocks: u64,
    /// Allocated, reads as zeros.
    pub(super) unwritten: bool,
}

impl Run {
    fn end(&self) -> u64 {
        self.logical.saturating_add(self.blocks)
    }
}

type Visit<'a> = &'a mut dyn FnMut(Run) -> Result<Flow, Error>;

/// Shows the runs that have blocks within a range of the file, ascending; the first and last may reach beyond it. What isn't shown is a
/// hole.
pub(super) fn runs(core: &Core, inode: &Inode, range: Range<u64>, visit: Visit) -> Result<(), Error> {
    let flow = if inode.has_extents() {
        extents::walk(core, inode, range, visit)
    } else {
        pointers::walk(core, inode, range, visit)
    };
    flow.map(|_: ControlFlow<()>| ())
}

/// What bounds the walk of a map whose bytes may say anything: a file has no more blocks than the file system.
struct Budget {
    blocks_left: u64,
}

impl Budget {
    const fn new(core: &Core) -> Self {
        Self {
            blocks_left: core.superblock.blocks_present,
        }
    }

    fn take(&mut self, blocks: u64, structure: &'static str, place: u64) -> Result<(), Error> {
        match self.blocks_left.checked_sub(blocks) {
            Some(left) => {
                self.blocks_left = left;
                Ok(())
            }
            None => Err(Error::Damaged {
                structure,
                offset: place,
                detail: "it maps more blocks than there are",
            }),
        }
    }
}
