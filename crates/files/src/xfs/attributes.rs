//! Extended attributes: in the inode ("short form"), or in blocks of the attribute fork, large values in blocks of their own.
//! Layouts are those of Linux's `fs/xfs/libxfs/xfs_da_format.h`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::Xfs;
use super::extents;
use super::fields::Fields;
use super::inode::{Fork, Format};
use crate::error::Error;

/// Name and value, as tar has them.
pub(super) type Attribute = (String, Vec<u8>);

const FLAG_LOCAL: u8 = 1;
const FLAG_ROOT: u8 = 2;
const FLAG_SECURE: u8 = 4;
/// Not an attribute: a name of the file and its folder.
const FLAG_PARENT: u8 = 8;
/// Being written when the machine stopped.
const FLAG_INCOMPLETE: u8 = 0x80;

/// The largest value.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Memory for the attributes of one node. Linux lists 64 KiB of names at most.
const ATTRIBUTES_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Levels of the tree by hash above the leaves.
const LEVELS_MAX: u32 = 5;
const BLOCK_CRC_OFFSET: usize = 12;
const VALUE_HEADER_BYTES: usize = 56;

/// All attributes of a fork.
pub(super) fn attributes(xfs: &Xfs, fork: &Fork) -> Result<Vec<Attribute>, Error> {
    let mut found = Found::default();
    if fork.format == Format::Local {
        short_form(fork, &mut found)?;
        return Ok(found.attributes);
    }
    let Some(mut block) = first_leaf(xfs, fork)? else {
        return Ok(Vec::new());
    };
    // Leaves point to the next one: each is visited once at most.
    let mut visited = BTreeSet::new();
    loop {
        let fields = Fields::new("attribute leaf", block.at, &block.bytes);
        if !visited.insert(block.number) {
            return Err(fields.damaged(0, "the leaves form a circle"));
        }
        leaf(xfs, fork, &fields, &mut found)?;
        let next = u64::from(fields.u32(0)?);
        if next == 0 {
            return Ok(found.attributes);
        }
        block = read_block(xfs, fork, next)?;
    }
}

/// Where things are in blocks of the attribute fork.
struct Layout {
    leaf_magic: u16,
    leaf_header: usize,
    node_magic: u16,
    node_header: usize,
    /// In nodes and leaves alike.
    count_offset: usize,
}

const fn layout(is_checksummed: bool) -> Layout {
    if is_checksummed {
        Layout {
            leaf_magic: 0x3bee,
            leaf_header: 80,
            node_magic: 0x3ebe,
            node_header: 64,
            count_offset: 56,
        }
    } else {
        Layout {
            leaf_magic: 0xfbee,
            leaf_header: 32,
            node_magic: 0xfebe,
            node_header: 16,
            count_offset: 12,
        }
    }
}

/// A block of the attribute fork.
struct Block {
    number: u64,
    /// Where it lies.
    at: u64,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Found {
    attributes: Vec<Attribute>,
    bytes: usize,
}

impl Found {
    fn add(&mut self, flags: u8, name: &[u8], value: Vec<u8>) -> Result<(), Error> {
        self.bytes = self
            .bytes
            .saturating_add(name.len() + value.len() + size_of::<Attribute>());
        if self.bytes > ATTRIBUTES_BYTES_MAX {
            return Err(Error::Stopped("a node has more than 4 MiB of attributes"));
        }
        let name = String::from_utf8_lossy(name);
        let attribute = match (flags & (FLAG_ROOT | FLAG_SECURE), &*name) {
            (FLAG_ROOT, "SGI_ACL_FILE") => access_control_list("system.posix_acl_access", &value),
            (FLAG_ROOT, "SGI_ACL_DEFAULT") => access_control_list("system.posix_acl_default", &value),
            (FLAG_ROOT, _) => Some((format!("trusted.{name}"), value)),
            (FLAG_SECURE, _) => Some((format!("security.{name}"), value)),
            _ => Some((format!("user.{name}"), value)),
        };
        self.attributes.extend(attribute);
        Ok(())
    }
}

const fn is_shown(flags: u8) -> bool {
    flags & (FLAG_PARENT | FLAG_INCOMPLETE) == 0
}

/// Total size, count, a gap; per attribute the lengths of name and value, flags, name, value.
fn short_form(fork: &Fork, found: &mut Found) -> Result<(), Error> {
    let fields = Fields::new("short-form attributes", fork.at, &fork.bytes);
    let mut at = 4;
    for _ in 0..fields.u8(2)? {
        let name_length = usize::from(fields.u8(at)?);
        let value_length = usize::from(fields.u8(at + 1)?);
        let flags = fields.u8(at + 2)?;
        let name = fields.bytes(at + 3, name_length)?;
        let value = fields.bytes(at + 3 + name_length, value_length)?;
        if is_shown(flags) {
            found.add(flags, name, value.to_vec())?;
        }
        at += 3 + name_length + value_length;
    }
    Ok(())
}

/// Goes down the tree by hash, always to the first child.
fn first_leaf(xfs: &Xfs, fork: &Fork) -> Result<Option<Block>, Error> {
    if fork.format == Format::Extents && fork.extents == 0 {
        return Ok(None);
    }
    let layout = layout(xfs.superblock.is_checksummed);
    let mut number = 0;
    for _ in 0..=LEVELS_MAX {
        let block = read_block(xfs, fork, number)?;
        let fields = Fields::new("attribute node", block.at, &block.bytes);
        let magic = fields.u16(8)?;
        if magic == layout.leaf_magic {
            return Ok(Some(block));
        }
        if magic != layout.node_magic || fields.u16(layout.count_offset)? == 0 {
            return Err(fields.damaged(8, "it is neither a node nor a leaf"));
        }
        number = u64::from(fields.u32(layout.node_header + 4)?);
    }
    Err(Error::Damaged {
        structure: "attribute node",
        offset: fork.at,
        detail: "the tree is higher than any",
    })
}

fn read_block(xfs: &Xfs, fork: &Fork, number: u64) -> Result<Block, Error> {
    let at = place(xfs, fork, number)?;
    let piece = xfs.store.read(at, xfs.superblock.block_bytes() as usize)?;
    if xfs.superblock.is_checksummed && !piece.is_replayed {
        Fields::new("attribute block", at, &piece.bytes).check_crc(BLOCK_CRC_OFFSET)?;
    }
    let bytes = piece.bytes;
    Ok(Block { number, at, bytes })
}

fn place(xfs: &Xfs, fork: &Fork, block: u64) -> Result<u64, Error> {
    let mut found = None;
    let _stopped = extents::walk(xfs, fork, block, &mut |mapping| {
        if mapping.logical <= block {
            found = Some(mapping.physical + ((block - mapping.logical) << xfs.superblock.block_log));
        }
        Ok(ControlFlow::Break(()))
    })?;
    found.ok_or(Error::Damaged {
        structure: "attribute fork",
        offset: fork.at,
        detail: "a block that it needs is missing",
    })
}

/// Entries of 8 bytes: hash, place of the name within the block, flags.
fn leaf(xfs: &Xfs, fork: &Fork, fields: &Fields<'_>, found: &mut Found) -> Result<(), Error> {
    let layout = layout(xfs.superblock.is_checksummed);
    if fields.u16(8)? != layout.leaf_magic {
        return Err(fields.damaged(8, "it isn't a leaf"));
    }
    for index in 0..usize::from(fields.u16(layout.count_offset)?) {
        let entry = layout.leaf_header + index * 8;
        let at = usize::from(fields.u16(entry + 4)?);
        let flags = fields.u8(entry + 6)?;
        if !is_shown(flags) {
            continue;
        }
        if flags & FLAG_LOCAL != 0 {
            // Length of the value, length of the name, name, value.
            let value_length = usize::from(fields.u16(at)?);
            let name_length = usize::from(fields.u8(at + 2)?);
            let name = fields.bytes(at + 3, name_length)?;
            let value = fields.bytes(at + 3 + name_length, value_length)?;
            found.add(flags, name, value.to_vec())?;
        } else {
            // First block of the value, its length, length of the name, name.
            let block = u64::from(fields.u32(at)?);
            let value_length = fields.u32(at + 4)? as usize;
            let name_length = usize::from(fields.u8(at + 8)?);
            let name = fields.bytes(at + 9, name_length)?;
            if value_length > VALUE_BYTES_MAX {
                return Err(fields.damaged(at + 4, "a value is longer than 64 KiB"));
            }
            found.add(flags, name, remote_value(xfs, fork, block, value_length)?)?;
        }
    }
    Ok(())
}

/// A value in blocks of its own, each of which begins with a header in version 5.
fn remote_value(xfs: &Xfs, fork: &Fork, first: u64, length: usize) -> Result<Vec<u8>, Error> {
    let header = if xfs.superblock.is_checksummed {
        VALUE_HEADER_BYTES
    } else {
        0
    };
    let block_bytes = xfs.superblock.block_bytes() as usize;
    let mut value = Vec::with_capacity(length);
    let mut block = first;
    while value.len() < length {
        let offset = place(xfs, fork, block)?;
        let piece = xfs.store.read(offset, block_bytes)?;
        let fields = Fields::new("attribute value", offset, &piece.bytes);
        if header != 0 && (fields.bytes(0, 4)? != b"XARM" || fields.u64(32)? != fork.owner) {
            return Err(fields.damaged(0, "it isn't this node's"));
        }
        if header != 0 && !piece.is_replayed {
            fields.check_crc(BLOCK_CRC_OFFSET)?;
        }
        let part = (length - value.len()).min(block_bytes - header);
        value.extend_from_slice(fields.bytes(header, part)?);
        block += 1;
    }
    Ok(value)
}

/// Access control lists have a form of their own on the disk, and another as an attribute, which is what tar and `setfattr` know:
/// a version, then per entry type, permissions and number, little-endian.
fn access_control_list(name: &str, stored: &[u8]) -> Option<Attribute> {
    let (count, rest) = stored.split_first_chunk::<4>()?;
    let count = u32::from_be_bytes(*count) as usize;
    let (entries, _) = rest.as_chunks::<12>();
    let mut value = 2_u32.to_le_bytes().to_vec();
    for [a, b, c, d, number @ .., e, f, _, _] in entries.get(..count)? {
        let tag = u32::from_be_bytes([*a, *b, *c, *d]);
        let [n0, n1, n2, n3] = *number;
        value.extend(u16::try_from(tag).ok()?.to_le_bytes());
        value.extend(u16::from_be_bytes([*e, *f]).to_le_bytes());
        value.extend(u32::from_be_bytes([n0, n1, n2, n3]).to_le_bytes());
    }
    Some((name.to_owned(), value))
}
