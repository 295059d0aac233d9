//! Extended attributes, in the inode and in a block of their own, and content that is stored as one (`inline_data`).

use super::core::Core;
use super::inode::Inode;
use super::superblock::{checksum, checksum_with_hole, incompat};
use crate::error::Error;
use crate::fields::{from, le16, le32, part, u8_at};

const MAGIC: u32 = 0xea02_0000;
const MAGIC_BYTES: usize = 4;
const BLOCK_HEADER_BYTES: usize = 32;
const BLOCK_CHECKSUM_OFFSET: usize = 0x10;
const ENTRY_BYTES: usize = 16;
/// Attributes of one file may be up to 64 KiB each where they have inodes of their own: what is kept of them in memory at most.
const VALUES_BYTES_MAX: usize = 16 * 1024 * 1024;

const INDEX_ACCESS_LIST: u8 = 2;
const INDEX_DEFAULT_ACCESS_LIST: u8 = 3;
const INDEX_SYSTEM: u8 = 7;
const NAME_INLINE_DATA: &[u8] = b"data";

/// An attribute as it is stored.
pub(super) struct Stored {
    index: u8,
    name: Vec<u8>,
    value: Value,
}

enum Value {
    /// At a byte offset of the file system.
    Here(u64, Vec<u8>),
    /// The content of an inode.
    Inode(u32),
}

/// What is in an inode instead of a block map: each part with its byte offset. Together they are as long as the file.
pub(super) fn inline_parts(inode: &Inode) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let mut parts = vec![(inode.block_map_place(), inode.block_map().to_vec())];
    for stored in in_inode(inode)? {
        if let (INDEX_SYSTEM, NAME_INLINE_DATA, Value::Here(place, bytes)) = (stored.index, &*stored.name, stored.value)
        {
            parts.push((place, bytes));
        }
    }
    parts.truncate(2);
    let mut left = usize::try_from(inode.size_bytes).unwrap_or(usize::MAX);
    for (_, bytes) in &mut parts {
        bytes.truncate(left);
        left -= bytes.len();
    }
    if left > 0 {
        return Err(Error::Damaged {
            structure: "inode",
            offset: inode.place,
            detail: "its content is shorter than its size",
        });
    }
    parts.retain(|(_, bytes)| !bytes.is_empty());
    Ok(parts)
}

/// The target of a link that is in place of the block map, with its byte offset.
pub(super) fn inline_link(inode: &Inode) -> Vec<(u64, Vec<u8>)> {
    let length = usize::try_from(inode.size_bytes).unwrap_or(usize::MAX);
    let target = inode.block_map().get(..length).unwrap_or_default();
    vec![(inode.block_map_place(), target.to_vec())]
}

/// Names as tar has them, and values. `value_of` reads what is stored in another inode.
pub(super) fn attributes(
    core: &Core,
    inode: &Inode,
    value_of: &dyn Fn(u32) -> Result<Vec<u8>, Error>,
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut stored = in_inode(inode)?;
    if let Some(block) = inode.attribute_block() {
        stored.extend(in_block(core, block)?);
    }
    let mut attributes = Vec::new();
    let mut room = VALUES_BYTES_MAX;
    for stored in stored {
        let Some(name) = name(&stored) else {
            continue;
        };
        let value = match stored.value {
            Value::Here(_, bytes) => bytes,
            Value::Inode(number) => value_of(number)?,
        };
        room = room.checked_sub(value.len()).ok_or(Error::Damaged {
            structure: "extended attributes",
            offset: inode.place,
            detail: "they are longer than any",
        })?;
        let value = match stored.index {
            INDEX_ACCESS_LIST | INDEX_DEFAULT_ACCESS_LIST => access_list(&value),
            _ => Some(value),
        };
        attributes.extend(value.map(|value| (name, value)));
    }
    Ok(attributes)
}

/// `None` for what isn't an attribute to its users.
fn name(stored: &Stored) -> Option<String> {
    let own = String::from_utf8_lossy(&stored.name);
    Some(match stored.index {
        1 => format!("user.{own}"),
        INDEX_ACCESS_LIST => "system.posix_acl_access".to_owned(),
        INDEX_DEFAULT_ACCESS_LIST => "system.posix_acl_default".to_owned(),
        4 => format!("trusted.{own}"),
        6 => format!("security.{own}"),
        INDEX_SYSTEM if stored.name != NAME_INLINE_DATA => format!("system.{own}"),
        8 => "system.richacl".to_owned(),
        _ => return None,
    })
}

fn in_inode(inode: &Inode) -> Result<Vec<Stored>, Error> {
    let (start, room) = inode.attribute_room();
    if le32(room, 0) != MAGIC {
        return Ok(Vec::new());
    }
    let first = start + MAGIC_BYTES;
    let room = Room {
        bytes: from(room, MAGIC_BYTES),
        place: inode.place.saturating_add(first as u64),
    };
    room.entries(0)
}

fn in_block(core: &Core, block: u64) -> Result<Vec<Stored>, Error> {
    let bytes = core.block(block, "extended attributes")?;
    let room = Room {
        bytes: &bytes,
        place: block.saturating_mul(core.block_bytes()),
    };
    if le32(&bytes, 0) != MAGIC {
        return Err(room.damaged("they don't start as such"));
    }
    if let Some(seed) = core.superblock.checksum_seed {
        let seed = checksum(seed, &block.to_le_bytes());
        if checksum_with_hole(seed, &bytes, BLOCK_CHECKSUM_OFFSET) != le32(&bytes, BLOCK_CHECKSUM_OFFSET) {
            return Err(room.damaged("their checksum is wrong"));
        }
    }
    let stored = room.entries(BLOCK_HEADER_BYTES)?;
    let elsewhere = stored.iter().any(|stored| matches!(stored.value, Value::Inode(_)));
    if elsewhere && !core.superblock.has(incompat::EA_INODE) {
        return Err(room.damaged("one is in another inode, which this file system doesn't have"));
    }
    Ok(stored)
}

/// Where attributes are: entries from one end, values from the other, to whose offsets `bytes` is the base.
struct Room<'a> {
    bytes: &'a [u8],
    place: u64,
}

impl Room<'_> {
    fn damaged(&self, detail: &'static str) -> Error {
        Error::Damaged {
            structure: "extended attributes",
            offset: self.place,
            detail,
        }
    }

    fn entries(&self, first: usize) -> Result<Vec<Stored>, Error> {
        let mut entries = Vec::new();
        let mut at = first;
        let mut values_left = self.bytes.len();
        // Entries end with four zeros, or with the room in an inode that is full to its end.
        while at + MAGIC_BYTES <= self.bytes.len() && le32(self.bytes, at) != 0 {
            let name_bytes = usize::from(u8_at(self.bytes, at));
            let name = part(self.bytes, at + ENTRY_BYTES, name_bytes);
            let name = name.ok_or(self.damaged("a name lies beyond their end"))?;
            let size = le32(self.bytes, at + 8) as usize;
            let value = match le32(self.bytes, at + 4) {
                0 => {
                    let offset = usize::from(le16(self.bytes, at + 2));
                    let value = part(self.bytes, offset, size).ok_or(self.damaged("a value lies beyond their end"))?;
                    // Values don't overlap: together they are no longer than where they are.
                    values_left = values_left
                        .checked_sub(size)
                        .ok_or(self.damaged("values are longer than their room"))?;
                    Value::Here(self.place.saturating_add(offset as u64), value.to_vec())
                }
                inode => Value::Inode(inode),
            };
            entries.push(Stored {
                index: u8_at(self.bytes, at + 1),
                name: name.to_vec(),
                value,
            });
            at += (ENTRY_BYTES + name_bytes).next_multiple_of(4);
        }
        Ok(entries)
    }
}

/// An access list as tools know it (`posix_acl_xattr.h`), from ext's own, which leaves out the number where there is none.
fn access_list(stored: &[u8]) -> Option<Vec<u8>> {
    const STORED_VERSION: u32 = 1;
    const VERSION: u32 = 2;
    const TAG_USER: u16 = 2;
    const TAG_GROUP: u16 = 8;
    if le32(stored, 0) != STORED_VERSION {
        return None;
    }
    let mut list = VERSION.to_le_bytes().to_vec();
    let mut rest = from(stored, 4);
    while !rest.is_empty() {
        let (tag, permissions) = (le16(rest, 0), le16(rest, 2));
        let numbered = matches!(tag, TAG_USER | TAG_GROUP);
        let number = if numbered { le32(rest, 4) } else { u32::MAX };
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(number.to_le_bytes());
        rest = rest.get(if numbered { 8.. } else { 4.. })?;
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_lists_are_shown_as_tools_know_them() {
        // u::rw-, u:1000:r--, g::r--, m::r--, o::---
        let stored = b"\x01\0\0\0\x01\0\x06\0\x02\0\x04\0\xe8\x03\0\0\x04\0\x04\0\x10\0\x04\0\x20\0\0\0";
        let list = access_list(stored).unwrap();
        assert_eq!(list.len(), 4 + 5 * 8);
        assert_eq!(list[..4], [2, 0, 0, 0]);
        assert_eq!(list[4..12], [1, 0, 6, 0, 255, 255, 255, 255]);
        assert_eq!(list[12..20], [2, 0, 4, 0, 0xe8, 3, 0, 0]);
        assert_eq!(access_list(&stored[..stored.len() - 1]), None);
        assert_eq!(access_list(&[2, 0, 0, 0]), None);
    }
}
