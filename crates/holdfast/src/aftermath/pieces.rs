//! The list of blocks that a restore in part returns, as it crosses the control socket: an unnamed file of 24 bytes a piece. A list may have
//! a million pieces, which no line of JSON holds.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use answers::PIECES_MAX;
use volume::{Piece, Sequence};

use crate::failure::Failure;

/// Bytes of a piece: first block, blocks, and the last batch of the moment, each as 8 bytes, little-endian.
const PIECE_BYTES: usize = 24;

/// Writes a list of at most [`PIECES_MAX`] pieces, as plans have, into an unnamed file.
pub fn write(pieces: &[Piece]) -> Result<File, Failure> {
    let failed = |error: std::io::Error| Failure::io("list the blocks to be restored", &error);
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let file = rustix::fs::memfd_create("pieces", flags).map_err(|error| failed(error.into()))?;
    let mut file = File::from(file);
    let mut bytes = Vec::with_capacity(pieces.len().saturating_mul(PIECE_BYTES));
    for piece in pieces {
        for number in [piece.first_block, piece.blocks, piece.moment.0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    file.write_all(&bytes).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(file)
}

/// Reads a list. Whether the pieces make sense for a volume is for the volume to say.
pub fn read(mut file: File) -> Result<Vec<Piece>, Failure> {
    let failed = |error: std::io::Error| Failure::io("read the list of blocks to be restored", &error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut bytes = Vec::new();
    let most = PIECES_MAX * PIECE_BYTES;
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most || !bytes.len().is_multiple_of(PIECE_BYTES) {
        return Err(Failure::usage("the list of blocks to be restored has a wrong length"));
    }
    let pieces = bytes.chunks_exact(PIECE_BYTES).filter_map(|piece| {
        let number = |at: usize| piece.get(at..at + 8).and_then(|bytes| bytes.first_chunk::<8>());
        Some(Piece {
            first_block: u64::from_le_bytes(*number(0)?),
            blocks: u64::from_le_bytes(*number(8)?),
            moment: Sequence(u64::from_le_bytes(*number(16)?)),
        })
    });
    Ok(pieces.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let piece = |first_block| Piece {
            first_block,
            blocks: 7,
            moment: Sequence(u64::MAX),
        };
        let pieces = [piece(0), piece(1 << 40)];
        assert_eq!(read(write(&pieces).unwrap()).unwrap(), pieces);
    }

    #[test]
    fn a_torn_list_is_refused() {
        let file = write(&[Piece {
            first_block: 1,
            blocks: 1,
            moment: Sequence(1),
        }])
        .unwrap();
        file.set_len(23).unwrap();
        assert!(read(file).is_err());
    }
}
