//! Appending to the log. One appender at a time; whoever holds it decides the order of batches.
//!
//! Order of effects in a segment's life: create the file and reserve its space; write the header; append batches; write
//! index and trailer; cut the file to its length. Nothing of it is synced here: [`crate::log::Log::flush`] syncs every
//! file that was written since, and the directory if a file is new.
//!
//! Invariants: `offset` is a multiple of 16, and of 4096 after a sync, so that no sector that was synced is written
//! again; `offset + index + trailer` never exceeds the capacity, whose space was reserved.

use std::io::IoSlice;
use std::sync::Arc;

use crate::error::{Error, NoSpace};
use crate::format::{
    Batch, BatchHeader, BatchKey, CheckpointRef, Location, Record, RecordKind, SEGMENT_HEADER_BYTES, SLOT_BYTES,
    Segment, SegmentHeader, SegmentLayout, Slot, TRAILER_BYTES, Totals, Trailer, head_bytes, put_head,
};
use crate::segment::{OpenSegment, Segments, file_error, file_name};
use crate::storage::{Directory, File};
use crate::time::{Sequence, Timestamp};

/// A file of a segment's size that is given up when the disk is full, so that checkpoints, pins, rollbacks and
/// compaction still work then.
pub(crate) const RESERVE_FILE: &str = "reserve";
/// Bytes in a unit that the disk writes as a whole, at most.
const SYNC_ALIGNMENT: u64 = 4096;
/// Below this many bytes between two syncs, the file is filled with zeros ahead: overwriting blocks that exist makes
/// a sync twice as fast as appending, because the file system has nothing to record.
const ZERO_AHEAD_BELOW: u64 = 128 << 10;
const ZERO_AHEAD_BYTES: u64 = 1 << 20;

/// Who appends: clients are refused when space runs out, the volume's own records may use the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Client,
    Control,
}

/// Payloads of a batch, in the order of its records, each a multiple of 16 bytes long.
pub(crate) type Payloads<'a> = [&'a [u8]];

/// Where a batch went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    /// Where the first payload is; the others follow it without gaps.
    pub(crate) payload: Location,
}

/// The segment that is being written.
#[derive(Debug)]
struct Active {
    id: Segment,
    file: Arc<dyn File>,
    nonce: u64,
    capacity: u64,
    offset: u64,
    zeroed_until: u64,
    /// All batch headers so far: the index written when the segment is sealed.
    index: Vec<u8>,
    totals: Totals,
}

/// What an appender starts from: after creation or recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogStart {
    pub(crate) volume: [u8; 16],
    pub(crate) capacity: u32,
    pub(crate) segment: Segment,
    pub(crate) next: Sequence,
    pub(crate) last_time: Timestamp,
    pub(crate) checkpoint: Option<CheckpointRef>,
    /// When the volume was opened.
    pub(crate) opened: Timestamp,
}

/// The end of the log.
#[derive(Debug)]
pub(crate) struct Appender {
    segments: Arc<Segments>,
    start: LogStart,
    active: Active,
    next: Sequence,
    last_time: Timestamp,
    /// The newest sequence known durable; recorded in every batch.
    pub(crate) durable: Sequence,
    /// The newest checkpoint known durable; recorded in every segment header.
    pub(crate) durable_checkpoint: Option<CheckpointRef>,
    /// Bytes that clients may make the volume occupy.
    pub(crate) budget_bytes: Option<u64>,
    /// Whether the reserve was given up: then clients are refused until it is back.
    reserve_used: bool,
    /// Sealed segments that weren't synced yet.
    unsynced: Vec<SealedFile>,
    directory_changed: bool,
    appended_since_sync: u64,
    /// A batch may be partly written at `offset`: only another batch may overwrite it.
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
}

impl Appender {
    pub(crate) fn new(segments: Arc<Segments>, start: &LogStart, budget_bytes: Option<u64>) -> Result<Self, Error> {
        let active = create_segment(&segments, start)?;
        Ok(Self {
            segments,
            start: *start,
            active,
            next: start.next,
            last_time: start.last_time,
            durable: Sequence(start.next.0 - 1),
            durable_checkpoint: start.checkpoint,
            budget_bytes,
            reserve_used: false,
            unsynced: Vec::new(),
            directory_changed: true,
            appended_since_sync: 0,
            torn_tail: false,
            head: Vec::new(),
            encoded: Vec::new(),
        })
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

    pub(crate) fn active_segment(&self) -> Segment {
        self.active.id
    }

    /// Where the next batch will start, or before.
    pub(crate) fn position(&self) -> crate::format::LogPosition {
        crate::format::LogPosition {
            segment: self.active.id,
            slot: slot_at(self.active.offset),
        }
    }

    /// The largest payload of one batch.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        // Room for a header of as many records as there are blocks, twice: in place and in the index.
        (self.start.capacity as usize / 4).min(8 << 20)
    }

    /// The active segment's batches so far.
    pub(crate) fn active_index(&self) -> (Vec<u8>, u64) {
        (self.active.index.clone(), self.active.nonce)
    }

    /// Appends one batch. After [`Error::NoSpace`] nothing changed; after any other error the volume must be opened
    /// again.
    pub(crate) fn append(
        &mut self,
        purpose: Purpose,
        records: &[Record],
        payloads: &Payloads<'_>,
        now: Timestamp,
    ) -> Result<Appended, Error> {
        if purpose == Purpose::Client && self.reserve_used {
            return Err(Error::NoSpace(NoSpace::Disk));
        }
        let payload_bytes: u64 = payloads.iter().map(|payload| payload.len() as u64).sum();
        let head = head_bytes(records.len()).next_multiple_of(SLOT_BYTES);
        if !self.active.fits(head, payload_bytes) {
            self.rotate(purpose)?;
            assert!(
                self.active.fits(head, payload_bytes),
                "a batch is never larger than an empty segment"
            );
        }
        let time = now.max(self.last_time);
        let header = BatchHeader {
            sequence: self.next,
            time,
            durable: self.durable,
            record_count: u32::try_from(records.len()).unwrap_or(u32::MAX),
            payload_bytes: u32::try_from(payload_bytes).unwrap_or(u32::MAX),
            slot: slot_at(self.active.offset),
        };
        self.encoded.clear();
        records.iter().for_each(|record| record.put(&mut self.encoded));
        let key = BatchKey {
            nonce: self.active.nonce,
            volume: self.start.volume,
        };
        put_head(&mut self.head, &header, &self.encoded, &key);
        self.write_batch(payloads)?;
        let payload = Location {
            segment: self.active.id,
            slot: slot_at(self.active.offset + head),
        };
        self.active.index.extend_from_slice(&self.head);
        self.active.count(records);
        self.active.offset += head + payload_bytes;
        self.appended_since_sync += head + payload_bytes;
        self.next = self.next.next();
        self.last_time = time;
        Ok(Appended {
            sequence: header.sequence,
            time,
            payload,
        })
    }

    fn write_batch(&mut self, payloads: &Payloads<'_>) -> Result<(), Error> {
        let mut buffers = Vec::with_capacity(1 + payloads.len());
        buffers.push(IoSlice::new(&self.head));
        buffers.extend(payloads.iter().map(|payload| IoSlice::new(payload)));
        let written = self.active.file.write_at(self.active.offset, &mut buffers);
        self.torn_tail = written.is_err();
        written.map_err(|source| file_error("write", &file_name(self.active.id), source))
    }

    /// Seals the active segment and begins the next. On [`Error::NoSpace`] nothing changed.
    fn rotate(&mut self, purpose: Purpose) -> Result<(), Error> {
        if purpose == Purpose::Client {
            self.check_budget()?;
        }
        let start = LogStart {
            segment: Segment(self.active.id.0 + 1),
            next: self.next,
            last_time: self.last_time,
            checkpoint: self.durable_checkpoint,
            ..self.start
        };
        let next = match create_segment(&self.segments, &start) {
            Err(Error::NoSpace(_)) if purpose == Purpose::Control && self.give_up_reserve() => {
                create_segment(&self.segments, &start)?
            }
            created => created?,
        };
        let id = next.id;
        self.seal(next).map(|()| self.start = start).inspect_err(|_| {
            // The segment was never begun: recovery would remove it too.
            self.segments.forget(id);
            let _ = self.segments.directory().remove(&file_name(id));
        })
    }

    fn seal(&mut self, next: Active) -> Result<(), Error> {
        let active = &mut self.active;
        let trailer = Trailer {
            index_offset: active.offset,
            index_bytes: active.index.len() as u64,
            index_crc: crc32c::crc32c(&active.index),
            last_sequence: Sequence(self.next.0 - 1),
            last_time: self.last_time,
            totals: active.totals,
        };
        let bytes = write_seal(&*active.file, active.id, active.nonce, &trailer, &active.index)?;
        self.segments.note(active.id, bytes);
        let sealed = std::mem::replace(active, next);
        self.unsynced.push(SealedFile {
            last: trailer.last_sequence,
            file: sealed.file,
        });
        self.directory_changed = true;
        self.torn_tail = false;
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
    pub(crate) fn give_up_reserve(&mut self) -> bool {
        self.reserve_used = true;
        self.segments.directory().remove(RESERVE_FILE).is_ok()
    }

    /// Sets the reserve aside again if it was given up (or never made). Whether clients may write.
    pub(crate) fn restore_reserve(&mut self) -> bool {
        let directory = Arc::clone(self.segments.directory());
        let made = match directory.create(RESERVE_FILE) {
            Ok(file) => file.allocate(u64::from(self.start.capacity)),
            // It may be there without the space: that wasn't synced.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => directory
                .open(RESERVE_FILE)
                .and_then(|file| file.allocate(u64::from(self.start.capacity))),
            Err(error) => Err(error),
        };
        self.reserve_used = made.is_err();
        if self.reserve_used {
            // A reserve that isn't whole would only take away space; there may be none to remove.
            let _ = directory.remove(RESERVE_FILE);
        }
        !self.reserve_used
    }

    pub(crate) fn restore_reserve_if_used(&mut self) {
        if self.reserve_used {
            self.restore_reserve();
        }
    }

    /// The checkpoint that the active segment's header names: where recovery would start.
    pub(crate) fn named_checkpoint(&self) -> Option<CheckpointRef> {
        self.start.checkpoint
    }

    /// Bytes at which segments are sealed.
    pub(crate) fn capacity(&self) -> u32 {
        self.start.capacity
    }

    pub(crate) fn is_reserve_used(&self) -> bool {
        self.reserve_used
    }

    /// Whether a client's write would be refused as things stand.
    pub(crate) fn refusal(&self) -> Option<NoSpace> {
        if self.reserve_used {
            return Some(NoSpace::Disk);
        }
        let nearly_full = !self.active.fits(SYNC_ALIGNMENT, SYNC_ALIGNMENT);
        match self.check_budget() {
            Err(Error::NoSpace(why)) if nearly_full => Some(why),
            _ => None,
        }
    }

    /// Collects what must be synced to make everything appended so far durable, and moves the end of the log to a
    /// sector that the sync doesn't touch.
    pub(crate) fn prepare_sync(&mut self) -> Result<SyncWork, Error> {
        self.zero_ahead()?;
        if !self.torn_tail {
            self.active.offset = self.active.offset.next_multiple_of(SYNC_ALIGNMENT);
        }
        self.appended_since_sync = 0;
        let mut files = self.take_unsynced();
        files.push(Arc::clone(&self.active.file));
        Ok(SyncWork {
            covered: Sequence(self.next.0 - 1),
            files,
            directory: std::mem::take(&mut self.directory_changed),
        })
    }

    /// Collects the sealed segments that weren't synced yet, if there are any. Syncing them early, one by one, keeps
    /// what a flush has to wait for small, and what recovery has to check.
    pub(crate) fn prepare_sealed_sync(&mut self) -> Option<SyncWork> {
        let covered = self.unsynced.last()?.last;
        let files = self.take_unsynced();
        Some(SyncWork {
            covered,
            files,
            directory: std::mem::take(&mut self.directory_changed),
        })
    }

    fn take_unsynced(&mut self) -> Vec<Arc<dyn File>> {
        std::mem::take(&mut self.unsynced)
            .into_iter()
            .map(|sealed| sealed.file)
            .collect()
    }

    fn zero_ahead(&mut self) -> Result<(), Error> {
        let active = &mut self.active;
        let chunk = ZERO_AHEAD_BYTES.min(active.capacity / 16);
        if self.appended_since_sync > ZERO_AHEAD_BELOW || active.zeroed_until > active.offset + chunk / 8 {
            return Ok(());
        }
        let from = active.offset.next_multiple_of(SYNC_ALIGNMENT).max(active.zeroed_until);
        let until = (from + chunk).min(active.capacity);
        if from < until {
            let zeros = vec![0; usize::try_from(until - from).unwrap_or(0)];
            match active.file.write_at(from, &mut [IoSlice::new(&zeros)]) {
                Ok(()) => active.zeroed_until = until,
                // Only speed is lost.
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {}
                Err(source) => return Err(file_error("write", &file_name(active.id), source)),
            }
        }
        Ok(())
    }
}

impl Active {
    fn fits(&self, head: u64, payload: u64) -> bool {
        let content = self.offset + head + payload;
        content + self.index.len() as u64 + head + TRAILER_BYTES as u64 <= self.capacity
    }

    fn count(&mut self, records: &[Record]) {
        self.totals.batches += 1;
        for record in records {
            let blocks = u64::from(record.count);
            match record.kind {
                RecordKind::Write => self.totals.blocks_written += blocks,
                RecordKind::Zero => self.totals.blocks_zeroed += blocks,
                RecordKind::Hole => self.totals.blocks_trimmed += blocks,
                RecordKind::Node | RecordKind::Checkpoint => {}
            }
        }
    }
}

/// Adds up what the clients did in `batches`.
pub(crate) fn totals_of(batches: &[Batch]) -> Totals {
    let mut totals = Totals {
        batches: batches.len() as u64,
        ..Totals::default()
    };
    for record in batches.iter().flat_map(|batch| &batch.records) {
        match record.kind {
            RecordKind::Write => totals.blocks_written += u64::from(record.count),
            RecordKind::Zero => totals.blocks_zeroed += u64::from(record.count),
            RecordKind::Hole => totals.blocks_trimmed += u64::from(record.count),
            RecordKind::Node | RecordKind::Checkpoint => {}
        }
    }
    totals
}

/// Writes index and trailer and cuts the file behind them. Returns the file's length. What was reserved behind it is
/// given back later ([`give_back_reserved`]): a write that happens to fill a segment shouldn't wait for that.
pub(crate) fn write_seal(
    file: &dyn File,
    id: Segment,
    nonce: u64,
    trailer: &Trailer,
    index: &[u8],
) -> Result<u64, Error> {
    let error = |source| file_error("seal", &file_name(id), source);
    let end = trailer.encode(nonce);
    file.write_at(trailer.index_offset, &mut [IoSlice::new(index), IoSlice::new(&end)])
        .map_err(error)?;
    let length = trailer.index_offset + (index.len() + end.len()) as u64;
    if file.length().map_err(error)? > length {
        file.set_length(length).map_err(error)?;
    }
    Ok(length)
}

/// Frees the space behind a sealed segment's end that was reserved for it.
pub(crate) fn give_back_reserved(file: &dyn File) -> std::io::Result<()> {
    file.set_length(file.length()?)
}

fn create_segment(segments: &Arc<Segments>, start: &LogStart) -> Result<Active, Error> {
    let id = start.segment;
    let name = file_name(id);
    let file = segments.create_file(&name)?;
    let header = SegmentHeader {
        layout: SegmentLayout::Raw,
        volume: start.volume,
        segment: id,
        nonce: nonce(start),
        capacity: start.capacity,
        first_sequence: start.next,
        first_time: start.last_time,
        checkpoint: start.checkpoint,
    };
    let written = file
        .allocate(u64::from(start.capacity))
        .and_then(|()| file.write_at(0, &mut [IoSlice::new(&header.encode())]));
    if let Err(source) = written {
        // Best effort: recovery removes a segment that was never begun.
        let _ = segments.directory().remove(&name);
        return Err(file_error("create", &name, source));
    }
    segments.note(id, u64::from(start.capacity));
    segments.adopt(OpenSegment::adopt(id, header, Arc::clone(&file)));
    Ok(Active {
        id,
        file,
        nonce: header.nonce,
        capacity: u64::from(start.capacity),
        offset: SEGMENT_HEADER_BYTES,
        zeroed_until: 0,
        index: Vec::new(),
        totals: Totals::default(),
    })
}

/// Tells a segment's batches from those of every other segment, also of one that had the same number before a crash.
fn nonce(start: &LogStart) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&start.volume);
    hasher.update(&start.segment.0.to_le_bytes());
    hasher.update(&start.next.0.to_le_bytes());
    hasher.update(&start.last_time.as_unix_nanos().to_le_bytes());
    hasher.update(&start.opened.as_unix_nanos().to_le_bytes());
    let mut nonce = [0; 8];
    hasher.finalize_xof().fill(&mut nonce);
    u64::from_le_bytes(nonce)
}

fn slot_at(offset: u64) -> Slot {
    Slot::at(offset).unwrap_or(Slot(Slot::MAX))
}
