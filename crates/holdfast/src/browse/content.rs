//! The content of files: in pieces of bounded length, without the holes.

use files::{Error, ExtentKind, FileSystem, Flow, NodeId};

/// What is read at a time.
pub const CHUNK_BYTES: usize = 1 << 20;

/// Shows where in a file something is stored: runs of bytes, ascending, cut to its size; between them are holes that read as zeros.
pub fn stored(
    fs: &dyn FileSystem,
    node: NodeId,
    size_bytes: u64,
    visit: &mut dyn FnMut(u64, u64) -> Flow,
) -> Result<(), Error> {
    // The run that may still grow.
    let mut run: Option<(u64, u64)> = None;
    let mut stopped = false;
    fs.extents(node, &mut |extent| {
        let start = extent.logical.min(size_bytes);
        let end = extent.logical.saturating_add(extent.length).min(size_bytes);
        if start >= end || extent.kind == ExtentKind::Unwritten {
            return Flow::Continue(());
        }
        // How far compressed pieces reach in the file isn't told: the rest is read as it comes.
        let end = if extent.kind == ExtentKind::Compressed {
            size_bytes
        } else {
            end
        };
        match &mut run {
            // Pieces that overlap, on a file system that makes no sense, are shown once.
            Some((_, until)) if start <= *until => *until = end.max(*until),
            _ => {
                if let Some((start, end)) = run.replace((start, end)) {
                    stopped = visit(start, end - start).is_break();
                }
            }
        }
        if stopped { Flow::Break(()) } else { Flow::Continue(()) }
    })?;
    if let Some((start, end)) = run
        && !stopped
    {
        // What the visitor says after the last run changes nothing.
        let _ = visit(start, end - start);
    }
    Ok(())
}

/// Reads `start..start + length` of a file in chunks. What the file system has less of than it said is an error.
pub fn chunks(
    fs: &dyn FileSystem,
    node: NodeId,
    start: u64,
    length: u64,
    buffer: &mut Vec<u8>,
    visit: &mut dyn FnMut(u64, &[u8]) -> Flow,
) -> Result<(), Error> {
    let mut offset = start;
    let end = start.saturating_add(length);
    while offset < end {
        let wanted = (end - offset).min(CHUNK_BYTES as u64) as usize;
        buffer.resize(wanted, 0);
        let filled = fs.read(node, offset, buffer)?;
        let Some(bytes) = buffer.get(..filled).filter(|bytes| !bytes.is_empty()) else {
            return Err(Error::Unreadable(node, "it ends before its size"));
        };
        if visit(offset, bytes).is_break() {
            return Ok(());
        }
        offset += bytes.len() as u64;
    }
    Ok(())
}

/// The BLAKE3 hash of a file.
pub fn hash(fs: &dyn FileSystem, node: NodeId, size_bytes: u64) -> Result<blake3::Hash, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = Vec::new();
    chunks(fs, node, 0, size_bytes, &mut buffer, &mut |_, bytes| {
        hasher.update(bytes);
        Flow::Continue(())
    })?;
    Ok(hasher.finalize())
}
