//! The drills of a data folder: which one runs, when the next is due, and who is told how they went.
//!
//! One drill at a time: two would be in each other's way, and in the guests'.

mod event;
mod schedule;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drill::{DrillResult, History};
use volume::Timestamp;

pub use event::DrillEvent;
pub(crate) use event::milliseconds;
pub use schedule::{is_due, next};

/// The drills' folder in the data folder.
pub const DRILLS_NAME: &str = "drills";

/// What is known of the newest drill of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// When it began.
    pub started: Timestamp,
    /// What it came to.
    pub verdict: drill::Verdict,
}

/// The drills of a data folder.
#[derive(Debug)]
pub struct Drills {
    folder: PathBuf,
    running: Mutex<Option<Running>>,
    /// The newest drills, as far as somebody asked.
    last: Mutex<BTreeMap<String, Option<Last>>>,
}

#[derive(Clone, Debug)]
struct Running {
    volume: String,
    fork: String,
    stop: Arc<AtomicBool>,
}

/// A drill that runs as long as this lives.
#[derive(Debug)]
pub struct RunningDrill<'d> {
    drills: &'d Drills,
    /// The name of its fork.
    pub fork: String,
    /// Set when it is to stop.
    pub stop: Arc<AtomicBool>,
}

impl Drills {
    /// No drill yet.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            folder: data.join(DRILLS_NAME),
            running: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Where drills keep their files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins a drill, unless one runs: then the name of its volume is returned.
    pub fn begin(&self, volume: &str, fork: &str) -> Result<RunningDrill<'_>, String> {
        let mut running = locked(&self.running);
        if let Some(other) = &*running {
            return Err(other.volume.clone());
        }
        let stop = Arc::new(AtomicBool::new(false));
        *running = Some(Running {
            volume: volume.to_owned(),
            fork: fork.to_owned(),
            stop: Arc::clone(&stop),
        });
        Ok(RunningDrill {
            drills: self,
            fork: fork.to_owned(),
            stop,
        })
    }

    /// The volume that a drill runs on.
    #[must_use]
    pub fn running_on(&self) -> Option<String> {
        locked(&self.running).as_ref().map(|running| running.volume.clone())
    }

    /// Whether a volume is the fork of the drill that runs, which is nobody's business.
    #[must_use]
    pub fn is_fork(&self, name: &str) -> bool {
        locked(&self.running)
            .as_ref()
            .is_some_and(|running| running.fork == name)
    }

    /// Tells the drill of a volume, or any, to stop, and waits until it has. Whether none runs any more.
    pub fn stop(&self, volume: Option<&str>, patience: Duration) -> bool {
        let since = Instant::now();
        loop {
            let running = locked(&self.running).clone();
            let meant = running.filter(|running| volume.is_none_or(|volume| running.volume == volume));
            let Some(running) = meant else { return true };
            running.stop.store(true, Ordering::Relaxed);
            if since.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The newest drill of a volume. What can't be read counts as none: the report of drills tells why.
    pub fn last(&self, volume: &str) -> Option<Last> {
        let mut last = locked(&self.last);
        *last.entry(volume.to_owned()).or_insert_with(|| {
            let history = History::read(&self.folder, volume).unwrap_or_default();
            history.results.last().map(last_of)
        })
    }

    /// Notes a result that was added to the history.
    pub fn note(&self, result: &DrillResult) {
        locked(&self.last).insert(result.volume.clone(), Some(last_of(result)));
    }

    /// Forgets a volume that is gone.
    pub fn forget(&self, volume: &str) {
        locked(&self.last).remove(volume);
        // Files that stay are those of a name that nobody has.
        let _ = History::forget(&self.folder, volume);
    }
}

impl Drop for RunningDrill<'_> {
    fn drop(&mut self) {
        *locked(&self.drills.running) = None;
    }
}

fn last_of(result: &DrillResult) -> Last {
    Last {
        started: result.started,
        verdict: result.verdict,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
