//! Until when a data folder was served, and the pauses since: time that must not age history.
//!
//! The file `served` in the data folder says so; the daemon writes it every minute and when it stops. What it says at a
//! start is the only thing known of the past that doesn't come from the clock of that moment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use volume::{Pauses, Timestamp};

use crate::control::Time;

/// The file's name in the data folder.
pub const SERVED_NAME: &str = "served";
/// A shorter time between two daemons ages history, so that ordinary restarts leave no trace.
const PAUSE_LEAST: Duration = Duration::from_secs(3600);
/// How often the file is written.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// Pauses remembered at most. Beyond, the oldest two are taken for one, which keeps more history, not less.
const PAUSES_MAX: usize = 1000;

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
struct ServedFile {
    until: Time,
    pauses: Vec<(Time, Time)>,
}

/// What is known of the time that a data folder was served.
#[derive(Debug)]
pub struct Served {
    file: PathBuf,
    pauses: Pauses,
    written: Timestamp,
}

impl Served {
    /// Reads the file at a start, and tells how long nothing was served if that was a pause. Where there is no usable
    /// file, `newest`, the newest time recorded in any volume, is all that is known.
    #[must_use]
    pub fn resume(data: &Path, newest: Option<Timestamp>, now: Timestamp) -> (Self, Option<Duration>) {
        let file = data.join(SERVED_NAME);
        let known = std::fs::read(&file).ok();
        let known = known.and_then(|bytes| serde_json::from_slice::<ServedFile>(&bytes).ok());
        let (until, spans) = match known {
            Some(known) => (Some(known.until.0), known.pauses),
            None => (newest, Vec::new()),
        };
        // A clock that was ahead is right again: what it made look like a pause hasn't happened yet.
        let mut spans: Vec<_> = spans
            .into_iter()
            .map(|(from, until)| (from.0, until.0.min(now)))
            .collect();
        let pause = until.map(|until| now.since(until)).filter(|pause| *pause > PAUSE_LEAST);
        spans.extend(until.filter(|_| pause.is_some()).map(|until| (until, now)));
        let served = Self {
            file,
            pauses: bounded(Pauses::new(spans)),
            written: Timestamp::ZERO,
        };
        (served, pause)
    }

    /// Time that must not age history.
    #[must_use]
    pub const fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// Writes the file if that is due; to be called about once a second.
    pub fn note(&mut self, now: Timestamp) -> std::io::Result<()> {
        if now.since(self.written) < WRITE_EVERY && self.written <= now {
            return Ok(());
        }
        self.write(now)
    }

    /// Writes the file.
    pub fn write(&mut self, now: Timestamp) -> std::io::Result<()> {
        self.written = now;
        let pauses = self.pauses.spans().iter();
        let content = ServedFile {
            until: Time(now),
            pauses: pauses.map(|(from, until)| (Time(*from), Time(*until))).collect(),
        };
        let new = self.file.with_extension("new");
        std::fs::write(&new, serde_json::to_vec(&content)?)?;
        std::fs::File::open(&new)?.sync_data()?;
        std::fs::rename(&new, &self.file)
    }
}

fn bounded(pauses: Pauses) -> Pauses {
    let spans = pauses.spans();
    let Some((oldest, rest)) = spans
        .len()
        .checked_sub(PAUSES_MAX)
        .and_then(|extra| spans.split_at_checked(extra + 1))
    else {
        return pauses;
    };
    let joined = oldest.first().zip(oldest.last()).map(|(first, last)| (first.0, last.1));
    Pauses::new(joined.into_iter().chain(rest.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + second)
    }

    fn spans(served: &Served) -> Vec<(Timestamp, Timestamp)> {
        served.pauses().spans().to_vec()
    }

    #[test]
    fn a_start_with_the_clock_ahead_is_a_pause_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (mut served, pause) = Served::resume(folder.path(), Some(at(0)), at(10));
        assert_eq!((spans(&served), pause), (vec![], None));
        served.note(at(20)).unwrap();
        served.note(at(30)).unwrap();
        let years = at(3000 * DAY);
        // What was recorded since with the wrong clock proves nothing.
        let (mut served, pause) = Served::resume(folder.path(), Some(years), years);
        assert_eq!(pause, Some(years.since(at(20))), "a note within a minute isn't written");
        served.write(years).unwrap();
        let (served, pause) = Served::resume(folder.path(), Some(years), at(3000 * DAY + 5));
        assert_eq!((spans(&served), pause), (vec![(at(20), years)], None));
    }

    #[test]
    fn where_no_file_is_the_newest_record_tells_how_long_the_pause_was() {
        let folder = tempfile::tempdir().unwrap();
        let (served, pause) = Served::resume(folder.path(), Some(at(0)), at(DAY));
        assert_eq!(
            (spans(&served), pause),
            (vec![(at(0), at(DAY))], Some(Duration::from_secs(DAY)))
        );
        std::fs::write(folder.path().join(SERVED_NAME), "{").unwrap();
        assert_eq!(Served::resume(folder.path(), Some(at(0)), at(DAY)).1, pause);
        assert_eq!(
            Served::resume(folder.path(), None, at(DAY)).1,
            None,
            "nothing was ever served"
        );
    }

    #[test]
    fn a_clock_that_was_ahead_and_is_right_again_lets_history_age() {
        let folder = tempfile::tempdir().unwrap();
        let (mut served, _) = Served::resume(folder.path(), Some(at(0)), at(3000 * DAY));
        served.write(at(3000 * DAY)).unwrap();
        let (served, pause) = Served::resume(folder.path(), None, at(DAY));
        assert_eq!((spans(&served), pause), (vec![(at(0), at(DAY))], None));
    }

    #[test]
    fn pauses_are_bounded() {
        let many = Pauses::new((0..2000).map(|day| (at(day * DAY), at(day * DAY + 10))));
        let few = bounded(many.clone());
        assert_eq!(few.spans().len(), PAUSES_MAX);
        assert_eq!(few.spans().first().unwrap().0, at(0));
        assert_eq!(few.spans().last(), many.spans().last());
    }
}
