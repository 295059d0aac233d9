//! Which batch was the volume's newest when: so that a bookmark lies before the first suspicious write whatever the wall
//! clock did meanwhile.
//!
//! Invariant: whatever was written at or after a mark's time has a higher sequence than the mark's.

use sentinel::Micros;

use crate::state::shifted;

/// Fine marks: a quarter of an hour of writing.
const FINE: usize = 512;
/// Coarse marks: three and a half days of writing.
const COARSE: usize = 1024;
/// The least time between fine marks, and so how much ordinary work a bookmark may lose at most beside the onset's own
/// margin.
const FINE_MICROS: Micros = 2_000_000;
const COARSE_MICROS: Micros = 300_000_000;
/// Marks that are saved at most.
pub(crate) const MARKS_MAX: usize = FINE + COARSE;

/// The newest batch at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The time.
    pub(crate) at: Micros,
    /// The batch.
    pub(crate) sequence: u64,
}

#[derive(Clone, Debug, Default)]
struct Ring {
    marks: Vec<Mark>,
    /// Where the next one goes once the ring is full.
    next: usize,
    newest: Option<Mark>,
}

impl Ring {
    fn note(&mut self, mark: Mark, most: usize) {
        self.newest = Some(mark);
        if self.marks.len() < most {
            return self.marks.push(mark);
        }
        if let Some(slot) = self.marks.get_mut(self.next) {
            *slot = mark;
        }
        self.next = (self.next + 1) % most;
    }

    fn is_due(&self, now: Micros, least: Micros) -> bool {
        self.newest.is_none_or(|mark| now.saturating_sub(mark.at) >= least)
    }
}

/// Marks of the last minutes, and fewer of the last days.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    fine: Ring,
    coarse: Ring,
    /// When the newest batch was last asked for.
    asked: Option<Micros>,
}

impl Trail {
    pub(crate) fn is_due(&self, now: Micros) -> bool {
        self.asked.is_none_or(|asked| now.saturating_sub(asked) >= FINE_MICROS)
    }

    /// Notes a mark. Its sequence must have been read before its time.
    pub(crate) fn note(&mut self, mark: Mark) {
        self.asked = Some(mark.at);
        if self.fine.newest.is_some_and(|newest| newest.sequence == mark.sequence) {
            // Nothing was written since: the older mark says as much, and for longer.
            return;
        }
        self.fine.note(mark, FINE);
        if self.coarse.is_due(mark.at, COARSE_MICROS) {
            self.coarse.note(mark, COARSE);
        }
    }

    /// The newest batch that was surely written before `time`; `None` if nothing is known from so long ago.
    pub(crate) fn before(&self, time: Micros) -> Option<u64> {
        let marks = self.fine.marks.iter().chain(&self.coarse.marks);
        let known = marks.filter(|mark| mark.at <= time);
        known.map(|mark| mark.sequence).max()
    }

    /// The first time known by which a batch was written, of those written since the trail began; `None` if none is known yet. No mark between that
    /// and the batch tells more, so that what lies before it by more than marks lie apart, lies before the batch.
    pub(crate) fn written_by(&self, sequence: u64) -> Option<Micros> {
        let marks = self.fine.marks.iter().chain(&self.coarse.marks);
        marks.filter(|mark| mark.sequence >= sequence).map(|mark| mark.at).min()
    }

    /// All marks, oldest first, each once.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> = self.fine.marks.iter().chain(&self.coarse.marks).copied().collect();
        marks.sort_by_key(|mark| (mark.at, mark.sequence));
        marks.dedup();
        marks
    }

    /// Continues from saved marks, moved to this run's clock. Batches that a crash took away were never written: what has
    /// their numbers now is newer.
    pub(crate) fn restored(marks: &[Mark], saved: Micros, now: Micros, newest: u64) -> Self {
        let mut trail = Self::default();
        let mut marks: Vec<Mark> = marks.to_vec();
        marks.sort_by_key(|mark| mark.at);
        for mark in marks {
            trail.note(Mark {
                at: shifted(mark.at, saved, now),
                sequence: mark.sequence.min(newest),
            });
        }
        trail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn long_trail() -> Trail {
        let mut trail = Trail::default();
        for second in (0..200_000).step_by(2) {
            let now = second * SECOND;
            assert!(trail.is_due(now));
            trail.note(Mark {
                at: now,
                sequence: 1000 + second,
            });
        }
        trail
    }

    #[test]
    fn what_was_written_before_a_time_is_known_for_days() {
        let trail = long_trail();
        assert_eq!(trail.before(199_000 * SECOND), Some(200_000), "fine");
        let coarse = trail.before(3600 * SECOND).unwrap() - 1000;
        assert!((3300..=3600).contains(&coarse), "{coarse}");
        assert!(trail.marks().len() <= MARKS_MAX);
        assert_eq!(Trail::default().before(5), None);
    }

    #[test]
    fn an_idle_volume_keeps_its_last_mark() {
        let mut trail = Trail::default();
        for (at, sequence) in [(5, 7), (50, 7), (500, 7), (600, 8)] {
            trail.note(Mark { at, sequence });
        }
        assert_eq!(
            (trail.before(599), trail.before(600), trail.before(4)),
            (Some(7), Some(8), None)
        );
    }

    #[test]
    fn a_restored_trail_knows_nothing_of_batches_that_a_crash_took() {
        let marks = long_trail().marks();
        let trail = Trail::restored(&marks, 200_000 * SECOND, 900_000 * SECOND, 150_000);
        assert_eq!(trail.before(899_000 * SECOND), Some(150_000));
        let early = trail.before(703_600 * SECOND).unwrap() - 1000;
        assert!((3300..=3600).contains(&early), "{early}");
    }
}
