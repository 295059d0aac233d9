//! A volume: a log, the map of its live disk, and what is kept of its past.
//!
//! Invariants: the map's root with its frozen and newest changes is what a replay of the log up to the newest batch
//! yields; only the holder of `control` writes checkpoints; only the holder of the appender changes the map's newest
//! changes, so log order is map order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};

use crate::chain::Chain;
use crate::device::Extent;
use crate::doorbell::Doorbell;
use crate::error::{Error, NoSpace};
use crate::extents::describe;
use crate::format::{BLOCK_BYTES, Checkpoint, CheckpointRef, Pin, VolumeFile};
use crate::locks::{lock, read_lock, write_lock};
use crate::log::Log;
use crate::maintain::Sweep;
use crate::map::{LiveMap, Nodes};
use crate::reader::{BlockRange, check_range, prefetch_runs, read_blocks};
use crate::segment::Segments;
use crate::settings::Settings;
use crate::storage::Wait;
use crate::time::{Sequence, Timestamp};
use crate::view::Hold;

/// Blocks whose entries are looked up together: bounds a request's memory beside its buffer.
const LOOKUP_BLOCKS: u64 = 1024;
/// Blocks that one call of `prefetch` asks for.
const PREFETCH_BLOCKS: u64 = 64 * 1024;

/// A moment as it happened: the batch, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MomentInfo {
    /// The last batch that is part of the moment.
    pub sequence: Sequence,
    /// When it was recorded.
    pub time: Timestamp,
}

/// A disk that forgets nothing.
#[derive(Debug)]
pub struct Volume {
    pub(crate) name: String,
    pub(crate) file: VolumeFile,
    /// Keeps the volume alive whose segments this one shares.
    pub(crate) parent: Option<Arc<Volume>>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) log: Log,
    pub(crate) map: RwLock<LiveMap>,
    pub(crate) control: Mutex<Control>,
    pub(crate) settings: RwLock<Settings>,
    pub(crate) size_bytes: AtomicU64,
    pub(crate) epoch: AtomicU64,
    /// Records appended since the newest checkpoint began.
    pub(crate) records_since_checkpoint: AtomicU64,
    /// Blocks that clients wrote since then.
    pub(crate) written_since_checkpoint: AtomicU64,
    /// Batches that clients wrote since the volume was opened.
    pub(crate) client_batches: AtomicU64,
    /// Rung when a checkpoint is due, once until background work looks.
    pub(crate) doorbell: Arc<Doorbell>,
    pub(crate) has_rung: AtomicBool,
    pub(crate) holds: Mutex<Vec<Weak<Hold>>>,
    /// The largest payload of one batch.
    pub(crate) batch_bytes_max: usize,
}

/// What only the holder of the control lock changes.
#[derive(Debug)]
pub(crate) struct Control {
    /// The newest checkpoint.
    pub(crate) state: Checkpoint,
    pub(crate) reference: CheckpointRef,
    pub(crate) chain: Chain,
    pub(crate) sweep: Sweep,
}

/// How a volume is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The disk's size in bytes.
    pub size_bytes: u64,
    /// Bytes that the volume's files occupy, without those shared with a parent.
    pub stored_bytes: u64,
    /// Segments, without those shared with a parent.
    pub segments: usize,
    /// The newest moment.
    pub newest: MomentInfo,
    /// The oldest moment kept.
    pub oldest: MomentInfo,
    /// The newest batch known durable.
    pub durable: Sequence,
    /// How often the disk was rolled back.
    pub epoch: u64,
    /// Whether a write or sync failed: the volume must be opened again.
    pub poisoned: bool,
    /// Why clients' writes are refused, if they are.
    pub refusing: Option<NoSpace>,
    /// Memory for map nodes and changes, in bytes.
    pub map_bytes: usize,
    /// Records that would be replayed after a crash.
    pub records_since_checkpoint: u64,
    /// Views of moments that are open.
    pub views: usize,
    /// The newest link of the hash chain.
    pub chain_head: [u8; 32],
    /// Segments covered by the hash chain so far.
    pub chain_records: u64,
}

impl Volume {
    /// The volume's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Made up at creation.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.file.id
    }

    /// When the volume was created.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.file.created
    }

    /// The volume that this one was forked from.
    #[must_use]
    pub fn parent(&self) -> Option<&Arc<Volume>> {
        self.parent.as_ref()
    }

    /// The disk's size in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Acquire)
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        read_lock(&self.settings).clone()
    }

    /// Changes the settings. The size of segments changes when the volume is opened next.
    pub fn set_settings(&self, settings: Settings) {
        self.nodes.set_limit(settings.map_cache_bytes / 2);
        self.log.peek().budget_bytes = settings.budget_bytes;
        *write_lock(&self.settings) = settings;
    }

    /// Fills `buffer` from byte `offset` of the live disk on.
    pub fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        check_range(offset, buffer.len() as u64, self.size_bytes())?;
        let mut offset = offset;
        let chunk_bytes = (LOOKUP_BLOCKS as usize - 1) * BLOCK_BYTES;
        for chunk in buffer.chunks_mut(chunk_bytes) {
            self.read_chunk(offset, chunk, wait)?;
            offset += chunk.len() as u64;
        }
        Ok(())
    }

    fn read_chunk(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        let range = BlockRange::touching(offset, buffer.len() as u64);
        retried(|| {
            let partial = read_lock(&self.map).partial(range.first, range.count);
            let entries = partial.complete(&self.nodes, wait)?;
            read_blocks(&self.segments, &entries, offset, buffer, wait)
        })
    }

    /// Describes a range of the live disk. See [`crate::Device::extents`].
    pub fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        check_range(offset, length, self.size_bytes())?;
        retried(|| describe(&self.map, &self.nodes, offset, length, limit))
    }

    /// Asks for a range to be read ahead.
    pub fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        check_range(offset, length, self.size_bytes())?;
        let Some(range) = prefetch_range(offset, length) else {
            return Ok(());
        };
        let partial = read_lock(&self.map).partial(range.first, range.count);
        prefetch_runs(&self.segments, &partial.complete(&self.nodes, Wait::Allowed)?)
    }

    /// Makes every write, zero and trim that completed before this call durable.
    pub fn flush(&self) -> Result<(), Error> {
        self.log.flush()
    }

    /// The newest moment.
    #[must_use]
    pub fn newest(&self) -> MomentInfo {
        let appender = self.log.peek();
        MomentInfo {
            sequence: Sequence(appender.next().0 - 1),
            time: appender.last_time(),
        }
    }

    /// The oldest moment kept.
    #[must_use]
    pub fn oldest(&self) -> MomentInfo {
        let horizon = lock(&self.control).state.horizon;
        MomentInfo {
            sequence: horizon.sequence,
            time: horizon.time,
        }
    }

    /// All pins, oldest moment first.
    #[must_use]
    pub fn pins(&self) -> Vec<Pin> {
        let mut pins = lock(&self.control).state.pins.clone();
        pins.sort_by_key(|pin| pin.sequence);
        pins
    }

    /// Counts rollbacks.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Batches that clients wrote since the volume was opened: of all that the log has, those that tell how busy they are.
    #[must_use]
    pub fn client_batches(&self) -> u64 {
        self.client_batches.load(Ordering::Relaxed)
    }

    /// How the volume is.
    #[must_use]
    pub fn status(&self) -> Status {
        let control = lock(&self.control);
        let horizon = control.state.horizon;
        let (chain_head, chain_records) = (control.chain.head(), control.chain.records());
        drop(control);
        Status {
            size_bytes: self.size_bytes(),
            stored_bytes: self.segments.total_bytes(),
            segments: self.segments.count(),
            newest: self.newest(),
            oldest: MomentInfo {
                sequence: horizon.sequence,
                time: horizon.time,
            },
            durable: self.log.durable(),
            epoch: self.epoch(),
            poisoned: self.log.is_poisoned(),
            refusing: self.log.peek().refusal(),
            map_bytes: self.nodes.memory_bytes() + read_lock(&self.map).memory_bytes(),
            records_since_checkpoint: self.records_since_checkpoint.load(Ordering::Relaxed),
            views: self.live_holds().len(),
            chain_head,
            chain_records,
        }
    }
}

/// The blocks of a range to be read ahead, which is cut to a bounded length; `None` for an empty range.
pub(crate) fn prefetch_range(offset: u64, length: u64) -> Option<BlockRange> {
    let length = length.min(PREFETCH_BLOCKS * BLOCK_BYTES as u64);
    (length > 0).then(|| BlockRange::touching(offset, length))
}

/// Looks something up in the live map, and again if it is gone: compaction may remove or rewrite a segment between the
/// look-up and the read, when what was looked up has been overwritten and has expired meanwhile.
fn retried<T>(mut look_up: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match look_up() {
            Err(Error::Io { ref source, .. }) if source.kind() == std::io::ErrorKind::NotFound && attempts < 3 => {}
            Err(Error::CorruptStructure { .. }) if attempts < 2 => {}
            found => return found,
        }
    }
}
