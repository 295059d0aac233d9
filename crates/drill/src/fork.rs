//! The only thing that a drill can write to: a fork that it made itself, and deletes.
//!
//! Invariants: a [`DrillFork`] is made by [`DrillFork::make`] alone, which makes a new volume; nothing in this crate writes to
//! a volume in another way, and there is no way from a volume to a `DrillFork`. The mark by which a fork is known after a
//! crash is beside it from the first moment on.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guard::{DRILL_SETTINGS, Events, Guard, GuardedDisk, RestorePoint, SharedModel, Uptime};
use volume::{Clock, Device, Hole, Moment, MomentInfo, Sequence, Store, Timestamp, View, Volume, Wait, WriteRequest};

use crate::check::clear_leftover;
use crate::clock::DrillClock;
use crate::error::Error;
use crate::witness::Witness;

/// How the names of all forks of drills begin.
const FORK_PREFIX: &str = "drill-";
/// How long a deletion waits for those who still hold the fork.
const DELETE_PATIENCE: Duration = Duration::from_secs(10);

/// What a drill needs of the program around it.
#[derive(Clone)]
pub struct Source {
    /// Where the volume is, and where its fork will be.
    pub store: Arc<Store>,
    /// The volume. It is read, and forked.
    pub volume: Arc<Volume>,
    /// The volume's guard: what its sentinel knows is the beginning of the fork's.
    pub guard: Arc<Guard>,
    /// The model that guards ask.
    pub model: SharedModel,
    /// The clock that volumes are given.
    pub clock: Arc<dyn Clock>,
    /// The clock that guards measure spans with.
    pub uptime: Arc<dyn Uptime>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("volume", &self.volume.name())
            .finish_non_exhaustive()
    }
}

/// A throw-away fork of a volume's present, under guard. Deleted when it is dropped.
///
/// Nothing but [`DrillFork::make`] makes one:
///
/// ```compile_fail
/// fn from_a_volume(volume: std::sync::Arc<volume::Volume>) -> drill::DrillFork {
///     drill::DrillFork { volume }
/// }
/// ```
pub struct DrillFork {
    store: Arc<Store>,
    /// The real clock, for what is done to the store.
    real: Arc<dyn Clock>,
    name: String,
    /// The moment of the source at which the fork begins.
    moment: MomentInfo,
    clock: Arc<DrillClock>,
    witness: Arc<Witness>,
    parts: Option<Parts>,
}

struct Parts {
    volume: Arc<Volume>,
    guard: Arc<Guard>,
    disk: Arc<GuardedDisk>,
    start: Sequence,
}

impl std::fmt::Debug for DrillFork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DrillFork")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl DrillFork {
    /// Forks the present of a volume under a name that nobody has (see [`fork_name`]), and puts the fork under guard.
    pub fn make(source: &Source, name: &str) -> Result<Self, Error> {
        if !name.starts_with(FORK_PREFIX) {
            return Err(volume::Error::BadName(name.to_owned()).into());
        }
        let moment = source.volume.newest();
        let sidecar = source.guard.sidecar_for_drill();
        let volume = source.store.fork_with_sidecar(
            source.volume.name(),
            &Moment::After(moment.sequence),
            name,
            Some(&sidecar),
            source.clock.now(),
        )?;
        let clock = Arc::new(DrillClock::new(source.clock.now(), source.uptime.micros()));
        let witness = Arc::new(Witness::new(Arc::clone(&clock)));
        let guard = Guard::open(
            &source.store,
            Arc::clone(&volume),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&clock) as Arc<dyn Uptime>,
            source.model.clone(),
            DRILL_SETTINGS,
            Arc::clone(&witness) as Arc<dyn Events>,
        );
        // Nobody asks what a drill read, and its notes would be synced beside the guest.
        guard.set_reads_kept(0);
        let disk = Arc::new(guard.attach());
        let start = volume.newest().sequence;
        Ok(Self {
            store: Arc::clone(&source.store),
            real: Arc::clone(&source.clock),
            name: name.to_owned(),
            moment,
            clock,
            witness,
            parts: Some(Parts {
                volume,
                guard,
                disk,
                start,
            }),
        })
    }

    /// The fork's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The moment of the volume at which the fork begins.
    #[must_use]
    pub const fn moment(&self) -> MomentInfo {
        self.moment
    }

    pub(crate) const fn clock(&self) -> &Arc<DrillClock> {
        &self.clock
    }

    pub(crate) const fn witness(&self) -> &Arc<Witness> {
        &self.witness
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().expect("only taken when the fork is dropped")
    }

    /// The fork's disk, under guard.
    pub(crate) fn disk(&self) -> Arc<GuardedDisk> {
        Arc::clone(&self.parts().disk)
    }

    /// The fork as it was when it was made.
    pub(crate) fn as_made(&self) -> Result<View, Error> {
        let parts = self.parts();
        Ok(parts.volume.view(&Moment::After(parts.start))?)
    }

    /// The fork as it is now.
    pub(crate) fn as_it_is(&self) -> Result<View, Error> {
        let volume = &self.parts().volume;
        Ok(volume.view(&Moment::After(volume.newest().sequence))?)
    }

    /// Bytes that the fork's files occupy.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.parts().volume.status().stored_bytes
    }

    /// The runs of blocks that were changed since the fork was made, ascending and without overlaps.
    pub(crate) fn changed(&self) -> Result<Vec<(u64, u64)>, Error> {
        let parts = self.parts();
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let newest = parts.volume.newest().sequence;
        parts.volume.changes(parts.start, newest, &mut |change| {
            runs.push((change.first_block, change.blocks));
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(joined(runs))
    }

    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), volume::Error> {
        self.parts().disk.read(offset, buffer, Wait::Allowed)
    }

    pub(crate) fn write(&self, offset: u64, data: &[u8]) -> Result<(), volume::Error> {
        self.parts().disk.write(&[WriteRequest { offset, data }])
    }

    pub(crate) fn zero(&self, offset: u64, length: u64) -> Result<(), volume::Error> {
        self.parts().disk.zero(offset, length, Hole::Refused)
    }

    pub(crate) fn trim(&self, offset: u64, length: u64) -> Result<(), volume::Error> {
        self.parts().disk.trim(offset, length)
    }

    /// Has the guard do what is due.
    pub(crate) fn tick(&self) {
        self.parts().guard.tick();
    }

    /// Where the guard would return to.
    pub(crate) fn before_attack(&self) -> Option<RestorePoint> {
        self.parts().guard.before_attack()
    }

    /// Does what `restore --before-attack` does to a volume: returns to the guard's restore point, or, where it made none, to
    /// the fork's beginning. Clients attach anew.
    pub(crate) fn restore(&mut self, point: Option<&RestorePoint>) -> Result<(), Error> {
        let clock = Arc::clone(&self.clock);
        let Some(parts) = &mut self.parts else {
            return Ok(());
        };
        let moment = point.map_or(Moment::After(parts.start), |point| Moment::Pin(point.pin.clone()));
        parts.volume.rollback(&moment, clock.now())?;
        parts.guard.rolled_back();
        parts.disk = Arc::new(parts.guard.attach());
        Ok(())
    }

    /// Deletes the fork.
    pub fn delete(mut self) -> Result<(), Error> {
        self.remove()
    }

    fn remove(&mut self) -> Result<(), Error> {
        let Some(parts) = self.parts.take() else {
            return Ok(());
        };
        drop(parts);
        delete_patiently(&self.store, &self.name, self.real.now())
    }
}

impl Drop for DrillFork {
    fn drop(&mut self) {
        // One that can't be deleted now is by the next start.
        let _ = self.remove();
    }
}

/// Somebody may have a hand on the fork for a moment: an export that is being closed.
fn delete_patiently(store: &Store, name: &str, now: Timestamp) -> Result<(), Error> {
    let since = Instant::now();
    loop {
        match store.delete(name, now) {
            Err(volume::Error::VolumeInUse(_)) if since.elapsed() < DELETE_PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(()) | Err(volume::Error::NoSuchVolume(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A name for a fork: when the drill began, and a number that no other has.
#[must_use]
pub fn fork_name(now: Timestamp, number: u64) -> String {
    let digits: String = now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{FORK_PREFIX}{day}-{time}-{:08x}", number & 0xffff_ffff)
}

/// What became of forks that were left behind.
#[derive(Debug, Default)]
pub struct Cleared {
    /// Those deleted.
    pub deleted: Vec<String>,
    /// Those that couldn't be, and why.
    pub failed: Vec<(String, Error)>,
}

/// Deletes the forks that drills left behind which were cut off, and takes down what is mounted of them; `folder` is that of
/// the drills' files. Only what has both the name and the mark of a drill's fork is touched.
pub fn clear_leftovers(store: &Store, folder: &Path, now: Timestamp) -> Result<Cleared, Error> {
    clear_leftover(folder);
    let mut cleared = Cleared::default();
    for name in store.names()? {
        if !is_leftover(store, &name) {
            continue;
        }
        match delete_patiently(store, &name, now) {
            Ok(()) => cleared.deleted.push(name),
            Err(error) => cleared.failed.push((name, error)),
        }
    }
    Ok(cleared)
}

/// Whether a volume is a fork that a drill made.
#[must_use]
pub fn is_leftover(store: &Store, name: &str) -> bool {
    name.starts_with(FORK_PREFIX)
        && matches!(store.read_sidecar(name), Ok(Some(sidecar)) if guard::is_drill_sidecar(&sidecar))
}

/// Sorted, with neighbours and overlaps joined.
fn joined(mut runs: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    runs.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (first, count) in runs {
        let end = first.saturating_add(count);
        match joined.last_mut() {
            Some((last_first, last_count)) if first <= last_first.saturating_add(*last_count) => {
                *last_count = (*last_count).max(end.saturating_sub(*last_first));
            }
            _ => joined.push((first, count)),
        }
    }
    joined
}
