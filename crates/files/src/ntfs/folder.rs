//! Folders: the index `$I30` of file names, a tree whose root is in the record and whose other nodes are blocks.
//!
//! Blocks are read in their order on the disk, by the bitmap of those in use, as ntfs-3g lists folders: no damaged block hides
//! another, none is read twice, and neighbours are fetched together.

use super::file_name::FileName;
use super::fixup;
use super::mft::Mft;
use super::node::Node;
use super::record::{Reference, kind};
use super::stream::Stream;
use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::{Entry, Flow, NodeId};
use crate::little_endian::{u16_at, u32_at, u64_at};
use crate::path::is_name;

/// "$I30" in UTF-16.
pub(super) const NAME: &[u8] = b"$\0I\x003\x000\0";
/// Records below this are the file system's own.
pub(super) const FIRST_USER_RECORD: u64 = 16;
/// Largest bitmap of blocks: folders of 256 GiB.
const BITMAP_BYTES_MAX: u64 = 8 << 20;
/// Offset of the index header in `$INDEX_ROOT`.
const ROOT_HEADER: usize = 16;
/// Offset of the index header in a block.
const BLOCK_HEADER: usize = 24;

/// Shows the entries of a folder. Those that can be read are shown before the first damage is returned.
pub(super) fn entries(mft: &Mft, node: &Node, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
    let root = Stream::find(mft, node, kind::INDEX_ROOT, NAME)?;
    let root = root.ok_or(Error::NotA(node.id, "folder"))?;
    let mut bytes = vec![0; mft.geometry.record_bytes];
    let length = root.read(mft, &mft.disk, node, 0, &mut bytes)?;
    bytes.truncate(length);
    let block_bytes = u32_at(&bytes, 8).ok_or_else(|| node.record.damaged("its index is too short"))?;
    let mut damage = None;
    match show(&bytes, ROOT_HEADER, visit) {
        Ok(Flow::Break(())) => return Ok(()),
        Ok(Flow::Continue(())) => {}
        Err(detail) => damage = Some(node.record.damaged(detail)),
    }
    let blocks = Stream::find(mft, node, kind::INDEX_ALLOCATION, NAME)?;
    let in_blocks = blocks.map_or(Ok(()), |blocks| {
        entries_in_blocks(mft, node, &blocks, block_bytes, visit)
    });
    damage.map_or(in_blocks, Err)
}

fn entries_in_blocks(
    mft: &Mft,
    node: &Node,
    blocks: &Stream,
    block_bytes: u32,
    visit: &mut dyn FnMut(Entry) -> Flow,
) -> Result<(), Error> {
    if !block_bytes.is_power_of_two() || !(512..=64 << 10).contains(&block_bytes) {
        return Err(node
            .record
            .damaged("the size of its index blocks isn't one of 512 bytes to 64 KiB"));
    }
    if blocks.size_bytes > mft.disk.size_bytes() {
        return Err(node.record.damaged("its index is larger than the disk"));
    }
    let used = bitmap(mft, node)?;
    let count = blocks.size_bytes / u64::from(block_bytes);
    let mut damage = None;
    let mut block = vec![0; usize::try_from(block_bytes).unwrap_or_default()];
    for number in 0..count {
        let byte = usize::try_from(number / 8).ok().and_then(|index| used.get(index));
        if byte.is_none_or(|byte| byte >> (number % 8) & 1 == 0) {
            continue;
        }
        let offset = number * u64::from(block_bytes);
        let shown = blocks
            .read(mft, &mft.disk, node, offset, &mut block)
            .and_then(|_| check(mft, node, number, &mut block))
            .and_then(|()| show(&block, BLOCK_HEADER, visit).map_err(|detail| node_damaged(node, detail)));
        match shown {
            Ok(Flow::Continue(())) => {}
            Ok(Flow::Break(())) => return Ok(()),
            Err(error) => damage = damage.or(Some(error)),
        }
    }
    damage.map_or(Ok(()), Err)
}

fn node_damaged(node: &Node, detail: &'static str) -> Error {
    Error::Damaged {
        structure: "folder of the MFT record",
        offset: node.record.place,
        detail,
    }
}

/// Which blocks of the index are in use.
fn bitmap(mft: &Mft, node: &Node) -> Result<Vec<u8>, Error> {
    let bitmap = Stream::find(mft, node, kind::BITMAP, NAME)?;
    let bitmap = bitmap.filter(|bitmap| bitmap.size_bytes <= BITMAP_BYTES_MAX);
    let bitmap = bitmap.ok_or_else(|| node.record.damaged("the bitmap of its index is missing or too large"))?;
    let mut used = vec![0; usize::try_from(bitmap.size_bytes).unwrap_or_default()];
    bitmap.read(mft, &mft.disk, node, 0, &mut used)?;
    Ok(used)
}

/// Checks that a block is the one that belongs there: one of an earlier folder may still lie in its place.
fn check(mft: &Mft, node: &Node, number: u64, block: &mut [u8]) -> Result<(), Error> {
    fixup::apply(block, *b"INDX").map_err(|detail| node_damaged(node, detail))?;
    // Blocks are numbered in clusters, or in units of 512 bytes if a cluster is larger than a block.
    let block_bytes = block.len() as u64;
    let unit = if mft.geometry.cluster_bytes <= block_bytes {
        mft.geometry.cluster_bytes
    } else {
        512
    };
    if u64_at(block, 16) == Some(number * (block_bytes / unit)) {
        Ok(())
    } else {
        Err(node_damaged(node, "a block of its index is another one"))
    }
}

/// Shows the entries of a node of the tree.
///
/// Layout of the header: 0 offset of the first entry (u32), 4 end of the entries (u32), both from the header on. Of an entry: 0 reference of
/// the file (u64), 8 length (u16), 10 length of the name (u16), 12 flags (u16: 2 for the last, which has no name), 16 the name.
fn show(bytes: &[u8], header: usize, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<Flow, &'static str> {
    let outside = "an entry of its index lies outside of it";
    let bytes = bytes.get(header..).ok_or(outside)?;
    let field = |offset| {
        u32_at(bytes, offset)
            .and_then(|number| usize::try_from(number).ok())
            .ok_or(outside)
    };
    let mut rest = bytes.get(field(0)?..field(4)?).ok_or(outside)?;
    let mut damage = None;
    while u16_at(rest, 12).ok_or(outside)? & 2 == 0 {
        let length = u16_at(rest, 8).map(usize::from).filter(|length| *length >= 16);
        let entry = length.and_then(|length| rest.get(..length)).ok_or(outside)?;
        rest = rest.get(entry.len()..).ok_or(outside)?;
        let key_end = 16 + usize::from(u16_at(entry, 10).ok_or(outside)?);
        let name = entry
            .get(16..key_end)
            .and_then(FileName::parse)
            .ok_or("a name in its index is damaged")?;
        let reference = Reference(u64_at(entry, 0).ok_or(outside)?);
        if name.is_for_dos || reference.record() < FIRST_USER_RECORD {
            continue;
        }
        if !is_name(&name.name) {
            damage = Some("a name in its index can't stand in a path");
            continue;
        }
        let flow = visit(Entry {
            name: name.name,
            node: NodeId(reference.0),
            kind: name.kind,
        });
        if flow.is_break() {
            return Ok(flow);
        }
    }
    damage.map_or(Ok(Flow::Continue(())), Err)
}
