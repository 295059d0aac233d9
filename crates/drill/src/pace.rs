//! How fast a drill may go: a limit on its I/O, an eighth of that while the guest is busy, not at all while it is crowded, and an end when
//! it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use files::{Disk, ReadFailed};
use guard::read_failed;
use volume::{Device, Volume, Wait};

use crate::error::Error;

/// Batches that the guest writes in a second from which on it counts as busy.
const BUSY_BATCHES: u64 = 100;
/// Batches that the guest writes in a second from which on the drill waits until there are fewer.
const CROWDED_BATCHES: u64 = 500;
/// A drill waits no longer than this in all for a crowded guest: one that always is must be drilled, too.
const CROWDED_MAX: Duration = Duration::from_secs(30 * 60);
/// The part of the limit that is used while the guest is busy.
const BUSY_SHARE: u64 = 8;
/// How often the guest is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The longest sleep between two looks at whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// Bytes that a drill has moved so far.
#[derive(Debug, Default)]
pub struct Moved {
    read: AtomicU64,
    written: AtomicU64,
}

impl Moved {
    /// Bytes read, and bytes written.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed))
    }
}

/// The pace of one drill. All its reads and writes of stored bytes ask here first.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The guest's volume; `None` where nobody works on it.
    guest: Option<Arc<Volume>>,
    bytes_per_second: u64,
    stop: Arc<AtomicBool>,
    moved: Arc<Moved>,
    turn: Mutex<Turn>,
}

#[derive(Debug)]
struct Turn {
    /// When the bytes let through so far will have been paid for.
    paid: Instant,
    looked: Instant,
    /// How many batches the guest had written then.
    batches: u64,
    batches_per_second: u64,
    waited: Duration,
    /// How much of `waited` was for a crowded guest.
    stood_aside: Duration,
}

impl Turn {
    const fn is_busy(&self) -> bool {
        self.batches_per_second >= BUSY_BATCHES
    }

    fn is_to_stand_aside(&self) -> bool {
        self.batches_per_second >= CROWDED_BATCHES && self.stood_aside < CROWDED_MAX
    }
}

impl Pace {
    /// A pace of so many bytes a second, which goes on until `stop` is set. What is moved is counted into `moved`.
    #[must_use]
    pub(crate) fn new(
        guest: Option<Arc<Volume>>,
        bytes_per_second: u64,
        stop: Arc<AtomicBool>,
        moved: Arc<Moved>,
    ) -> Self {
        let now = Instant::now();
        let batches = guest.as_ref().map_or(0, |guest| guest.client_batches());
        // Nothing is known of the guest before it was looked at for a while.
        let batches_per_second = guest.as_ref().map_or(0, |_| CROWDED_BATCHES);
        Self {
            guest,
            bytes_per_second: bytes_per_second.max(1 << 20),
            stop,
            moved,
            turn: Mutex::new(Turn {
                paid: now,
                looked: now,
                batches,
                batches_per_second,
                waited: Duration::ZERO,
                stood_aside: Duration::ZERO,
            }),
        }
    }

    /// Fails once the drill was told to stop.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Error::Stopped)
        } else {
            Ok(())
        }
    }

    pub(crate) fn read(&self, bytes: u64) -> Result<(), Error> {
        self.moved.read.fetch_add(bytes, Ordering::Relaxed);
        self.pay(bytes)
    }

    pub(crate) fn write(&self, bytes: u64) -> Result<(), Error> {
        self.moved.written.fetch_add(bytes, Ordering::Relaxed);
        self.pay(bytes)
    }

    /// How much of the time waited was for a crowded guest.
    pub(crate) fn stood_aside(&self) -> Duration {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).stood_aside
    }

    /// The time waited.
    pub(crate) fn waited(&self) -> Duration {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).waited
    }

    /// Waits until so many more bytes may be moved.
    fn pay(&self, bytes: u64) -> Result<(), Error> {
        self.check()?;
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut turn, Instant::now());
        while turn.is_to_stand_aside() {
            drop(turn);
            std::thread::sleep(NAP);
            self.check()?;
            turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            turn.waited += NAP;
            turn.stood_aside += NAP;
            self.look(&mut turn, Instant::now());
        }
        let now = Instant::now();
        let share = if turn.is_busy() { BUSY_SHARE } else { 1 };
        let rate = (self.bytes_per_second / share).max(1);
        let cost = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate);
        // Time that wasn't used isn't saved up: a burst would be felt.
        turn.paid = turn.paid.max(now) + cost;
        let until = turn.paid;
        turn.waited += until - now;
        drop(turn);
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            std::thread::sleep(left.min(NAP));
            self.check()?;
        }
        Ok(())
    }

    fn look(&self, turn: &mut Turn, now: Instant) {
        let Some(guest) = &self.guest else { return };
        let since = now.duration_since(turn.looked);
        if since < LOOK_EVERY {
            return;
        }
        // Not all batches of the log: the pins of forks, checkpoints and what is moved in the background are no work of the guest.
        let batches = guest.client_batches();
        let more = batches.saturating_sub(turn.batches);
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
        turn.batches_per_second = more.saturating_mul(1000) / millis;
        (turn.looked, turn.batches) = (now, batches);
    }
}

/// Failures of reads that are remembered.
const FAILURES_MAX: usize = 8;

/// A device as a disk whose reads keep the pace, and which remembers what couldn't be read: damage below is told apart from
/// damage in a file system.
pub(crate) struct PacedDisk {
    device: Arc<dyn Device>,
    pace: Arc<Pace>,
    failures: Mutex<Vec<String>>,
}

impl PacedDisk {
    pub(crate) fn new(device: Arc<dyn Device>, pace: &Arc<Pace>) -> Arc<Self> {
        Arc::new(Self {
            device,
            pace: Arc::clone(pace),
            failures: Mutex::default(),
        })
    }

    /// What couldn't be read.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, failure: String) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < FAILURES_MAX && !failures.contains(&failure) {
            failures.push(failure);
        }
    }
}

impl Disk for PacedDisk {
    fn size_bytes(&self) -> u64 {
        self.device.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        self.pace.read(length).map_err(|error| ReadFailed {
            offset,
            length,
            reason: Some(error.into()),
        })?;
        let noted = |error: volume::Error| {
            self.note(error.to_string());
            error.into()
        };
        let read = self.device.read(offset, buffer, Wait::Allowed);
        read.map_err(|error| read_failed(offset, length, error, noted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_let_through_at_the_pace_and_no_faster() {
        let moved = Arc::<Moved>::default();
        let pace = Pace::new(None, 10 << 20, Arc::default(), Arc::clone(&moved));
        let began = Instant::now();
        for _ in 0..8 {
            pace.read(256 << 10).unwrap();
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(190), "{took:?}");
        assert_eq!(moved.so_far(), (2 << 20, 0));
    }

    #[test]
    fn a_drill_that_is_told_to_stop_does_so_while_it_waits() {
        let stop = Arc::new(AtomicBool::new(false));
        let pace = Pace::new(None, 1 << 20, Arc::clone(&stop), Arc::default());
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                stop.store(true, Ordering::Relaxed);
            });
            assert!(matches!(pace.write(1 << 30), Err(Error::Stopped)));
        });
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn the_guests_writes_count_and_what_the_drill_appends_to_its_volume_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(volume::OsDirectory::open(folder.path()).unwrap());
        let settings = |_: &str| volume::Settings::default();
        let store = volume::Store::open(directory, Box::new(settings), Box::new(volume::os_random));
        let at = volume::Timestamp::from_unix_seconds;
        let guest = store.create("disk", 1 << 20, at(1)).unwrap();
        let pace = Pace::new(Some(Arc::clone(&guest)), 1 << 20, Arc::default(), Arc::default());
        let mut turn = pace.turn.lock().unwrap();
        let before = guest.newest().sequence;
        for number in 0..10 {
            guest.pin(&format!("pin-{number}"), None, at(2)).unwrap();
        }
        assert!(guest.newest().sequence.0 >= before.0 + 10);
        let later = turn.looked + Duration::from_secs(1);
        pace.look(&mut turn, later);
        assert_eq!(turn.batches_per_second, 0);
        let write = volume::WriteRequest {
            offset: 0,
            data: &[1; 4096],
        };
        for _ in 0..BUSY_BATCHES {
            guest.write(&[write], at(3)).unwrap();
        }
        let later = turn.looked + Duration::from_secs(1);
        pace.look(&mut turn, later);
        assert_eq!(turn.batches_per_second, BUSY_BATCHES);
        assert!(turn.is_busy());
    }

    #[test]
    fn a_drill_stands_aside_while_the_guest_is_crowded_but_not_for_ever() {
        let mut turn = Pace::new(None, 1 << 20, Arc::default(), Arc::default())
            .turn
            .into_inner()
            .unwrap();
        assert!(!turn.is_busy() && !turn.is_to_stand_aside());
        turn.batches_per_second = BUSY_BATCHES;
        assert!(turn.is_busy() && !turn.is_to_stand_aside());
        turn.batches_per_second = CROWDED_BATCHES;
        assert!(turn.is_to_stand_aside());
        turn.stood_aside = CROWDED_MAX;
        assert!(!turn.is_to_stand_aside());
    }
}
