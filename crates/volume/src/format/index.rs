//! The end of a sealed segment: all its batch headers again in one place, and a trailer.
//!
//! With it a view is replayed, and a segment's age and content are known, without hopping through its payloads; and a
//! rotten batch header in a sealed segment costs nothing.

use crate::format::bytes::{Bytes, seal_keyed, unseal_keyed};
use crate::time::{Sequence, Timestamp};

/// Bytes of the trailer, which ends the file.
pub const TRAILER_BYTES: usize = 128;
const MAGIC: [u8; 8] = *b"holdend1";
const ENCODED_BYTES: usize = 4 + 8 + 8 + 8 + 4 + 8 + 8 + 8 + 8 + 8 + 8 + 8;

/// What the clients of the disk did in a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Batches.
    pub batches: u64,
    /// Blocks written.
    pub blocks_written: u64,
    /// Blocks zeroed.
    pub blocks_zeroed: u64,
    /// Blocks trimmed.
    pub blocks_trimmed: u64,
}

/// A sealed segment's last bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Where the index starts: a multiple of 16, at or behind the end of the last batch.
    pub index_offset: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// CRC-32C of the index.
    pub index_crc: u32,
    /// Sequence of the last batch; one below the header's first sequence if there is none.
    pub last_sequence: Sequence,
    /// Time of the last batch.
    pub last_time: Timestamp,
    /// What was done in the segment.
    pub totals: Totals,
    /// The newest sequence known durable when the segment was sealed. After a clean stop that is the last one, so that
    /// damage at the end of the log isn't taken for a write that the stop cut off.
    pub durable: Sequence,
}

impl Trailer {
    /// The file's last [`TRAILER_BYTES`]. The segment's nonce is part of the checksum: a trailer that a client wrote
    /// as a block's content never passes for the segment's own.
    #[must_use]
    pub fn encode(&self, nonce: u64) -> Vec<u8> {
        let mut body = Vec::with_capacity(TRAILER_BYTES);
        body.extend(MAGIC);
        body.extend(self.index_offset.to_le_bytes());
        body.extend(self.index_bytes.to_le_bytes());
        body.extend(self.index_crc.to_le_bytes());
        body.extend(self.last_sequence.0.to_le_bytes());
        body.extend(self.last_time.as_unix_nanos().to_le_bytes());
        body.extend(self.totals.batches.to_le_bytes());
        body.extend(self.totals.blocks_written.to_le_bytes());
        body.extend(self.totals.blocks_zeroed.to_le_bytes());
        body.extend(self.totals.blocks_trimmed.to_le_bytes());
        body.extend(self.durable.0.to_le_bytes());
        let mut trailer = seal_keyed(nonce, body);
        trailer.resize(TRAILER_BYTES, 0);
        trailer
    }

    /// Parses a file's last [`TRAILER_BYTES`]; `None` if the segment isn't sealed.
    #[must_use]
    pub fn parse(bytes: &[u8], nonce: u64) -> Option<Self> {
        let mut bytes = Bytes::new(unseal_keyed(nonce, bytes.get(..ENCODED_BYTES)?)?);
        if bytes.array()? != MAGIC {
            return None;
        }
        Some(Self {
            index_offset: bytes.u64()?,
            index_bytes: bytes.u64()?,
            index_crc: bytes.u32()?,
            last_sequence: Sequence(bytes.u64()?),
            last_time: Timestamp::from_unix_nanos(bytes.u64()?),
            totals: Totals {
                batches: bytes.u64()?,
                blocks_written: bytes.u64()?,
                blocks_zeroed: bytes.u64()?,
                blocks_trimmed: bytes.u64()?,
            },
            durable: Sequence(bytes.u64()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_survives_a_round_trip_and_no_flipped_bit() {
        let trailer = Trailer {
            index_offset: 1,
            index_bytes: 2,
            index_crc: 3,
            last_sequence: Sequence(4),
            last_time: Timestamp::from_unix_seconds(5),
            totals: Totals {
                batches: 6,
                blocks_written: 7,
                blocks_zeroed: 8,
                blocks_trimmed: 9,
            },
            durable: Sequence(3),
        };
        let bytes = trailer.encode(7);
        assert_eq!(bytes.len(), TRAILER_BYTES);
        assert_eq!(Trailer::parse(&bytes, 7), Some(trailer));
        assert_eq!(Trailer::parse(&bytes, 8), None, "another segment's nonce");
        for bit in 0..ENCODED_BYTES * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trailer::parse(&damaged, 7), None, "bit {bit}");
        }
    }
}
