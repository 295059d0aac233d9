//! A volume's past, wherever it is: in this process, or in a daemon at the other end of a socket.

use std::ops::ControlFlow;
use std::sync::Arc;

use files::Disk;
use volume::{Change, Moment, Sequence, Timestamp};

/// Why the past couldn't be looked at, in words for the user.
pub type PastError = Box<dyn std::error::Error + Send + Sync>;

/// A moment opened for reading.
#[derive(Clone)]
pub struct PastMoment {
    /// The moment's last batch.
    pub sequence: Sequence,
    /// The time of that batch.
    pub time: Timestamp,
    /// The disk at that moment.
    pub disk: Arc<dyn Disk>,
}

impl std::fmt::Debug for PastMoment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PastMoment")
            .field("sequence", &self.sequence)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Blocks that were read by clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The second in which they were read.
    pub time: Timestamp,
    /// First block, of 4096 bytes.
    pub first_block: u64,
    /// Blocks. When more was read at random than is kept exactly, ranges are rounded outwards to multiples of `grain_blocks`.
    pub blocks: u64,
    /// 1 if exact.
    pub grain_blocks: u64,
}

/// A volume's past.
pub trait Past: Send + Sync {
    /// Opens a moment for reading.
    fn open(&self, moment: &Moment) -> Result<PastMoment, PastError>;

    /// Shows what was changed after `from` and up to and including `to`, ascending in time.
    fn changes(
        &self,
        from: Sequence,
        to: Sequence,
        visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
    ) -> Result<(), PastError>;

    /// Shows what clients read from `from` to `to`, ascending in time. The result tells from when on reads are known: `None` if none
    /// are, for example because the guard was off.
    fn readings(
        &self,
        from: Timestamp,
        to: Timestamp,
        visit: &mut dyn FnMut(&Reading) -> ControlFlow<()>,
    ) -> Result<Option<Timestamp>, PastError>;
}
