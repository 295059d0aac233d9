//! Where a client's requests go. Every write holds the gate while it runs: whoever closes it knows that none is under way.

use std::sync::Arc;

use volume::{Attachment, Error};

/// What happens to requests.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mode {
    /// They go to the volume.
    #[default]
    Open,
    /// Writes are refused.
    Refused,
    /// Writes find no space.
    Paused,
    /// They go to a fork.
    Diverted(Arc<Attachment>),
}

/// The gate of a guarded volume.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Connections of an earlier era hold in memory what the disk no longer says: their writes are refused.
    pub(crate) era: u64,
    pub(crate) mode: Mode,
}

impl Gate {
    /// Where a write goes, from a connection of an era.
    pub(crate) fn for_write<'g>(&'g self, era: u64, line: &'g Attachment) -> Result<&'g Attachment, Error> {
        // A fork takes the place of the volume as it was at the fence, so that what the volume refuses, it refuses too.
        if era != self.era || line.is_stale() {
            return Err(Error::StaleEpoch);
        }
        match &self.mode {
            Mode::Open => Ok(line),
            Mode::Refused => Err(Error::Fenced),
            Mode::Paused => Err(Error::Paused),
            Mode::Diverted(fork) => Ok(fork),
        }
    }

    /// The fork that requests go to.
    pub(crate) fn fork(&self) -> Option<Arc<Attachment>> {
        match &self.mode {
            Mode::Diverted(fork) => Some(Arc::clone(fork)),
            Mode::Open | Mode::Refused | Mode::Paused => None,
        }
    }
}
