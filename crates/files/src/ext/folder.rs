//! Folders: blocks with entries, one after the other (`struct ext4_dir_entry_2`).
//!
//! A folder with an index is read like one without: the index lies in what looks like unused entries.

use std::ops::ControlFlow;

use super::core::Core;
use super::inode::Inode;
use super::map::{self, Run};
use super::superblock::{checksum, incompat};
use crate::error::Error;
use crate::fields::{le16, le32, part, u8_at};
use crate::filesystem::{Entry, Flow, NodeId, NodeKind};
use crate::path::is_name;

const ENTRY_HEADER_BYTES: usize = 8;
/// The last "entry" of a block, which holds its checksum.
const TAIL_BYTES: usize = 12;
const TAIL_TYPE: u8 = 0xde;
/// The parent's inode number, in place of `.` and `..` in a folder within an inode.
const INLINE_PARENT_BYTES: usize = 4;

/// Shows the entries of a folder. Damage is told at the end: blocks and entries beyond it are shown as well.
pub(super) fn entries(core: &Core, folder: &Inode, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
    let mut listing = Listing {
        core,
        folder,
        visit,
        damage: None,
    };
    let blocks = folder.size_bytes.div_ceil(core.block_bytes());
    map::runs(core, folder, 0..blocks, &mut |run| listing.run(run, blocks))?;
    listing.damage.map_or(Ok(()), Err)
}

/// Shows the entries of a folder within an inode, which `content` was put together from.
pub(super) fn inline_entries(
    core: &Core,
    folder: &Inode,
    content: &[u8],
    visit: &mut dyn FnMut(Entry) -> Flow,
) -> Result<(), Error> {
    let mut listing = Listing {
        core,
        folder,
        visit,
        damage: None,
    };
    let _: Flow = listing.block(content, INLINE_PARENT_BYTES, folder.place);
    listing.damage.map_or(Ok(()), Err)
}

struct Listing<'a> {
    core: &'a Core,
    folder: &'a Inode,
    visit: &'a mut dyn FnMut(Entry) -> Flow,
    /// The first that was met.
    damage: Option<Error>,
}

impl Listing<'_> {
    fn run(&mut self, run: Run, blocks: u64) -> Result<Flow, Error> {
        if run.unwritten {
            return Ok(ControlFlow::Continue(()));
        }
        for index in 0..run.blocks.min(blocks.saturating_sub(run.logical)) {
            let number = run.physical.saturating_add(index);
            let place = number.saturating_mul(self.core.block_bytes());
            match self.core.block(number, "folder") {
                Ok(bytes) => {
                    if self.checked(&bytes, run.logical.saturating_add(index), place)
                        && self.block(&bytes, 0, place).is_break()
                    {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Err(error) => self.note(error),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn note(&mut self, error: Error) {
        self.damage.get_or_insert(error);
    }

    fn damaged(&mut self, place: u64, detail: &'static str) {
        self.note(Error::Damaged {
            structure: "folder",
            offset: place,
            detail,
        });
    }

    /// Whether a block has names and the right checksum. Blocks of an index have neither.
    fn checked(&mut self, bytes: &[u8], logical: u64, place: u64) -> bool {
        let index_node = le32(bytes, 0) == 0 && entry_bytes(bytes, 0) == bytes.len();
        let index_root = self.folder.is_indexed() && logical == 0;
        let Some(seed) = self.folder.checksum_seed else {
            return true;
        };
        if index_node || index_root {
            return index_root;
        }
        let end = bytes.len().saturating_sub(TAIL_BYTES);
        let (covered, tail) = bytes.split_at_checked(end).unwrap_or_default();
        let is_tail = le32(tail, 0) == 0 && usize::from(le16(tail, 4)) == TAIL_BYTES && u8_at(tail, 7) == TAIL_TYPE;
        let right = is_tail && checksum(seed, covered) == le32(tail, 8);
        if !right {
            self.damaged(place, "its checksum is wrong");
        }
        right
    }

    /// Shows the entries of a block.
    fn block(&mut self, bytes: &[u8], start: usize, place: u64) -> Flow {
        let mut at = start;
        while at + ENTRY_HEADER_BYTES <= bytes.len() {
            let length = entry_bytes(bytes, at);
            let name_bytes = usize::from(u8_at(bytes, at + 6));
            let fits =
                length.is_multiple_of(4) && length >= ENTRY_HEADER_BYTES + name_bytes && length <= bytes.len() - at;
            if !fits {
                self.damaged(place, "an entry's length is wrong");
                return ControlFlow::Continue(());
            }
            if le32(bytes, at) != 0 {
                self.entry(bytes, at, name_bytes, place)?;
            }
            at += length;
        }
        ControlFlow::Continue(())
    }

    fn entry(&mut self, bytes: &[u8], at: usize, name_bytes: usize, place: u64) -> Flow {
        let name = part(bytes, at + ENTRY_HEADER_BYTES, name_bytes).unwrap_or_default();
        let node = le32(bytes, at);
        if name == b"." || name == b".." {
            return ControlFlow::Continue(());
        }
        // A name with a slash would lead somewhere else when it is written to another folder.
        if !is_name(name) {
            self.damaged(place, "a name has characters that no name has");
            return ControlFlow::Continue(());
        }
        if node > self.core.superblock.inodes {
            self.damaged(place, "an entry leads to an inode that doesn't exist");
            return ControlFlow::Continue(());
        }
        let typed = self.core.superblock.has(incompat::FILE_TYPE);
        // The upper half of the byte has flags of other implementations.
        let kind = NodeKind::from_file_type(u8_at(bytes, at + 7) & 0xf).filter(|_| typed);
        (self.visit)(Entry {
            name: name.to_vec(),
            node: NodeId(u64::from(node)),
            kind,
        })
    }
}

/// The length of an entry. In blocks of 64 KiB, a whole block doesn't fit the field, which has zero or all ones then.
fn entry_bytes(bytes: &[u8], at: usize) -> usize {
    match usize::from(le16(bytes, at + 4)) {
        0 | 0xffff if bytes.len() == 0x1_0000 => bytes.len(),
        length => length,
    }
}
