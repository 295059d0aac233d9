//! A rewritten segment: payloads in compressed frames, found by slot through an index.
//!
//! ```text
//! segment header (8192) | frames | index | trailer (128)
//! index: frame count (4) | record count (4) | frames | records, ascending by slot
//! ```
//!
//! | bytes | frame |
//! | --- | --- |
//! | 0..8 | offset in the file |
//! | 8..12 | bytes in the file |
//! | 12..16 | bytes of the payloads in it |
//! | 16..20 | CRC-32C of the bytes in the file |
//! | 20..24 | 1 if compressed with zstd, 2 if that didn't make it smaller, 0 if it wasn't tried |
//!
//! | bytes | record |
//! | --- | --- |
//! | 0..24 | as in a batch |
//! | 24..32 | sequence of its batch |
//! | 32..40 | time of its batch |
//! | 40..44 | slot |
//! | 44..48 | frame |
//! | 48..52 | offset in the frame's payloads |

use crate::format::batch::{RECORD_BYTES, Record};
use crate::format::bytes::Bytes;
use crate::format::entry::Slot;
use crate::time::{Sequence, Timestamp};

/// Payload bytes gathered into one frame: the unit of compression and of reading.
pub const FRAME_BYTES: usize = 64 * 1024;
const FRAME_ENTRY_BYTES: usize = 24;
const RECORD_ENTRY_BYTES: usize = RECORD_BYTES + 28;
/// The bound on what a damaged frame can make a reader allocate. A single large payload is a frame of its own.
const FRAME_PAYLOAD_MAX: u32 = 1 << 26;

const COMPRESSED: u32 = 1;
const INCOMPRESSIBLE: u32 = 2;

/// A run of payloads compressed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Where it is in the file.
    pub offset: u64,
    /// Its bytes in the file.
    pub stored_bytes: u32,
    /// Bytes of the payloads in it.
    pub payload_bytes: u32,
    /// CRC-32C of its bytes in the file.
    pub crc: u32,
    /// Whether it is compressed.
    pub compressed: bool,
    /// Whether compressing it was of no use: it isn't tried again.
    pub incompressible: bool,
}

/// A record of a rewritten segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedRecord {
    /// The record as it was in its batch.
    pub record: Record,
    /// Its batch.
    pub sequence: Sequence,
    /// Its batch's time.
    pub time: Timestamp,
    /// The slot by which maps know its payload.
    pub slot: Slot,
    /// The frame that holds its payload.
    pub frame: u32,
    /// Where in the frame's payloads.
    pub offset: u32,
}

/// The index of a rewritten segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedIndex {
    /// All frames.
    pub frames: Vec<Frame>,
    /// All records, in log order, so ascending by slot.
    pub records: Vec<PackedRecord>,
}

/// Where a payload is in a packed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The slot by which maps know it.
    pub slot: Slot,
    /// Its bytes; 0 for records without a payload.
    pub length: u32,
    /// The frame that holds it.
    pub frame: u32,
    /// Where in the frame's payloads.
    pub offset: u32,
}

/// Where the parts of an index are in the file: enough to look up a payload without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLayout {
    start: u64,
    /// How many frames there are.
    pub frame_count: u32,
    /// How many records there are.
    pub record_count: u32,
}

impl IndexLayout {
    /// Bytes at the start of an index that tell its layout.
    pub const HEAD_BYTES: usize = 8;
    /// Bytes of one frame.
    pub const FRAME_BYTES: usize = FRAME_ENTRY_BYTES;
    /// Bytes of one record.
    pub const RECORD_BYTES: usize = RECORD_ENTRY_BYTES;

    /// Parses the first [`IndexLayout::HEAD_BYTES`] of an index of `index_bytes` that starts at `start`.
    #[must_use]
    pub fn parse(head: &[u8], start: u64, index_bytes: u64) -> Option<Self> {
        let mut bytes = Bytes::new(head);
        let layout = Self {
            start,
            frame_count: bytes.u32()?,
            record_count: bytes.u32()?,
        };
        (layout.record_offset(layout.record_count) == start.checked_add(index_bytes)?).then_some(layout)
    }

    /// Where a frame's entry is.
    #[must_use]
    pub fn frame_offset(&self, frame: u32) -> Option<u64> {
        (frame < self.frame_count).then(|| self.start + 8 + u64::from(frame) * FRAME_ENTRY_BYTES as u64)
    }

    /// Where a record is.
    #[must_use]
    pub const fn record_offset(&self, record: u32) -> u64 {
        let frames = self.frame_count as u64 * FRAME_ENTRY_BYTES as u64;
        self.start + 8 + frames + record as u64 * RECORD_ENTRY_BYTES as u64
    }
}

impl Place {
    /// Parses the place out of a record. Unlike a whole index it isn't checked: the payload's own checksum decides.
    #[must_use]
    pub fn parse(record: &[u8]) -> Option<Self> {
        let mut length = Bytes::new(record.get(4..8)?);
        let mut rest = Bytes::new(record.get(RECORD_BYTES + 16..RECORD_ENTRY_BYTES)?);
        Some(Self {
            slot: Slot(rest.u32()?),
            length: length.u32()?,
            frame: rest.u32()?,
            offset: rest.u32()?,
        })
    }
}

impl Frame {
    /// Whether compressing it was tried.
    #[must_use]
    pub const fn is_tried(&self) -> bool {
        self.compressed || self.incompressible
    }

    const fn kind(&self) -> u32 {
        match (self.compressed, self.incompressible) {
            (true, _) => COMPRESSED,
            (false, true) => INCOMPRESSIBLE,
            (false, false) => 0,
        }
    }

    /// Parses one frame's entry.
    #[must_use]
    pub fn parse(entry: &[u8]) -> Option<Self> {
        parse_frame(&mut Bytes::new(entry))
    }
}

impl PackedIndex {
    /// The index's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(8 + self.frames.len() * FRAME_ENTRY_BYTES + self.records.len() * RECORD_ENTRY_BYTES);
        out.extend(u32::try_from(self.frames.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(u32::try_from(self.records.len()).unwrap_or(u32::MAX).to_le_bytes());
        for frame in &self.frames {
            out.extend(frame.offset.to_le_bytes());
            out.extend(frame.stored_bytes.to_le_bytes());
            out.extend(frame.payload_bytes.to_le_bytes());
            out.extend(frame.crc.to_le_bytes());
            out.extend(frame.kind().to_le_bytes());
        }
        for packed in &self.records {
            packed.record.put(&mut out);
            out.extend(packed.sequence.0.to_le_bytes());
            out.extend(packed.time.as_unix_nanos().to_le_bytes());
            out.extend(packed.slot.0.to_le_bytes());
            out.extend(packed.frame.to_le_bytes());
            out.extend(packed.offset.to_le_bytes());
        }
        out
    }

    /// Parses an index, whose checksum was checked before. Every record's payload lies within its frame.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(bytes);
        let frame_count = bytes.u32()? as usize;
        let record_count = bytes.u32()? as usize;
        let expected = frame_count
            .checked_mul(FRAME_ENTRY_BYTES)?
            .checked_add(record_count.checked_mul(RECORD_ENTRY_BYTES)?)?;
        if bytes.remaining() != expected {
            return None;
        }
        let frames = (0..frame_count)
            .map(|_| parse_frame(&mut bytes))
            .collect::<Option<Vec<_>>>()?;
        let records = (0..record_count)
            .map(|_| parse_record(&mut bytes, &frames))
            .collect::<Option<Vec<_>>>()?;
        records
            .is_sorted_by_key(|packed| (packed.sequence, packed.slot))
            .then_some(Self { frames, records })
    }
}

fn parse_frame(bytes: &mut Bytes<'_>) -> Option<Frame> {
    let mut frame = Frame {
        offset: bytes.u64()?,
        stored_bytes: bytes.u32()?,
        payload_bytes: bytes.u32()?,
        crc: bytes.u32()?,
        ..Frame::default()
    };
    let kind = bytes.u32()?;
    (frame.compressed, frame.incompressible) = (kind == COMPRESSED, kind == INCOMPRESSIBLE);
    (frame.payload_bytes <= FRAME_PAYLOAD_MAX && frame.stored_bytes <= FRAME_PAYLOAD_MAX).then_some(frame)
}

fn parse_record(bytes: &mut Bytes<'_>, frames: &[Frame]) -> Option<PackedRecord> {
    let packed = PackedRecord {
        record: Record::parse(bytes)?,
        sequence: Sequence(bytes.u64()?),
        time: Timestamp::from_unix_nanos(bytes.u64()?),
        slot: Slot(bytes.u32()?),
        frame: bytes.u32()?,
        offset: bytes.u32()?,
    };
    if packed.slot.0 > Slot::MAX {
        return None;
    }
    if packed.record.payload_length > 0 {
        let frame = frames.get(usize::try_from(packed.frame).ok()?)?;
        let end = packed.offset.checked_add(packed.record.payload_length)?;
        (end <= frame.payload_bytes).then_some(())?;
    }
    Some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::batch::RecordKind;

    #[test]
    fn an_index_survives_a_round_trip_and_rejects_payloads_outside_frames() {
        let record = Record {
            kind: RecordKind::Write,
            class: 1,
            payload_length: 4096,
            address: 3,
            count: 1,
            crc: 4,
        };
        let frame = Frame {
            offset: 4096,
            stored_bytes: 100,
            payload_bytes: 8192,
            crc: 1,
            compressed: true,
            incompressible: false,
        };
        let packed = PackedRecord {
            record,
            sequence: Sequence(1),
            time: Timestamp::ZERO,
            slot: Slot(260),
            frame: 0,
            offset: 4096,
        };
        let index = PackedIndex {
            frames: vec![frame],
            records: vec![packed],
        };
        assert_eq!(PackedIndex::parse(&index.encode()), Some(index.clone()));
        let bytes = index.encode();
        let layout = IndexLayout::parse(&bytes, 4096, bytes.len() as u64).expect("valid");
        let at = |offset: u64| &bytes[offset as usize - 4096..];
        assert_eq!(
            Frame::parse(at(layout.frame_offset(0).expect("one frame"))),
            Some(frame)
        );
        let place = Place {
            slot: Slot(260),
            length: 4096,
            frame: 0,
            offset: 4096,
        };
        assert_eq!(Place::parse(at(layout.record_offset(0))), Some(place));
        assert_eq!(IndexLayout::parse(&bytes, 4096, bytes.len() as u64 + 1), None);
        for length in 0..index.encode().len() {
            assert_eq!(PackedIndex::parse(&index.encode()[..length]), None);
        }
        let outside = PackedIndex {
            records: vec![PackedRecord { offset: 4097, ..packed }],
            ..index
        };
        assert_eq!(PackedIndex::parse(&outside.encode()), None);
    }
}
