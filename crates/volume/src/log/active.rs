//! The segment that is being written: from creation to seal.
//!
//! Order of effects in its life: create the file and reserve its space; write the header; append batches; write index
//! and trailer; cut the file to its length. Nothing of it is synced here.
//!
//! Invariants: `offset` is a multiple of 16, and of 4096 after a sync, so that no sector that was synced is written
//! again; `offset + index + trailer` never exceeds the capacity, whose space was reserved.

use std::io::IoSlice;
use std::sync::Arc;

use crate::error::Error;
use crate::format::{
    Batch, CheckpointRef, LogPosition, Record, RecordKind, SEGMENT_HEADER_BYTES, SLOT_BYTES, Segment, SegmentHeader,
    SegmentLayout, Slot, TRAILER_BYTES, Totals, Trailer, head_bytes,
};
use crate::segment::{OpenSegment, Segments, file_error, file_name};
use crate::storage::File;
use crate::time::{Sequence, Timestamp};

/// Bytes in a unit that the disk writes as a whole, at most.
pub(crate) const SYNC_ALIGNMENT: u64 = 4096;
const ZERO_AHEAD_BYTES: u64 = 1 << 20;

/// What a segment starts from: after creation or recovery of a volume, or the end of the segment before.
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

/// The segment that is being written.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) id: Segment,
    pub(crate) file: Arc<dyn File>,
    pub(crate) nonce: u64,
    /// The checkpoint that the header names.
    pub(crate) named: Option<CheckpointRef>,
    capacity: u64,
    offset: u64,
    zeroed_until: u64,
    /// The system was asked to write what lies before.
    started_until: u64,
    /// All batch headers so far: the index written when the segment is sealed.
    pub(crate) index: Vec<u8>,
    totals: Totals,
}

/// A part of the log that the system should begin to write to the disk.
#[derive(Debug)]
pub(crate) struct WriteBehind {
    file: Arc<dyn File>,
    offset: u64,
    length: u64,
}

impl WriteBehind {
    /// May wait while the disk's queue is full: not to be called with a lock held.
    pub(crate) fn start(self) {
        self.file.start_writing(self.offset, self.length);
    }
}

impl Active {
    /// Creates a segment's file and writes its header. On failure there is no file.
    pub(crate) fn create(segments: &Arc<Segments>, start: &LogStart) -> Result<Self, Error> {
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
        Ok(Self {
            id,
            file,
            nonce: header.nonce,
            named: start.checkpoint,
            capacity: u64::from(start.capacity),
            offset: SEGMENT_HEADER_BYTES,
            zeroed_until: 0,
            started_until: 0,
            index: Vec::new(),
            totals: Totals::default(),
        })
    }

    /// Where the next batch will start, or before.
    pub(crate) fn position(&self) -> LogPosition {
        LogPosition {
            segment: self.id,
            slot: self.slot(),
        }
    }

    /// Where the next batch will start unless a sync moves it.
    pub(crate) fn slot(&self) -> Slot {
        Slot::at(self.offset).unwrap_or(Slot(Slot::MAX))
    }

    /// Whether a batch fits, with its part of the index.
    pub(crate) fn fits(&self, records: usize, payload_bytes: u64) -> bool {
        let head = head_bytes(records).next_multiple_of(SLOT_BYTES);
        let content = self.offset + head + payload_bytes;
        content + self.index.len() as u64 + head + TRAILER_BYTES as u64 <= self.capacity
    }

    /// Writes a batch behind the last one. It counts only after [`Active::count`].
    pub(crate) fn write(&self, head: &[u8], payloads: &[&[u8]]) -> Result<(), Error> {
        let mut buffers = Vec::with_capacity(1 + payloads.len());
        buffers.push(IoSlice::new(head));
        buffers.extend(payloads.iter().map(|payload| IoSlice::new(payload)));
        let written = self.file.write_at(self.offset, &mut buffers);
        written.map_err(|source| file_error("write", &file_name(self.id), source))
    }

    /// Takes a batch that was written into the index.
    pub(crate) fn count(&mut self, head: &[u8], payload_bytes: u64, records: &[Record]) {
        self.index.extend_from_slice(head);
        self.offset += head.len() as u64 + payload_bytes;
        add_totals(&mut self.totals, records);
    }

    /// After a sync the log goes on in a sector that the sync didn't touch.
    pub(crate) fn align(&mut self) {
        self.offset = self.offset.next_multiple_of(SYNC_ALIGNMENT);
    }

    /// What the system wasn't asked to write yet, if that is `least_bytes` or more.
    pub(crate) fn take_unstarted(&mut self, least_bytes: u64) -> Option<WriteBehind> {
        let (from, until) = (self.started_until, self.offset);
        if until - from < least_bytes {
            return None;
        }
        self.started_until = until;
        Some(WriteBehind {
            file: Arc::clone(&self.file),
            offset: from,
            length: until - from,
        })
    }

    /// Fills the file with zeros a bit ahead of the log: overwriting blocks that exist makes a sync twice as fast as
    /// appending, because the file system has nothing to record.
    pub(crate) fn zero_ahead(&mut self) -> Result<(), Error> {
        let chunk = ZERO_AHEAD_BYTES.min(self.capacity / 16);
        if self.zeroed_until > self.offset + chunk / 8 {
            return Ok(());
        }
        let from = self.offset.next_multiple_of(SYNC_ALIGNMENT).max(self.zeroed_until);
        let until = (from + chunk).min(self.capacity);
        if from >= until {
            return Ok(());
        }
        let zeros = vec![0; usize::try_from(until - from).unwrap_or(0)];
        match self.file.write_at(from, &mut [IoSlice::new(&zeros)]) {
            Ok(()) => self.zeroed_until = until,
            // Only speed is lost.
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {}
            Err(source) => return Err(file_error("write", &file_name(self.id), source)),
        }
        Ok(())
    }

    /// Writes index and trailer. Returns the file's length.
    pub(crate) fn seal(&self, last: Sequence, last_time: Timestamp, durable: Sequence) -> Result<u64, Error> {
        let trailer = Trailer {
            index_offset: self.offset,
            index_bytes: self.index.len() as u64,
            index_crc: crc32c::crc32c(&self.index),
            last_sequence: last,
            last_time,
            totals: self.totals,
            durable,
        };
        write_seal(&*self.file, self.id, self.nonce, &trailer, &self.index)
    }
}

fn add_totals(totals: &mut Totals, records: &[Record]) {
    totals.batches += 1;
    for record in records {
        let blocks = u64::from(record.count);
        match record.kind {
            RecordKind::Write => totals.blocks_written += blocks,
            RecordKind::Zero => totals.blocks_zeroed += blocks,
            RecordKind::Hole => totals.blocks_trimmed += blocks,
            RecordKind::Node | RecordKind::Checkpoint | RecordKind::Moved => {}
        }
    }
}

/// Adds up what the clients did in `batches`.
pub(crate) fn totals_of(batches: &[Batch]) -> Totals {
    let mut totals = Totals::default();
    batches.iter().for_each(|batch| add_totals(&mut totals, &batch.records));
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

/// Frees the space behind a sealed segment's end that was reserved for it. Returns the bytes that it occupies now.
pub(crate) fn give_back_reserved(file: &dyn File) -> std::io::Result<u64> {
    file.set_length(file.length()?)?;
    file.allocated_bytes()
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
