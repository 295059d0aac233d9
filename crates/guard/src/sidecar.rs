//! What a guard keeps beside its volume's segments.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..4 | `HFGS` |
//! | 4..8 | version of the format, 1 |
//! | 8..16 | wall clock when it was saved, nanoseconds since 1970 |
//! | 16..24 | monotonic clock when it was saved, microseconds |
//! | 24..28 | version of the model that was asked |
//! | 28..32 | length of the state, at most 1 MiB |
//! | 32..36 | number of marks, at most 1536 |
//! | 36..40 | length of the saved sentinel, at most 1 MiB |
//! | then | the state, in JSON |
//! | then 16 each | marks: time on the monotonic clock (8), newest batch (8) |
//! | then | the sentinel, as it saves itself |
//! | last 4 | CRC-32C of everything before |
//!
//! Integers are little-endian. The state is JSON, so that a field can be added without another version.

use sentinel::Micros;
use volume::Timestamp;

use crate::state::State;
use crate::trail::{MARKS_MAX, Mark};

const MAGIC: [u8; 4] = *b"HFGS";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 40;
const MARK_BYTES: usize = 16;
const PART_BYTES_MAX: usize = 1 << 20;

/// Why a sidecar can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SidecarError {
    /// It doesn't begin like one.
    #[error("not a guard's file")]
    NotASidecar,
    /// Written by another version of the program.
    #[error("of version {0}, which this program doesn't know")]
    OtherVersion(u32),
    /// Cut off or changed.
    #[error("damaged")]
    Damaged,
    /// Whole, and yet not understood.
    #[error("not understood: {0}")]
    BadState(String),
}

/// A guard's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    pub(crate) wall: Timestamp,
    pub(crate) uptime: Micros,
    pub(crate) model_version: u32,
    pub(crate) state: State,
    pub(crate) marks: Vec<Mark>,
    pub(crate) sentinel: Vec<u8>,
}

impl Sidecar {
    /// Writes it down.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // A state holds strings and numbers only.
        let state = serde_json::to_vec(&self.state).unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + state.len() + self.sentinel.len() + 20 * MARKS_MAX);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.wall.as_unix_nanos().to_le_bytes());
        bytes.extend(self.uptime.to_le_bytes());
        bytes.extend(self.model_version.to_le_bytes());
        for length in [state.len(), self.marks.len(), self.sentinel.len()] {
            bytes.extend((length as u32).to_le_bytes());
        }
        bytes.extend(state);
        for mark in &self.marks {
            bytes.extend(mark.at.to_le_bytes());
            bytes.extend(mark.sequence.to_le_bytes());
        }
        bytes.extend(&self.sentinel);
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// Reads what was written down. The bytes may be anything.
    pub fn parse(bytes: &[u8]) -> Result<Self, SidecarError> {
        let mut rest = bytes;
        if take::<4>(&mut rest)? != MAGIC {
            return Err(SidecarError::NotASidecar);
        }
        let version = number(&mut rest)?;
        if version != VERSION {
            return Err(SidecarError::OtherVersion(version));
        }
        let (whole, crc) = bytes.split_last_chunk::<4>().ok_or(SidecarError::Damaged)?;
        if crc32c::crc32c(whole) != u32::from_le_bytes(*crc) {
            return Err(SidecarError::Damaged);
        }
        let wall = Timestamp::from_unix_nanos(u64::from_le_bytes(take(&mut rest)?));
        let uptime = u64::from_le_bytes(take(&mut rest)?);
        let model_version = number(&mut rest)?;
        let lengths = [number(&mut rest)?, number(&mut rest)?, number(&mut rest)?].map(|length| length as usize);
        let [state_length, marks, sentinel_length] = lengths;
        if state_length > PART_BYTES_MAX || marks > MARKS_MAX || sentinel_length > PART_BYTES_MAX {
            return Err(SidecarError::Damaged);
        }
        if rest.len() != state_length + marks * MARK_BYTES + sentinel_length + crc.len() {
            return Err(SidecarError::Damaged);
        }
        let state = part(&mut rest, state_length)?;
        let state = serde_json::from_slice(state).map_err(|error| SidecarError::BadState(error.to_string()))?;
        let marks = (0..marks).map(|_| {
            Ok(Mark {
                at: u64::from_le_bytes(take(&mut rest)?),
                sequence: u64::from_le_bytes(take(&mut rest)?),
            })
        });
        let marks = marks.collect::<Result<_, SidecarError>>()?;
        let sentinel = part(&mut rest, sentinel_length)?.to_vec();
        Ok(Self {
            wall,
            uptime,
            model_version,
            state,
            marks,
            sentinel,
        })
    }
}

fn take<const LENGTH: usize>(rest: &mut &[u8]) -> Result<[u8; LENGTH], SidecarError> {
    let (taken, left) = rest.split_first_chunk().ok_or(SidecarError::Damaged)?;
    *rest = left;
    Ok(*taken)
}

fn number(rest: &mut &[u8]) -> Result<u32, SidecarError> {
    take(rest).map(u32::from_le_bytes)
}

fn part<'b>(rest: &mut &'b [u8], length: usize) -> Result<&'b [u8], SidecarError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(SidecarError::Damaged)?;
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Fence, Settings};
    use crate::state::{Announcement, Bookmark, Episode, InForce, RestorePoint};

    fn full() -> Sidecar {
        let time = Timestamp::from_unix_nanos(1_795_428_900_123_456_789);
        let point = RestorePoint {
            pin: "guard-20261123-101500".to_owned(),
            sequence: 7,
            time,
            is_current: true,
        };
        let mut state = State::new(Settings::default(), time);
        state.settings.fence = Fence::Divert;
        state.episode = Some(Episode {
            point: Some(point.clone()),
            onset: Some(time),
            suspicion_percent: 140,
            reasons: vec!["because".to_owned()],
            ..Episode::default()
        });
        state.fence = Some(InForce {
            fence: Fence::Divert,
            fork: Some("disk.diverted".to_owned()),
            keep_begun: true,
            because: Some("an exercise".to_owned()),
        });
        state.bookmarks = vec![Bookmark {
            pin: point.pin.clone(),
            created: 99,
        }];
        state.last_attack = Some(point);
        state.announcement = Some(Announcement {
            reason: "work".to_owned(),
            until: 1 << 50,
        });
        Sidecar {
            wall: time,
            uptime: 12345,
            model_version: 3,
            state,
            marks: vec![Mark { at: 5, sequence: 6 }; MARKS_MAX],
            sentinel: vec![9; 100],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let sidecar = full();
        assert_eq!(Sidecar::parse(&sidecar.encode()).unwrap(), sidecar);
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let bytes = full().encode();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 0x10;
            assert!(Sidecar::parse(&changed).is_err(), "byte {index}");
            assert!(Sidecar::parse(&bytes[..index]).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn forged_lengths_are_refused_before_anything_is_taken_for_them() {
        for at in [28, 32, 36] {
            let mut bytes = full().encode();
            bytes[at..at + 4].fill(0xff);
            let end = bytes.len() - 4;
            let crc = crc32c::crc32c(&bytes[..end]).to_le_bytes();
            bytes[end..].copy_from_slice(&crc);
            assert_eq!(Sidecar::parse(&bytes), Err(SidecarError::Damaged));
        }
    }
}
