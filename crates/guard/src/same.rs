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

/// After so many blocks on average some are compared, ...
const COMPARED_EVERY: u64 = 256;
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
/// What is suspected began so long before it was shown to the guard.
const ONSET_MARGIN_MICROS: Micros = 3_000_000;
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
    left: u64,
    /// When blocks were first and last believed without a comparison, since the newest comparison.
    believed: Option<(Micros, Micros)>,
    /// The same, whatever was compared since.
    ever_believed: Option<(Micros, Micros)>,
    /// Since when blocks may be others with the checksum of what they replaced, and until when none is believed.
    forged: Option<(Micros, Micros)>,
}

impl Sameness {
    fn draw(&mut self, below: u64) -> u64 {
        self.drawn += 1;
        self.random.hash_one(self.drawn) % below.max(1)
    }

    /// Which of `count` blocks that seem to be the same are compared, each with those behind it; `None` if none is believed.
    fn choose(&mut self, now: Micros, count: u64) -> Option<Vec<u64>> {
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
        self.believed.take_if(|_| any_compared);
        self.ever_believed
            .take_if(|(_, last)| now.saturating_sub(*last) >= APART_MICROS);
        if any_believed {
            for believed in [&mut self.believed, &mut self.ever_believed] {
                *believed = Some((believed.map_or(now, |(first, _)| first), now));
            }
        }
    }

    /// A block that seemed to be the same differs.
    fn differs(&mut self, now: Micros) {
        // Comparisons that agreed say little of the blocks between them, if some of those are forged.
        let ever = self.ever_believed.map_or(now, |(first, _)| first);
        let ever = ever.max(now.saturating_sub(REACH_MICROS));
        let since = self.onset(now, ever.saturating_sub(ONSET_MARGIN_MICROS));
        self.forged = Some((since, now.saturating_add(DISBELIEF_MICROS)));
    }

    /// When something began that seems, now, to have begun at `onset`.
    pub(crate) fn onset(&self, now: Micros, onset: Micros) -> Micros {
        let near = self
            .believed
            .filter(|(_, last)| now.saturating_sub(*last) < APART_MICROS);
        let believed = near.map(|(first, _)| first.saturating_sub(ONSET_MARGIN_MICROS));
        let forged = self.forged.filter(|(_, until)| now < *until).map(|(since, _)| since);
        [believed, forged].into_iter().flatten().fold(onset, Micros::min)
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
        let same = || blocks.iter().enumerate().filter(|(_, block)| block.former.is_same);
        let count = same().count();
        let mut watch = lock(&self.watch);
        let now = watch.time(self.uptime.micros());
        let Some(chosen) = watch.sameness.choose(now, count as u64) else {
            return false;
        };
        drop(watch);
        let mut compared = 0;
        for number in &chosen {
            let (first, stretch) = stretch(blocks, *number);
            compared += stretch;
            match before.is_same(first, stretch) {
                Ok(true) => {}
                Ok(false) => {
                    self.tell_forged(now);
                    return false;
                }
                // What can't be read may differ.
                Err(_) => return false,
            }
        }
        lock(&self.watch).sameness.agrees(now, compared > 0, compared < count);
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

/// The index of the block with that number among those that seem to be the same, and how many such follow each other from there on.
fn stretch(blocks: &[Written], number: u64) -> (usize, usize) {
    let mut same = blocks.iter().enumerate().filter(|(_, block)| block.former.is_same);
    let first = same.nth(usize::try_from(number).unwrap_or(usize::MAX));
    let first = first.map_or(0, |(index, _)| index);
    let rest = blocks.iter().skip(first).take(STRETCH);
    (first, rest.take_while(|block| block.former.is_same).count())
}

#[cfg(test)]
mod tests {
    use sentinel::Former;

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
        let block = |is_same| Written {
            former: Former {
                is_same,
                ..Former::default()
            },
            ..Written::default()
        };
        let blocks = [false, true, true, false, true].map(block);
        let found: Vec<_> = (0..3).map(|number| stretch(&blocks, number)).collect();
        assert_eq!(found, [(1, 2), (2, 1), (4, 1)]);
        assert_eq!(stretch(&[block(true); 100], 7), (7, STRETCH));
        assert_eq!(stretch(&[], 7), (0, 0));
    }
}
