//! A client's handle on the live disk.

use std::sync::Arc;

use crate::device::{Device, Extent, Hole, WriteRequest};
use crate::error::Error;
use crate::format::RecordKind;
use crate::storage::Wait;
use crate::time::{Clock, Timestamp};
use crate::volume::Volume;

/// The live disk, as one client attached to it. After a rollback every earlier attachment is refused writes
/// ([`Error::StaleEpoch`]): what its client holds in memory belongs to the disk as it was before.
pub struct Attachment {
    volume: Arc<Volume>,
    clock: Arc<dyn Clock>,
    epoch: u64,
}

impl Volume {
    /// Attaches a client to the live disk. Its batches carry the clock's times.
    pub fn attach(self: &Arc<Self>, clock: Arc<dyn Clock>) -> Attachment {
        Attachment {
            volume: Arc::clone(self),
            clock,
            epoch: self.epoch(),
        }
    }
}

impl Attachment {
    /// The volume.
    #[must_use]
    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// Whether the disk was rolled back since the client attached.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.epoch != self.volume.epoch()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    fn clear(&self, offset: u64, length: u64, kind: RecordKind) -> Result<(), Error> {
        self.volume
            .clear_in_epoch(offset, length, kind, self.clock.now(), Some(self.epoch))
            .map(|_| ())
    }
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment")
            .field("volume", &self.volume.name())
            .field("epoch", &self.epoch)
            .finish()
    }
}

impl Device for Attachment {
    fn size_bytes(&self) -> u64 {
        self.volume.size_bytes()
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        self.volume.read(offset, buffer, wait)
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        self.volume
            .write_in_epoch(writes, self.clock.now(), Some(self.epoch), None)
            .map(|_| ())
    }

    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
        let kind = if hole == Hole::Allowed {
            RecordKind::Hole
        } else {
            RecordKind::Zero
        };
        self.clear(offset, length, kind)
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.clear(offset, length, RecordKind::Hole)
    }

    fn flush(&self) -> Result<(), Error> {
        self.volume.flush()
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.volume.prefetch(offset, length)
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        self.volume.extents(offset, length, limit)
    }
}
