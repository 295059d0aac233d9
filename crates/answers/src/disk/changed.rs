//! Which blocks were changed in a span of time, when first and when last: a map of ranges, small even where a disk was rewritten.
//!
//! Invariant: runs don't overlap and aren't empty. Neighbours that were changed in the same two seconds are one run, so that
//! what was written in order costs little; the times of such a run are its earliest and its latest.

use std::collections::BTreeMap;

use volume::{Sequence, Timestamp};

/// The times of a run never spread further by joining neighbours, in nanoseconds.
const SPREAD_NANOS_MAX: u128 = 2_000_000_000;

/// When something was changed: the part of the window (a guest whose writes were diverted goes on in a fork), the batch, the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Which part of the window, from 0.
    pub(crate) part: u16,
    /// The batch.
    pub(crate) sequence: Sequence,
    /// Its time.
    pub(crate) time: Timestamp,
}

/// Blocks that were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The block behind the last.
    pub(crate) end: u64,
    pub(crate) first: Stamp,
    pub(crate) last: Stamp,
    /// Each of its blocks was changed once.
    is_once: bool,
}

/// All blocks changed in a window.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    runs: BTreeMap<u64, Run>,
}

impl Changed {
    /// Notes a change. Changes come in the order of time.
    pub(crate) fn note(&mut self, stamp: Stamp, first_block: u64, blocks: u64) {
        let (start, end) = (first_block, first_block.saturating_add(blocks));
        if start >= end {
            return;
        }
        self.cut(start);
        self.cut(end);
        let mut at = start;
        let covered: Vec<u64> = self.runs.range(start..end).map(|(start, _)| *start).collect();
        for covered in covered {
            if covered > at {
                self.insert(at, covered, stamp);
            }
            if let Some(run) = self.runs.get_mut(&covered) {
                run.last = stamp;
                run.is_once = false;
                at = run.end;
            }
        }
        if at < end {
            self.insert(at, end, stamp);
        }
        self.join(start, end);
    }

    /// The changed ranges within a range of blocks: (first block, block behind, run).
    pub(crate) fn within(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64, &Run)> {
        let before = self.runs.range(..start).next_back();
        let before = before.filter(|(_, run)| run.end > start);
        before
            .into_iter()
            .chain(self.runs.range(start..end.max(start)))
            .map(move |(first, run)| ((*first).max(start), run.end.min(end), run))
    }

    /// How many blocks are changed.
    pub(crate) fn blocks(&self) -> u64 {
        self.runs.iter().map(|(start, run)| run.end - start).sum()
    }

    fn insert(&mut self, start: u64, end: u64, stamp: Stamp) {
        let run = Run {
            end,
            first: stamp,
            last: stamp,
            is_once: true,
        };
        self.runs.insert(start, run);
    }

    /// Makes a run end at `at`, if one goes across.
    fn cut(&mut self, at: u64) {
        let Some((_, run)) = self.runs.range_mut(..at).next_back() else {
            return;
        };
        if run.end > at {
            let rest = *run;
            run.end = at;
            self.runs.insert(at, rest);
        }
    }

    /// Joins the runs of a range with each other and with their neighbours, where they are alike.
    fn join(&mut self, start: u64, end: u64) {
        let mut at = self.runs.range(..start).next_back().map_or(start, |(first, _)| *first);
        while let Some(run) = self.runs.get(&at).copied() {
            if at >= end {
                return;
            }
            match self.runs.get(&run.end).copied().and_then(|next| joined(&run, &next)) {
                Some(both) => {
                    self.runs.remove(&run.end);
                    self.runs.insert(at, both);
                }
                None => match self.runs.range(run.end..).next() {
                    Some((next, _)) => at = *next,
                    None => return,
                },
            }
        }
    }
}

/// Two neighbours as one run, if they are alike.
fn joined(run: &Run, next: &Run) -> Option<Run> {
    let is_alike = run.is_once == next.is_once && run.first.part == next.first.part;
    let both = Run {
        end: next.end,
        first: run.first.min(next.first),
        last: run.last.max(next.last),
        ..*run
    };
    let spread = both.last.time.since(both.first.time).as_nanos();
    let is_close = if run.is_once {
        spread <= SPREAD_NANOS_MAX
    } else {
        run.first == next.first && run.last == next.last
    };
    (is_alike && is_close).then_some(both)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Stamp {
        Stamp {
            part: 0,
            sequence: Sequence(second),
            time: Timestamp::from_unix_seconds(second),
        }
    }

    #[test]
    fn changes_are_found_by_block_with_their_first_and_last_time() {
        let mut changed = Changed::default();
        changed.note(at(10), 100, 50);
        changed.note(at(20), 120, 10);
        changed.note(at(30), 90, 20);
        let of = |block: u64| {
            let found: Vec<_> = changed.within(block, block + 1).collect();
            assert!(found.len() <= 1);
            found
                .first()
                .map(|(_, _, run)| (run.first.sequence.0, run.last.sequence.0))
        };
        let expected = [
            (89, None),
            (90, Some((30, 30))),
            (100, Some((10, 30))),
            (109, Some((10, 30))),
        ];
        for (block, times) in expected {
            assert_eq!(of(block), times, "{block}");
        }
        let expected = [
            (110, Some((10, 10))),
            (125, Some((10, 20))),
            (149, Some((10, 10))),
            (150, None),
        ];
        for (block, times) in expected {
            assert_eq!(of(block), times, "{block}");
        }
        assert_eq!(changed.blocks(), 60);
        let ranges: Vec<_> = changed.within(95, 125).map(|(start, end, _)| (start, end)).collect();
        assert_eq!(ranges, [(95, 100), (100, 110), (110, 120), (120, 125)]);
    }

    #[test]
    fn what_is_written_in_order_becomes_few_runs() {
        let mut changed = Changed::default();
        for number in 0..10_000 {
            let mut stamp = at(number);
            stamp.time = Timestamp::from_unix_nanos(number * 10_000_000);
            changed.note(stamp, number * 8, 8);
        }
        assert_eq!(changed.blocks(), 80_000);
        assert!(changed.runs.len() <= 60, "{}", changed.runs.len());
    }

    /// Against a plain array.
    #[test]
    fn random_changes_are_kept_as_an_array_would() {
        let mut state = 1_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let (mut changed, mut array) = (Changed::default(), vec![None; 300]);
        for second in 0..400 {
            let (first, blocks) = (next(280), next(20) + 1);
            changed.note(at(second * 10), first, blocks);
            for slot in array.iter_mut().skip(first as usize).take(blocks as usize) {
                *slot = Some(slot.map_or((second, second), |(first, _)| (first, second)));
            }
        }
        for (block, expected) in array.iter().enumerate() {
            let found = changed.within(block as u64, block as u64 + 1).next();
            let found = found.map(|(_, _, run)| (run.first.sequence.0 / 10, run.last.sequence.0 / 10));
            assert_eq!(found, *expected, "{block}");
        }
    }
}
