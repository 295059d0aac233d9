//! What was read since it was last written down: ranges in a buffer of bounded size.
//!
//! Invariant: every block that was noted lies in a range. A range may be larger than what was read, by less than a grain at
//! each end; the grain is one block unless so much was read at random that the buffer was full.

use crate::reads::piece::BLOCKS_MAX;

/// Ranges that are kept apart; beyond that they are rounded outwards to a coarser grain until half as many are left.
pub const RANGES_MAX: usize = 4096;
/// The newest ranges with which another is joined at once: streams that go on beside each other.
const STREAMS: usize = 8;

/// Grains from `first` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) end: u64,
}

/// Blocks that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    ranges: Vec<Range>,
    /// A grain is two to the power of this many blocks.
    grain_shift: u8,
}

impl Gathered {
    /// Notes that blocks were read. Costs a few nanoseconds where reads go on where others ended; now and then, when the buffer is
    /// full, what sorting it costs.
    pub fn note(&mut self, first: u64, blocks: u32) {
        if blocks == 0 || first >= BLOCKS_MAX {
            return;
        }
        let end = first.saturating_add(u64::from(blocks)).min(BLOCKS_MAX);
        let mut range = rounded(first, end, self.grain_shift);
        let recent = self.ranges.iter_mut().rev().take(STREAMS);
        for known in recent {
            if range.first <= known.end && known.first <= range.end {
                known.first = known.first.min(range.first);
                known.end = known.end.max(range.end);
                return;
            }
        }
        if self.ranges.len() >= RANGES_MAX {
            self.make_room();
            range = rounded(first, end, self.grain_shift);
        }
        self.ranges.push(range);
    }

    /// Whether nothing was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.ranges.clear();
        self.grain_shift = 0;
    }

    /// Sorts the ranges and joins those that touch.
    pub fn join(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, last| {
            let touches = next.first <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
    }

    /// A grain is two to the power of this many blocks.
    pub(super) const fn grain_shift(&self) -> u8 {
        self.grain_shift
    }

    /// In the order in which they were noted, or ascending and apart after [`Gathered::join`].
    pub(super) fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// The most coarse grain is the whole disk: this ends.
    fn make_room(&mut self) {
        self.join();
        while self.ranges.len() > RANGES_MAX / 2 {
            self.grain_shift += 1;
            for range in &mut self.ranges {
                *range = rounded(range.first, range.end, 1);
            }
            self.join();
        }
    }
}

/// A range rounded outwards to grains of two to the power of `shift`.
const fn rounded(first: u64, end: u64, shift: u8) -> Range {
    Range {
        first: first >> shift,
        end: ((end - 1) >> shift) + 1,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn blocks_of(gathered: &Gathered) -> BTreeSet<u64> {
        let shift = gathered.grain_shift;
        let ranges = gathered.ranges.iter();
        ranges
            .flat_map(|range| range.first << shift..range.end << shift)
            .collect()
    }

    #[test]
    fn streams_beside_each_other_are_a_range_each() {
        let mut gathered = Gathered::default();
        for step in 0..10_000_u64 {
            for stream in 0..STREAMS as u64 {
                gathered.note(stream * 1_000_000 + step * 8, 8);
            }
        }
        assert_eq!(gathered.ranges.len(), STREAMS);
        gathered.join();
        let expected: Vec<Range> = (0..STREAMS as u64)
            .map(|stream| Range {
                first: stream * 1_000_000,
                end: stream * 1_000_000 + 80_000,
            })
            .collect();
        assert_eq!((gathered.ranges(), gathered.grain_shift), (expected.as_slice(), 0));
    }

    #[test]
    fn what_is_read_again_and_again_takes_no_more_room() {
        let mut gathered = Gathered::default();
        for step in 0..1_000_000_u64 {
            gathered.note(step * 7919 % 1024 * 100, 3);
        }
        gathered.join();
        assert_eq!((gathered.ranges.len(), gathered.grain_shift), (1024, 0));
    }

    #[test]
    fn everything_read_is_covered_and_rounding_adds_less_than_a_grain_at_each_end() {
        for (seed, spread) in [(1, 50_000_u64), (2, 3_000_000), (3, 4_000), (4, 400_000_000)] {
            let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
            let mut next = |bound: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % bound
            };
            let (mut gathered, mut plain) = (Gathered::default(), BTreeSet::new());
            for _ in 0..20_000 {
                let (first, blocks) = (next(spread), 1 + next(4) as u32);
                gathered.note(first, blocks);
                plain.extend(first..first + u64::from(blocks));
                assert!(gathered.ranges.len() <= RANGES_MAX);
            }
            gathered.join();
            assert!(gathered.ranges.windows(2).all(|pair| pair[0].end < pair[1].first));
            let grain = 1 << gathered.grain_shift;
            if spread <= 3_000_000 {
                let covered = blocks_of(&gathered);
                assert!(plain.is_subset(&covered), "seed {seed}");
                let is_near = |block: &u64| {
                    plain
                        .range(block / grain * grain..(block / grain + 1) * grain)
                        .next()
                        .is_some()
                };
                assert!(
                    covered.iter().all(is_near),
                    "seed {seed}: a grain in which nothing was read"
                );
            }
            assert!((grain > 1) == (spread > 4_000), "seed {seed}: grain {grain}");
        }
    }

    #[test]
    fn the_ends_of_the_largest_disk_and_beyond_are_taken() {
        let mut gathered = Gathered::default();
        gathered.note(0, 0);
        gathered.note(u64::MAX, 1);
        gathered.note(BLOCKS_MAX, u32::MAX);
        assert!(gathered.is_empty());
        gathered.note(BLOCKS_MAX - 1, u32::MAX);
        assert_eq!(
            gathered.ranges(),
            [Range {
                first: BLOCKS_MAX - 1,
                end: BLOCKS_MAX
            }]
        );
    }
}
