//! ext2, ext3 and ext4.
//!
//! The format is that of <https://docs.kernel.org/filesystems/ext4/>; offsets in the code are those of its tables. A reader of our own,
//! because `ext4-view`, the crate that reads ext4 without mounting it, tells neither the blocks of a file nor inode numbers, and can't be
//! shared between threads.
//!
//! `superblock` -> `core` (blocks and inodes) -> `map` (blocks of a file: extents, block pointers), `folder`, `attributes` -> `reader`.
//! `journal` finds what waits in the journal, and `overlay` shows the disk as it will be once that is at its place.

mod attributes;
mod core;
mod folder;
mod inode;
mod journal;
mod map;
mod overlay;
mod reader;
mod superblock;

pub use reader::{Ext, open};
pub(crate) use superblock::recognise;
