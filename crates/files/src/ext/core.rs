//! Blocks and inodes: what everything else of ext is read through.

use std::sync::Arc;

use super::inode::Inode;
use super::superblock::{Superblock, incompat};
use crate::cache::CachedDisk;
use crate::disk::Disk;
use crate::error::Error;
use crate::fields::{joined, le32};

/// Inode tables, group descriptors, folders and extent trees that are kept in memory.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// The file system's disk and what its superblock says.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) superblock: Superblock,
    pub(super) disk: CachedDisk,
}

impl Core {
    pub(super) fn new(disk: Arc<dyn Disk>, superblock: Superblock) -> Self {
        Self {
            superblock,
            disk: CachedDisk::new(disk, CACHE_BYTES),
        }
    }

    pub(super) fn block_bytes(&self) -> u64 {
        u64::from(self.superblock.block_bytes)
    }

    /// A block of metadata.
    pub(super) fn block(&self, number: u64, structure: &'static str) -> Result<Vec<u8>, Error> {
        let offset = self.superblock.block_offset(number).ok_or(Error::Damaged {
            structure,
            offset: number.saturating_mul(self.block_bytes()),
            detail: "lies beyond the end of the disk",
        })?;
        let mut bytes = vec![0; self.superblock.block_bytes as usize];
        self.disk.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// An inode, with its checksum checked. Group descriptors' checksums aren't: a wrong place of an inode table shows in the inodes.
    pub(super) fn inode(&self, number: u32) -> Result<Inode, Error> {
        let damaged = |offset, detail| Error::Damaged {
            structure: "inode number",
            offset,
            detail,
        };
        let superblock = &self.superblock;
        if number == 0 || number > superblock.inodes {
            return Err(damaged(0, "no such inode"));
        }
        let (group, index) = (
            (number - 1) / superblock.inodes_per_group,
            (number - 1) % superblock.inodes_per_group,
        );
        let descriptor = superblock
            .descriptor_offset(group)
            .ok_or(damaged(0, "its group's descriptor lies beyond the end of the disk"))?;
        let table = self.inode_table(descriptor)?;
        let place = u64::from(index) * u64::from(superblock.inode_bytes);
        let inside = superblock
            .block_offset(table)
            .and_then(|offset| offset.checked_add(place));
        let place = inside.ok_or(damaged(
            descriptor,
            "its group's inode table lies beyond the end of the disk",
        ))?;
        let mut bytes = vec![0; superblock.inode_bytes as usize];
        self.disk.read_at(place, &mut bytes)?;
        Inode::parse(number, place, bytes, superblock)
    }

    /// The first block of a group's inode table.
    fn inode_table(&self, descriptor: u64) -> Result<u64, Error> {
        let mut bytes = [0; 64];
        let length = bytes.len().min(self.superblock.descriptor_bytes as usize);
        let known = bytes.get_mut(..length).unwrap_or_default();
        self.disk.read_at(descriptor, known)?;
        let high = if self.superblock.has(incompat::SIXTY_FOUR_BIT) {
            le32(&bytes, 0x28)
        } else {
            0
        };
        Ok(joined(le32(&bytes, 8), high))
    }
}
