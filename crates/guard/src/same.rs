//! Whether blocks that seem to be written as they were really are.
//!
//! The volume's map has a CRC-32C of every block, by which it is known without reading that a restore over whole files, or a disk that is
//! refreshed, changes nothing. But four bytes are enough to give a block whatever CRC one likes, so that an attacker could hide behind it. Some
//! blocks are therefore compared byte by byte: the first ones after a pause always, of those that follow one request in 32, which nobody can
//! foresee. Once one of them differs, no checksum is believed for a day, and whatever is suspected then is taken to have begun before the first
//! block that was believed without being compared.

use std::hash::{BuildHasher, RandomState};

use sentinel::{Micros, Written};
use volume::Before;

use crate::guard::Guard;
use crate::locks::lock;

/// Of so many requests one is compared.
const COMPARED_OF: u64 = 32;
/// Blocks of a request that are compared at most.
const COMPARED_MAX: usize = 16;
/// After so long without any the next one is compared.
const PAUSE_MICROS: Micros = 1_000_000;
/// What was believed so long before others has nothing to do with them: in between, all would have been compared.
const APART_MICROS: Micros = 600_000_000;
/// How long nothing is believed once a block differed: a day.
const DISBELIEF_MICROS: Micros = 24 * 3600 * 1_000_000;
/// What is suspected began so long before it was shown to the guard.
const ONSET_MARGIN_MICROS: Micros = 3_000_000;

/// What is done about blocks that seem to be written as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// They count as changed.
    Disbelieve,
    /// They count as the same.
    Believe,
    /// As they turn out to be.
    Compare,
}

/// What was believed, and whether that was right.
#[derive(Debug, Default)]
pub(crate) struct Sameness {
    random: RandomState,
    requests: u64,
    /// The last time that blocks seemed to be the same.
    asked: Option<Micros>,
    /// The first and the last time that it was believed of any without a comparison.
    believed: Option<(Micros, Micros)>,
    /// Since when blocks may be others with the checksum of what they replaced, and until when none is believed.
    forged: Option<(Micros, Micros)>,
}

impl Sameness {
    /// `are_few` if all of them would be compared.
    fn ask(&mut self, now: Micros, are_few: bool) -> Answer {
        self.forged.take_if(|(_, until)| now >= *until);
        if self.forged.is_some() {
            return Answer::Disbelieve;
        }
        self.requests += 1;
        let is_first = self.asked.is_none_or(|asked| now.saturating_sub(asked) >= PAUSE_MICROS);
        self.asked = Some(now);
        let is_compared = is_first || self.random.hash_one(self.requests).is_multiple_of(COMPARED_OF);
        if !is_compared || !are_few {
            let since = self.believed_since(now).unwrap_or(now);
            self.believed = Some((since, now));
        }
        match is_compared {
            true => Answer::Compare,
            false => Answer::Believe,
        }
    }

    /// Since when blocks were believed that may belong to those of now.
    fn believed_since(&self, now: Micros) -> Option<Micros> {
        let (first, last) = self.believed?;
        (now.saturating_sub(last) < APART_MICROS).then_some(first)
    }

    /// A block that seemed to be the same differs.
    fn differs(&mut self, now: Micros) {
        let since = self.believed_since(now).unwrap_or(now);
        self.forged = Some((
            since.saturating_sub(ONSET_MARGIN_MICROS),
            now.saturating_add(DISBELIEF_MICROS),
        ));
    }

    /// When something began that seems to have begun at `onset`.
    pub(crate) fn onset(&self, onset: Micros) -> Micros {
        self.forged.map_or(onset, |(since, _)| onset.min(since))
    }
}

impl Guard {
    /// Whether the blocks of a batch that seem to be the same, of all its `blocks`, are to count as such.
    pub(crate) fn is_same(&self, before: &Before, blocks: &[Written]) -> bool {
        let mut watch = lock(&self.watch);
        let now = watch.time(self.uptime.micros());
        let chosen = watch.sameness.random.hash_one((watch.sameness.requests, "block"));
        let (first, count) = stretch(blocks, chosen);
        let all = blocks.iter().filter(|block| block.former.is_same).count();
        let answer = watch.sameness.ask(now, count == all);
        drop(watch);
        if answer != Answer::Compare {
            return answer == Answer::Believe;
        }
        if before.is_same(first, count) {
            return true;
        }
        lock(&self.watch).sameness.differs(now);
        self.tell_failure(
            "telling blocks that were written as they were by their checksum",
            &"one has the checksum of what it replaced, but other bytes: a chance of one in four billion, or somebody who hides what he changes. \
              For a day such blocks count as changed, too",
        );
        false
    }
}

/// Blocks that seem to be the same: the index of one of them, chosen by a random number, and how many there are from there on.
fn stretch(blocks: &[Written], chosen: u64) -> (usize, usize) {
    let same = || blocks.iter().enumerate().filter(|(_, block)| block.former.is_same);
    let number = chosen % (same().count() as u64).max(1);
    let first = same().nth(number as usize).map_or(0, |(index, _)| index);
    let rest = blocks.iter().skip(first).take(COMPARED_MAX);
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
        let mut answers = |now| same.ask(now, true);
        assert!((1..100).all(|second| answers(second * SECOND) == Answer::Compare));
        let quick = (0..3200).map(|request| answers(100 * SECOND + request));
        let compared = quick.filter(|answer| *answer == Answer::Compare).count();
        assert!((50..200).contains(&compared), "{compared}");
    }

    #[test]
    fn once_a_block_differed_nothing_is_believed_and_all_is_suspected_that_was() {
        let mut same = Sameness::default();
        assert_eq!(same.onset(5 * SECOND), 5 * SECOND);
        let mut now = 1000 * SECOND;
        for _ in 0..100 {
            same.ask(now, false);
            now += 1000;
        }
        same.differs(now);
        assert_eq!(same.ask(now, true), Answer::Disbelieve);
        assert_eq!(same.onset(now), 997 * SECOND);
        assert_eq!(same.onset(5 * SECOND), 5 * SECOND, "earlier by itself");
        now += DISBELIEF_MICROS;
        assert_eq!(same.ask(now, true), Answer::Compare);
        assert_eq!(same.onset(now), now);
        // What was believed long ago is not what differs now.
        same.differs(now);
        assert_eq!(same.onset(now), now - ONSET_MARGIN_MICROS);
    }

    #[test]
    fn any_of_the_blocks_that_seem_the_same_may_be_chosen() {
        let block = |is_same| Written {
            former: Former {
                is_same,
                ..Former::default()
            },
            ..Written::default()
        };
        let blocks = [false, true, true, false, true].map(block);
        let chosen: Vec<_> = (0..4).map(|chosen| stretch(&blocks, chosen)).collect();
        assert_eq!(chosen, [(1, 2), (2, 1), (4, 1), (1, 2)]);
        assert_eq!(stretch(&[block(true); 100], 7), (7, COMPARED_MAX));
        assert_eq!(stretch(&[], 7), (0, 0));
    }
}
