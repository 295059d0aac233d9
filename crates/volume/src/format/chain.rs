//! The chain: one record for every segment sealed, rewritten or removed, each with a hash over itself and the one
//! before it, so that history can't be changed without the newest hash changing.

use crate::format::bytes::{Bytes, seal, unseal};
use crate::format::entry::Segment;
use crate::time::Timestamp;

/// Bytes of a record in the chain file. A power of two, so that no record lies in two sectors.
pub const CHAIN_RECORD_BYTES: usize = 128;
const ENCODED_BYTES: usize = 4 + 4 + 4 + 8 + 32 + 32;

/// A BLAKE3 hash.
pub type ChainLink = [u8; 32];

/// What happened to a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ChainEvent {
    /// It was sealed with this content.
    Sealed = 1,
    /// It is about to be replaced by this content, with nothing dropped that had to be kept.
    Rewritten = 2,
    /// It is about to be removed: nothing in it had to be kept. The content hash is zero.
    Removed = 3,
}

/// A record of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainRecord {
    /// What happened.
    pub event: ChainEvent,
    /// To which segment.
    pub segment: Segment,
    /// When.
    pub time: Timestamp,
    /// BLAKE3 of the segment's file.
    pub content: ChainLink,
    /// BLAKE3 of the link before, then of this record's bytes up to here.
    pub link: ChainLink,
}

impl ChainRecord {
    /// A record that continues the chain from `previous`.
    #[must_use]
    pub fn new(previous: &ChainLink, event: ChainEvent, segment: Segment, time: Timestamp, content: ChainLink) -> Self {
        let mut record = Self {
            event,
            segment,
            time,
            content,
            link: [0; 32],
        };
        record.link = record.expected_link(previous);
        record
    }

    /// Whether the record continues the chain from `previous`.
    #[must_use]
    pub fn continues(&self, previous: &ChainLink) -> bool {
        self.link == self.expected_link(previous)
    }

    fn expected_link(&self, previous: &ChainLink) -> ChainLink {
        let mut hasher = blake3::Hasher::new();
        hasher.update(previous);
        hasher.update(&self.body());
        hasher.finalize().into()
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(CHAIN_RECORD_BYTES);
        body.extend((self.event as u32).to_le_bytes());
        body.extend(self.segment.0.to_le_bytes());
        body.extend(self.time.as_unix_nanos().to_le_bytes());
        body.extend(self.content);
        body
    }

    /// The record's [`CHAIN_RECORD_BYTES`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = self.body();
        body.extend(self.link);
        let mut out = seal(body);
        out.resize(CHAIN_RECORD_BYTES, 0);
        out
    }

    /// Parses a record.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(unseal(bytes.get(..ENCODED_BYTES)?)?);
        Some(Self {
            event: match bytes.u32()? {
                1 => ChainEvent::Sealed,
                2 => ChainEvent::Rewritten,
                3 => ChainEvent::Removed,
                _ => return None,
            },
            segment: Segment(bytes.u32()?),
            time: Timestamp::from_unix_nanos(bytes.u64()?),
            content: bytes.array()?,
            link: bytes.array()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_record_breaks_the_chain() {
        let first = ChainRecord::new(&[0; 32], ChainEvent::Sealed, Segment(0), Timestamp::ZERO, [1; 32]);
        let second = ChainRecord::new(&first.link, ChainEvent::Removed, Segment(0), Timestamp::ZERO, [0; 32]);
        assert_eq!(ChainRecord::parse(&second.encode()), Some(second));
        assert!(first.continues(&[0; 32]) && second.continues(&first.link));
        assert!(
            !ChainRecord {
                content: [2; 32],
                ..first
            }
            .continues(&[0; 32])
        );
    }
}
