//! The bytes of a connection that looks into the past, after `Request::Look` was answered. Numbers are little-endian.
//!
//! ```text
//! command -> daemon   offset u64, length u32                a range of the moment; several may be under way
//! daemon -> command   kind u8, length u32, payload          a frame: one for each range, in the order asked
//! ```
//!
//! A list of changes or readings is frames alone, up to one of the kind [`FrameKind::End`]. Payloads by kind: the bytes of the range; none
//! for zeros, whose length is the range's; a failure as JSON; changes of 33 bytes each (sequence, time in nanoseconds since the Unix epoch,
//! first block, blocks: u64; kind: u8); readings of 32 bytes each (time, first block, blocks, blocks of a grain: u64); at the end of
//! readings, the time from when on reads are known, or nothing.

use std::io::{self, Read};

use answers::Reading;
use volume::{Change, ChangeKind, Sequence, Timestamp};

use crate::failure::{Failure, FailureCode};

/// The longest range of one request, and the longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// Bytes of a request.
pub const REQUEST_BYTES: usize = 12;
/// Bytes of a frame before its payload.
pub const HEADER_BYTES: usize = 5;
/// Bytes of a change.
pub const CHANGE_BYTES: usize = 33;
/// Bytes of a reading.
pub const READING_BYTES: usize = 32;
/// `ChangeKind` of a change that zeroed; those below are content classes.
const ZEROED: u8 = 16;
const TRIMMED: u8 = 17;

/// A range of a moment that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeRequest {
    /// First byte.
    pub offset: u64,
    /// Bytes, at most [`PAYLOAD_BYTES_MAX`].
    pub length: u32,
}

impl RangeRequest {
    /// As bytes.
    #[must_use]
    pub fn encode(self) -> [u8; REQUEST_BYTES] {
        let mut bytes = [0; REQUEST_BYTES];
        let (offset, length) = bytes.split_at_mut(8);
        offset.copy_from_slice(&self.offset.to_le_bytes());
        length.copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// From bytes; `None` if the range is longer than is answered.
    #[must_use]
    pub fn decode(bytes: [u8; REQUEST_BYTES]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let offset = take_u64(&mut rest)?;
        let length = u32::from_le_bytes(*rest.first_chunk()?);
        (length as usize <= PAYLOAD_BYTES_MAX).then_some(Self { offset, length })
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// The bytes of a range.
    Bytes = 0,
    /// The range is zeros.
    Zeros = 1,
    /// A range can't be read, or a list breaks off.
    Failed = 2,
    /// A part of a list of changes.
    Changes = 3,
    /// A part of a list of readings.
    Readings = 4,
    /// A list is complete.
    End = 5,
}

impl FrameKind {
    const ALL: [Self; 6] = [
        Self::Bytes,
        Self::Zeros,
        Self::Failed,
        Self::Changes,
        Self::Readings,
        Self::End,
    ];
}

/// The start of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What follows.
    pub kind: FrameKind,
    /// Bytes of the payload, or of zeros.
    pub length: u32,
}

impl FrameHeader {
    /// As bytes.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER_BYTES] {
        let [a, b, c, d] = self.length.to_le_bytes();
        [self.kind as u8, a, b, c, d]
    }

    /// From bytes; `None` if they are no header.
    #[must_use]
    pub fn decode(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let [kind, length @ ..] = bytes;
        let kind = FrameKind::ALL.into_iter().find(|known| *known as u8 == kind)?;
        let length = u32::from_le_bytes(length);
        (length as usize <= PAYLOAD_BYTES_MAX).then_some(Self { kind, length })
    }

    /// Reads the next header.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = [0; HEADER_BYTES];
        from.read_exact(&mut bytes)?;
        Self::decode(bytes).ok_or_else(|| misunderstood("a frame of an unknown kind or length"))
    }
}

/// The other side said what can't be understood.
#[must_use]
pub fn misunderstood(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Appends a change.
pub fn put_change(change: &Change, to: &mut Vec<u8>) {
    for number in [
        change.sequence.0,
        change.time.as_unix_nanos(),
        change.first_block,
        change.blocks,
    ] {
        to.extend_from_slice(&number.to_le_bytes());
    }
    to.push(match change.kind {
        ChangeKind::Written { class } => class.min(ZEROED - 1),
        ChangeKind::Zeroed => ZEROED,
        ChangeKind::Trimmed => TRIMMED,
    });
}

/// A change from its bytes; `None` if they are none.
#[must_use]
pub fn take_change(bytes: &[u8]) -> Option<Change> {
    let mut rest = bytes;
    let change = Change {
        sequence: Sequence(take_u64(&mut rest)?),
        time: Timestamp::from_unix_nanos(take_u64(&mut rest)?),
        first_block: take_u64(&mut rest)?,
        blocks: take_u64(&mut rest)?,
        kind: match *rest.first()? {
            ZEROED => ChangeKind::Zeroed,
            TRIMMED => ChangeKind::Trimmed,
            class if class < ZEROED => ChangeKind::Written { class },
            _ => return None,
        },
    };
    Some(change)
}

/// Appends a reading.
pub fn put_reading(reading: &Reading, to: &mut Vec<u8>) {
    for number in [
        reading.time.as_unix_nanos(),
        reading.first_block,
        reading.blocks,
        reading.grain_blocks,
    ] {
        to.extend_from_slice(&number.to_le_bytes());
    }
}

/// A reading from its bytes; `None` if they are none.
#[must_use]
pub fn take_reading(bytes: &[u8]) -> Option<Reading> {
    let mut rest = bytes;
    Some(Reading {
        time: Timestamp::from_unix_nanos(take_u64(&mut rest)?),
        first_block: take_u64(&mut rest)?,
        blocks: take_u64(&mut rest)?,
        grain_blocks: take_u64(&mut rest)?,
    })
}

/// The time at the end of a list of readings.
pub fn take_time(bytes: &[u8]) -> Option<Timestamp> {
    let mut rest = bytes;
    take_u64(&mut rest).map(Timestamp::from_unix_nanos)
}

/// A failure from its JSON; one about the connection if it is none.
#[must_use]
pub fn take_failure(bytes: &[u8]) -> Failure {
    serde_json::from_slice(bytes).unwrap_or_else(|error| {
        Failure::new(
            FailureCode::Failure,
            format!("the daemon's answer isn't understood: {error}"),
        )
    })
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    let (number, behind) = rest.split_first_chunk::<8>()?;
    *rest = behind;
    Some(u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: ChangeKind) -> Change {
        Change {
            sequence: Sequence(7),
            time: Timestamp::from_unix_seconds(8),
            first_block: 9,
            blocks: 10,
            kind,
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_unchanged() {
        let request = RangeRequest {
            offset: 1 << 45,
            length: 1 << 20,
        };
        assert_eq!(RangeRequest::decode(request.encode()), Some(request));
        for kind in FrameKind::ALL {
            let header = FrameHeader { kind, length: 77 };
            assert_eq!(FrameHeader::decode(header.encode()), Some(header));
        }
        for kind in [
            ChangeKind::Written { class: 15 },
            ChangeKind::Zeroed,
            ChangeKind::Trimmed,
        ] {
            let mut bytes = Vec::new();
            put_change(&change(kind), &mut bytes);
            assert_eq!(bytes.len(), CHANGE_BYTES);
            assert_eq!(take_change(&bytes), Some(change(kind)));
        }
        let reading = Reading {
            time: Timestamp::from_unix_seconds(1),
            first_block: 2,
            blocks: 3,
            grain_blocks: 4,
        };
        let mut bytes = Vec::new();
        put_reading(&reading, &mut bytes);
        assert_eq!((bytes.len(), take_reading(&bytes)), (READING_BYTES, Some(reading)));
    }

    #[test]
    fn what_is_too_long_or_unknown_is_refused() {
        let long = RangeRequest {
            offset: 0,
            length: (1 << 20) + 1,
        };
        assert_eq!(RangeRequest::decode(long.encode()), None);
        assert_eq!(FrameHeader::decode([6, 0, 0, 0, 0]), None);
        assert_eq!(FrameHeader::decode([0, 1, 0, 16, 0]), None);
        let mut bytes = Vec::new();
        put_change(&change(ChangeKind::Zeroed), &mut bytes);
        *bytes.last_mut().unwrap() = 18;
        assert_eq!(take_change(&bytes), None);
        assert_eq!(take_change(bytes.get(..30).unwrap()), None);
    }
}
