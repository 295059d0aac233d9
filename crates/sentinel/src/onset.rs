//! When it began: a timeline of suspicious blocks, fine for the last minutes, coarse for the last days.

use crate::Micros;

const FINE: usize = 256;
const COARSE: usize = 512;
/// An entry of the fine timeline covers this at least; entries exist only where something was written.
const FINE_MICROS: Micros = 2_000_000;
const COARSE_MICROS: Micros = 600_000_000;
/// A quiet time of this length ends an episode; one in which longer ones occurred, a time three times as long as those.
const QUIET_MICROS: Micros = 120_000_000;
/// The same where what led to a verdict came so slowly that it must have begun long ago: six hours.
const QUIET_SLOW_MICROS: Micros = 21_600_000_000;
/// So many suspicious blocks within [`QUIET_MICROS`] aren't slow: 2 MiB.
const FAST_BLOCKS: u32 = 512;
/// Suspicious blocks that make an entry suspicious by itself. An attack may begin with a file of one block: that counts where others follow
/// within [`QUIET_MICROS`].
const SUSPICIOUS_LEAST: u32 = 2;

/// A part of the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) began: Micros,
    pub(crate) suspicious: u32,
    pub(crate) written: u32,
}

/// A ring of entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring<const LENGTH: usize> {
    pub(crate) entries: [Entry; LENGTH],
    /// Entries ever begun.
    pub(crate) begun: u32,
}

impl<const LENGTH: usize> Ring<LENGTH> {
    const fn new() -> Self {
        Self {
            entries: [Entry {
                began: 0,
                suspicious: 0,
                written: 0,
            }; LENGTH],
            begun: 0,
        }
    }

    fn note(&mut self, entry: Entry, least: Micros) {
        let newest = (self.begun as usize).checked_sub(1).map(|index| index % LENGTH);
        if let Some(newest) = newest.and_then(|index| self.entries.get_mut(index))
            && entry.began.saturating_sub(newest.began) < least
        {
            newest.suspicious = newest.suspicious.saturating_add(entry.suspicious);
            newest.written = newest.written.saturating_add(entry.written);
            return;
        }
        if let Some(slot) = self.entries.get_mut(self.begun as usize % LENGTH) {
            *slot = entry;
            self.begun = self.begun.wrapping_add(1);
        }
    }

    /// The entries, newest first.
    fn newest_first(&self) -> impl Iterator<Item = Entry> {
        let count = (self.begun as usize).min(LENGTH);
        (1..=count).filter_map(move |back| self.entries.get((self.begun as usize - back) % LENGTH).copied())
    }
}

/// The timelines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    pub(crate) fine: Ring<FINE>,
    pub(crate) coarse: Ring<COARSE>,
}

impl Timeline {
    pub(crate) const fn new() -> Self {
        Self {
            fine: Ring::new(),
            coarse: Ring::new(),
        }
    }

    /// Takes in what happened from `began` on.
    pub(crate) fn note(&mut self, entry: Entry) {
        self.fine.note(entry, FINE_MICROS);
        self.coarse.note(entry, COARSE_MICROS);
    }

    fn is_fast(&self, now: Micros) -> bool {
        let late = self
            .fine
            .newest_first()
            .take_while(|entry| now.saturating_sub(entry.began) <= QUIET_MICROS);
        late.fold(0_u32, |sum, entry| sum.saturating_add(entry.suspicious)) >= FAST_BLOCKS
    }

    /// The beginning of the episode of suspicious writes that reaches up to now: back over suspicious entries until a
    /// quiet time.
    pub(crate) fn onset(&self, now: Micros) -> Micros {
        let mut onset = now;
        // With what leads up to it.
        let mut earliest = now;
        let mut quiet = if self.is_fast(now) {
            QUIET_MICROS
        } else {
            QUIET_SLOW_MICROS
        };
        let fine = self.fine.newest_first().map(|entry| (entry, FINE_MICROS));
        let coarse = self.coarse.newest_first().map(|entry| (entry, COARSE_MICROS));
        let fine_reach = self.fine.newest_first().last().map_or(now, |entry| entry.began);
        for (entry, length) in fine.chain(coarse.skip_while(move |(entry, _)| entry.began >= fine_reach)) {
            let ended = entry.began.saturating_add(length);
            let gap = onset.saturating_sub(ended);
            if gap > quiet {
                break;
            }
            if entry.suspicious < entry.written / 64 {
                continue;
            }
            if entry.suspicious >= SUSPICIOUS_LEAST {
                quiet = quiet.max(gap.saturating_mul(3));
                onset = onset.min(entry.began);
                earliest = earliest.min(onset);
            } else if entry.suspicious > 0 && length == FINE_MICROS && gap <= QUIET_MICROS {
                earliest = earliest.min(entry.began);
            }
        }
        earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn entry(second: u64, suspicious: u32) -> Entry {
        Entry {
            began: second * SECOND,
            suspicious,
            written: 100,
        }
    }

    #[test]
    fn an_episode_begins_after_the_last_quiet_time() {
        let mut timeline = Timeline::new();
        timeline.note(entry(100, 50));
        (300..900)
            .step_by(10)
            .for_each(|second| timeline.note(entry(second, 50)));
        assert_eq!(timeline.onset(900 * SECOND), 300 * SECOND);
        assert_eq!(timeline.onset(23_000 * SECOND), 23_000 * SECOND, "all quiet since");
    }

    #[test]
    fn an_episode_may_begin_with_a_single_block() {
        let mut timeline = Timeline::new();
        timeline.note(entry(300, 1));
        timeline.note(entry(395, 1));
        timeline.note(entry(500, 1));
        (530..900)
            .step_by(30)
            .for_each(|second| timeline.note(entry(second, 20)));
        let onset = timeline.onset(900 * SECOND);
        assert_eq!(onset, 500 * SECOND, "those before aren't near enough to the others");
        let mut quiet_days = Timeline::new();
        (0..500).for_each(|number| quiet_days.note(entry(number * 600, 1)));
        quiet_days.note(entry(300_030, 20));
        assert_eq!(quiet_days.onset(300_031 * SECOND), 300_030 * SECOND);
    }

    #[test]
    fn a_slow_episode_reaches_over_quiet_hours() {
        let mut timeline = Timeline::new();
        (3..30).for_each(|hour| timeline.note(entry(hour * 3600, 5)));
        assert_eq!(timeline.onset(108_100 * SECOND), 3 * 3600 * SECOND);
        timeline.note(entry(108_090, 600));
        assert_eq!(
            timeline.onset(108_100 * SECOND),
            108_090 * SECOND,
            "600 blocks in a moment are another attack"
        );
    }

    #[test]
    fn what_began_days_ago_is_found_on_the_coarse_timeline() {
        let mut timeline = Timeline::new();
        let day = 86_400;
        timeline.note(entry(day, 50));
        (3 * day..5 * day)
            .step_by(60)
            .for_each(|second| timeline.note(entry(second, 5)));
        let onset = timeline.onset(5 * day * SECOND);
        assert!((3 * day - 600..=3 * day).contains(&(onset / SECOND)), "{onset}");
    }
}
