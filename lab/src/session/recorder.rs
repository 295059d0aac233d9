//! Records what a disk is asked for.
//!
//! A request is recorded as the guard shows it to the sentinel: once it succeeded, before its client is told so. Of writes
//! that failed, what is on the disk nevertheless.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guard::{Observation, blocks_cleared, blocks_read};
use serde_json::Value;
use volume::{Attachment, Device, Error, Extent, Hole, Wait, WriteRequest};

use super::clock::LabClock;
use crate::trace::{Event, Header, Record, TraceError, TraceWriter};

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
    fn note_writes(&self, observation: &Observation) {
        self.with(|reel, time| {
            for (first, blocks) in observation.runs() {
                reel.records += 1;
                reel.writer.write_blocks(time, first, blocks)?;
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
        let (first, count) = blocks_cleared(offset, length);
        self.tape.note(event(first, count, stored));
        Ok(())
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
        let (first, count) = blocks_read(offset, buffer.len() as u64);
        if count > 0 {
            self.tape.note(Event::Read { first, count });
        }
        Ok(())
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        let mut observation = Observation::default();
        let written = self.disk.write_observed(writes, &mut observation);
        // The lab's own workloads don't arrange checksums.
        observation.look_up(&mut |_, _| true);
        self.tape.note_writes(&observation);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::disk::{Disk, Wanted};
    use crate::trace::TraceReader;
    use sentinel::{Class, Look};
    use std::time::Duration;
    use volume::Clock;

    /// A disk of text that is an hour old, then asked for everything there is; its trace.
    fn recorded(random: &[u8]) -> Vec<Record> {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(LabClock::resume(folder.path(), None));
        let wanted = Wanted {
            volume: "disk".to_owned(),
            size_bytes: Some(1 << 20),
            base: None,
        };
        let disk = Disk::open(folder.path(), &wanted, Arc::clone(&clock)).unwrap();
        let tape = Arc::new(Tape::new(Arc::clone(&clock)));
        let recorder = Recorder::new(
            disk.volume().attach(Arc::clone(&clock) as Arc<dyn Clock>),
            Arc::clone(&tape),
        );
        let text = [b"text ".repeat(1000), b"goes on".repeat(1000)].concat();
        let write = |offset, data: &[u8]| recorder.write(&[WriteRequest { offset, data }]);
        write(8192, &text[..8192]).unwrap();
        let path = folder.path().join("trace");
        tape.begin(&path, 1 << 20, serde_json::json!({})).unwrap();
        clock.skip(Duration::from_secs(3600)).unwrap();
        recorder.read(100, &mut [0; 4096], Wait::Allowed).unwrap();
        let apart = WriteRequest {
            offset: 40_960,
            data: &random[..4096],
        };
        recorder
            .write(&[
                WriteRequest {
                    offset: 4096,
                    data: random,
                },
                apart,
            ])
            .unwrap();
        recorder.zero(0, 12_388, Hole::Allowed).unwrap();
        recorder.trim(40_961, 8191).unwrap();
        assert!(write(1 << 20, b"beyond").is_err());
        recorder.flush().unwrap();
        tape.note(Event::Mark("end".to_owned()));
        assert_eq!(tape.end().unwrap(), Some(7));
        drop(recorder);
        disk.close(true).unwrap();
        TraceReader::open(&path).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn what_a_disk_is_asked_for_is_recorded_with_what_was_there_before() {
        let random: Vec<u8> = (0..12_288_u32)
            .map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let records = recorded(&random);
        let Event::Write { first: 1, blocks } = &records[1].event else {
            panic!("{records:?}");
        };
        let formers: Vec<_> = blocks
            .iter()
            .map(|block| (block.former.class, block.former.is_stored))
            .collect();
        assert_eq!(
            formers,
            [(Class::Unknown, false), (Class::Text, true), (Class::Text, true)]
        );
        assert!(
            blocks[1]
                .former
                .age_seconds
                .is_some_and(|age| (3600..3700).contains(&age))
        );
        assert_eq!(blocks[0].look, Look::at(&random[..4096]));
        assert_eq!(records[1].time, records[2].time, "one batch");
        assert!(matches!(records[2].event, Event::Write { first: 10, .. }));
        let events: Vec<&Event> = records.iter().map(|record| &record.event).collect();
        assert_eq!(*events[0], Event::Read { first: 0, count: 2 });
        assert!(
            matches!(
                events[3],
                Event::Zero {
                    first: 0,
                    count: 3,
                    stored: 2..=3
                }
            ),
            "{events:?}"
        );
        assert!(
            matches!(
                events[4],
                Event::Trim {
                    first: 11,
                    count: 1,
                    stored: 0..=1
                }
            ),
            "{events:?}"
        );
        assert_eq!(events[5..], [&Event::Flush, &Event::Mark("end".to_owned())]);
    }
}
