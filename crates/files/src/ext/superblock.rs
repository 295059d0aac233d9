//! The superblock: which features, and where things are.

use crate::disk::Disk;
use crate::error::Error;
use crate::fields::{from, joined, le16, le32, text, u8_at};
use crate::filesystem::FileSystemKind;

/// Where the superblock starts on every ext file system, in bytes.
pub(super) const SUPERBLOCK_OFFSET: u64 = 1024;
const SUPERBLOCK_BYTES: usize = 1024;
const MAGIC: u16 = 0xef53;

/// Features without which a file system can't be read (`s_feature_incompat`).
pub(super) mod incompat {
    pub(in super::super) const FILE_TYPE: u32 = 0x2;
    pub(in super::super) const RECOVER: u32 = 0x4;
    pub(in super::super) const JOURNAL_DEVICE: u32 = 0x8;
    pub(in super::super) const META_BG: u32 = 0x10;
    pub(in super::super) const EXTENTS: u32 = 0x40;
    pub(in super::super) const SIXTY_FOUR_BIT: u32 = 0x80;
    pub(in super::super) const MMP: u32 = 0x100;
    pub(in super::super) const FLEX_BG: u32 = 0x200;
    pub(in super::super) const EA_INODE: u32 = 0x400;
    pub(in super::super) const DIR_DATA: u32 = 0x1000;
    pub(in super::super) const CHECKSUM_SEED: u32 = 0x2000;
    pub(in super::super) const LARGE_DIR: u32 = 0x4000;
    pub(in super::super) const INLINE_DATA: u32 = 0x8000;
    pub(in super::super) const ENCRYPT: u32 = 0x1_0000;
    pub(in super::super) const CASEFOLD: u32 = 0x2_0000;

    /// What ext3 knows; ext2 knows the same without `RECOVER`.
    pub(in super::super) const OF_EXT3: u32 = FILE_TYPE | RECOVER | META_BG;
    pub(in super::super) const READ: u32 = OF_EXT3
        | EXTENTS
        | SIXTY_FOUR_BIT
        | MMP
        | FLEX_BG
        | EA_INODE
        | DIR_DATA
        | CHECKSUM_SEED
        | LARGE_DIR
        | INLINE_DATA
        | ENCRYPT
        | CASEFOLD;
}

const COMPAT_HAS_JOURNAL: u32 = 0x4;
const COMPAT_SPARSE_SUPER2: u32 = 0x200;
const RO_COMPAT_SPARSE_SUPER: u32 = 0x1;
/// Features with which ext3 may write a file system: sparse superblocks, large files, B-tree folders.
const RO_COMPAT_OF_EXT3: u32 = 0x7;
const RO_COMPAT_METADATA_CHECKSUM: u32 = 0x400;

/// What the superblock says, checked to the point that no arithmetic on it can overflow.
///
/// Its own checksum isn't looked at: running kernels write parts of the superblock out of step with it, and everything that is read
/// because of it has a checksum of its own.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) kind: FileSystemKind,
    pub(super) label: String,
    pub(super) incompat: u32,
    /// 1024 to 65536, a power of two.
    pub(super) block_bytes: u32,
    /// Blocks of the file system.
    pub(super) blocks: u64,
    /// Blocks that are on the disk: fewer, if it was cut off.
    pub(super) blocks_present: u64,
    pub(super) inodes: u32,
    /// At least 1.
    pub(super) inodes_per_group: u32,
    /// 128 to `block_bytes`, a power of two.
    pub(super) inode_bytes: u32,
    /// 32, or 64 to `block_bytes`.
    pub(super) descriptor_bytes: u32,
    /// Whether inodes, folders and extents have checksums, and what they start from.
    pub(super) checksum_seed: Option<u32>,
    /// The inode of the journal; 0 if there is none, or on another disk.
    pub(super) journal_inode: u32,
    pub(super) has_journal: bool,
    first_data_block: u32,
    blocks_per_group: u32,
    first_meta_group: u32,
    sparse_super: bool,
    sparse_super2: Option<[u32; 2]>,
}

/// Which of the three it is, if it is any. Two bytes of magic are in one of 65,536 blocks of noise: the revision and the block size have to
/// make sense too.
pub(crate) fn recognise(disk: &dyn Disk) -> Option<FileSystemKind> {
    let bytes = read(disk).ok()?;
    let sound = le16(&bytes, 0x38) == MAGIC && le32(&bytes, 0x4c) <= 1 && le32(&bytes, 0x18) <= 6;
    let known = sound && le32(&bytes, 0x60) & incompat::JOURNAL_DEVICE == 0;
    known.then(|| kind(&bytes))
}

fn read(disk: &dyn Disk) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; SUPERBLOCK_BYTES];
    disk.read_at(SUPERBLOCK_OFFSET, &mut bytes)?;
    Ok(bytes)
}

/// The names are those of drivers: a file system belongs to the oldest that may write it.
fn kind(bytes: &[u8]) -> FileSystemKind {
    let beyond_ext3 = le32(bytes, 0x60) & !incompat::OF_EXT3 != 0 || le32(bytes, 0x64) & !RO_COMPAT_OF_EXT3 != 0;
    let journal = le32(bytes, 0x5c) & COMPAT_HAS_JOURNAL != 0;
    match (beyond_ext3, journal) {
        (true, _) => FileSystemKind::Ext4,
        (false, true) => FileSystemKind::Ext3,
        (false, false) => FileSystemKind::Ext2,
    }
}

fn damaged(detail: &'static str) -> Error {
    Error::Damaged {
        structure: "ext superblock",
        offset: SUPERBLOCK_OFFSET,
        detail,
    }
}

/// What ext's checksums are: CRC-32C without the inversions before and after.
pub(super) fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// The same with four zeros in the place of the checksum itself.
pub(super) fn checksum_with_hole(seed: u32, bytes: &[u8], hole: usize) -> u32 {
    let sum = checksum(seed, bytes.get(..hole).unwrap_or_default());
    checksum(checksum(sum, &[0; 4]), from(bytes, hole + 4))
}

impl Superblock {
    pub(super) fn read(disk: &dyn Disk) -> Result<Self, Error> {
        Self::parse(&read(disk)?, disk.size_bytes())
    }

    fn parse(bytes: &[u8], disk_bytes: u64) -> Result<Self, Error> {
        if le16(bytes, 0x38) != MAGIC {
            return Err(Error::Unrecognised);
        }
        let incompat = le32(bytes, 0x60);
        if incompat & incompat::JOURNAL_DEVICE != 0 {
            return Err(Error::Unsupported {
                feature: "an ext journal of another disk",
            });
        }
        if incompat & !incompat::READ != 0 {
            return Err(Error::Unsupported {
                feature: "an ext feature that came after Holdfast, or compression",
            });
        }
        let block_bytes = match le32(bytes, 0x18) {
            shift @ 0..=6 => 1024_u32 << shift,
            _ => return Err(damaged("the block size is more than 64 KiB")),
        };
        let is_wide = incompat & incompat::SIXTY_FOUR_BIT != 0;
        let high = if is_wide { le32(bytes, 0x150) } else { 0 };
        let blocks = joined(le32(bytes, 4), high);
        if blocks
            .checked_mul(u64::from(block_bytes))
            .is_none_or(|size| size > i64::MAX as u64)
        {
            return Err(damaged("there are more blocks than any disk has"));
        }
        let superblock = Self {
            kind: kind(bytes),
            label: text(bytes.get(0x78..0x88).unwrap_or_default()),
            incompat,
            block_bytes,
            blocks,
            blocks_present: blocks.min(disk_bytes / u64::from(block_bytes)),
            inodes: le32(bytes, 0),
            inodes_per_group: le32(bytes, 0x28),
            inode_bytes: if le32(bytes, 0x4c) == 0 {
                128
            } else {
                u32::from(le16(bytes, 0x58))
            },
            descriptor_bytes: if is_wide { u32::from(le16(bytes, 0xfe)) } else { 32 },
            checksum_seed: checksum_seed(bytes),
            journal_inode: le32(bytes, 0xe0),
            has_journal: le32(bytes, 0x5c) & COMPAT_HAS_JOURNAL != 0,
            first_data_block: le32(bytes, 0x14),
            blocks_per_group: le32(bytes, 0x20),
            first_meta_group: le32(bytes, 0x104),
            sparse_super: le32(bytes, 0x64) & RO_COMPAT_SPARSE_SUPER != 0,
            sparse_super2: (le32(bytes, 0x5c) & COMPAT_SPARSE_SUPER2 != 0)
                .then(|| [le32(bytes, 0x24c), le32(bytes, 0x250)]),
        };
        superblock.check()
    }

    fn check(self) -> Result<Self, Error> {
        if self.inodes_per_group == 0 || self.blocks_per_group == 0 {
            return Err(damaged("groups are empty"));
        }
        if u64::from(self.first_data_block) >= self.blocks {
            return Err(damaged("there are no blocks"));
        }
        if !self.inode_bytes.is_power_of_two() || !(128..=self.block_bytes).contains(&self.inode_bytes) {
            return Err(damaged("the size of inodes is none that exists"));
        }
        if !self.descriptor_bytes.is_power_of_two() || !(32..=self.block_bytes).contains(&self.descriptor_bytes) {
            return Err(damaged("the size of group descriptors is none that exists"));
        }
        Ok(self)
    }

    pub(super) fn has(&self, feature: u32) -> bool {
        self.incompat & feature != 0
    }

    /// Whether committed changes wait in the journal.
    pub(super) fn needs_recovery(&self) -> bool {
        self.has_journal && self.has(incompat::RECOVER)
    }

    /// Byte offset of a block that is on the disk.
    pub(super) fn block_offset(&self, block: u64) -> Option<u64> {
        (block < self.blocks_present).then(|| block * u64::from(self.block_bytes))
    }

    /// Byte offset of a group's descriptor.
    pub(super) fn descriptor_offset(&self, group: u32) -> Option<u64> {
        let per_block = self.block_bytes / self.descriptor_bytes;
        let (number, within) = (group / per_block, group % per_block);
        let offset = self.block_offset(self.descriptor_block(number))?;
        Some(offset + u64::from(within) * u64::from(self.descriptor_bytes))
    }

    /// The block with descriptors, by its number among those: all behind the superblock, or, with `meta_bg`, each in the first of the
    /// groups that it describes.
    fn descriptor_block(&self, number: u32) -> u64 {
        let after_superblock = SUPERBLOCK_OFFSET / u64::from(self.block_bytes) + 1;
        if !self.has(incompat::META_BG) || number < self.first_meta_group {
            return after_superblock + u64::from(number);
        }
        let group = u64::from(number) * u64::from(self.block_bytes / self.descriptor_bytes);
        let start = group.saturating_mul(u64::from(self.blocks_per_group));
        let mut behind = u64::from(self.has_superblock(group));
        // The boot block of 1 KiB precedes the superblock in a group that starts at block 0.
        behind += u64::from(self.block_bytes == 1024 && number == 0 && self.first_data_block == 0);
        start
            .saturating_add(u64::from(self.first_data_block))
            .saturating_add(behind)
    }

    /// Whether a group starts with a copy of the superblock.
    fn has_superblock(&self, group: u64) -> bool {
        if group == 0 {
            return true;
        }
        if let Some(groups) = self.sparse_super2 {
            return groups.iter().any(|with| u64::from(*with) == group);
        }
        !self.sparse_super || group == 1 || [3, 5, 7].into_iter().any(|base| is_power(group, base))
    }
}

fn is_power(mut number: u64, base: u64) -> bool {
    while number > 1 && number.is_multiple_of(base) {
        number /= base;
    }
    number == 1
}

fn checksum_seed(bytes: &[u8]) -> Option<u32> {
    // 1 is CRC-32C, the only kind there is.
    let checksums = le32(bytes, 0x64) & RO_COMPAT_METADATA_CHECKSUM != 0 && u8_at(bytes, 0x175) == 1;
    checksums.then(|| {
        if le32(bytes, 0x60) & incompat::CHECKSUM_SEED != 0 {
            le32(bytes, 0x270)
        } else {
            checksum(u32::MAX, bytes.get(0x68..0x78).unwrap_or_default())
        }
    })
}
