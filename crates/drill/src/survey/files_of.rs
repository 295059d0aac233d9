//! One file: its places, and the hash of its content.

use std::ops::ControlFlow;

use files::{ExtentKind, FileSystem, NodeId, NodeKind};

use super::{FileSeen, PIECES_MAX, PieceSeen};

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;

/// Where the areas of a disk and the pieces of a file meet: from places in a file system to places on the disk.
pub(super) fn on_disk(area: &[PieceSeen], offset: u64, length: u64, logical: u64, into: &mut Vec<PieceSeen>) {
    let end = offset.saturating_add(length);
    for piece in area {
        let start = piece.logical.max(offset);
        let stop = piece.logical.saturating_add(piece.length).min(end);
        if start < stop && into.len() <= PIECES_MAX {
            into.push(PieceSeen {
                logical: logical.saturating_add(start - offset),
                physical: piece.physical.saturating_add(start - piece.logical),
                length: stop - start,
            });
        }
    }
}

/// What is known of a file beside its hash. `None` if it is no file, is empty, or lies in too many pieces.
pub(super) fn look(
    system: &dyn FileSystem,
    area: (&str, &[PieceSeen]),
    node: NodeId,
    path: &str,
    hashed_bytes_max: u64,
) -> Result<Option<FileSeen>, files::Error> {
    let metadata = system.metadata(node)?;
    if metadata.kind != NodeKind::File || metadata.size_bytes == 0 {
        return Ok(None);
    }
    let hashed_bytes = metadata.size_bytes.min(hashed_bytes_max);
    let mut pieces = Vec::new();
    system.extents(node, &mut |extent| {
        if extent.logical >= hashed_bytes {
            return ControlFlow::Break(());
        }
        let length = extent.length.min(hashed_bytes - extent.logical);
        if extent.kind == ExtentKind::Data {
            on_disk(area.1, extent.physical, length, extent.logical, &mut pieces);
        }
        if pieces.len() > PIECES_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if pieces.len() > PIECES_MAX {
        return Ok(None);
    }
    let modified = metadata.modified.unwrap_or_default().0;
    Ok(Some(FileSeen {
        area: area.0.to_owned(),
        path: path.to_owned(),
        node: node.0,
        generation: metadata.generation,
        size_bytes: metadata.size_bytes,
        modified: i64::try_from(modified).unwrap_or(0),
        pieces,
        hashed_bytes,
        hash: None,
        problem: None,
    }))
}

/// Hashes the beginning of a file. Fewer bytes than its size says are an error.
pub(super) fn hash(system: &dyn FileSystem, node: NodeId, bytes: u64) -> Result<blake3::Hash, String> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; READ_BYTES.min(usize::try_from(bytes).unwrap_or(READ_BYTES)).max(1)];
    let mut offset = 0;
    while offset < bytes {
        let wanted = usize::try_from(bytes - offset).map_or(buffer.len(), |left| left.min(buffer.len()));
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        let read = system.read(node, offset, part).map_err(|error| in_full(&error))?;
        if read == 0 {
            return Err(format!("it ends at byte {offset}, before its size of {bytes}"));
        }
        hasher.update(part.get(..read).unwrap_or_default());
        offset = offset.saturating_add(read as u64);
    }
    Ok(hasher.finalize())
}

/// An error with what it is due to.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_crosses_pieces_of_an_area_becomes_several() {
        let area = [
            PieceSeen {
                logical: 0,
                physical: 1000,
                length: 100,
            },
            PieceSeen {
                logical: 100,
                physical: 5000,
                length: 100,
            },
        ];
        let mut found = Vec::new();
        on_disk(&area, 90, 20, 7, &mut found);
        let places: Vec<_> = found
            .iter()
            .map(|piece| (piece.logical, piece.physical, piece.length))
            .collect();
        assert_eq!(places, [(7, 1090, 10), (17, 5000, 10)]);
    }
}
