//! Appending to the log. One appender at a time; whoever holds it decides the order of batches.
//!
//! Nothing is synced here: [`crate::log::Log::flush`] syncs every file that was written since, and the directory if a
//! file is new.

use std::sync::Arc;

use crate::error::{Error, NoSpace};
use crate::format::{
    BatchHeader, BatchKey, CheckpointRef, Location, LogPosition, Record, SLOT_BYTES, Segment, Slot, put_head,
};
use crate::log::active::{Active, LogStart, SYNC_ALIGNMENT, WriteBehind, give_back_reserved};
use crate::log::held::write_held_seals;
use crate::segment::{Segments, file_error, file_name};
use crate::storage::{Directory, File};
use crate::time::{Sequence, Timestamp};

/// A file of a segment's size that is given up when the disk is full, so that checkpoints, pins, rollbacks and
/// compaction still work then.
pub(crate) const RESERVE_FILE: &str = "reserve";
/// Below this many bytes between two syncs, the file is filled with zeros ahead.
const ZERO_AHEAD_BELOW: u64 = 128 << 10;

/// The system is asked to write the log to the disk in pieces of this many bytes. Left to itself it begins when a tenth
/// of the memory waits to be written, and then slows down whoever writes.
const WRITE_BEHIND_BYTES: u64 = 1 << 20;
/// After so many syncs of a single batch each, the next batch is expected to be synced alone too.
const LONE_SYNCS: u32 = 2;

/// Who appends: clients are refused when space runs out, the volume's own records may use the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Client,
    Control,
}

/// Where a batch went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    /// Where the first payload is; the others follow it without gaps.
    pub(crate) payload: Location,
}

/// What is known of the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reserve {
    /// Nothing yet: it is set aside with the first segment that is begun, or by background work.
    Unchecked,
    Kept,
    /// It was given up, or couldn't be set aside: clients are refused until it is back.
    GivenUp,
}

/// The end of the log.
#[derive(Debug)]
pub(crate) struct Appender {
    segments: Arc<Segments>,
    /// What the next segment starts from; segment number, sequence and time are brought up to date when it is begun.
    start: LogStart,
    /// None until the first append after opening: who only looks at a volume takes no space.
    active: Option<Active>,
    next: Sequence,
    last_time: Timestamp,
    /// The newest sequence known durable; recorded in every batch.
    pub(crate) durable: Sequence,
    /// The newest checkpoint known durable; recorded in every segment header.
    pub(crate) durable_checkpoint: Option<CheckpointRef>,
    /// The checkpoint that the newest segment header known durable names: where recovery would start at the latest.
    pub(crate) named_checkpoint: Option<CheckpointRef>,
    /// Bytes that clients may make the volume occupy.
    pub(crate) budget_bytes: Option<u64>,
    reserve: Reserve,
    /// Sealed segments that weren't synced yet.
    unsynced: Vec<SealedFile>,
    directory_changed: bool,
    appended_since_sync: u64,
    batches_since_sync: u64,
    /// Syncs in a row that covered one batch each.
    lone_syncs: u32,
    /// The end of a sealed segment that the system wasn't asked to write yet.
    left_behind: Option<WriteBehind>,
    /// A batch may be partly written at the end: only another batch may overwrite it.
    torn_tail: bool,
    head: Vec<u8>,
    encoded: Vec<u8>,
}

/// A sealed segment that wasn't synced yet.
#[derive(Debug)]
struct SealedFile {
    last: Sequence,
    file: Arc<dyn File>,
}

/// What a sync has to cover.
pub(crate) struct SyncWork {
    /// The newest sequence that is durable after it.
    pub(crate) covered: Sequence,
    pub(crate) files: Vec<Arc<dyn File>>,
    pub(crate) directory: bool,
    /// The checkpoint named by the newest header that is durable after it.
    pub(crate) named_checkpoint: Option<CheckpointRef>,
}

impl Appender {
    /// The end of a log that goes on in a new segment, which is begun by the first append.
    ///
    /// `known` is the checkpoint that recovery would start from without the new segment.
    pub(crate) fn new(
        segments: Arc<Segments>,
        start: &LogStart,
        known: Option<CheckpointRef>,
        budget_bytes: Option<u64>,
    ) -> Self {
        Self {
            segments,
            start: *start,
            active: None,
            next: start.next,
            last_time: start.last_time,
            durable: Sequence(start.next.0 - 1),
            durable_checkpoint: start.checkpoint,
            named_checkpoint: known,
            budget_bytes,
            reserve: Reserve::Unchecked,
            unsynced: Vec::new(),
            directory_changed: true,
            appended_since_sync: 0,
            batches_since_sync: 0,
            lone_syncs: 0,
            left_behind: None,
            torn_tail: false,
            head: Vec::new(),
            encoded: Vec::new(),
        }
    }

    /// The sequence that the next batch will have.
    pub(crate) fn next(&self) -> Sequence {
        self.next
    }

    pub(crate) fn last_time(&self) -> Timestamp {
        self.last_time
    }

    pub(crate) fn directory(&self) -> Arc<dyn Directory> {
        Arc::clone(self.segments.directory())
    }

    /// The segment that is being written, or will be.
    pub(crate) fn active_segment(&self) -> Segment {
        self.active.as_ref().map_or(self.start.segment, |active| active.id)
    }

    /// Where the next batch will start, or before.
    pub(crate) fn position(&self) -> LogPosition {
        let unbegun = LogPosition {
            segment: self.start.segment,
            slot: Slot(0),
        };
        self.active.as_ref().map_or(unbegun, Active::position)
    }

    /// The largest payload of one batch: with the heads of as many records as there can be, in place and in the index,
    /// it fits into an empty segment.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        (self.start.capacity as usize / 4).min(8 << 20)
    }

    /// The active segment's batch headers so far, and its nonce.
    pub(crate) fn active_index(&self) -> Option<(Vec<u8>, u64)> {
        self.active.as_ref().map(|active| (active.index.clone(), active.nonce))
    }

    /// Appends one batch. `payloads` are in the order of the records, each a multiple of 16 bytes long. After
    /// [`Error::NoSpace`] nothing changed; after any other error the volume must be opened again.
    pub(crate) fn append(
        &mut self,
        purpose: Purpose,
        records: &[Record],
        payloads: &[&[u8]],
        now: Timestamp,
    ) -> Result<Appended, Error> {
        self.check_reserve(purpose)?;
        let payload_bytes: u64 = payloads.iter().map(|payload| payload.len() as u64).sum();
        if !self
            .active
            .as_ref()
            .is_some_and(|active| active.fits(records.len(), payload_bytes))
        {
            self.rotate(purpose)?;
            self.check_reserve(purpose)?;
        }
        let Some(active) = &mut self.active else {
            return Err(Error::NoSpace(NoSpace::Disk));
        };
        assert!(
            active.fits(records.len(), payload_bytes),
            "a batch is never larger than an empty segment"
        );
        let time = now.max(self.last_time);
        let header = BatchHeader {
            sequence: self.next,
            time,
            durable: self.durable,
            record_count: u32::try_from(records.len()).unwrap_or(u32::MAX),
            payload_bytes: u32::try_from(payload_bytes).unwrap_or(u32::MAX),
            slot: active.slot(),
        };
        self.encoded.clear();
        records.iter().for_each(|record| record.put(&mut self.encoded));
        let key = BatchKey {
            nonce: active.nonce,
            volume: self.start.volume,
            segment: active.id,
        };
        put_head(&mut self.head, &header, &self.encoded, &key);
        let written = active.write(&self.head, payloads);
        self.torn_tail = written.is_err();
        written?;
        let slot = Slot(active.slot().0 + (self.head.len() as u64 / SLOT_BYTES) as u32);
        let payload = Location {
            segment: active.id,
            slot,
        };
        active.count(&self.head, payload_bytes, records);
        self.appended_since_sync += self.head.len() as u64 + payload_bytes;
        self.batches_since_sync += 1;
        self.next = self.next.next();
        self.last_time = time;
        Ok(Appended {
            sequence: header.sequence,
            time,
            payload,
        })
    }

    /// Seals the active segment, if there is one, and begins the next. On [`Error::NoSpace`] nothing changed.
    pub(crate) fn rotate(&mut self, purpose: Purpose) -> Result<(), Error> {
        if purpose == Purpose::Client {
            self.check_budget()?;
        }
        let Some(mut old) = self.active.take() else {
            return self.begin(purpose);
        };
        self.start.segment = Segment(old.id.0 + 1);
        if let Err(error) = self.begin(purpose) {
            self.active = Some(old);
            return Err(error);
        }
        let last = Sequence(self.next.0 - 1);
        match old.seal(last, self.last_time, self.durable) {
            Ok(bytes) => {
                self.segments.note(old.id, bytes);
                self.left_behind = old.take_unstarted(1);
                self.unsynced.push(SealedFile { last, file: old.file });
                self.torn_tail = false;
                Ok(())
            }
            Err(error) => {
                // The next segment was never begun: recovery would remove it too.
                self.segments.forget(self.start.segment);
                let _ = self.segments.directory().remove(&file_name(self.start.segment));
                self.active = Some(old);
                Err(error)
            }
        }
    }

    /// Begins a segment whose header names the newest durable checkpoint, unless the active one's does. On
    /// [`Error::NoSpace`] nothing changed.
    pub(crate) fn name_newest_checkpoint(&mut self) -> Result<(), Error> {
        match &self.active {
            Some(active) if active.named == self.durable_checkpoint => Ok(()),
            _ => self.rotate(Purpose::Control),
        }
    }

    /// Seals the active segment after everything in it was made durable, and says so in it. Nothing can be appended
    /// afterwards until another segment is begun.
    pub(crate) fn seal_last(&mut self) -> Result<(), Error> {
        let Some(active) = self.active.take() else {
            return Ok(());
        };
        self.start.segment = Segment(active.id.0 + 1);
        // One in which nothing was appended says nothing: recovery seals it.
        if !active.index.is_empty() {
            active.seal(Sequence(self.next.0 - 1), self.last_time, self.durable)?;
            let synced = active.file.sync();
            synced.map_err(|source| file_error("sync", &file_name(active.id), source))?;
        }
        // Nobody may come to do it later. If it fails, only space is lost.
        if let Ok(bytes) = give_back_reserved(&*active.file) {
            self.segments.note(active.id, bytes);
        }
        Ok(())
    }

    /// Whether anything was appended since opening.
    pub(crate) fn is_begun(&self) -> bool {
        self.active.is_some()
    }

    /// Begins the segment `start.segment`, giving up the reserve for the volume's own records if need be.
    fn begin(&mut self, purpose: Purpose) -> Result<(), Error> {
        self.start.next = self.next;
        self.start.last_time = self.last_time;
        self.start.checkpoint = self.durable_checkpoint;
        let create = |appender: &Self| {
            write_held_seals(&appender.segments)?;
            Active::create(&appender.segments, &appender.start)
        };
        let created = match create(self) {
            Err(Error::NoSpace(_)) if purpose == Purpose::Control && self.give_up_reserve() => create(self),
            created => created,
        };
        // Also where the disk is too full for the segment: then clients are refused from here on.
        if self.reserve == Reserve::Unchecked {
            self.restore_reserve();
        }
        self.active = Some(created?);
        self.directory_changed = true;
        Ok(())
    }

    /// Clients must not take what the volume's own records need on a full disk.
    fn check_reserve(&self, purpose: Purpose) -> Result<(), Error> {
        if purpose == Purpose::Client && self.reserve == Reserve::GivenUp {
            return Err(Error::NoSpace(NoSpace::Disk));
        }
        Ok(())
    }

    fn check_budget(&self) -> Result<(), Error> {
        let Some(budget_bytes) = self.budget_bytes else {
            return Ok(());
        };
        if self.segments.total_bytes() + u64::from(self.start.capacity) > budget_bytes {
            return Err(Error::NoSpace(NoSpace::Budget { budget_bytes }));
        }
        Ok(())
    }

    /// Frees the reserve; whether there was one.
    fn give_up_reserve(&mut self) -> bool {
        self.reserve = Reserve::GivenUp;
        self.segments.directory().remove(RESERVE_FILE).is_ok()
    }

    /// Sets the reserve aside if it isn't known to be: it was given up, never made, or the volume was just opened.
    pub(crate) fn restore_reserve(&mut self) {
        if self.reserve == Reserve::Kept {
            return;
        }
        let directory = Arc::clone(self.segments.directory());
        let bytes = u64::from(self.start.capacity);
        let made = match directory.create(RESERVE_FILE) {
            Ok(file) => file.allocate(bytes),
            // It may be there without the space: that wasn't synced.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                directory.open(RESERVE_FILE).and_then(|file| file.allocate(bytes))
            }
            Err(error) => Err(error),
        };
        self.reserve = if made.is_ok() {
            Reserve::Kept
        } else {
            // A reserve that isn't whole would only take away space; there may be none to remove.
            let _ = directory.remove(RESERVE_FILE);
            Reserve::GivenUp
        };
    }

    /// Bytes at which segments are sealed.
    pub(crate) fn capacity(&self) -> u32 {
        self.start.capacity
    }

    pub(crate) fn is_reserve_used(&self) -> bool {
        self.reserve == Reserve::GivenUp
    }

    /// Whether a client's write would be refused as things stand.
    pub(crate) fn refusal(&self) -> Option<NoSpace> {
        if self.is_reserve_used() {
            return Some(NoSpace::Disk);
        }
        let nearly_full = !self
            .active
            .as_ref()
            .is_some_and(|active| active.fits(1, SYNC_ALIGNMENT));
        match self.check_budget() {
            Err(Error::NoSpace(why)) if nearly_full => Some(why),
            _ => None,
        }
    }

    /// What the system should begin to write now, if it is worth it: large pieces, so that it keeps up with the log; and a
    /// client's every batch if it syncs each, so that the disk works while the client asks for the sync.
    pub(crate) fn take_write_behind(&mut self) -> Option<WriteBehind> {
        let least_bytes = if self.lone_syncs >= LONE_SYNCS {
            1
        } else {
            WRITE_BEHIND_BYTES
        };
        let active = self.active.as_mut();
        self.left_behind
            .take()
            .or_else(|| active.and_then(|active| active.take_unstarted(least_bytes)))
    }

    /// Collects what must be synced to make everything appended so far durable, and moves the end of the log to a
    /// sector that the sync doesn't touch.
    pub(crate) fn prepare_sync(&mut self) -> Result<SyncWork, Error> {
        self.left_behind = None;
        let mut files = self.take_unsynced();
        let mut named_checkpoint = self.named_checkpoint;
        if let Some(active) = &mut self.active {
            if self.appended_since_sync <= ZERO_AHEAD_BELOW {
                active.zero_ahead()?;
            }
            if !self.torn_tail {
                active.align();
            }
            // The sync itself has it written.
            drop(active.take_unstarted(1));
            files.push(Arc::clone(&active.file));
            named_checkpoint = active.named;
        }
        self.lone_syncs = if self.batches_since_sync == 1 {
            self.lone_syncs.saturating_add(1)
        } else {
            0
        };
        (self.appended_since_sync, self.batches_since_sync) = (0, 0);
        let directory = std::mem::take(&mut self.directory_changed);
        Ok(SyncWork {
            covered: Sequence(self.next.0 - 1),
            files,
            directory,
            named_checkpoint,
        })
    }

    /// Collects the sealed segments that weren't synced yet, if there are any. Syncing them early, one by one, keeps
    /// what a flush has to wait for small, and what recovery has to check.
    pub(crate) fn prepare_sealed_sync(&mut self) -> Option<SyncWork> {
        let covered = self.unsynced.last()?.last;
        self.left_behind = None;
        let files = self.take_unsynced();
        let directory = std::mem::take(&mut self.directory_changed);
        Some(SyncWork {
            covered,
            files,
            directory,
            named_checkpoint: self.named_checkpoint,
        })
    }

    fn take_unsynced(&mut self) -> Vec<Arc<dyn File>> {
        std::mem::take(&mut self.unsynced)
            .into_iter()
            .map(|sealed| sealed.file)
            .collect()
    }

    /// Syncs the active segment and the directory, so that recovery starts from what its header names.
    pub(crate) fn sync_header(&mut self) -> Result<(), Error> {
        let Some(active) = &self.active else { return Ok(()) };
        active
            .file
            .sync()
            .map_err(|source| file_error("sync", &file_name(active.id), source))?;
        self.segments
            .directory()
            .sync()
            .map_err(|source| file_error("sync", ".", source))?;
        self.named_checkpoint = active.named;
        self.directory_changed = false;
        Ok(())
    }
}
