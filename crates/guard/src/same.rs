//! Whether blocks that seem to be written as they were really are.
//!
//! The volume's map has a CRC-32C of every block, by which it is known without reading that a restore over whole files, or a disk that is
//! refreshed, changes nothing. But four bytes are enough to give a block whatever CRC one likes, so that an attacker could hide behind it. Some
//! blocks are therefore compared byte by byte: of the first ones after a pause, and of those that follow at places that nobody can foresee. Once
//! one of them differs, that is bookmarked, and no checksum is believed for a day. Whatever is suspected is taken to have begun before the blocks
//! that were believed since the last comparison.

use std::hash::{BuildHasher, RandomState};

use sentinel::{Level, Micros, Written};
use volume::Before;

use crate::guard::Guard;
use crate::locks::lock;
use crate::watch::ONSET_MARGIN_MICROS;

/// After so many blocks on average some are compared, ...
const COMPARED_EVERY: usize = 256;
/// ... so many in a row at most.
const STRETCH: usize = 8;
/// Comparisons for one batch at most: one of 64 MiB has more blocks than are compared otherwise.
const COMPARISONS_MAX: usize = 64;
/// After so long without any, of the next ones some are compared.
const PAUSE_MICROS: Micros = 1_000_000;
/// What was believed so long ago has nothing to do with what is suspected now.
const APART_MICROS: Micros = 600_000_000;
/// What was believed before that isn't doubted: an hour. Some programs write the same all day.
const REACH_MICROS: Micros = 3_600_000_000;
/// How long nothing is believed once a block differed: a day.
const DISBELIEF_MICROS: Micros = 24 * 3600 * 1_000_000;
/// How suspicious it is, in per cent of what fences, that a block has the checksum of the one that it replaced: once in four billion it is chance.
const FORGED_PERCENT: u32 = 50;

/// What was believed, and whether that was right.
#[derive(Debug, Default)]
pub(crate) struct Sameness {
    random: RandomState,
    drawn: u64,
    /// The last time that blocks seemed to be the same.
    asked: Option<Micros>,
    /// Blocks that are believed until some are compared.
    left: usize,
    /// When blocks were first and last believed without a comparison, without a long time between.
    believed: Option<(Micros, Micros)>,
    /// When that was so for the first time since the newest comparison.
    unchecked: Option<Micros>,
    /// Since when blocks may be others with the checksum of what they replaced, and until when none is believed.
    forged: Option<(Micros, Micros)>,
}

impl Sameness {
    fn draw(&mut self, below: usize) -> usize {
        self.drawn += 1;
        (self.random.hash_one(self.drawn) % (below as u64).max(1)) as usize
    }

    /// Which of `count` blocks that seem to be the same are compared, each with those behind it; `None` if none is believed.
    fn choose(&mut self, now: Micros, count: usize) -> Option<Vec<usize>> {
        self.forged.take_if(|(_, until)| now >= *until);
        if self.forged.is_some() {
            return None;
        }
        if self.asked.is_none_or(|asked| now.saturating_sub(asked) >= PAUSE_MICROS) {
            self.left = self.draw(count.min(COMPARED_EVERY));
        }
        self.asked = Some(now);
        let mut chosen = Vec::new();
        while self.left < count && chosen.len() < COMPARISONS_MAX {
            chosen.push(self.left);
            self.left += 1 + self.draw(2 * COMPARED_EVERY);
        }
        self.left = self.left.saturating_sub(count);
        Some(chosen)
    }

    /// All comparisons of a batch (or none) found the same; of its blocks that seem to be, some (or none) weren't compared.
    fn agrees(&mut self, now: Micros, any_compared: bool, any_believed: bool) {
        self.unchecked.take_if(|_| any_compared);
        self.believed = self.believed_lately(now);
        if any_believed {
            let first = self.believed.map_or(now, |(first, _)| first);
            self.believed = Some((first, now));
            self.unchecked.get_or_insert(now);
        }
    }

    /// When blocks were believed that may belong to those of now.
    fn believed_lately(&self, now: Micros) -> Option<(Micros, Micros)> {
        self.believed
            .filter(|(_, last)| now.saturating_sub(*last) < APART_MICROS)
    }

    /// A block that seemed to be the same differs.
    fn differs(&mut self, now: Micros) {
        // Comparisons that agreed say little of the blocks between them, if some of those are forged.
        let first = self.believed.map_or(now, |(first, _)| first);
        let first = first.max(now.saturating_sub(REACH_MICROS));
        let since = self.onset(now, first.saturating_sub(ONSET_MARGIN_MICROS));
        self.forged = Some((since, now.saturating_add(DISBELIEF_MICROS)));
    }

    /// When something began that seems, now, to have begun at `onset`.
    pub(crate) fn onset(&self, now: Micros, onset: Micros) -> Micros {
        let unchecked = self.believed_lately(now).and(self.unchecked);
        let unchecked = unchecked.map(|first| first.saturating_sub(ONSET_MARGIN_MICROS));
        let forged = self.forged.filter(|(_, until)| now < *until).map(|(since, _)| since);
        [unchecked, forged].into_iter().flatten().fold(onset, Micros::min)
    }

    /// What was found out, in words.
    pub(crate) fn reason(&self) -> Option<String> {
        let text = "a block was replaced by other bytes with its checksum: somebody hides what he changes, or a chance of one in four billion";
        self.forged.map(|_| text.to_owned())
    }
}

impl Guard {
    /// Whether the blocks of a batch that seem to be the same, of all its `blocks`, are to count as such.
    pub(crate) fn is_same(&self, before: &Before, blocks: &[Written]) -> bool {
        let same = blocks.iter().enumerate().filter(|(_, block)| block.former.is_same);
        let same: Vec<usize> = same.map(|(index, _)| index).collect();
        let mut watch = lock(&self.watch);
        let now = watch.time(self.uptime.micros());
        let Some(chosen) = watch.sameness.choose(now, same.len()) else {
            return false;
        };
        drop(watch);
        let mut compared = 0;
        for number in chosen {
            let rest = same.get(number..).unwrap_or_default();
            let count = stretch(rest);
            compared += count;
            match rest.first().and_then(|first| before.is_same(*first, count)) {
                Some(true) => {}
                Some(false) => {
                    self.tell_forged(now);
                    return false;
                }
                // What can't be read may differ.
                None => return false,
            }
        }
        let mut watch = lock(&self.watch);
        watch.sameness.agrees(now, compared > 0, compared < same.len());
        true
    }

    fn tell_forged(&self, now: Micros) {
        let mut watch = lock(&self.watch);
        watch.sameness.differs(now);
        let suspect = watch.suspect_beside(now, Level::Bookmark, now, FORGED_PERCENT);
        drop(watch);
        self.fence(suspect);
    }
}

/// How many of the first of these indices follow each other.
fn stretch(indices: &[usize]) -> usize {
    let next = indices.iter().zip(indices.first().copied().unwrap_or(0)..);
    next.take(STRETCH).take_while(|(index, next)| *index == next).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    #[test]
    fn what_comes_after_a_pause_is_compared_and_some_of_the_rest() {
        let mut same = Sameness::default();
        let chosen: Vec<_> = (1..100).map(|second| same.choose(second * SECOND, 1)).collect();
        assert!(chosen.iter().all(|chosen| *chosen == Some(vec![0])));
        // Blocks one by one, and many at once: as many comparisons.
        let mut total = [0, 0];
        for (total, count) in total.iter_mut().zip([1, 256]) {
            for _ in 0..256 * 100 / count {
                let chosen = same.choose(100 * SECOND, count).unwrap();
                assert!(chosen.iter().all(|number| *number < count));
                *total += chosen.len();
            }
        }
        assert!(total.iter().all(|total| (60..160).contains(total)), "{total:?}");
        let chosen = same.choose(200 * SECOND, 16_384).unwrap();
        assert!((30..=COMPARISONS_MAX).contains(&chosen.len()), "{chosen:?}");
    }

    #[test]
    fn what_was_believed_since_the_last_comparison_belongs_to_what_is_suspected() {
        let mut same = Sameness::default();
        let now = 1000 * SECOND;
        assert_eq!(same.onset(now, now), now);
        same.agrees(now, true, false);
        assert_eq!(same.onset(now, now), now, "all were compared");
        same.agrees(now, true, true);
        same.agrees(now + SECOND, false, true);
        assert_eq!(same.onset(now + 5 * SECOND, now + 5 * SECOND), 997 * SECOND);
        assert_eq!(same.onset(now, 5 * SECOND), 5 * SECOND, "earlier by itself");
        let later = now + SECOND + APART_MICROS;
        assert_eq!(same.onset(later, later), later);
        same.agrees(now + 2 * SECOND, true, true);
        assert_eq!(same.onset(now + 5 * SECOND, now + 5 * SECOND), 999 * SECOND);
    }

    #[test]
    fn once_a_block_differed_nothing_is_believed_for_a_day() {
        let mut same = Sameness::default();
        let mut now = 1000 * SECOND;
        same.agrees(now, false, true);
        same.agrees(now + SECOND, true, true);
        now += 10 * SECOND;
        same.differs(now);
        assert_eq!((same.choose(now, 5), same.reason().is_some()), (None, true));
        now += DISBELIEF_MICROS - 1;
        assert_eq!((same.choose(now, 5), same.onset(now, now)), (None, 997 * SECOND));
        now += 1;
        assert_eq!(same.onset(now, now), now);
        assert!(same.choose(now, 5).is_some() && same.reason().is_none());
    }

    #[test]
    fn stretches_are_of_blocks_that_seem_the_same() {
        let same = [1, 2, 4];
        let found: Vec<_> = (0..3).map(|number| stretch(&same[number..])).collect();
        assert_eq!(found, [2, 1, 1]);
        let all: Vec<_> = (0..100).collect();
        assert_eq!(stretch(&all[7..]), STRETCH);
        assert_eq!(stretch(&[]), 0);
    }
}
