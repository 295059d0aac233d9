//! The content of files and the targets of symbolic links.

use std::ops::ControlFlow;

use super::Xfs;
use super::extents::{self, Mapping};
use super::fields::Fields;
use super::inode::{Format, Inode};
use crate::error::Error;
use crate::filesystem::{Extent, ExtentKind, Flow, NodeId, NodeKind};

/// The longest target of a symbolic link.
const TARGET_BYTES_MAX: usize = 1024;
const TARGET_HEADER_BYTES: usize = 56;
const TARGET_CRC_OFFSET: usize = 12;

/// Shows the pieces of a node's content. What is allocated beyond a file's end isn't content, and left out.
pub(super) fn extents(xfs: &Xfs, node: &Inode, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
    on_this_device(node)?;
    if node.data.format == Format::Local {
        let extent = Extent {
            logical: 0,
            physical: node.data.at,
            length: node.size.min(node.data.bytes.len() as u64),
            kind: ExtentKind::Inline,
        };
        // A damaged inode may say that it holds nothing.
        if extent.length > 0 {
            let _stopped = visit(extent);
        }
        return Ok(());
    }
    let block_log = xfs.superblock.block_log;
    let blocks = match node.kind {
        NodeKind::File => node.size.div_ceil(u64::from(xfs.superblock.block_bytes())),
        _ => u64::MAX,
    };
    let _stopped = extents::walk(xfs, &node.data, 0, &mut |mapping| {
        if mapping.logical >= blocks {
            return Ok(ControlFlow::Break(()));
        }
        Ok(visit(Extent {
            logical: mapping.logical << block_log,
            physical: mapping.physical,
            length: mapping.count.min(blocks - mapping.logical) << block_log,
            kind: if mapping.is_unwritten {
                ExtentKind::Unwritten
            } else {
                ExtentKind::Data
            },
        }))
    })?;
    Ok(())
}

/// Reads from a file; the bytes read, fewer than asked for only at its end.
pub(super) fn read(xfs: &Xfs, file: &Inode, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
    file.expect(NodeKind::File, "file")?;
    on_this_device(file)?;
    let length = usize::try_from(file.size.saturating_sub(offset))
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    let buffer = buffer.get_mut(..length).unwrap_or_default();
    buffer.fill(0);
    let from = offset >> xfs.superblock.block_log;
    let _stopped = extents::walk(xfs, &file.data, from, &mut |mapping| {
        read_mapping(xfs, mapping, offset, buffer)
    })?;
    Ok(length)
}

/// Reads what a mapping and the range asked for have in common.
fn read_mapping(xfs: &Xfs, mapping: Mapping, offset: u64, buffer: &mut [u8]) -> Result<Flow, Error> {
    let block_log = xfs.superblock.block_log;
    let end = offset.saturating_add(buffer.len() as u64);
    let start = (mapping.logical << block_log).max(offset);
    let stop = ((mapping.logical + mapping.count) << block_log).min(end);
    if start >= end {
        return Ok(ControlFlow::Break(()));
    }
    if start < stop && !mapping.is_unwritten {
        let within = |at: u64| usize::try_from(at - offset).unwrap_or(usize::MAX);
        let part = buffer.get_mut(within(start)..within(stop)).unwrap_or_default();
        let physical = mapping.physical + (start - (mapping.logical << block_log));
        // The log never has the content of files.
        xfs.store.disk().read_at(physical, part)?;
    }
    Ok(ControlFlow::Continue(()))
}

fn on_this_device(node: &Inode) -> Result<(), Error> {
    if node.is_realtime {
        return Err(Error::Unreadable(NodeId(node.number), "it is on the realtime device"));
    }
    Ok(())
}

/// Where a symbolic link leads: in the inode, or in up to three extents, each of which begins with a header in version 5.
pub(super) fn link_target(xfs: &Xfs, link: &Inode) -> Result<Vec<u8>, Error> {
    link.expect(NodeKind::Symlink, "symbolic link")?;
    let inode = Fields::new("symbolic link", link.data.at, &link.data.bytes);
    let length = usize::try_from(link.size).unwrap_or(usize::MAX);
    if length == 0 || length > TARGET_BYTES_MAX {
        return Err(inode.damaged(0, "its length is impossible"));
    }
    if link.data.format == Format::Local {
        return Ok(inode.bytes(0, length)?.to_vec());
    }
    let mut target = Vec::with_capacity(length);
    let _stopped = extents::walk(xfs, &link.data, 0, &mut |mapping| {
        target_part(xfs, link, mapping, length, &mut target)?;
        Ok(if target.len() < length {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    })?;
    if target.len() < length {
        return Err(inode.damaged(0, "a part of it is missing"));
    }
    Ok(target)
}

fn target_part(xfs: &Xfs, link: &Inode, mapping: Mapping, length: usize, target: &mut Vec<u8>) -> Result<(), Error> {
    // A target has 1024 bytes at most, and a header per extent: even with the smallest blocks no extent has more than three.
    let bytes = usize::try_from(mapping.count.min(3) << xfs.superblock.block_log).unwrap_or_default();
    let piece = xfs.store.read(mapping.physical, bytes)?;
    let fields = Fields::new("symbolic link", mapping.physical, &piece.bytes);
    let mut header = 0;
    if xfs.superblock.is_checksummed {
        header = TARGET_HEADER_BYTES;
        if fields.bytes(0, 4)? != b"XSLM" || fields.u64(32)? != link.number {
            return Err(fields.damaged(0, "it isn't the target of this link"));
        }
        if !piece.is_replayed {
            fields.check_crc(TARGET_CRC_OFFSET)?;
        }
    }
    let part = (length - target.len()).min(bytes - header);
    target.extend_from_slice(fields.bytes(header, part)?);
    Ok(())
}
