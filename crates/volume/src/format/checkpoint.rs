//! A checkpoint: everything that must be known of a volume besides its blocks, as of one moment.
//!
//! Control operations (pin, rollback, resize, ...) are checkpoints with a cause: they take effect as a whole or not at
//! all, and reading the checkpoints in order is reading the volume's history book.

use crate::format::bytes::{Bytes, put_short_string};
use crate::format::entry::{Entry, Location, Segment, Slot};
use crate::time::{Sequence, Timestamp};

/// Where a checkpoint is and what its bytes must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointRef {
    /// Where the payload is.
    pub location: Location,
    /// The payload's length in bytes.
    pub length: u32,
    /// CRC-32C of the payload.
    pub crc: u32,
    /// The checkpoint's own batch.
    pub sequence: Sequence,
}

impl CheckpointRef {
    pub(crate) const BYTES: usize = 1 + 4 + 4 + 4 + 4 + 8;

    pub(crate) fn put(reference: Option<Self>, out: &mut Vec<u8>) {
        let empty = Self {
            location: Location::default(),
            length: 0,
            crc: 0,
            sequence: Sequence(0),
        };
        out.push(u8::from(reference.is_some()));
        let reference = reference.unwrap_or(empty);
        out.extend(reference.location.segment.0.to_le_bytes());
        out.extend(reference.location.slot.0.to_le_bytes());
        out.extend(reference.length.to_le_bytes());
        out.extend(reference.crc.to_le_bytes());
        out.extend(reference.sequence.0.to_le_bytes());
    }

    pub(crate) fn parse(bytes: &mut Bytes<'_>) -> Option<Option<Self>> {
        let present = bytes.u8()? == 1;
        let reference = Self {
            location: Location {
                segment: Segment(bytes.u32()?),
                slot: Slot(bytes.u32()?),
            },
            length: bytes.u32()?,
            crc: bytes.u32()?,
            sequence: Sequence(bytes.u64()?),
        };
        Some(present.then_some(reference))
    }
}

/// A place in the log between two batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// The segment of the next batch.
    pub segment: Segment,
    /// The next batch's slot, or a lower one.
    pub slot: Slot,
}

/// The oldest moment kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// The oldest moment.
    pub sequence: Sequence,
    /// Its time.
    pub time: Timestamp,
    /// The checkpoint that holds its map; unset while nothing was ever dropped.
    pub checkpoint: Option<CheckpointRef>,
}

/// A named moment that retention keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its name.
    pub name: String,
    /// The moment.
    pub sequence: Sequence,
    /// The time of the moment.
    pub time: Timestamp,
    /// When it was pinned.
    pub created: Timestamp,
    /// The disk's size at the moment, in bytes.
    pub size_bytes: u64,
    /// The moment's map.
    pub root: Entry,
    /// The fork that starts here, if one does.
    pub fork: Option<String>,
}

/// A rollback, or a restore in part, that lies within the history kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The moment of the rollback: from here on the disk is as it was at `to`.
    pub sequence: Sequence,
    /// When it was done.
    pub time: Timestamp,
    /// The last moment before it: where undoing returns to.
    pub from: Sequence,
    /// The moment returned to; of a restore in part, which has many, the same as `from`.
    pub to: Sequence,
    /// The time of the moment returned to.
    pub to_time: Timestamp,
    /// The map right after the rollback. Kept because it may hold blocks older than the horizon, from a pin.
    pub root: Entry,
    /// Whether it undid an earlier rollback.
    pub undo: bool,
}

/// Why a checkpoint was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The volume was created.
    Created,
    /// Enough had changed since the last one, or the volume was closed.
    Periodic,
    /// A pin was set.
    Pinned(String),
    /// A pin was removed.
    Unpinned(String),
    /// The disk was rolled back.
    RolledBack,
    /// The disk's size changed, from this many bytes.
    Resized(u64),
    /// The oldest moment kept moved on.
    HorizonMoved,
    /// Damage in the log was skipped by `repair`.
    Repaired,
    /// This many blocks were returned to moments of the past, each piece to its own; the others stayed as they were.
    RestoredInPart(u64),
}

/// A volume's state as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last batch that the map contains.
    pub as_of: Sequence,
    /// When.
    pub time: Timestamp,
    /// Where the batches that the map doesn't contain start.
    pub replay_from: LogPosition,
    /// The map's root.
    pub root: Entry,
    /// The disk's size in bytes.
    pub size_bytes: u64,
    /// Counts rollbacks; attachments of an earlier epoch are refused writes.
    pub epoch: u64,
    /// Why the checkpoint was made.
    pub cause: Cause,
    /// The oldest moment kept.
    pub horizon: Horizon,
    /// All pins, by name.
    pub pins: Vec<Pin>,
    /// Rollbacks after the horizon, oldest first.
    pub rollbacks: Vec<Rollback>,
}

impl Checkpoint {
    /// The most pins a volume can have.
    pub const PINS_MAX: usize = 1024;
    /// The most rollbacks within the history kept.
    pub const ROLLBACKS_MAX: usize = 1024;

    /// The payload's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.as_of.0.to_le_bytes());
        out.extend(self.time.as_unix_nanos().to_le_bytes());
        out.extend(self.replay_from.segment.0.to_le_bytes());
        out.extend(self.replay_from.slot.0.to_le_bytes());
        self.root.put(&mut out);
        out.extend(self.size_bytes.to_le_bytes());
        out.extend(self.epoch.to_le_bytes());
        put_cause(&self.cause, &mut out);
        out.extend(self.horizon.sequence.0.to_le_bytes());
        out.extend(self.horizon.time.as_unix_nanos().to_le_bytes());
        CheckpointRef::put(self.horizon.checkpoint, &mut out);
        out.extend(u32::try_from(self.pins.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.pins.iter().for_each(|pin| put_pin(pin, &mut out));
        out.extend(u32::try_from(self.rollbacks.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.rollbacks
            .iter()
            .for_each(|rollback| put_rollback(rollback, &mut out));
        out
    }

    /// Parses a payload, whose checksum was checked before.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(payload);
        let mut checkpoint = Self {
            as_of: Sequence(bytes.u64()?),
            time: Timestamp::from_unix_nanos(bytes.u64()?),
            replay_from: LogPosition {
                segment: Segment(bytes.u32()?),
                slot: Slot(bytes.u32()?),
            },
            root: Entry::parse(&mut bytes)?,
            size_bytes: bytes.u64()?,
            epoch: bytes.u64()?,
            cause: parse_cause(&mut bytes)?,
            horizon: Horizon {
                sequence: Sequence(bytes.u64()?),
                time: Timestamp::from_unix_nanos(bytes.u64()?),
                checkpoint: CheckpointRef::parse(&mut bytes)?,
            },
            pins: Vec::new(),
            rollbacks: Vec::new(),
        };
        for _ in 0..bounded(bytes.u32()?, Self::PINS_MAX)? {
            checkpoint.pins.push(parse_pin(&mut bytes)?);
        }
        for _ in 0..bounded(bytes.u32()?, Self::ROLLBACKS_MAX)? {
            checkpoint.rollbacks.push(parse_rollback(&mut bytes)?);
        }
        (bytes.remaining() == 0).then_some(checkpoint)
    }
}

fn bounded(count: u32, limit: usize) -> Option<usize> {
    usize::try_from(count).ok().filter(|count| *count <= limit)
}

pub(super) fn put_cause(cause: &Cause, out: &mut Vec<u8>) {
    match cause {
        Cause::Created => out.push(0),
        Cause::Periodic => out.push(1),
        Cause::Pinned(name) => {
            out.push(2);
            put_short_string(out, name);
        }
        Cause::Unpinned(name) => {
            out.push(3);
            put_short_string(out, name);
        }
        Cause::RolledBack => out.push(4),
        Cause::Resized(from) => {
            out.push(5);
            out.extend(from.to_le_bytes());
        }
        Cause::HorizonMoved => out.push(6),
        Cause::Repaired => out.push(7),
        Cause::RestoredInPart(blocks) => {
            out.push(8);
            out.extend(blocks.to_le_bytes());
        }
    }
}

fn parse_cause(bytes: &mut Bytes<'_>) -> Option<Cause> {
    Some(match bytes.u8()? {
        0 => Cause::Created,
        1 => Cause::Periodic,
        2 => Cause::Pinned(bytes.short_string()?),
        3 => Cause::Unpinned(bytes.short_string()?),
        4 => Cause::RolledBack,
        5 => Cause::Resized(bytes.u64()?),
        6 => Cause::HorizonMoved,
        7 => Cause::Repaired,
        8 => Cause::RestoredInPart(bytes.u64()?),
        _ => return None,
    })
}

pub(super) fn put_pin(pin: &Pin, out: &mut Vec<u8>) {
    put_short_string(out, &pin.name);
    out.extend(pin.sequence.0.to_le_bytes());
    out.extend(pin.time.as_unix_nanos().to_le_bytes());
    out.extend(pin.created.as_unix_nanos().to_le_bytes());
    out.extend(pin.size_bytes.to_le_bytes());
    pin.root.put(out);
    out.push(u8::from(pin.fork.is_some()));
    if let Some(fork) = &pin.fork {
        put_short_string(out, fork);
    }
}

fn parse_pin(bytes: &mut Bytes<'_>) -> Option<Pin> {
    Some(Pin {
        name: bytes.short_string()?,
        sequence: Sequence(bytes.u64()?),
        time: Timestamp::from_unix_nanos(bytes.u64()?),
        created: Timestamp::from_unix_nanos(bytes.u64()?),
        size_bytes: bytes.u64()?,
        root: Entry::parse(bytes)?,
        fork: if bytes.u8()? == 1 {
            Some(bytes.short_string()?)
        } else {
            None
        },
    })
}

pub(super) fn put_rollback(rollback: &Rollback, out: &mut Vec<u8>) {
    out.extend(rollback.sequence.0.to_le_bytes());
    out.extend(rollback.time.as_unix_nanos().to_le_bytes());
    out.extend(rollback.from.0.to_le_bytes());
    out.extend(rollback.to.0.to_le_bytes());
    out.extend(rollback.to_time.as_unix_nanos().to_le_bytes());
    rollback.root.put(out);
    out.push(u8::from(rollback.undo));
}

fn parse_rollback(bytes: &mut Bytes<'_>) -> Option<Rollback> {
    Some(Rollback {
        sequence: Sequence(bytes.u64()?),
        time: Timestamp::from_unix_nanos(bytes.u64()?),
        from: Sequence(bytes.u64()?),
        to: Sequence(bytes.u64()?),
        to_time: Timestamp::from_unix_nanos(bytes.u64()?),
        root: Entry::parse(bytes)?,
        undo: bytes.u8()? == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_a_round_trip_and_no_cut_parses() {
        let time = Timestamp::from_unix_seconds(7);
        let root = Entry::zero(time);
        let location = Location {
            segment: Segment(1),
            slot: Slot(2),
        };
        let reference = CheckpointRef {
            location,
            length: 3,
            crc: 4,
            sequence: Sequence(5),
        };
        let pin = Pin {
            name: "before-update".into(),
            sequence: Sequence(4),
            time,
            created: time,
            size_bytes: 1 << 30,
            root,
            fork: Some("copy".into()),
        };
        let rollback = Rollback {
            sequence: Sequence(6),
            time,
            from: Sequence(5),
            to: Sequence(3),
            to_time: time,
            root,
            undo: true,
        };
        let checkpoint = Checkpoint {
            as_of: Sequence(9),
            time,
            replay_from: LogPosition {
                segment: Segment(1),
                slot: Slot(3),
            },
            root,
            size_bytes: 1 << 40,
            epoch: 2,
            cause: Cause::Pinned("before-update".into()),
            horizon: Horizon {
                sequence: Sequence(1),
                time,
                checkpoint: Some(reference),
            },
            pins: vec![pin],
            rollbacks: vec![rollback],
        };
        let bytes = checkpoint.encode();
        assert_eq!(Checkpoint::parse(&bytes), Some(checkpoint));
        for length in 0..bytes.len() {
            assert_eq!(Checkpoint::parse(&bytes[..length]), None);
        }
    }
}
