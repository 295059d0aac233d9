//! Inodes: `struct xfs_dinode` in Linux's `fs/xfs/libxfs/xfs_format.h`, and the forks behind it.

use super::fields::Fields;
use super::superblock::Superblock;
use crate::error::Error;
use crate::filesystem::{Metadata, NodeId, NodeKind, Time};

/// Where the checksum of an inode of version 3 lies.
pub(super) const INODE_CRC_OFFSET: usize = 100;
/// "IN".
pub(super) const INODE_MAGIC: u16 = 0x494e;

const FLAG_REALTIME: u16 = 1;
pub(super) const FLAG2_BIG_TIME: u64 = 1 << 3;
const FLAG2_LARGE_EXTENT_COUNTS: u64 = 1 << 4;
/// Big times count nanoseconds from the oldest second that the old ones could express.
const BIG_TIME_EPOCH_SECONDS: i128 = 1 << 31;

/// How a fork's content is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A device number.
    Device,
    /// In the inode itself.
    Local,
    /// A list of extents in the inode.
    Extents,
    /// The root of a tree of extents in the inode.
    Tree,
}

/// A fork of an inode: of its content, or of its attributes.
#[derive(Clone, Debug)]
pub(super) struct Fork {
    pub(super) format: Format,
    /// Where its bytes lie, within the file system.
    pub(super) at: u64,
    /// Its bytes within the inode.
    pub(super) bytes: Vec<u8>,
    /// Number of extents in the list.
    pub(super) extents: u64,
    /// Whose it is: the number of the inode.
    pub(super) owner: u64,
}

/// An inode in use.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    pub(super) kind: NodeKind,
    pub(super) size: u64,
    /// Its content is on another device.
    pub(super) is_realtime: bool,
    pub(super) data: Fork,
    pub(super) attributes: Option<Fork>,
    metadata: Metadata,
}

impl Inode {
    /// Parses the bytes at the place of an inode.
    pub(super) fn parse(bytes: &[u8], number: u64, at: u64, superblock: &Superblock) -> Result<Self, Error> {
        let fields = Fields::new("inode", at, bytes);
        if fields.u16(0)? != INODE_MAGIC {
            return Err(fields.damaged(0, "no inode is where a name says one is"));
        }
        let version = fields.u8(4)?;
        if superblock.is_checksummed {
            fields.check_crc(INODE_CRC_OFFSET)?;
            if version < 3 || fields.u64(152)? != number {
                return Err(fields.damaged(152, "it is another inode"));
            }
        }
        let mode = fields.u16(2)?;
        if mode == 0 {
            return Err(Error::NotInUse(NodeId(number)));
        }
        let kind = NodeKind::from_mode(mode).ok_or_else(|| fields.damaged(2, "it has an impossible type"))?;
        let flags2 = if version >= 3 { fields.u64(120)? } else { 0 };
        let (data, attributes) = forks(&fields, number, version, flags2)?;
        let size = fields.u64(56)?;
        if size >= 1 << 63 {
            return Err(fields.damaged(56, "its size is impossible"));
        }
        let device = if data.format == Format::Device {
            Some(device(Fields::new("inode", data.at, &data.bytes).u32(0)?))
        } else {
            None
        };
        let time = |offset| time(&fields, offset, flags2);
        let metadata = Metadata {
            kind,
            size_bytes: size,
            mode: Some(mode & 0o7777),
            owner: Some(fields.u32(8)?),
            group: Some(fields.u32(12)?),
            links: if version == 1 {
                u32::from(fields.u16(6)?)
            } else {
                fields.u32(16)?
            },
            generation: u64::from(fields.u32(92)?),
            modified: Some(time(40)?),
            changed: Some(time(48)?),
            accessed: Some(time(32)?),
            created: if version >= 3 { Some(time(144)?) } else { None },
            device,
        };
        Ok(Self {
            number,
            kind,
            size,
            is_realtime: kind == NodeKind::File && fields.u16(90)? & FLAG_REALTIME != 0,
            data,
            attributes,
            metadata,
        })
    }

    /// What is known of it.
    pub(super) fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    /// Complains unless it is of a kind.
    pub(super) fn expect(&self, kind: NodeKind, name: &'static str) -> Result<(), Error> {
        if self.kind == kind {
            Ok(())
        } else {
            Err(Error::NotA(NodeId(self.number), name))
        }
    }
}

/// Cuts what follows the core into the two forks.
fn forks(fields: &Fields<'_>, number: u64, version: u8, flags2: u64) -> Result<(Fork, Option<Fork>), Error> {
    let core_bytes = core_bytes(version);
    let literal = fields.all().get(core_bytes..).unwrap_or_default();
    let attribute_offset = usize::from(fields.u8(82)?) * 8;
    if attribute_offset > literal.len() {
        return Err(fields.damaged(82, "its attributes begin outside of it"));
    }
    let (data_extents, attribute_extents) = if flags2 & FLAG2_LARGE_EXTENT_COUNTS == 0 {
        (u64::from(fields.u32(76)?), u64::from(fields.u16(80)?))
    } else {
        (fields.u64(24)?, u64::from(fields.u32(76)?))
    };
    let has_attributes = attribute_offset != 0;
    let data_end = if has_attributes {
        attribute_offset
    } else {
        literal.len()
    };
    let fork = |offset: usize, end: usize, format: Format, extents: u64| Fork {
        format,
        at: fields.position(core_bytes.saturating_add(offset)),
        bytes: literal.get(offset..end).unwrap_or_default().to_vec(),
        extents,
        owner: number,
    };
    let data = fork(0, data_end, format(fields, 5)?, data_extents);
    let attributes = if has_attributes {
        Some(fork(
            attribute_offset,
            literal.len(),
            format(fields, 83)?,
            attribute_extents,
        ))
    } else {
        None
    };
    Ok((data, attributes))
}

/// Bytes before the forks.
pub(super) const fn core_bytes(version: u8) -> usize {
    if version >= 3 { 176 } else { 100 }
}

fn format(fields: &Fields<'_>, offset: usize) -> Result<Format, Error> {
    match fields.u8(offset)? {
        0 => Ok(Format::Device),
        1 => Ok(Format::Local),
        2 => Ok(Format::Extents),
        3 => Ok(Format::Tree),
        _ => Err(fields.damaged(offset, "the format of its content is unknown")),
    }
}

/// A time: seconds and nanoseconds since 1970, each in 32 bits; or nanoseconds since 1901 in 64.
fn time(fields: &Fields<'_>, offset: usize, flags2: u64) -> Result<Time, Error> {
    const SECOND: i128 = 1_000_000_000;
    if flags2 & FLAG2_BIG_TIME != 0 {
        return Ok(Time(i128::from(fields.u64(offset)?) - BIG_TIME_EPOCH_SECONDS * SECOND));
    }
    let seconds = fields.u32(offset)?.cast_signed();
    let nanoseconds = fields.u32(offset + 4)?;
    Ok(Time(i128::from(seconds) * SECOND + i128::from(nanoseconds)))
}

/// Major and minor number, as System V packed them.
const fn device(packed: u32) -> (u32, u32) {
    (packed >> 18, packed & 0x3_ffff)
}
