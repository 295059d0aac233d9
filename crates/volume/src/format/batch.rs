//! A batch: what is appended to the log in one write, and becomes one moment.
//!
//! ```text
//! header (48 bytes) | record (24 bytes) x record_count | padding to 16 | payloads, each padded to 16
//! ```
//!
//! | bytes | header |
//! | --- | --- |
//! | 0..4 | magic |
//! | 4..8 | CRC-32C of the segment's nonce, then bytes 8.. of header and records |
//! | 8..16 | sequence |
//! | 16..24 | time, nanoseconds since the Unix epoch |
//! | 24..32 | the newest sequence known durable when this batch was written |
//! | 32..36 | record count |
//! | 36..40 | payload length in bytes, with padding |
//! | 40..44 | the batch's own slot |
//! | 44..48 | CRC-32C of the volume's id and the segment's number, then bytes 8..44: tells a batch when its segment's header
//! is lost |
//!
//! | bytes | record |
//! | --- | --- |
//! | 0 | kind |
//! | 1 | content class |
//! | 2..4 | reserved, 0 |
//! | 4..8 | payload length in bytes, without padding |
//! | 8..16 | address: block number, or a node's level and index, or of a checkpoint what may be moved |
//! | 16..20 | blocks covered |
//! | 20..24 | CRC-32C of the payload |
//!
//! The magic comes first so that a scan finds it; the own slot is inside the checksum so that a batch that landed at
//! another place isn't taken for one that belongs there; the nonce, so that one of another segment isn't.

use crate::format::bytes::{Bytes, keyed_crc};
use crate::format::entry::{BLOCK_BYTES, SLOT_BYTES, Segment, Slot};
use crate::time::{Sequence, Timestamp};

/// Bytes of a batch header without its records.
pub const BATCH_HEADER_BYTES: usize = 48;
/// Bytes of a record.
pub const RECORD_BYTES: usize = 24;
const MAGIC: u32 = u32::from_le_bytes(*b"hfb1");
/// More than any batch that is written: the bound on what a damaged header can make a reader allocate.
const RECORDS_MAX: u32 = 1 << 20;
const PAYLOAD_MAX: u32 = 1 << 28;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// One block's new content.
    Write = 1,
    /// A run of blocks zeroed, still allocated.
    Zero = 2,
    /// A run of blocks trimmed, or zeroed with a hole.
    Hole = 3,
    /// A map node.
    Node = 4,
    /// A checkpoint.
    Checkpoint = 5,
    /// One block's content once more, at a better place: changes nothing but the map of the next checkpoint.
    Moved = 6,
}

impl RecordKind {
    pub(crate) const fn parse(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Write,
            2 => Self::Zero,
            3 => Self::Hole,
            4 => Self::Node,
            5 => Self::Checkpoint,
            6 => Self::Moved,
            _ => return None,
        })
    }
}

/// One entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub kind: RecordKind,
    /// How random the payload looks.
    pub class: u8,
    /// Payload bytes, without padding.
    pub payload_length: u32,
    /// Block number, or a node's address, or of a checkpoint what defragmentation may move.
    pub address: u64,
    /// Blocks covered (1 for a write, 0 for nodes and checkpoints).
    pub count: u32,
    /// CRC-32C of the payload.
    pub crc: u32,
}

impl Record {
    /// Appends the record's bytes.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend([self.kind as u8, self.class, 0, 0]);
        out.extend(self.payload_length.to_le_bytes());
        out.extend(self.address.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(self.crc.to_le_bytes());
    }

    pub(crate) fn parse(bytes: &mut Bytes<'_>) -> Option<Self> {
        let kind = RecordKind::parse(bytes.u8()?)?;
        let class = bytes.u8()?;
        bytes.u16()?;
        let record = Self {
            kind,
            class,
            payload_length: bytes.u32()?,
            address: bytes.u64()?,
            count: bytes.u32()?,
            crc: bytes.u32()?,
        };
        let plausible = match kind {
            RecordKind::Write | RecordKind::Moved => record.payload_length == BLOCK_BYTES as u32 && record.count == 1,
            RecordKind::Zero | RecordKind::Hole => record.payload_length == 0,
            RecordKind::Node | RecordKind::Checkpoint => record.payload_length <= PAYLOAD_MAX && record.count == 0,
        };
        plausible.then_some(record)
    }

    /// Bytes that the payload occupies in the segment as first written.
    #[must_use]
    pub const fn stored_bytes(&self) -> u64 {
        (self.payload_length as u64).next_multiple_of(SLOT_BYTES)
    }
}

/// A batch header without its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The batch's number.
    pub sequence: Sequence,
    /// When it was written.
    pub time: Timestamp,
    /// The newest sequence known durable when this batch was written.
    pub durable: Sequence,
    /// How many records follow.
    pub record_count: u32,
    /// Bytes of payload, with padding.
    pub payload_bytes: u32,
    /// Where the batch starts in its segment as first written.
    pub slot: Slot,
}

impl BatchHeader {
    /// Bytes of header, records and padding: where the payload starts, counted from the batch's start.
    #[must_use]
    pub const fn payload_start(&self) -> u64 {
        head_bytes(self.record_count as usize).next_multiple_of(SLOT_BYTES)
    }

    /// Bytes of the whole batch.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        self.payload_start() + self.payload_bytes as u64
    }

    /// Parses the fixed part without checking its checksum: enough to know how many bytes to read for the rest.
    /// `None` if it can't be a batch.
    #[must_use]
    pub fn peek(bytes: &[u8]) -> Option<(Self, u32)> {
        let mut bytes = Bytes::new(bytes);
        if bytes.u32()? != MAGIC {
            return None;
        }
        let crc = bytes.u32()?;
        let header = Self {
            sequence: Sequence(bytes.u64()?),
            time: Timestamp::from_unix_nanos(bytes.u64()?),
            durable: Sequence(bytes.u64()?),
            record_count: bytes.u32()?,
            payload_bytes: bytes.u32()?,
            slot: Slot(bytes.u32()?),
        };
        let plausible =
            header.record_count <= RECORDS_MAX && header.payload_bytes <= PAYLOAD_MAX && header.slot.0 <= Slot::MAX;
        plausible.then_some((header, crc))
    }
}

/// Bytes of a header with `record_count` records, without padding.
pub(crate) const fn head_bytes(record_count: usize) -> u64 {
    (BATCH_HEADER_BYTES + record_count * RECORD_BYTES) as u64
}

/// A batch header with its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The fixed part.
    pub header: BatchHeader,
    /// The records, in the order in which they apply.
    pub records: Vec<Record>,
}

impl Batch {
    /// Parses a header with its records from the front of `bytes` and checks the checksum.
    #[must_use]
    pub fn parse(bytes: &[u8], nonce: u64) -> Option<Self> {
        let (header, stored_crc) = BatchHeader::peek(bytes)?;
        let length = usize::try_from(head_bytes(header.record_count as usize)).ok()?;
        let head = bytes.get(..length)?;
        if keyed_crc(nonce, head.get(8..)?) != stored_crc {
            return None;
        }
        let mut reader = Bytes::new(head.get(BATCH_HEADER_BYTES..)?);
        let mut records = Vec::with_capacity(header.record_count as usize);
        let mut payload_bytes = 0u64;
        for _ in 0..header.record_count {
            let record = Record::parse(&mut reader)?;
            payload_bytes = payload_bytes.checked_add(record.stored_bytes())?;
            records.push(record);
        }
        (payload_bytes == u64::from(header.payload_bytes)).then_some(Self { header, records })
    }

    /// Every record with the slot of its payload.
    pub fn records_with_slots(&self) -> impl Iterator<Item = (Slot, &Record)> {
        let mut offset = self.header.slot.offset() + self.header.payload_start();
        self.records.iter().map(move |record| {
            let slot = Slot(u32::try_from(offset / SLOT_BYTES).unwrap_or(u32::MAX));
            offset += record.stored_bytes();
            (slot, record)
        })
    }
}

/// Writes a batch's header and records, with padding up to the payload, into `out`. `records` are already encoded.
pub fn put_head(out: &mut Vec<u8>, header: &BatchHeader, records: &[u8], key: &BatchKey) {
    out.clear();
    out.extend(MAGIC.to_le_bytes());
    out.extend([0; 4]);
    out.extend(header.sequence.0.to_le_bytes());
    out.extend(header.time.as_unix_nanos().to_le_bytes());
    out.extend(header.durable.0.to_le_bytes());
    out.extend(header.record_count.to_le_bytes());
    out.extend(header.payload_bytes.to_le_bytes());
    out.extend(header.slot.0.to_le_bytes());
    out.extend(origin_tag(out.get(8..).unwrap_or_default(), &key.volume, key.segment).to_le_bytes());
    out.extend(records);
    let crc = keyed_crc(key.nonce, out.get(8..).unwrap_or_default());
    if let Some(field) = out.get_mut(4..8) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
    out.resize(out.len().next_multiple_of(SLOT_BYTES as usize), 0);
}

/// What ties a batch to where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct BatchKey {
    /// The segment's nonce.
    pub nonce: u64,
    /// The volume's id.
    pub volume: [u8; 16],
    /// The segment's number.
    pub segment: Segment,
}

fn origin_tag(header_from_8: &[u8], volume: &[u8; 16], segment: Segment) -> u32 {
    let volume = crc32c::crc32c(volume);
    crc32c::crc32c_append(crc32c::crc32c_append(volume, &segment.0.to_le_bytes()), header_from_8)
}

/// The header at the front of `bytes`, if this volume wrote it into this segment. Needs no nonce, but doesn't check the records.
pub(crate) fn peek_own(bytes: &[u8], volume: &[u8; 16], segment: Segment) -> Option<BatchHeader> {
    let (header, _) = BatchHeader::peek(bytes)?;
    let stored = u32::from_le_bytes(bytes.get(44..48)?.try_into().ok()?);
    (origin_tag(bytes.get(8..44)?, volume, segment) == stored).then_some(header)
}

/// Where the next possible batch header starts in `bytes` from `from` on, by its magic.
pub(crate) fn find_magic(bytes: &[u8], from: usize) -> Option<usize> {
    let start = from.next_multiple_of(SLOT_BYTES as usize);
    bytes
        .get(start..)?
        .chunks(SLOT_BYTES as usize)
        .position(|chunk| chunk.starts_with(&MAGIC.to_le_bytes()))
        .map(|index| start + index * SLOT_BYTES as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (BatchHeader, Vec<Record>) {
        let write = Record {
            kind: RecordKind::Write,
            class: 3,
            payload_length: 4096,
            address: 77,
            count: 1,
            crc: 0xdead_beef,
        };
        let node = Record {
            kind: RecordKind::Node,
            class: 0,
            payload_length: 33,
            address: 1 << 56,
            count: 0,
            crc: 1,
        };
        let hole = Record {
            kind: RecordKind::Hole,
            class: 0,
            payload_length: 0,
            address: 5,
            count: 1 << 20,
            crc: 0,
        };
        let records = vec![write, node, hole];
        let header = BatchHeader {
            sequence: Sequence(9),
            time: Timestamp::from_unix_seconds(1_800_000_000),
            durable: Sequence(7),
            record_count: 3,
            payload_bytes: 4096 + 48,
            slot: Slot(256),
        };
        (header, records)
    }

    fn encode(header: &BatchHeader, records: &[Record], nonce: u64) -> Vec<u8> {
        let mut body = Vec::new();
        records.iter().for_each(|record| record.put(&mut body));
        let mut out = Vec::new();
        put_head(
            &mut out,
            header,
            &body,
            &BatchKey {
                nonce,
                volume: [1; 16],
                segment: Segment(3),
            },
        );
        out
    }

    #[test]
    fn a_batch_survives_a_round_trip() {
        let (header, records) = sample();
        let bytes = encode(&header, &records, 42);
        assert_eq!(bytes.len() as u64, header.payload_start());
        let batch = Batch::parse(&bytes, 42).expect("valid");
        assert_eq!(batch.header, header);
        assert_eq!(batch.records, records);
        let slots: Vec<u32> = batch.records_with_slots().map(|(slot, _)| slot.0).collect();
        assert_eq!(slots, [256 + 8, 256 + 8 + 256, 256 + 8 + 256 + 3]);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (header, records) = sample();
        let bytes = encode(&header, &records, 42);
        for bit in 0..head_bytes(3) as usize * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Batch::parse(&damaged, 42), None, "bit {bit}");
        }
        assert_eq!(Batch::parse(&bytes, 43), None, "another segment's nonce");
        for length in 0..head_bytes(3) as usize {
            assert_eq!(Batch::parse(&bytes[..length], 42), None, "cut at {length}");
        }
    }
}
