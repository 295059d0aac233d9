//! The first 8192 bytes of a segment file: who wrote it, and where its past begins.
//!
//! Two copies, at 0 and at 4096, so that one rotten sector doesn't hide a segment.

use crate::format::bytes::{Bytes, seal, unseal};
use crate::format::checkpoint::CheckpointRef;
use crate::format::entry::Segment;
use crate::time::{Sequence, Timestamp};

/// Bytes before a segment's first batch.
pub const SEGMENT_HEADER_BYTES: u64 = 8192;
const COPY_BYTES: usize = 4096;
const MAGIC: [u8; 8] = *b"holdseg1";
const ENCODED_BYTES: usize = 4 + 8 + 1 + 16 + 4 + 8 + 4 + 8 + 8 + CheckpointRef::BYTES;

/// How a segment's payloads are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SegmentLayout {
    /// As written: slot numbers are offsets.
    Raw = 1,
    /// Rewritten by compaction: payloads in compressed frames, found through an index.
    Packed = 2,
}

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// How payloads are stored.
    pub layout: SegmentLayout,
    /// The volume that wrote the segment.
    pub volume: [u8; 16],
    /// The segment's number.
    pub segment: Segment,
    /// Part of every batch checksum in the segment, so that bytes of another segment never pass for its own.
    pub nonce: u64,
    /// Bytes at which the segment is sealed.
    pub capacity: u32,
    /// Sequence of the first batch.
    pub first_sequence: Sequence,
    /// Time of the newest batch before the segment: no batch in it is older.
    pub first_time: Timestamp,
    /// The newest checkpoint known durable when the segment was begun. Unset in a volume's very first segment, whose
    /// first batch is a checkpoint.
    pub checkpoint: Option<CheckpointRef>,
}

impl SegmentHeader {
    /// The segment's first [`SEGMENT_HEADER_BYTES`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(ENCODED_BYTES);
        body.extend(MAGIC);
        body.push(self.layout as u8);
        body.extend(self.volume);
        body.extend(self.segment.0.to_le_bytes());
        body.extend(self.nonce.to_le_bytes());
        body.extend(self.capacity.to_le_bytes());
        body.extend(self.first_sequence.0.to_le_bytes());
        body.extend(self.first_time.as_unix_nanos().to_le_bytes());
        CheckpointRef::put(self.checkpoint, &mut body);
        let mut copy = seal(body);
        copy.resize(COPY_BYTES, 0);
        [copy.as_slice(), copy.as_slice()].concat()
    }

    /// Parses the first intact copy in a segment's first [`SEGMENT_HEADER_BYTES`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.chunks(COPY_BYTES).take(2).find_map(Self::parse_copy)
    }

    fn parse_copy(copy: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(unseal(copy.get(..ENCODED_BYTES)?)?);
        if bytes.array()? != MAGIC {
            return None;
        }
        Some(Self {
            layout: match bytes.u8()? {
                1 => SegmentLayout::Raw,
                2 => SegmentLayout::Packed,
                _ => return None,
            },
            volume: bytes.array()?,
            segment: Segment(bytes.u32()?),
            nonce: bytes.u64()?,
            capacity: bytes.u32()?,
            first_sequence: Sequence(bytes.u64()?),
            first_time: Timestamp::from_unix_nanos(bytes.u64()?),
            checkpoint: CheckpointRef::parse(&mut bytes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::{Location, Slot};

    #[test]
    fn one_damaged_copy_is_survived_and_two_are_noticed() {
        let location = Location {
            segment: Segment(2),
            slot: Slot(9),
        };
        let header = SegmentHeader {
            layout: SegmentLayout::Raw,
            volume: [7; 16],
            segment: Segment(3),
            nonce: 99,
            capacity: 1 << 26,
            first_sequence: Sequence(12),
            first_time: Timestamp::from_unix_seconds(5),
            checkpoint: Some(CheckpointRef {
                location,
                length: 100,
                crc: 5,
                sequence: Sequence(11),
            }),
        };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, SEGMENT_HEADER_BYTES);
        for byte in 0..ENCODED_BYTES {
            let mut damaged = bytes.clone();
            damaged[byte] ^= 1;
            assert_eq!(SegmentHeader::parse(&damaged), Some(header));
            damaged[COPY_BYTES + byte] ^= 1;
            assert_eq!(SegmentHeader::parse(&damaged), None);
        }
    }
}
