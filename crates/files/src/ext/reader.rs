//! An ext file system as its users see it.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::core::Core;
use super::inode::Inode;
use super::journal;
use super::map::{self, Run};
use super::overlay::Overlay;
use super::superblock::Superblock;
use super::{attributes, folder};
use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::{Entry, Extent, ExtentKind, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind};

const ROOT: NodeId = NodeId(2);
/// A link leads no further than a path may be long.
const LINK_BYTES_MAX: u64 = 65_536;
/// The longest value of an extended attribute (`XATTR_SIZE_MAX`).
const ATTRIBUTE_BYTES_MAX: u64 = 65_536;

/// An ext2, ext3 or ext4 file system. What waits in its journal is taken for written.
#[derive(Debug)]
pub struct Ext {
    core: Core,
    replayed: Option<String>,
}

/// Opens an ext file system that starts at the disk's first byte.
///
/// A journal that can't be read is no error: the file system is shown without what waits there, and [`FileSystem::replayed`] says so.
///
/// # Errors
///
/// The superblock can't be read, is damaged, or names a feature that isn't known.
pub fn open(disk: Arc<dyn Disk>) -> Result<Ext, Error> {
    let superblock = Superblock::read(&*disk)?;
    let recover = superblock.needs_recovery();
    let core = Core::new(Arc::clone(&disk), superblock);
    if !recover {
        return Ok(Ext { core, replayed: None });
    }
    let waiting = match journal::waiting(&core) {
        Ok(waiting) => waiting,
        Err(error) => {
            let replayed = Some(format!("nothing of what waits: {error}"));
            return Ok(Ext { core, replayed });
        }
    };
    let replayed = waiting.description();
    if waiting.by_block.is_empty() {
        return Ok(Ext { core, replayed });
    }
    let overlay: Arc<dyn Disk> = Arc::new(Overlay::new(disk, core.block_bytes(), waiting.by_block));
    let superblock = Superblock::read(&*overlay)?;
    Ok(Ext {
        core: Core::new(overlay, superblock),
        replayed,
    })
}

impl Ext {
    fn inode(&self, node: NodeId) -> Result<Inode, Error> {
        let number = u32::try_from(node.0).map_err(|_| Error::Damaged {
            structure: "inode number",
            offset: 0,
            detail: "no such inode",
        })?;
        self.core.inode(number)
    }

    /// An inode whose content can be read.
    fn readable(&self, node: NodeId, kind: NodeKind, name: &'static str) -> Result<Inode, Error> {
        let inode = self.inode(node)?;
        if inode.kind != kind {
            return Err(Error::NotA(node, name));
        }
        if inode.is_encrypted() {
            return Err(Error::Unreadable(node, "the file system encrypts it"));
        }
        Ok(inode)
    }

    /// Content from an offset on, as much as there is.
    fn content(&self, inode: &Inode, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let left = inode.size_bytes.saturating_sub(offset);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..length).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        buffer.fill(0);
        if inode.has_inline_data() {
            let parts = attributes::inline_parts(inode)?;
            let all: Vec<u8> = parts.into_iter().flat_map(|(_, bytes)| bytes).collect();
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            for (to, from) in buffer.iter_mut().zip(all.iter().skip(start)) {
                *to = *from;
            }
            return Ok(length);
        }
        let block_bytes = self.core.block_bytes();
        let end = offset.saturating_add(length as u64);
        let range = offset / block_bytes..end.div_ceil(block_bytes);
        map::runs(&self.core, inode, range, &mut |run| {
            self.run(run, offset, buffer)?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(length)
    }

    /// Reads what a run has of the bytes from `offset` on.
    fn run(&self, run: Run, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        if run.unwritten {
            return Ok(());
        }
        let extent = self.extent(run);
        let skipped = offset.saturating_sub(extent.logical);
        let start = usize::try_from(extent.logical.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = usize::try_from(extent.length.saturating_sub(skipped)).unwrap_or(usize::MAX);
        let room = buffer.get_mut(start..).unwrap_or_default();
        let length = length.min(room.len());
        let part = room.get_mut(..length).unwrap_or_default();
        let physical = extent.physical.saturating_add(skipped);
        // Content isn't read twice: it passes the cache by.
        Ok(self.core.disk.uncached().read_at(physical, part)?)
    }

    /// Blocks lie on the disk and a file's are 2^42 at most: their bytes fit.
    fn extent(&self, run: Run) -> Extent {
        let block_bytes = self.core.block_bytes();
        Extent {
            logical: run.logical.saturating_mul(block_bytes),
            physical: run.physical.saturating_mul(block_bytes),
            length: run.blocks.saturating_mul(block_bytes),
            kind: if run.unwritten {
                ExtentKind::Unwritten
            } else {
                ExtentKind::Data
            },
        }
    }

    /// The content of an inode that holds the value of an attribute.
    fn attribute_value(&self, number: u32) -> Result<Vec<u8>, Error> {
        let inode = self.core.inode(number)?;
        if !inode.is_value_of_attribute() || inode.size_bytes > ATTRIBUTE_BYTES_MAX {
            return Err(Error::Damaged {
                structure: "extended attributes",
                offset: inode.place,
                detail: "the inode isn't the value of one",
            });
        }
        self.whole(&inode)
    }

    /// All the content of an inode whose size was checked.
    fn whole(&self, inode: &Inode) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(inode.size_bytes).unwrap_or_default()];
        self.content(inode, 0, &mut bytes)?;
        Ok(bytes)
    }

    fn inline_extents(inode: &Inode, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        let parts = if inode.has_inline_data() {
            attributes::inline_parts(inode)?
        } else {
            attributes::inline_link(inode)
        };
        let mut logical = 0;
        // A damaged inode may say that its link leads nowhere.
        for (physical, bytes) in parts.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
            let length = bytes.len() as u64;
            let kind = ExtentKind::Inline;
            let shown = visit(Extent {
                logical,
                physical,
                length,
                kind,
            });
            if shown.is_break() {
                break;
            }
            logical += length;
        }
        Ok(())
    }
}

impl FileSystem for Ext {
    fn kind(&self) -> FileSystemKind {
        self.core.superblock.kind
    }

    fn label(&self) -> String {
        self.core.superblock.label.clone()
    }

    fn block_bytes(&self) -> u32 {
        self.core.superblock.block_bytes
    }

    fn size_bytes(&self) -> u64 {
        self.core.superblock.blocks.saturating_mul(self.core.block_bytes())
    }

    fn root(&self) -> NodeId {
        ROOT
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, Error> {
        Ok(self.inode(node)?.metadata())
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
        let inode = self.readable(folder, NodeKind::Folder, "folder")?;
        if !inode.has_inline_data() {
            return folder::entries(&self.core, &inode, visit);
        }
        let parts = attributes::inline_parts(&inode)?;
        let content: Vec<u8> = parts.into_iter().flat_map(|(_, bytes)| bytes).collect();
        folder::inline_entries(&self.core, &inode, &content, visit)
    }

    /// Whole blocks, those beyond the file's end too if some were allocated there.
    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        let inode = self.inode(node)?;
        match inode.kind {
            NodeKind::File | NodeKind::Folder | NodeKind::Symlink => {}
            _ => return Ok(()),
        }
        if inode.has_inline_data() || inode.is_fast_link() {
            return Self::inline_extents(&inode, visit);
        }
        map::runs(&self.core, &inode, 0..u64::MAX, &mut |run| Ok(visit(self.extent(run))))
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let inode = self.readable(file, NodeKind::File, "file")?;
        self.content(&inode, offset, buffer)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        let inode = self.readable(link, NodeKind::Symlink, "symbolic link")?;
        if inode.is_fast_link() {
            return Ok(attributes::inline_link(&inode)
                .into_iter()
                .flat_map(|(_, bytes)| bytes)
                .collect());
        }
        if inode.size_bytes > LINK_BYTES_MAX {
            return Err(Error::Damaged {
                structure: "symbolic link",
                offset: inode.place,
                detail: "its target is longer than any",
            });
        }
        self.whole(&inode)
    }

    fn attributes(&self, node: NodeId) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let inode = self.inode(node)?;
        attributes::attributes(&self.core, &inode, &|number| self.attribute_value(number))
    }

    fn replayed(&self) -> Option<String> {
        self.replayed.clone()
    }
}
