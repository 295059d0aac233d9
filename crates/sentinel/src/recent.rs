//! Which blocks were read a short while ago, and which were written as they were, in constant memory.
//!
//! A set-associative table of regions of 16 blocks (64 KiB). Reading in order fills whole regions, so that 2^16 of them
//! remember 4 GiB; reading single blocks at random, 256 MiB. The oldest region of a full set gives way.

use crate::Micros;

const REGION_BITS: u32 = 4;
const WAYS: usize = 4;
const SET_BITS: u32 = 14;
const SETS: usize = 1 << SET_BITS;
/// Unit of the times stored: 2^18 us, about a quarter of a second. 16 bits of them are 4.7 hours.
const TICK_BITS: u32 = 18;
/// What was read longer ago than this doesn't count as recent: 10 minutes. Write-back waits half a minute at most.
pub(crate) const RECENT_TICKS: u16 = 2300;
/// A block that was written within this time is hot: a minute, and a little more.
const HOT_TICKS: u16 = 240;

#[derive(Clone, Copy, Debug)]
struct Region {
    /// Region number's upper bits, plus one; zero: empty.
    tag: u32,
    /// Those that were read.
    blocks: u16,
    tick: u16,
    /// Those that were written as they were, and when the last of them was.
    refreshed: u16,
    refreshed_tick: u16,
}

/// The table.
///
/// Invariant: a set that isn't marked as used is empty.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    regions: [[Region; WAYS]; SETS],
    /// A bit for each set in which something was remembered since the table was cleared. They stay in the processor's
    /// cache, where the table doesn't: blocks written where nobody reads needn't wait for memory.
    used: [u64; SETS / 64],
    /// The last time that a region with blocks that had been refreshed lately gave way to another.
    forgot_refreshed: Option<Micros>,
}

impl Region {
    /// Ticks since it was last of use.
    fn age(&self, now: u16) -> u16 {
        let refreshed = match self.refreshed {
            0 => u16::MAX,
            _ => now.wrapping_sub(self.refreshed_tick),
        };
        now.wrapping_sub(self.tick).min(refreshed)
    }
}

const EMPTY: Region = Region {
    tag: 0,
    blocks: 0,
    tick: 0,
    refreshed: 0,
    refreshed_tick: 0,
};

pub(crate) const fn tick_of(now: Micros) -> u16 {
    (now >> TICK_BITS) as u16
}

/// A region's set and tag. Neighbouring regions lie in neighbouring sets.
const fn place(region: u64) -> (usize, u32) {
    (
        (region % SETS as u64) as usize,
        ((region >> SET_BITS) as u32).wrapping_add(1),
    )
}

impl Recent {
    pub(crate) const fn new() -> Self {
        Self {
            regions: [[EMPTY; WAYS]; SETS],
            used: [0; SETS / 64],
            forgot_refreshed: None,
        }
    }

    fn is_used(&self, set: usize) -> bool {
        self.used.get(set / 64).is_some_and(|bits| bits >> (set % 64) & 1 == 1)
    }

    /// Remembers that blocks were read, and says how many of them had been read recently already.
    pub(crate) fn note(&mut self, first: u64, count: u32, now: Micros) -> u32 {
        let (at, now) = (now, tick_of(now));
        let (mut block, end) = (first, first + u64::from(count));
        let mut again = 0;
        while block < end {
            let region = block >> REGION_BITS;
            let stop = end.min((region + 1) << REGION_BITS);
            let mask = mask(block, stop);
            let slot = self.slot(region, at);
            again += (slot.blocks & mask).count_ones();
            slot.blocks |= mask;
            slot.tick = now;
            block = stop;
        }
        again
    }

    /// The region's slot, made empty if it was another's, and of what is too old.
    fn slot(&mut self, region: u64, at: Micros) -> &mut Region {
        let now = tick_of(at);
        let (set, tag) = place(region);
        if let Some(bits) = self.used.get_mut(set / 64) {
            *bits |= 1 << (set % 64);
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "`place` yields a number below SETS, and positions below WAYS"
        )]
        let ways = &mut self.regions[set];
        let found = ways.iter().position(|way| way.tag == tag);
        let chosen = found.unwrap_or_else(|| {
            let oldest = ways.iter().enumerate().max_by_key(|(_, way)| match way.tag {
                0 => u32::MAX,
                _ => u32::from(way.age(now)),
            });
            oldest.map_or(0, |(index, _)| index)
        });
        #[expect(clippy::indexing_slicing, reason = "as above")]
        let way = &mut ways[chosen];
        if way.tag != tag {
            if way.refreshed != 0 && now.wrapping_sub(way.refreshed_tick) <= HOT_TICKS {
                self.forgot_refreshed = Some(at);
            }
            *way = Region {
                tag,
                tick: now,
                refreshed_tick: now,
                ..EMPTY
            };
        } else if now.wrapping_sub(way.tick) > RECENT_TICKS {
            (way.blocks, way.tick) = (0, now);
        }
        way
    }

    /// Remembers that a block was written as it was: that it was written lately says nothing any more.
    pub(crate) fn refresh(&mut self, block: u64, now: Micros) {
        let slot = self.slot(block >> REGION_BITS, now);
        let now = tick_of(now);
        if now.wrapping_sub(slot.refreshed_tick) > HOT_TICKS {
            slot.refreshed = 0;
        }
        slot.refreshed |= mask(block, block + 1);
        slot.refreshed_tick = now;
    }

    /// Whether a block may have been written as it was in the last minute.
    pub(crate) fn is_refreshed(&self, block: u64, now: Micros) -> bool {
        let in_doubt = Micros::from(HOT_TICKS) << TICK_BITS;
        if self
            .forgot_refreshed
            .is_some_and(|forgot| now.saturating_sub(forgot) <= in_doubt)
        {
            return true;
        }
        let now = tick_of(now);
        let (set, tag) = place(block >> REGION_BITS);
        let ways = self.regions.get(set).filter(|_| self.is_used(set));
        let way = ways.and_then(|ways| ways.iter().find(|way| way.tag == tag));
        way.is_some_and(|way| {
            way.refreshed & mask(block, block + 1) != 0 && now.wrapping_sub(way.refreshed_tick) <= HOT_TICKS
        })
    }

    /// Takes a block out that is overwritten or trimmed now: how many ticks ago it was read, if recently.
    pub(crate) fn take(&mut self, block: u64, now: Micros) -> Option<u16> {
        let (taken, age) = self.take_part(block, block + 1, tick_of(now))?;
        (taken > 0).then_some(age)
    }

    /// Takes a range out, and says how many of its blocks had been read recently. Costs at most a look at the whole
    /// table, however long the range is.
    pub(crate) fn take_range(&mut self, first: u64, count: u64, now: Micros) -> u64 {
        let end = first.saturating_add(count);
        let now = tick_of(now);
        let mut taken = 0;
        if count >> REGION_BITS < (SETS * WAYS) as u64 {
            let mut block = first;
            while block < end {
                let stop = end.min(((block >> REGION_BITS) + 1) << REGION_BITS);
                taken += self
                    .take_part(block, stop, now)
                    .map_or(0, |(taken, _)| u64::from(taken));
                block = stop;
            }
            return taken;
        }
        for (set, ways) in self.regions.iter_mut().enumerate() {
            for way in ways.iter_mut().filter(|way| way.tag != 0) {
                let start = (u64::from(way.tag - 1) << SET_BITS | set as u64) << REGION_BITS;
                if start >= first && start < end {
                    if now.wrapping_sub(way.tick) <= RECENT_TICKS {
                        taken += u64::from(way.blocks.count_ones());
                    }
                    *way = EMPTY;
                }
            }
        }
        taken
    }

    /// Takes blocks of one region out: how many had been read recently, and how many ticks ago.
    fn take_part(&mut self, first: u64, end: u64, now: u16) -> Option<(u32, u16)> {
        let (set, tag) = place(first >> REGION_BITS);
        if !self.is_used(set) {
            return None;
        }
        let way = self.regions.get_mut(set)?.iter_mut().find(|way| way.tag == tag)?;
        let mask = mask(first, end);
        let age = now.wrapping_sub(way.tick);
        let taken = if age <= RECENT_TICKS {
            (way.blocks & mask).count_ones()
        } else {
            0
        };
        way.blocks &= !mask;
        Some((taken, age))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.regions.fill([EMPTY; WAYS]);
        self.used.fill(0);
        self.forgot_refreshed = None;
    }
}

/// The bits of the blocks from `first` to `end`, all in one region.
const fn mask(first: u64, end: u64) -> u16 {
    let low = first % (1 << REGION_BITS);
    let count = end - first;
    ((((1_u32 << count) - 1) << low) & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::boxed::Box;

    const SECOND: Micros = 1_000_000;

    #[test]
    fn blocks_read_are_remembered_until_they_are_taken() {
        let mut recent = Box::new(Recent::new());
        assert_eq!(recent.note(10, 40, SECOND), 0);
        assert_eq!(recent.note(10, 8, 2 * SECOND), 8);
        assert_eq!(recent.take(9, 3 * SECOND), None);
        assert_eq!(recent.take(10, 3 * SECOND), Some(4));
        assert_eq!(recent.take(10, 3 * SECOND), None, "taken once");
        assert_eq!(recent.take_range(0, 100, 3 * SECOND), 39);
    }

    #[test]
    fn what_is_read_in_any_set_is_remembered_also_after_clearing() {
        let mut recent = Box::new(Recent::new());
        for _ in 0..2 {
            for region in [0, 1, 63, 64, SETS as u64 - 1, SETS as u64 + 70] {
                let block = region << REGION_BITS;
                assert_eq!(recent.take(block, SECOND), None);
                recent.note(block, 1, SECOND);
                assert_eq!(recent.take(block, SECOND), Some(0));
                recent.note(block, 1, SECOND);
            }
            recent.clear();
        }
    }

    #[test]
    fn blocks_written_as_they_were_are_remembered_for_a_minute_or_all_are_in_doubt() {
        let mut recent = Box::new(Recent::new());
        recent.refresh(5, SECOND);
        recent.note(4, 2, 2 * SECOND);
        recent.refresh(6, 50 * SECOND);
        let refreshed = |recent: &Recent, second| [4, 5, 6].map(|block| recent.is_refreshed(block, second * SECOND));
        assert_eq!(refreshed(&recent, 60), [false, true, true]);
        assert_eq!(recent.take(5, 60 * SECOND), Some(221));
        assert_eq!(refreshed(&recent, 120), [false; 3]);
        recent.refresh(4, 120 * SECOND);
        assert_eq!(refreshed(&recent, 121), [true, false, false]);
        // What was read longer ago gives way first; reading so much that it is forgotten doesn't help anybody.
        let read = |recent: &mut Recent, others: core::ops::Range<u64>| {
            for other in others {
                recent.note((other * SETS as u64) << REGION_BITS, 1, (121 + other) * SECOND);
            }
        };
        read(&mut recent, 1..WAYS as u64);
        assert_eq!(refreshed(&recent, 126), [true, false, false]);
        read(&mut recent, WAYS as u64..2 * WAYS as u64);
        assert_eq!(refreshed(&recent, 180), [true; 3]);
        // A tick of 16 bits comes again after 4.8 hours.
        for second in [200, 17_180 + 130] {
            assert_eq!(refreshed(&recent, second), [false; 3]);
        }
    }

    #[test]
    fn what_was_read_long_ago_is_not_recent() {
        let mut recent = Box::new(Recent::new());
        recent.note(0, 16, 0);
        assert_eq!(recent.take(0, 600 * SECOND), Some(2288));
        assert_eq!(recent.take(1, 700 * SECOND), None);
        recent.note(0, 16, 0);
        assert_eq!(recent.note(0, 1, 700 * SECOND), 0);
        assert_eq!(recent.take(5, 700 * SECOND), None, "the region began anew");
    }

    #[test]
    fn four_gigabytes_read_in_order_are_remembered() {
        let mut recent = Box::new(Recent::new());
        let blocks = 1 << 20;
        recent.note(0, blocks, 0);
        assert_eq!(recent.take_range(0, u64::from(blocks), 0), u64::from(blocks));
        recent.note(0, 2 * blocks, 0);
        assert_eq!(recent.take_range(0, u64::from(2 * blocks), 0), u64::from(blocks));
    }

    #[test]
    fn a_trim_of_a_whole_disk_is_one_look_at_the_table() {
        let mut recent = Box::new(Recent::new());
        recent.note(5, 100, 0);
        recent.note(1 << 34, 16, 0);
        assert_eq!(recent.take_range(0, 1 << 35, SECOND), 116);
    }
}
