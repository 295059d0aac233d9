//! A file system at one moment, and where it lies on the disk.

use std::sync::Arc;

use files::{Extent, ExtentKind, FileSystem, Flow, NodeId, Piece};

/// Bytes of a volume's block.
pub(crate) const BLOCK: u64 = volume::BLOCK_BYTES as u64;
/// Extents of one file that are looked at: more than any sane file has, for damaged ones not to go on forever.
const EXTENTS_MAX: usize = 1 << 20;

/// A file system at one moment.
#[derive(Clone)]
pub struct Side {
    /// The area's name: empty for a whole disk.
    pub name: String,
    /// The file system.
    pub file_system: Arc<dyn FileSystem>,
    /// Where its bytes lie on the disk, ascending within the area.
    pub pieces: Vec<Piece>,
}

impl std::fmt::Debug for Side {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Side")
            .field("name", &self.name)
            .field("kind", &self.file_system.kind())
            .finish_non_exhaustive()
    }
}

/// A piece of a file on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// First byte within the file.
    pub(crate) logical: u64,
    /// First byte on the disk.
    pub(crate) disk: u64,
    /// Bytes.
    pub(crate) length: u64,
    /// How it is stored.
    pub(crate) kind: ExtentKind,
}

impl Place {
    /// The blocks that it touches: the first, and the one behind the last.
    pub(crate) const fn blocks(&self) -> (u64, u64) {
        (self.disk / BLOCK, self.disk.saturating_add(self.length).div_ceil(BLOCK))
    }

    /// The part of the file that lies in some of those blocks: (first byte, byte behind the last).
    pub(crate) fn part(&self, first_block: u64, end_block: u64) -> (u64, u64) {
        let start = (first_block.saturating_mul(BLOCK)).max(self.disk) - self.disk;
        let end = end_block
            .saturating_mul(BLOCK)
            .saturating_sub(self.disk)
            .min(self.length);
        (self.logical.saturating_add(start), self.logical.saturating_add(end))
    }
}

impl Side {
    /// Where a node's content lies on the disk, ascending in the file. What can't be told is left out.
    pub(crate) fn places(&self, node: NodeId) -> Vec<Place> {
        let mut places = Vec::new();
        let mut visit = |extent: Extent| {
            if extent.kind != ExtentKind::Unwritten {
                self.locate(&extent, &mut places);
            }
            if places.len() < EXTENTS_MAX {
                Flow::Continue(())
            } else {
                Flow::Break(())
            }
        };
        // What is damaged is damaged in the file too: its readable part is looked at.
        let _ = self.file_system.extents(node, &mut visit);
        places
    }

    fn locate(&self, extent: &Extent, places: &mut Vec<Place>) {
        let (mut at, end) = (extent.physical, extent.physical.saturating_add(extent.length));
        let first = self
            .pieces
            .partition_point(|piece| piece.logical.saturating_add(piece.length) <= at);
        for piece in self.pieces.get(first..).unwrap_or_default() {
            if at >= end || piece.logical > at {
                return;
            }
            let within = at - piece.logical;
            let length = (end - at).min(piece.length.saturating_sub(within));
            places.push(Place {
                logical: extent.logical.saturating_add(at - extent.physical),
                disk: piece.physical.saturating_add(within),
                length,
                kind: extent.kind,
            });
            at += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_file_are_found_by_block() {
        let place = Place {
            logical: 8192,
            disk: 10_240,
            length: 10_000,
            kind: ExtentKind::Data,
        };
        assert_eq!(place.blocks(), (2, 5));
        assert_eq!(place.part(2, 3), (8192, 8192 + 2048));
        assert_eq!(place.part(3, 4), (8192 + 2048, 8192 + 6144));
        assert_eq!(place.part(2, 5), (8192, 18_192));
    }
}
