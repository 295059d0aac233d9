//! What can go wrong with a volume.

use std::io;

use crate::time::{Sequence, Timestamp};

/// An error of a volume or of the store that holds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request reaches past the end of the disk.
    #[error("range of {length} bytes at {offset} is not within the disk's {size} bytes")]
    OutOfRange {
        /// First byte asked for.
        offset: u64,
        /// Bytes asked for.
        length: u64,
        /// The disk's size in bytes.
        size: u64,
    },
    /// A write to a moment of the past.
    #[error("a moment of the past can't be changed")]
    ReadOnly,
    /// The disk was rolled back after this attachment was made: what its user holds in memory is out of date.
    #[error("the disk was rolled back after this client connected; disconnect and connect again")]
    StaleEpoch,
    /// The volume is fenced: writes are refused until the operator releases it.
    #[error("the disk is fenced because of suspected encryption: writes are refused until it is released or restored")]
    Fenced,
    /// The volume is fenced in a way that makes hypervisors stop the guest.
    #[error(
        "the disk is fenced because of suspected encryption: writes find no space until it is released or restored"
    )]
    Paused,
    /// The store was closed: the program is about to end.
    #[error("the data folder is being closed")]
    Closed,
    /// The read would have to wait for the disk below.
    #[error("not in memory")]
    WouldBlock,
    /// No room for new history above the retention floor, or no room on the disk below.
    #[error("no space: {0}")]
    NoSpace(NoSpace),
    /// Stored bytes don't match their checksum.
    #[error("block {block} as written {written} is damaged in segment {segment} at offset {offset}")]
    CorruptBlock {
        /// Block number (of 4096 bytes) on the disk.
        block: u64,
        /// The segment that holds the damaged copy.
        segment: u32,
        /// Byte offset in the segment's file.
        offset: u64,
        /// When the damaged version was written, to the second.
        written: Timestamp,
    },
    /// A structure of the volume's own is damaged.
    #[error("{structure} in segment {segment} at offset {offset} is damaged")]
    CorruptStructure {
        /// Which structure.
        structure: &'static str,
        /// The segment that holds it.
        segment: u32,
        /// Byte offset in the segment's file.
        offset: u64,
    },
    /// A flushed part of the log can't be understood; what follows it is intact.
    #[error(
        "segment {segment} is damaged at offset {offset}: a batch that was flushed after {before} \
         can't be read, although later batches can"
    )]
    DamagedLog {
        /// The damaged segment.
        segment: u32,
        /// Byte offset of the damage in the segment's file.
        offset: u64,
        /// The last moment before the damage.
        before: Timestamp,
    },
    /// A file of the volume is not what its name says, or of a version this program doesn't know.
    #[error("`{file}` is not usable: {reason}")]
    BadFile {
        /// The file's name, with its volume's before it where that isn't known from elsewhere.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A volume that this one was forked from, directly or not, can't be opened, and with it none of its forks.
    #[error("`{parent}`, from which it was forked, can't be opened: {source}")]
    ParentUnusable {
        /// The volume that can't be opened.
        parent: String,
        /// Why.
        source: Box<Error>,
    },
    /// An earlier write or sync failed; what the disk holds is unknown until the volume is opened again.
    #[error("an earlier write to the disk below failed; the volume must be opened again before it is used further")]
    Poisoned,
    /// The disk below failed.
    #[error("{operation} `{file}`: {source}")]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The file's name.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// The moment lies before the oldest one kept.
    #[error("the moment is older than the oldest one kept ({oldest})")]
    MomentTooOld {
        /// The oldest moment kept.
        oldest: Timestamp,
    },
    /// The sequence number lies in the future.
    #[error("moment {asked} hasn't happened yet; the newest is {newest}")]
    MomentInFuture {
        /// What was asked for.
        asked: Sequence,
        /// The newest moment.
        newest: Sequence,
    },
    /// No pin of that name.
    #[error("no pin is named `{0}`")]
    NoSuchPin(String),
    /// A pin of that name exists.
    #[error("a pin named `{0}` exists already")]
    PinExists(String),
    /// The pin keeps the start of a fork.
    #[error("pin `{pin}` is the start of fork `{fork}`, which needs it")]
    PinInUse {
        /// The pin.
        pin: String,
        /// The fork that starts there.
        fork: String,
    },
    /// Too many pins.
    #[error("a volume can have at most {limit} pins")]
    TooManyPins {
        /// The limit.
        limit: usize,
    },
    /// Too many rollbacks within the history kept.
    #[error("a volume can have at most {limit} rollbacks within the history it keeps")]
    TooManyRollbacks {
        /// The limit.
        limit: usize,
    },
    /// No rollback to undo within the history kept.
    #[error("there is no rollback to undo")]
    NoRollback,
    /// A restore in part that names no blocks.
    #[error("no blocks are named that could be restored")]
    NothingToRestore,
    /// A restore in part that names a block twice.
    #[error("block {block} is named twice: it can be returned to one moment only")]
    PiecesOverlap {
        /// Block number (of 4096 bytes) on the disk.
        block: u64,
    },
    /// No volume of that name.
    #[error("no volume is named `{0}`")]
    NoSuchVolume(String),
    /// A volume of that name exists.
    #[error("a volume named `{0}` exists already")]
    VolumeExists(String),
    /// The volume can't be deleted while it is in use.
    #[error("volume `{0}` is in use")]
    VolumeInUse(String),
    /// The volume can't be deleted while forks share its segments.
    #[error("volume `{volume}` can't be deleted while `{fork}` is forked from it")]
    HasForks {
        /// The volume to be deleted.
        volume: String,
        /// One of its forks.
        fork: String,
    },
    /// Not a usable name for a volume or a pin.
    #[error("`{0}` can't be used as a name: 1 to 64 of a-z, A-Z, 0-9, `-`, `_`, `.`, starting with a letter or digit")]
    BadName(String),
    /// Not a usable name for a fork, whose parent gets a pin that is called after it.
    #[error("`{0}` is too long for a fork's name: 59 letters at most")]
    ForkNameTooLong(String),
    /// Not a usable size.
    #[error("{size} bytes can't be a disk's size: 1 MiB to 64 TiB, in steps of 512 bytes")]
    BadSize {
        /// What was asked for.
        size: u64,
    },
}

impl Error {
    /// Whether stored bytes are wrong: trying again doesn't help.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::CorruptBlock { .. }
            | Self::CorruptStructure { .. }
            | Self::DamagedLog { .. }
            | Self::BadFile { .. } => true,
            Self::ParentUnusable { source, .. } => source.is_damage(),
            _ => false,
        }
    }
}

/// Why there is no space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSpace {
    /// The history younger than the floor fills the volume's budget.
    Budget {
        /// The budget in bytes.
        budget_bytes: u64,
    },
    /// The file system that holds the volume is full.
    Disk,
}

impl std::fmt::Display for NoSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Budget { budget_bytes } => {
                write!(
                    f,
                    "history younger than the retention floor fills the volume's budget of {budget_bytes} bytes"
                )
            }
            Self::Disk => f.write_str("the disk that holds the volume is full"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_people_write_them() {
        let time = Timestamp::from_unix_seconds(1_795_428_900);
        for (error, expected) in [
            (
                Error::MomentTooOld { oldest: time },
                "the moment is older than the oldest one kept (2026-11-23T10:15:00Z)",
            ),
            (
                Error::MomentInFuture {
                    asked: Sequence(99),
                    newest: Sequence(7),
                },
                "moment #99 hasn't happened yet; the newest is #7",
            ),
            (
                Error::CorruptBlock {
                    block: 2,
                    segment: 7,
                    offset: 99,
                    written: time,
                },
                "block 2 as written 2026-11-23T10:15:00Z is damaged in segment 7 at offset 99",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }
}
