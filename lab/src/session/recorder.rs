//! Records what a disk is asked for.
//!
//! A request is recorded as the guard shows it to the sentinel: once it succeeded, before its client is told so. Of writes
//! that failed, what is on the disk nevertheless.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sentinel::{Class, Former, Look, Written};
use serde_json::Value;
use volume::{Attachment, Clock, Device, Error, Extent, Hole, Observer, Timestamp, Wait, WriteRequest};

use super::clock::LabClock;
use crate::trace::{Event, Header, Record, TraceError, TraceWriter};

const BLOCK: u64 = 4096;

/// Where records go: the trace at hand, if there is one.
pub struct Tape {
    clock: Arc<LabClock>,
    reel: Mutex<Option<Reel>>,
}

struct Reel {
    writer: TraceWriter<BufWriter<File>>,
    records: u64,
    /// The first failure to write; nothing is written after it.
    failure: Option<TraceError>,
}

impl Tape {
    /// Without a trace.
    #[must_use]
    pub fn new(clock: Arc<LabClock>) -> Self {
        Self {
            clock,
            reel: Mutex::new(None),
        }
    }

    /// Begins a trace.
    pub fn begin(&self, path: &Path, volume_bytes: u64, description: Value) -> Result<(), TraceError> {
        let mut reel = self.lock();
        let header = Header {
            volume_bytes,
            start: self.clock.micros(),
            description,
        };
        *reel = Some(Reel {
            writer: TraceWriter::create(path, &header)?,
            records: 0,
            failure: None,
        });
        Ok(())
    }

    /// Ends the trace: the number of its records, or `None` if there was no trace.
    pub fn end(&self) -> Result<Option<u64>, TraceError> {
        let Some(reel) = self.lock().take() else {
            return Ok(None);
        };
        if let Some(failure) = reel.failure {
            return Err(failure);
        }
        reel.writer.finish()?;
        Ok(Some(reel.records))
    }

    /// Whether there is a trace.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.lock().is_some()
    }

    /// Records an event, now.
    pub fn note(&self, event: Event) {
        self.with(|reel, time| {
            reel.records += 1;
            reel.writer.write(&Record { time, event })
        });
    }

    /// Records the runs of one batch of writes, with one time.
    fn note_writes(&self, runs: &[(u64, Vec<Written>)]) {
        self.with(|reel, time| {
            for (first, blocks) in runs {
                reel.records += 1;
                reel.writer.write_blocks(time, *first, blocks)?;
            }
            Ok(())
        });
    }

    fn with(&self, write: impl FnOnce(&mut Reel, u64) -> Result<(), TraceError>) {
        let mut reel = self.lock();
        let Some(reel) = reel.as_mut().filter(|reel| reel.failure.is_none()) else {
            return;
        };
        // The time is taken under the lock, so that records are in the order of their times.
        let time = self.clock.micros();
        if let Err(failure) = write(reel, time) {
            reel.failure = Some(failure);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Reel>> {
        self.reel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The live disk, recorded.
pub struct Recorder {
    disk: Attachment,
    tape: Arc<Tape>,
}

impl Recorder {
    /// Records what is done through `disk`.
    #[must_use]
    pub fn new(disk: Attachment, tape: Arc<Tape>) -> Self {
        Self { disk, tape }
    }

    fn clear(
        &self,
        offset: u64,
        length: u64,
        clear: impl FnOnce() -> Result<(), Error>,
        event: impl FnOnce(u64, u64, u64) -> Event,
    ) -> Result<(), Error> {
        let stored = self.disk.volume().stored_blocks(offset, length).unwrap_or(0);
        clear()?;
        // Only whole blocks are cleared; the volume keeps the rest of the others.
        let first = offset.div_ceil(BLOCK);
        let count = ((offset + length) / BLOCK).saturating_sub(first);
        self.tape.note(event(first, count, stored));
        Ok(())
    }
}

/// Looks at blocks on their way in, and keeps them with what was there before.
struct Looking {
    now: Timestamp,
    looks: VecDeque<Look>,
    runs: Vec<(u64, Vec<Written>)>,
}

impl Observer for Looking {
    fn classify(&mut self, block: &[u8]) -> u8 {
        let look = Look::at(block);
        self.looks.push_back(look);
        look.class as u8
    }

    fn written(&mut self, first: u64, former: &[volume::Former]) {
        let blocks = former.iter().map(|former| Written {
            look: self.looks.pop_front().unwrap_or_default(),
            former: translate(former, self.now),
        });
        self.runs.push((first, blocks.collect()));
    }
}

/// What the volume knows of a former block, as the sentinel is told it.
fn translate(former: &volume::Former, now: Timestamp) -> Former {
    let age = former.written.map(|written| now.since(written).as_secs());
    Former {
        class: Class::from_number(former.class),
        is_stored: former.is_stored,
        age_seconds: age.map(|age| u32::try_from(age).unwrap_or(u32::MAX)),
    }
}

impl Device for Recorder {
    fn size_bytes(&self) -> u64 {
        self.disk.size_bytes()
    }

    fn is_read_only(&self) -> bool {
        self.disk.is_read_only()
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        self.disk.read(offset, buffer, wait)?;
        let first = offset / BLOCK;
        let count = (offset + buffer.len() as u64).div_ceil(BLOCK) - first;
        if count > 0 {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.tape.note(Event::Read { first, count });
        }
        Ok(())
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        let mut looking = Looking {
            now: self.tape.clock.now(),
            looks: VecDeque::new(),
            runs: Vec::new(),
        };
        let written = self.disk.write_observed(writes, &mut looking);
        self.tape.note_writes(&looking.runs);
        written
    }

    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
        let clear = || self.disk.zero(offset, length, hole);
        self.clear(offset, length, clear, |first, count, stored| Event::Zero {
            first,
            count,
            stored,
        })
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        let clear = || self.disk.trim(offset, length);
        self.clear(offset, length, clear, |first, count, stored| Event::Trim {
            first,
            count,
            stored,
        })
    }

    fn flush(&self) -> Result<(), Error> {
        self.disk.flush()?;
        self.tape.note(Event::Flush);
        Ok(())
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.disk.prefetch(offset, length)
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        self.disk.extents(offset, length, limit)
    }
}
