//! XFS, versions 4 and 5, with what its log holds. Nothing is mounted, nothing is written.
//!
//! The format is that of "XFS Algorithms & Data Structures" and of the headers in Linux's `fs/xfs/libxfs`. A mounted XFS keeps
//! changes of metadata in its log for half a minute and more; as moments of a disk in use are what is read here, the log is replayed,
//! in memory, before anything else is read (`log`).
//!
//! Not read: the content of files on a realtime device, and a log on another device (then what is on the disk itself is shown).

mod attributes;
mod content;
mod directory;
mod extents;
mod fields;
mod inode;
mod log;
mod store;
mod superblock;

use std::sync::Arc;

use inode::Inode;
use log::Recovery;
use store::Store;
use superblock::{SUPERBLOCK_BYTES_MAX, Superblock};

use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::{Entry, Extent, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind};

/// An XFS at one moment.
pub struct Xfs {
    store: Store,
    superblock: Superblock,
    recovery: Recovery,
}

/// Opens the XFS that begins at the disk's first byte, and replays its log in memory: up to 256 MiB of changes.
pub fn open(disk: Arc<dyn Disk>) -> Result<Xfs, Error> {
    let mut store = Store::new(disk);
    let mut superblock = read_superblock(&store)?;
    let recovery = log::replay(&mut store, &superblock)?;
    if !store.replayed.is_empty() {
        // The file system may have grown.
        superblock = read_superblock(&store)?;
    }
    Ok(Xfs {
        store,
        superblock,
        recovery,
    })
}

fn read_superblock(store: &Store) -> Result<Superblock, Error> {
    let length = store.disk().size_bytes().min(SUPERBLOCK_BYTES_MAX as u64);
    let piece = store.read(0, usize::try_from(length).unwrap_or_default())?;
    Superblock::parse(&piece.bytes, !piece.is_replayed)
}

impl Xfs {
    fn inode(&self, node: NodeId) -> Result<Inode, Error> {
        let offset = self.superblock.inode_offset(node.0).ok_or(Error::Damaged {
            structure: "inode number",
            offset: 0,
            detail: "a name leads to an inode outside of the file system",
        })?;
        let piece = self.store.read(offset, self.superblock.inode_bytes())?;
        Inode::parse(&piece.bytes, node.0, offset, &self.superblock)
    }
}

impl FileSystem for Xfs {
    fn kind(&self) -> FileSystemKind {
        FileSystemKind::Xfs
    }

    fn label(&self) -> String {
        self.superblock.label.clone()
    }

    fn block_bytes(&self) -> u32 {
        self.superblock.block_bytes()
    }

    fn size_bytes(&self) -> u64 {
        self.superblock.size_bytes()
    }

    fn root(&self) -> NodeId {
        NodeId(self.superblock.root)
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, Error> {
        Ok(self.inode(node)?.metadata())
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
        let inode = self.inode(folder)?;
        inode.expect(NodeKind::Folder, "folder")?;
        directory::entries(self, &inode, visit)
    }

    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        content::extents(self, &self.inode(node)?, visit)
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        content::read(self, &self.inode(file)?, offset, buffer)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        content::link_target(self, &self.inode(link)?)
    }

    fn attributes(&self, node: NodeId) -> Result<Vec<(String, Vec<u8>)>, Error> {
        match &self.inode(node)?.attributes {
            Some(fork) => attributes::attributes(self, fork),
            None => Ok(Vec::new()),
        }
    }

    fn replayed(&self) -> Option<String> {
        self.recovery.describe()
    }
}
