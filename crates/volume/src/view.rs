//! A moment of the past as a read-only disk.

use std::sync::{Arc, Weak};

use crate::device::{Device, Extent, Hole, WriteRequest};
use crate::error::Error;
use crate::extents::describe;
use crate::locks::lock;
use crate::map::Snapshot;
use crate::reader::{BlockRange, check_range, prefetch_runs, read_blocks};
use crate::storage::Wait;
use crate::time::{Moment, Sequence, Timestamp};
use crate::volume::{MomentInfo, Volume, prefetch_range};

/// Blocks whose entries are looked up together.
const LOOKUP_BLOCKS: usize = 1024;

/// Keeps the blocks of a moment from being dropped while it is being read.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) snapshot: Snapshot,
}

/// A moment of a volume. Keeps the moment from being dropped as long as it lives.
#[derive(Debug)]
pub struct View {
    volume: Arc<Volume>,
    hold: Arc<Hold>,
    info: MomentInfo,
    size_bytes: u64,
}

impl Volume {
    /// Opens a moment for reading.
    pub fn view(self: &Arc<Self>, moment: &Moment) -> Result<View, Error> {
        let control = lock(&self.control);
        let found = self.find_moment(&control, moment)?;
        let hold = Arc::new(Hold {
            snapshot: found.snapshot,
        });
        let mut holds = lock(&self.holds);
        holds.retain(|weak| weak.strong_count() > 0);
        holds.push(Arc::downgrade(&hold));
        drop(control);
        Ok(View {
            volume: Arc::clone(self),
            hold,
            info: found.info,
            size_bytes: found.size_bytes,
        })
    }

    pub(crate) fn live_holds(&self) -> Vec<Arc<Hold>> {
        lock(&self.holds).iter().filter_map(Weak::upgrade).collect()
    }
}

impl View {
    /// The moment's last batch.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.info.sequence
    }

    /// The time of the moment's last batch.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.info.time
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    fn read_chunk(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        let range = BlockRange::touching(offset, buffer.len() as u64);
        let entries = self
            .hold
            .snapshot
            .entries(&self.volume.nodes, range.first, range.count, wait)?;
        read_blocks(&self.volume.segments, &entries, offset, buffer, wait)
    }
}

impl Device for View {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        check_range(offset, buffer.len() as u64, self.size_bytes)?;
        let mut offset = offset;
        for chunk in buffer.chunks_mut(LOOKUP_BLOCKS * crate::format::BLOCK_BYTES) {
            self.read_chunk(offset, chunk, wait)?;
            offset += chunk.len() as u64;
        }
        Ok(())
    }

    fn write(&self, _writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        Err(Error::ReadOnly)
    }

    fn zero(&self, _offset: u64, _length: u64, _hole: Hole) -> Result<(), Error> {
        Err(Error::ReadOnly)
    }

    fn trim(&self, _offset: u64, _length: u64) -> Result<(), Error> {
        Err(Error::ReadOnly)
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        check_range(offset, length, self.size_bytes)?;
        let Some(range) = prefetch_range(offset, length) else {
            return Ok(());
        };
        let snapshot = &self.hold.snapshot;
        let entries = snapshot.entries(&self.volume.nodes, range.first, range.count, Wait::Allowed)?;
        prefetch_runs(&self.volume.segments, &entries)
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        check_range(offset, length, self.size_bytes)?;
        describe(&self.hold.snapshot, &self.volume.nodes, offset, length, limit)
    }
}
