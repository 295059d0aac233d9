//! Samples of a file's content.

use files::{FileSystem, NodeId};
use sentinel::{Class, Look};

use super::kind::Kind;
use super::text;

/// Bytes looked at together: a block of a volume.
pub(crate) const PIECE_BYTES: usize = volume::BLOCK_BYTES;
/// What of the start is read for the kind.
const HEAD_BYTES: usize = 8192;

/// What of a file is to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleOf {
    /// Offsets of pieces in the file, ascending, each at a multiple of [`PIECE_BYTES`].
    pub(crate) offsets: Vec<u64>,
}

impl SampleOf {
    /// So many pieces, evenly over the file.
    pub(crate) fn even(size_bytes: u64, count: u64) -> Self {
        let pieces = size_bytes.div_ceil(PIECE_BYTES as u64);
        let step = pieces.div_ceil(count.max(1)).max(1);
        let offsets = (0..pieces).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        Self {
            offsets: offsets.map(|piece| piece * PIECE_BYTES as u64).collect(),
        }
    }

    /// Some of the pieces at most, among them the first and the last.
    pub(crate) fn of_pieces(mut pieces: Vec<u64>, most: usize) -> Self {
        pieces.dedup();
        let last = pieces.last().copied();
        let step = pieces.len().div_ceil(most.max(1)).max(1);
        let mut offsets: Vec<u64> = pieces.into_iter().step_by(step).collect();
        if offsets.last().copied() != last {
            offsets.extend(last);
        }
        Self { offsets }
    }
}

/// Pieces of one file at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) size_bytes: u64,
    pub(crate) head: Vec<u8>,
    /// (offset, bytes): the last may be shorter than a piece.
    pub(crate) pieces: Vec<(u64, Vec<u8>)>,
    /// What couldn't be read.
    pub(crate) failed: usize,
}

impl Sample {
    /// Reads. What can't be read is counted.
    pub(crate) fn read(file_system: &dyn FileSystem, node: NodeId, size_bytes: u64, wanted: &SampleOf) -> Self {
        let mut sample = Self {
            size_bytes,
            ..Self::default()
        };
        match read_piece(file_system, node, 0, HEAD_BYTES) {
            Ok(head) => sample.head = head,
            Err(_) => sample.failed += 1,
        }
        for offset in wanted.offsets.iter().copied().filter(|offset| *offset < size_bytes) {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let in_head = sample.head.get(start..start.saturating_add(PIECE_BYTES));
            match in_head.map_or_else(
                || read_piece(file_system, node, offset, PIECE_BYTES),
                |piece| Ok(piece.to_vec()),
            ) {
                Ok(piece) => sample.pieces.push((offset, piece)),
                Err(_) => sample.failed += 1,
            }
        }
        sample
    }

    /// What the file is.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match Kind::of(&self.head) {
            // Text has no signature: all that was read must be text.
            Some(Kind::Text)
                if !text::is_utf16(&self.head) && !self.pieces.iter().all(|(_, piece)| text::is_text(piece)) =>
            {
                None
            }
            kind => kind,
        }
    }

    /// The piece at an offset.
    pub(crate) fn at(&self, offset: u64) -> Option<&[u8]> {
        let index = self.pieces.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
        self.pieces.get(index).map(|(_, piece)| piece.as_slice())
    }

    /// Whether it is text for the most part, with bytes in it that no text has.
    pub(crate) fn is_broken_text(&self) -> bool {
        let units = || self.head.chunks(16).filter(|unit| unit.len() == 16);
        let of_text = units().filter(|unit| text::is_piece_of_text(unit)).count();
        self.kind().is_none() && of_text * 2 > units().count()
    }

    /// Whether it is of no known kind and looks random, or random bytes dressed as text, wherever it was looked at.
    pub(crate) fn is_opaque(&self) -> bool {
        if self.head.is_empty() {
            return false;
        }
        match self.kind() {
            None => {
                let pieces = || {
                    self.pieces
                        .iter()
                        .map(|(_, piece)| piece.as_slice())
                        .chain([self.head.as_slice()])
                };
                // Behind armour there may be a key, as it is.
                let is_armour = |piece: &[u8]| text::is_opaque(piece.get(..piece.len() / 2).unwrap_or_default());
                let random = pieces().filter(|piece| is_random(piece) || is_armour(piece)).count();
                random * 10 >= pieces().count() * 7
            }
            Some(Kind::Text) => text::is_opaque(&self.head),
            Some(_) => false,
        }
    }
}

fn read_piece(file_system: &dyn FileSystem, node: NodeId, offset: u64, length: usize) -> Result<Vec<u8>, files::Error> {
    let mut buffer = vec![0; length];
    let read = file_system.read(node, offset, &mut buffer)?;
    buffer.truncate(read);
    Ok(buffer)
}

/// Whether bytes look random. Of few bytes, the different values among them are compared with what chance gives.
pub(crate) fn is_random(bytes: &[u8]) -> bool {
    if bytes.len() >= 2048 {
        return matches!(Look::at(bytes).class, Class::Random | Class::Mixed | Class::Armoured);
    }
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(slot) = seen.get_mut(usize::from(*byte)) {
            *slot = true;
        }
    }
    let distinct = seen.iter().filter(|slot| **slot).count() as f64;
    // Of n random bytes, 256 (1 - (255/256)^n) are different.
    let expected = 256.0 * (1.0 - (255.0_f64 / 256.0).powf(bytes.len() as f64));
    distinct >= expected * 0.85 && !text::is_text(bytes)
}
