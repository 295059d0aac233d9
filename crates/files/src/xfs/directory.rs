//! Folders: entries in the inode ("short form"), or in directory blocks. Layouts are those of Linux's `xfs_da_format.h`.
//!
//! Blocks beyond 32 GiB of a folder hold its index by hash and its list of free space, which nobody needs who reads all entries.

use std::ops::ControlFlow;

use super::Xfs;
use super::extents::{self, Mapping};
use super::fields::Fields;
use super::inode::{Fork, Format, Inode};
use crate::error::Error;
use crate::filesystem::{Entry, Flow, NodeId, NodeKind};
use crate::path::is_name;

/// Where a folder's index begins: blocks before it hold entries.
const INDEX_OFFSET: u64 = 32 << 30;
/// Bytes read at once, at least one directory block.
const PIECE_BYTES: usize = 256 * 1024;
const BLOCK_CRC_OFFSET: usize = 4;
const UNUSED: u16 = 0xffff;

type Visit<'v> = dyn FnMut(Entry) -> Flow + 'v;

/// Shows the entries of a folder.
pub(super) fn entries(xfs: &Xfs, folder: &Inode, visit: &mut Visit<'_>) -> Result<(), Error> {
    if folder.data.format == Format::Local {
        return short_form(&folder.data, folder.size, xfs.superblock.has_file_types, visit);
    }
    let mut blocks = Blocks {
        xfs,
        owner: folder.number,
        pending: Vec::new(),
        places: Vec::new(),
        next: 0,
        bytes_left: xfs.superblock.size_bytes(),
        visit,
    };
    let _stopped = extents::walk(xfs, &folder.data, 0, &mut |mapping| blocks.mapping(mapping))?;
    Ok(())
}

/// Count, count of those with inode numbers of 64 bits, the parent's number, entries. One large number makes all of them large.
fn short_form(fork: &Fork, size: u64, has_file_types: bool, visit: &mut Visit<'_>) -> Result<(), Error> {
    let length = usize::try_from(size).unwrap_or(usize::MAX);
    let whole = Fields::new("short-form directory", fork.at, &fork.bytes);
    let fields = Fields::new("short-form directory", fork.at, whole.bytes(0, length)?);
    let is_large = fields.u8(1)? != 0;
    let number_bytes = if is_large { 8 } else { 4 };
    let mut at = 2 + number_bytes;
    for _ in 0..fields.u8(0)? {
        let name_length = usize::from(fields.u8(at)?);
        // Between length and name there are two bytes for the place in a block that the entry would have.
        let name = fields.bytes(at + 3, name_length)?;
        let mut end = at + 3 + name_length;
        let kind = if has_file_types {
            end += 1;
            NodeKind::from_file_type(fields.u8(end - 1)?)
        } else {
            None
        };
        let node = NodeId(if is_large {
            fields.u64(end)?
        } else {
            u64::from(fields.u32(end)?)
        });
        let name = checked_name(&fields, at, name)?;
        if visit(Entry { name, node, kind }).is_break() {
            break;
        }
        at = end + number_bytes;
    }
    Ok(())
}

/// Puts directory blocks together, whose parts may lie in several extents, and shows what is in them.
struct Blocks<'a, 'v> {
    xfs: &'a Xfs,
    owner: u64,
    /// Bytes that were read and not yet shown: less than a directory block between calls.
    pending: Vec<u8>,
    /// Where the pieces of `pending` lie: (bytes from the start of `pending`, byte of the file system).
    places: Vec<(usize, u64)>,
    /// The byte of the folder that comes next.
    next: u64,
    /// A folder's blocks are its own: it can't have more than the file system.
    bytes_left: u64,
    visit: &'a mut Visit<'v>,
}

impl Blocks<'_, '_> {
    fn mapping(&mut self, mapping: Mapping) -> Result<Flow, Error> {
        let block_log = self.xfs.superblock.block_log;
        let first = mapping.logical << block_log;
        if first >= INDEX_OFFSET {
            return Ok(ControlFlow::Break(()));
        }
        let damaged = |detail| Error::Damaged {
            structure: "directory",
            offset: mapping.physical,
            detail,
        };
        if first != self.next {
            let block_bytes = self.xfs.superblock.directory_bytes() as u64;
            if !self.pending.is_empty() || !first.is_multiple_of(block_bytes) {
                return Err(damaged("a part of a directory block is missing"));
            }
            self.next = first;
        }
        let length = mapping.count << block_log;
        self.bytes_left = self
            .bytes_left
            .checked_sub(length)
            .ok_or_else(|| damaged("it is larger than the file system"))?;
        let mut done = 0;
        while done < length {
            let piece = (length - done).min(PIECE_BYTES as u64);
            if self.piece(mapping.physical + done, piece)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            done += piece;
        }
        self.next = first + length;
        Ok(ControlFlow::Continue(()))
    }

    fn piece(&mut self, offset: u64, length: u64) -> Result<Flow, Error> {
        let piece = self
            .xfs
            .store
            .read(offset, usize::try_from(length).unwrap_or(PIECE_BYTES))?;
        self.places.push((self.pending.len(), offset));
        self.pending.extend_from_slice(&piece.bytes);
        let block_bytes = self.xfs.superblock.directory_bytes();
        let pending = std::mem::take(&mut self.pending);
        let mut blocks = pending.chunks_exact(block_bytes);
        let mut index = 0;
        for block in blocks.by_ref() {
            let fields = Fields::new("directory block", self.place(index), block);
            let is_replayed = piece.is_replayed && self.is_replayed(index, block_bytes);
            if self.block(fields, is_replayed)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            index += block_bytes;
        }
        self.pending = blocks.remainder().to_vec();
        if index > 0 {
            // What was left over before was shorter than a block: the rest is from this piece.
            self.places = vec![(0, self.place(index))];
        }
        Ok(ControlFlow::Continue(()))
    }

    fn block(&mut self, fields: Fields<'_>, is_replayed: bool) -> Result<Flow, Error> {
        let is_checksummed = self.xfs.superblock.is_checksummed;
        let (one, data, header) = if is_checksummed {
            (b"XDB3", b"XDD3", 64)
        } else {
            (b"XD2B", b"XD2D", 16)
        };
        let magic = fields.bytes(0, 4)?;
        if magic != one && magic != data {
            return Err(fields.damaged(0, "it isn't a block of entries"));
        }
        if is_checksummed && !is_replayed {
            fields.check_crc(BLOCK_CRC_OFFSET)?;
            if fields.u64(40)? != self.owner {
                return Err(fields.damaged(40, "it belongs to another folder"));
            }
        }
        let end = if magic == one {
            end_of_entries(&fields)?
        } else {
            fields.all().len()
        };
        self.block_entries(fields, header, end)
    }

    /// Entries and gaps, one after the other: a gap begins with `UNUSED` and its length; an entry is the inode's number, the name's length,
    /// the name, its type, and padding up to a multiple of 8 with two bytes at its end that point back.
    fn block_entries(&mut self, fields: Fields<'_>, header: usize, end: usize) -> Result<Flow, Error> {
        let mut at = header;
        while at < end {
            if fields.u16(at)? == UNUSED {
                let length = usize::from(fields.u16(at + 2)?);
                if length == 0 || !length.is_multiple_of(8) {
                    return Err(fields.damaged(at, "a gap has an impossible length"));
                }
                at += length;
                continue;
            }
            let node = NodeId(fields.u64(at)?);
            let name_length = usize::from(fields.u8(at + 8)?);
            let name = fields.bytes(at + 9, name_length)?;
            let has_file_types = self.xfs.superblock.has_file_types;
            let kind = if has_file_types {
                NodeKind::from_file_type(fields.u8(at + 9 + name_length)?)
            } else {
                None
            };
            if name != b"." && name != b".." {
                let name = checked_name(&fields, at, name)?;
                if (self.visit)(Entry { name, node, kind }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            at += (9 + name_length + usize::from(has_file_types) + 2).next_multiple_of(8);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Where a byte of `pending` lies.
    fn place(&self, index: usize) -> u64 {
        let piece = self.places.iter().rev().find(|(start, _)| *start <= index);
        piece.map_or(0, |&(start, at)| at.saturating_add((index - start) as u64))
    }

    /// Whether the log changed a directory block of `pending`. One that lies in several pieces is taken for changed.
    fn is_replayed(&self, index: usize, length: usize) -> bool {
        let first = self.place(index);
        let last = self.place(index + length - 1);
        last.wrapping_sub(first) != (length - 1) as u64 || self.xfs.store.replayed.touches(first, length)
    }
}

/// A folder of one block has its index at that block's end: a count and a count of stale ones behind 8 bytes for each.
fn end_of_entries(fields: &Fields<'_>) -> Result<usize, Error> {
    let tail = fields.all().len() - 8;
    let count = fields.u32(tail)? as usize;
    count
        .checked_mul(8)
        .and_then(|length| tail.checked_sub(length))
        .ok_or_else(|| fields.damaged(tail, "its index is larger than the block"))
}

/// The name of an entry at `at`, which must be able to stand in a path. Callers have left out what a folder calls itself and its parent.
fn checked_name(fields: &Fields<'_>, at: usize, name: &[u8]) -> Result<Vec<u8>, Error> {
    if is_name(name) {
        Ok(name.to_vec())
    } else {
        Err(fields.damaged(at, "a name is impossible"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder within its inode, with one entry.
    fn listed(name: &[u8]) -> Result<Vec<Entry>, Error> {
        let mut bytes = vec![1, 0, 0, 0, 0, 128, name.len() as u8, 0, 0x60];
        bytes.extend(name);
        bytes.extend([1, 0, 0, 0, 131]);
        let size = bytes.len() as u64;
        let fork = Fork {
            format: Format::Local,
            at: 4096,
            bytes,
            extents: 0,
            owner: 128,
        };
        let mut shown = Vec::new();
        short_form(&fork, size, true, &mut |entry| {
            shown.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(shown)
    }

    #[test]
    fn names_that_lead_elsewhere_are_damage() {
        let entry = Entry {
            name: b"name".to_vec(),
            node: NodeId(131),
            kind: Some(NodeKind::File),
        };
        assert_eq!(listed(b"name").unwrap(), [entry]);
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0"] {
            let refused = listed(name);
            assert!(
                matches!(refused, Err(Error::Damaged { offset: 4102, .. })),
                "{name:?} gives {refused:?}"
            );
        }
    }
}
