//! Inodes in the log: those that changed, and chunks of new ones.

use super::item::{Extent, Refused, Target, region};
use super::transaction::Item;
use crate::error::Error;
use crate::xfs::fields::{Fields, crc_without};
use crate::xfs::inode::{FLAG2_BIG_TIME, INODE_CRC_OFFSET, INODE_MAGIC, core_bytes};
use crate::xfs::store::SECTOR_BYTES;
use crate::xfs::superblock::Superblock;

/// What of an inode is in the log.
const FIELDS_DATA_IN_INODE: u32 = 0x002 | 0x004;
const FIELDS_DATA_ROOT: u32 = 0x008;
const FIELDS_DEVICE: u32 = 0x010;
const FIELDS_ATTRIBUTES_IN_INODE: u32 = 0x040 | 0x080;
const FIELDS_ATTRIBUTES_ROOT: u32 = 0x100;

/// The count of writes of an inode of version 2 starts again after this.
const FLUSHES_MAX: u16 = 0xffff;
/// Descriptions by machines of 32 bits lack 4 bytes of padding.
const DESCRIPTION_32_BYTES: usize = 52;

/// Numbers of an inode's core: (offset, bytes). In the log they are in the byte order of the machine that wrote it.
const CORE_FIELDS: [(usize, usize); 20] = [
    (0, 2),
    (2, 2),
    (4, 1),
    (5, 1),
    (6, 2),
    (8, 4),
    (12, 4),
    (16, 4),
    (20, 2),
    (22, 2),
    (56, 8),
    (64, 8),
    (72, 4),
    (76, 4),
    (80, 2),
    (82, 1),
    (83, 1),
    (84, 4),
    (88, 2),
    (90, 2),
];
const CORE_3_FIELDS: [(usize, usize); 4] = [(104, 8), (120, 8), (128, 4), (152, 8)];
const TIMES: [usize; 3] = [32, 40, 48];
const TIME_CREATED: usize = 144;
const GENERATION_OFFSET: usize = 92;
const NEXT_UNLINKED_OFFSET: usize = 96;
const LSN_OFFSET: usize = 112;

/// The description of an inode item.
pub(super) struct LoggedInode {
    fields: u32,
    data_bytes: usize,
    attribute_bytes: usize,
    number: u64,
    device: u32,
    /// The buffer that the inode lies in.
    pub(super) buffer: Extent,
}

impl LoggedInode {
    /// Parses the description: type, regions, fields, sizes of both forks, number, device, buffer, place within the buffer.
    pub(super) fn parse(item: &Item) -> Result<Self, Error> {
        let fields = item.description();
        let number_offset = if fields.all().len() == DESCRIPTION_32_BYTES {
            12
        } else {
            16
        };
        Ok(Self {
            fields: fields.little_u32(4)?,
            attribute_bytes: usize::from(fields.little_u16(8)?),
            data_bytes: usize::from(fields.little_u16(10)?),
            number: fields.little_u64(number_offset)?,
            device: fields.little_u32(number_offset + 8)?,
            buffer: (
                fields.little_u64(number_offset + 24)?,
                u16::try_from(fields.little_u32(number_offset + 32)?)
                    .map_err(|_| fields.damaged(0, "the buffer of an inode is too large"))?,
            ),
        })
    }

    /// Lays the core and the forks over the inode, unless the inode on the disk is newer.
    pub(super) fn replay(&self, target: &mut Target<'_>, item: &Item) -> Result<(), Refused> {
        let superblock = target.superblock;
        let at = superblock.inode_offset(self.number).ok_or(Refused::Damaged)?;
        // Inodes are smaller than a sector, or whole ones.
        let within = usize::try_from(at % SECTOR_BYTES as u64).unwrap_or_default();
        let length = superblock.inode_bytes();
        let start = at - within as u64;
        let mut sectors = target
            .store
            .read(start, (within + length).next_multiple_of(SECTOR_BYTES))?
            .bytes;
        let inode = sectors.get_mut(within..within + length).ok_or(Refused::Damaged)?;
        let logged = region(item, 1)?;
        let old = Fields::new("inode", at, inode);
        if old.u16(0)? != INODE_MAGIC || logged.little_u16(0)? != INODE_MAGIC {
            return Err(Refused::Damaged);
        }
        if is_newer(&old, &logged, target)? {
            return Ok(());
        }
        let version = logged.u8(4)?;
        lay_core(inode, &logged, version)?;
        self.lay_forks(inode, item, superblock, version)?;
        if version >= 3 {
            put(inode, LSN_OFFSET, &target.lsn.0.to_be_bytes())?;
            let crc = crc_without(inode, INODE_CRC_OFFSET);
            put(inode, INODE_CRC_OFFSET, &crc.to_le_bytes())?;
        }
        target.store.replayed.put(start, &sectors)?;
        Ok(())
    }

    fn lay_forks(&self, inode: &mut [u8], item: &Item, superblock: &Superblock, version: u8) -> Result<(), Refused> {
        let fork_offset = usize::from(Fields::new("inode", 0, inode).u8(82)?) * 8;
        let literal = inode.get_mut(core_bytes(version)..).ok_or(Refused::Damaged)?;
        let whole = literal.len();
        let (data, attributes) = match fork_offset {
            0 => (literal, [].as_mut_slice()),
            offset => literal.split_at_mut(offset.min(whole)),
        };
        if self.fields & FIELDS_DEVICE != 0 {
            put(data, 0, &self.device.to_be_bytes())?;
        }
        let mut index = 2;
        for (fork, in_inode, root, bytes) in [
            (data, FIELDS_DATA_IN_INODE, FIELDS_DATA_ROOT, self.data_bytes),
            (
                attributes,
                FIELDS_ATTRIBUTES_IN_INODE,
                FIELDS_ATTRIBUTES_ROOT,
                self.attribute_bytes,
            ),
        ] {
            if self.fields & (in_inode | root) == 0 || bytes == 0 {
                continue;
            }
            let logged = region(item, index)?;
            let logged = Fields::new("log item", 0, logged.bytes(0, bytes)?);
            if self.fields & root == 0 {
                put(fork, 0, logged.all())?;
            } else {
                lay_root(fork, &logged, superblock)?;
            }
            index += 1;
        }
        Ok(())
    }
}

/// Inodes of version 3 carry a sequence number, older ones a count of their writes.
fn is_newer(old: &Fields<'_>, logged: &Fields<'_>, target: &Target<'_>) -> Result<bool, Error> {
    if target.superblock.is_checksummed {
        let lsn = old.u64(LSN_OFFSET)?;
        return Ok(lsn != u64::MAX && lsn > target.lsn.0);
    }
    let (old, logged) = (old.u16(30)?, logged.little_u16(30)?);
    let started_again = old == FLUSHES_MAX && logged < FLUSHES_MAX / 2;
    Ok(logged < old && !started_again)
}

/// Turns a core's numbers into the disk's byte order. Checksum, sequence number and list of unlinked inodes aren't taken from the log.
fn lay_core(inode: &mut [u8], logged: &Fields<'_>, version: u8) -> Result<(), Refused> {
    let mut turn = |offset: usize, length: usize| -> Result<(), Refused> {
        let mut number = logged.bytes(offset, length)?.to_vec();
        number.reverse();
        put(inode, offset, &number)
    };
    for (offset, length) in CORE_FIELDS {
        turn(offset, length)?;
    }
    turn(GENERATION_OFFSET, 4)?;
    let flags2 = if version >= 3 { logged.little_u64(120)? } else { 0 };
    if version >= 3 {
        for (offset, length) in CORE_3_FIELDS {
            turn(offset, length)?;
        }
        // The count of extents where it has 64 bits, else zeros.
        turn(24, 8)?;
    }
    for offset in TIMES.into_iter().chain((version >= 3).then_some(TIME_CREATED)) {
        if flags2 & FLAG2_BIG_TIME != 0 {
            turn(offset, 8)?;
        } else {
            turn(offset, 4)?;
            turn(offset + 4, 4)?;
        }
    }
    Ok(())
}

/// The root of a tree is logged as it is in memory: with the header of a block, and without room for more records than it has.
fn lay_root(fork: &mut [u8], logged: &Fields<'_>, superblock: &Superblock) -> Result<(), Refused> {
    let header = if superblock.is_checksummed { 72 } else { 24 };
    let count = usize::from(logged.u16(6)?);
    let logged_room = logged.all().len().saturating_sub(header) / 16;
    let room = fork.len().saturating_sub(4) / 16;
    if count > logged_room || count > room {
        return Err(Refused::Damaged);
    }
    put(fork, 0, logged.bytes(4, 4)?)?;
    put(fork, 4, logged.bytes(header, count * 8)?)?;
    put(fork, 4 + room * 8, logged.bytes(header + logged_room * 8, count * 8)?)
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) -> Result<(), Refused> {
    let target = bytes.get_mut(offset..).and_then(|rest| rest.get_mut(..value.len()));
    target.ok_or(Refused::Damaged)?.copy_from_slice(value);
    Ok(())
}

/// A chunk of inodes that was allocated: each is written as unused.
pub(super) struct NewInodes {
    offset: u64,
    bytes: u64,
    first_number: u64,
    generation: u32,
}

impl NewInodes {
    /// Parses the description, whose numbers are big-endian behind type and regions: group, block, inodes, their size, blocks, generation.
    pub(super) fn parse(item: &Item, superblock: &Superblock) -> Result<Self, Error> {
        let fields = item.description();
        let (group, block, blocks) = (fields.u32(4)?, fields.u32(8)?, fields.u32(20)?);
        let damaged = || fields.damaged(4, "new inodes are outside of the file system");
        let number = superblock.block_number(group, block);
        // A chunk has 64 inodes, or what fits into a block if that is more.
        let bytes = u64::from(blocks) << superblock.block_log;
        if bytes > (64 << superblock.inode_log).max(u64::from(superblock.block_bytes())) {
            return Err(damaged());
        }
        Ok(Self {
            offset: superblock.run_offset(number, u64::from(blocks)).ok_or_else(damaged)?,
            bytes,
            first_number: number << (superblock.block_log - superblock.inode_log),
            generation: fields.u32(24)?,
        })
    }

    pub(super) const fn first_sector(&self) -> u64 {
        self.offset / SECTOR_BYTES as u64
    }

    pub(super) const fn sectors(&self) -> u64 {
        self.bytes / SECTOR_BYTES as u64
    }

    pub(super) fn replay(&self, target: &mut Target<'_>) -> Result<(), Refused> {
        let mut bytes = vec![0; usize::try_from(self.bytes).map_err(|_| Refused::Damaged)?];
        let chunks = bytes.chunks_exact_mut(target.superblock.inode_bytes());
        for (number, inode) in (self.first_number..).zip(chunks) {
            put(inode, 0, &INODE_MAGIC.to_be_bytes())?;
            put(inode, 4, &[if target.superblock.is_checksummed { 3 } else { 2 }])?;
            put(inode, GENERATION_OFFSET, &self.generation.to_be_bytes())?;
            put(inode, NEXT_UNLINKED_OFFSET, &u32::MAX.to_be_bytes())?;
            if target.superblock.is_checksummed {
                put(inode, 152, &number.to_be_bytes())?;
                put(inode, 160, &target.superblock.metadata_uuid)?;
                let crc = crc_without(inode, INODE_CRC_OFFSET);
                put(inode, INODE_CRC_OFFSET, &crc.to_le_bytes())?;
            }
        }
        target.store.replayed.put(self.offset, &bytes)?;
        Ok(())
    }
}
