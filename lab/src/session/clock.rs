//! The lab's clock: runs on in real time, and leaps ahead when told to, so that files age without anybody waiting.
//!
//! Invariant: it never goes back, not even from one session on a folder to the next. Its time is written to the folder
//! at every leap, once a second and at the end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sentinel::Micros;
use volume::{Clock, Timestamp};

const FILE: &str = "clock";

/// The clock of a lab's folder.
#[derive(Debug)]
pub struct LabClock {
    path: PathBuf,
    started: Instant,
    /// What is added to the time since the start, in nanoseconds since the Unix epoch.
    offset_nanos: AtomicU64,
    /// Held while the time is written: the keeper's thread and leaps do so by way of the same file.
    saving: Mutex<()>,
}

impl LabClock {
    /// Goes on where the last session on the folder ended, or at `start`, whichever is later; `None` is the present.
    #[must_use]
    pub fn resume(folder: &Path, start: Option<Timestamp>) -> Self {
        let path = folder.join(FILE);
        let saved = std::fs::read_to_string(&path).ok();
        let saved = saved.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let start = start.unwrap_or_else(present).as_unix_nanos();
        Self {
            path,
            started: Instant::now(),
            offset_nanos: AtomicU64::new(start.max(saved)),
            saving: Mutex::new(()),
        }
    }

    /// Leaps ahead.
    pub fn skip(&self, duration: Duration) -> io::Result<()> {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let later = |offset: u64| Some(offset.saturating_add(nanos));
        // Can't fail: the function always gives a value.
        let _ = self
            .offset_nanos
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
        self.save()
    }

    /// The time now in microseconds since the Unix epoch: the time of traces and of the sentinel.
    #[must_use]
    pub fn micros(&self) -> Micros {
        self.now().as_unix_nanos() / 1000
    }

    /// Writes the time to the folder.
    pub fn save(&self) -> io::Result<()> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.path.with_extension("new");
        std::fs::write(&new, self.now().as_unix_nanos().to_string())?;
        std::fs::rename(new, &self.path)
    }
}

impl Clock for LabClock {
    fn now(&self) -> Timestamp {
        let offset = Timestamp::from_unix_nanos(self.offset_nanos.load(Ordering::Acquire));
        offset.saturating_add(self.started.elapsed())
    }
}

fn present() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::ZERO.saturating_add(since.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_leaps_and_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let start = Timestamp::from_unix_seconds(1_000_000);
        let clock = LabClock::resume(folder.path(), Some(start));
        assert!(clock.now() >= start && clock.now().since(start) < Duration::from_secs(60));
        clock.skip(Duration::from_secs(86_400)).unwrap();
        let before = clock.now();
        assert!(before.since(start) >= Duration::from_secs(86_400));
        clock.save().unwrap();
        let again = LabClock::resume(folder.path(), Some(start));
        assert!(again.now() >= before, "goes on where it was");
        let present = LabClock::resume(folder.path(), None);
        assert!(present.now().since(before) > Duration::from_secs(86_400));
    }
}
