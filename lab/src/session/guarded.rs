//! The session's disk under guard, as a user's disk is: for the cases that show attacks stopped and undone.
//!
//! A guarded disk isn't recorded: what was there before a write is told to one observer, which is the guard's. What passes is
//! metered instead, so that every event says how much had been written by then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use guard::{Event, Events, Fence, Guard, GuardedDisk, Release, Settings, SharedModel, Uptime};
use sentinel::Micros;
use serde_json::{Value, json};
use volume::{Clock, Device, Error, Extent, Hole, Moment, RollbackReport, Wait, WriteRequest};

use super::answers::LabExaminer;
use super::clock::LabClock;
use super::disk::Disk;
use super::run::print;
use crate::Failure;

const TICK: Duration = Duration::from_secs(1);
/// How often the ticking thread looks whether it is to end.
const STEP: Duration = Duration::from_millis(50);

impl Uptime for LabClock {
    fn micros(&self) -> Micros {
        Self::micros(self)
    }
}

/// What passed.
#[derive(Debug, Default)]
pub(super) struct Meter {
    read: AtomicU64,
    written: AtomicU64,
    cleared: AtomicU64,
    refused: AtomicU64,
}

impl Meter {
    /// In bytes; of what was refused the requests.
    pub(super) fn to_json(&self) -> Value {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "read_bytes": number(&self.read),
            "written_bytes": number(&self.written),
            "cleared_bytes": number(&self.cleared),
            "refused_requests": number(&self.refused),
        })
    }

    fn count(&self, counter: &AtomicU64, bytes: u64, done: &Result<(), Error>) {
        match done {
            Ok(()) => counter.fetch_add(bytes, Ordering::Relaxed),
            Err(Error::WouldBlock) => 0,
            Err(_) => self.refused.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// A guarded disk whose traffic is metered.
struct Metered {
    disk: GuardedDisk,
    meter: Arc<Meter>,
}

impl Device for Metered {
    fn size_bytes(&self) -> u64 {
        self.disk.size_bytes()
    }

    fn is_read_only(&self) -> bool {
        self.disk.is_read_only()
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        let done = self.disk.read(offset, buffer, wait);
        self.meter.count(&self.meter.read, buffer.len() as u64, &done);
        done
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        let done = self.disk.write(writes);
        let bytes = writes.iter().map(|write| write.data.len() as u64).sum();
        self.meter.count(&self.meter.written, bytes, &done);
        done
    }

    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
        let done = self.disk.zero(offset, length, hole);
        self.meter.count(&self.meter.cleared, length, &done);
        done
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        let done = self.disk.trim(offset, length);
        self.meter.count(&self.meter.cleared, length, &done);
        done
    }

    fn flush(&self) -> Result<(), Error> {
        self.disk.flush()
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.disk.prefetch(offset, length)
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        self.disk.extents(offset, length, limit)
    }
}

/// Prints events as they happen: `{"event": {...}, "text": ..., "meter": {...}, "time": ...}`.
struct Printed {
    meter: Arc<Meter>,
    clock: Arc<LabClock>,
}

impl Events for Printed {
    fn note(&self, event: &Event) {
        print(&json!({
            "event": event,
            "text": event.text(),
            "meter": self.meter.to_json(),
            "time": self.clock.micros(),
        }));
    }
}

/// The guard of a session's disk, ticking.
pub(super) struct Guarded {
    guard: Arc<Guard>,
    meter: Arc<Meter>,
    /// Files are examined by one thread at a time.
    examining: Arc<Mutex<()>>,
    /// And it ticks by one.
    ticking: Arc<Mutex<()>>,
    is_stopping: Arc<AtomicBool>,
    ticker: JoinHandle<()>,
    examiner: JoinHandle<()>,
}

impl Guarded {
    pub(super) fn start(disk: &Disk, fence: Fence, model: SharedModel) -> Result<Self, Failure> {
        let meter = Arc::new(Meter::default());
        let clock = Arc::clone(disk.clock());
        let events = Arc::new(Printed {
            meter: Arc::clone(&meter),
            clock: Arc::clone(&clock),
        });
        let guard = Guard::open(
            disk.store(),
            Arc::clone(disk.volume()),
            Arc::clone(&clock) as Arc<dyn Clock>,
            clock,
            model,
            Settings { enabled: true, fence },
            events,
        );
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (ticking, examining): (Arc<Mutex<()>>, Arc<Mutex<()>>) = Default::default();
        let (ticked, claim) = (Arc::clone(&guard), Arc::clone(&ticking));
        let ticker = every("ticker", TICK, &is_stopping, move || {
            let _claim = lock(&claim);
            ticked.tick();
        })?;
        let (examined, claim) = (Arc::clone(&guard), Arc::clone(&examining));
        let examiner = every("examiner", TICK / 10, &is_stopping, move || {
            let _claim = lock(&claim);
            examined.examine(&LabExaminer);
        })?;
        Ok(Self {
            guard,
            meter,
            examining,
            ticking,
            is_stopping,
            ticker,
            examiner,
        })
    }

    /// What attaches clients to the disk.
    pub(super) fn attacher(&self) -> impl Fn() -> Arc<dyn Device> + Send + Sync + 'static {
        let (guard, meter) = (Arc::clone(&self.guard), Arc::clone(&self.meter));
        move || {
            Arc::new(Metered {
                disk: guard.attach(),
                meter: Arc::clone(&meter),
            })
        }
    }

    /// The guard itself, for those who ask it what was read.
    pub(super) fn guard(&self) -> Arc<Guard> {
        Arc::clone(&self.guard)
    }

    pub(super) fn meter(&self) -> Value {
        self.meter.to_json()
    }

    pub(super) fn status(&self) -> Value {
        json!({"status": self.guard.status(), "meter": self.meter.to_json()})
    }

    pub(super) fn set(&self, fence: Fence) -> Result<Value, Failure> {
        self.guard.set(Settings { enabled: true, fence })?;
        Ok(json!({"fence": fence}))
    }

    pub(super) fn release(&self, how: Release) -> Result<Value, Failure> {
        Ok(json!({"released": self.guard.release(how)?}))
    }

    pub(super) fn announce(&self, reason: &str, duration: Duration) -> Result<Value, Failure> {
        self.guard.announce(reason, duration)?;
        Ok(json!({"announced": reason}))
    }

    pub(super) fn end_announcement(&self) -> Result<Value, Failure> {
        self.guard.end_announcement()?;
        Ok(json!({"announced": null}))
    }

    /// Lets the clock leap, then does what is due. Files are looked at first, as they are some times a second in real pauses: a tick before would
    /// find that nobody had for so long.
    pub(super) fn leap(&self, clock: &LabClock, duration: Duration) -> std::io::Result<()> {
        let (_ticking, _examining) = (lock(&self.ticking), lock(&self.examining));
        clock.skip(duration)?;
        self.guard.examine(&LabExaminer);
        self.guard.tick();
        Ok(())
    }

    /// Where a restore from before the attack returns to.
    pub(super) fn before_attack(&self) -> Result<Moment, Failure> {
        let point = self.guard.before_attack();
        let point = point.ok_or("the guard has seen nothing suspicious: there is no moment before it")?;
        Ok(Moment::Pin(point.pin))
    }

    /// To be called after the disk was returned to a moment of the past.
    pub(super) fn rolled_back(&self) {
        self.guard.rolled_back();
    }

    /// Saves and ends.
    pub(super) fn stop(self) {
        self.is_stopping.store(true, Ordering::Release);
        // A thread that panicked has stopped too.
        let _ = self.ticker.join();
        let _ = self.examiner.join();
        self.guard.close();
    }
}

fn lock(claim: &Mutex<()>) -> MutexGuard<'_, ()> {
    claim.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that calls `act` every so often.
fn every(
    name: &str,
    tick: Duration,
    is_stopping: &Arc<AtomicBool>,
    act: impl Fn() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let is_stopping = Arc::clone(is_stopping);
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let mut due = Instant::now() + tick;
        while !is_stopping.load(Ordering::Acquire) {
            std::thread::sleep(STEP);
            if Instant::now() >= due {
                act();
                due = Instant::now() + tick;
            }
        }
    })
}

/// A rollback as an answer.
pub(super) fn rolled_back(report: &RollbackReport, disconnected: usize, took: Duration) -> Value {
    json!({
        "rolled_back_to": report.to.sequence.0,
        "from": report.from.sequence.0,
        "disconnected": disconnected,
        "seconds": took.as_secs_f64(),
    })
}
