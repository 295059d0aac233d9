//! The superblock: where everything else is.

use super::fields::Fields;
use crate::error::Error;
use crate::fields::text;

/// Bytes read for it: the largest sector that XFS allows.
pub(super) const SUPERBLOCK_BYTES_MAX: usize = 32 * 1024;

/// The largest file system.
const BYTES_MAX: u64 = 1 << 63;

const MAGIC: &[u8; 4] = b"XFSB";
const CRC_OFFSET: usize = 224;

/// Features that change how a file system is read: a reader must know all that are set.
const INCOMPATIBLE_FILE_TYPES: u32 = 1;
const INCOMPATIBLE_META_UUID: u32 = 1 << 2;
/// File types, sparse inodes, another UUID, big times, needs repair, 64-bit extent counts, exchange of ranges, parent pointers,
/// metadata folder, zoned realtime device, gaps between zones. The last three concern the realtime device alone.
const INCOMPATIBLE_KNOWN: u32 = 0x7ff;

const VERSION_EXTENT_FLAG: u16 = 0x1000;
const VERSION_DIRECTORY_2: u16 = 0x2000;
const FEATURES2_FILE_TYPES: u32 = 0x200;

/// Where things are, as `struct xfs_dsb` in Linux's `fs/xfs/libxfs/xfs_format.h` says; numbers are within bounds.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) block_log: u8,
    pub(super) blocks: u64,
    pub(super) group_blocks: u32,
    pub(super) groups: u32,
    group_log: u8,
    pub(super) inode_log: u8,
    directory_log: u8,
    pub(super) root: u64,
    /// Block number of the log within the file system; 0 if it is on another device.
    pub(super) log_start: u64,
    pub(super) log_blocks: u32,
    pub(super) label: String,
    /// What metadata carry, to be told from those of an earlier file system on the same disk.
    pub(super) metadata_uuid: [u8; 16],
    /// Version 5: metadata have checksums and log sequence numbers.
    pub(super) is_checksummed: bool,
    /// Folders tell what their entries are.
    pub(super) has_file_types: bool,
    /// Extents have a flag for unwritten ones.
    pub(super) has_unwritten: bool,
}

impl Superblock {
    /// Parses it from the first bytes of the file system. `verify` is false where the log changed it, without its checksum.
    pub(super) fn parse(bytes: &[u8], verify: bool) -> Result<Self, Error> {
        let fields = Fields::new("superblock", 0, bytes);
        if bytes.get(..4) != Some(MAGIC) {
            return Err(Error::Unrecognised);
        }
        let version = fields.u16(100)?;
        let is_checksummed = match version & 0xf {
            4 => false,
            5 => true,
            _ => {
                return Err(Error::Unsupported {
                    feature: "XFS older than version 4",
                });
            }
        };
        let incompatible = if is_checksummed { fields.u32(216)? } else { 0 };
        if is_checksummed && verify {
            let sector = usize::from(fields.u16(102)?);
            Fields::new("superblock", 0, fields.bytes(0, sector)?).check_crc(CRC_OFFSET)?;
        }
        if version & VERSION_DIRECTORY_2 == 0 {
            return Err(Error::Unsupported {
                feature: "XFS with directories of version 1",
            });
        }
        if incompatible & !INCOMPATIBLE_KNOWN != 0 {
            return Err(Error::Unsupported {
                feature: "a feature of XFS that is newer than this reader",
            });
        }
        let uuid_offset = if incompatible & INCOMPATIBLE_META_UUID == 0 {
            32
        } else {
            248
        };
        let superblock = Self {
            block_log: fields.u8(120)?,
            blocks: fields.u64(8)?,
            group_blocks: fields.u32(84)?,
            groups: fields.u32(88)?,
            group_log: fields.u8(124)?,
            inode_log: fields.u8(122)?,
            directory_log: fields.u8(192)?,
            root: fields.u64(56)?,
            log_start: fields.u64(48)?,
            log_blocks: fields.u32(96)?,
            label: text(fields.bytes(108, 12)?),
            metadata_uuid: fields.array(uuid_offset)?,
            is_checksummed,
            has_file_types: if is_checksummed {
                incompatible & INCOMPATIBLE_FILE_TYPES != 0
            } else {
                fields.u32(200)? & FEATURES2_FILE_TYPES != 0
            },
            has_unwritten: is_checksummed || version & VERSION_EXTENT_FLAG != 0,
        };
        superblock.check(&fields)?;
        Ok(superblock)
    }

    /// Numbers that contradict each other, or the format's limits, would make later arithmetic meaningless.
    fn check(&self, fields: &Fields<'_>) -> Result<(), Error> {
        if !(9..=16).contains(&self.block_log) || fields.u32(4)? != 1 << self.block_log {
            return Err(fields.damaged(4, "the block size isn't one from 512 bytes to 64 KiB"));
        }
        if !(8..=11).contains(&self.inode_log)
            || self.inode_log > self.block_log
            || fields.u16(104)? != 1 << self.inode_log
        {
            return Err(fields.damaged(104, "the inode size isn't one from 256 to 2048 bytes"));
        }
        if self.directory_log > 16 - self.block_log {
            return Err(fields.damaged(192, "directory blocks are larger than 64 KiB"));
        }
        // `group_log` is the logarithm of the group's size, rounded up; block and inode numbers are composed with it.
        if self.group_log > 31 || self.group_blocks == 0 || u64::from(self.group_blocks) > 1 << self.group_log {
            return Err(fields.damaged(84, "the size of the allocation groups is impossible"));
        }
        let whole = u64::from(self.groups) * u64::from(self.group_blocks);
        if self.blocks == 0 || self.blocks > whole || self.blocks > BYTES_MAX >> self.block_log {
            return Err(fields.damaged(8, "the number of blocks doesn't fit the allocation groups"));
        }
        if fields.u8(126)? != 0 {
            return Err(fields.damaged(126, "mkfs didn't finish"));
        }
        Ok(())
    }

    /// Bytes of a block.
    pub(super) const fn block_bytes(&self) -> u32 {
        1 << self.block_log
    }

    /// Bytes of an inode.
    pub(super) const fn inode_bytes(&self) -> usize {
        1 << self.inode_log
    }

    /// Bytes of a directory block.
    pub(super) const fn directory_bytes(&self) -> usize {
        1 << (self.block_log + self.directory_log)
    }

    /// Bytes of the file system.
    pub(super) const fn size_bytes(&self) -> u64 {
        self.blocks << self.block_log
    }

    /// Where a run of blocks lies, in bytes. The number of a block is that of its group, then that within the group; a run stays
    /// within its group. `None` if it doesn't, or leaves the file system.
    pub(super) fn run_offset(&self, block: u64, count: u64) -> Option<u64> {
        let group = block >> self.group_log;
        let within = block & ((1 << self.group_log) - 1);
        let end = within.checked_add(count)?;
        if group >= u64::from(self.groups) || end > u64::from(self.group_blocks) {
            return None;
        }
        // Both factors are below 2^32.
        let first = (group * u64::from(self.group_blocks)).checked_add(within)?;
        if first.checked_add(count)? > self.blocks {
            return None;
        }
        Some(first << self.block_log)
    }

    /// The number of a block within a group.
    pub(super) const fn block_number(&self, group: u32, within: u32) -> u64 {
        (group as u64) << self.group_log | within as u64
    }

    /// Where an inode lies, in bytes: the low bits of its number are its place within a block.
    pub(super) fn inode_offset(&self, number: u64) -> Option<u64> {
        let per_block_log = self.block_log - self.inode_log;
        let within = number & ((1 << per_block_log) - 1);
        let block = self.run_offset(number >> per_block_log, 1)?;
        block.checked_add(within << self.inode_log)
    }
}
