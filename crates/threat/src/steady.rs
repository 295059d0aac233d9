//! A clock that single records can't turn: logs name any time they like, by mistake or on purpose, and what is learnt hangs on it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Times of which the middle one is believed: to move it, more than half of them must have moved.
const REMEMBERED: usize = 9;
/// Times that hang together are remembered for so many leaps, those of the fewest records going first: whoever makes up a few records of long ago
/// takes nothing away from what was learnt.
const ERAS_MAX: usize = 4;
/// A time further from the middle one than so many seconds is taken for wrong until others agree: thirty days.
const BELIEVED: i64 = 30 * 86_400;

/// The last few times that were named.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Steady {
    times: VecDeque<i64>,
    /// When the times began that hang together with the present ones.
    began: Option<i64>,
    /// How many they are.
    #[serde(default)]
    count: u64,
    /// Times that were left for others.
    #[serde(default)]
    left: Vec<Era>,
    last: Believed,
}

/// Times that hang together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Era {
    began: i64,
    middle: i64,
    count: u64,
}

/// A time that may be learnt from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Believed {
    /// The time that was named, or the middle one if that isn't believed.
    pub(crate) now: i64,
    /// The middle one of the last few.
    pub(crate) middle: i64,
    /// Since when the middle one hasn't leapt, as it does between logs or after a long pause: what was learnt before was of another time.
    pub(crate) began: i64,
}

impl Steady {
    pub(crate) fn see(&mut self, time: i64) -> Believed {
        let before = if self.times.is_empty() { time } else { self.last.middle };
        self.times.push_back(time);
        if self.times.len() > REMEMBERED {
            self.times.pop_front();
        }
        let middle = self.middle().unwrap_or(time);
        let now = if far(time, middle) { middle } else { time };
        if far(before, middle) {
            self.leap(before, now);
        }
        self.count += 1;
        let began = *self.began.get_or_insert(now);
        self.last = Believed { now, middle, began };
        self.last
    }

    /// What was believed of the last time that was named.
    pub(crate) const fn last(&self) -> Believed {
        self.last
    }

    /// Goes over to other times: ones that were left before, or new ones.
    fn leap(&mut self, before: i64, now: i64) {
        let back = self.left.iter().position(|era| !far(era.middle, now));
        let back = back.map(|at| self.left.swap_remove(at));
        self.left.extend(self.began.map(|began| Era {
            began,
            middle: before,
            count: self.count,
        }));
        if self.left.len() > ERAS_MAX {
            let fewest = self.left.iter().enumerate().min_by_key(|(_, era)| era.count);
            if let Some((fewest, _)) = fewest {
                self.left.swap_remove(fewest);
            }
        }
        self.began = Some(back.map_or(now, |era| era.began));
        self.count = back.map_or(0, |era| era.count);
    }

    fn middle(&self) -> Option<i64> {
        let mut times: Vec<i64> = self.times.iter().copied().collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }
}

const fn far(one: i64, other: i64) -> bool {
    one.abs_diff(other) > BELIEVED.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_735_804_800;

    #[test]
    fn a_few_records_from_the_future_do_not_turn_the_clock_and_many_do() {
        let mut clock = Steady::default();
        for second in 0..20 {
            assert_eq!(clock.see(NOW + second).now, NOW + second);
        }
        let future = NOW + 3_650 * 86_400;
        for _ in 0..4 {
            let believed = clock.see(future);
            assert!(believed.now < NOW + 20 && believed.began == NOW);
        }
        assert_eq!(clock.see(future).began, future);
        assert_eq!(clock.see(future).now, future);
    }

    #[test]
    fn a_day_or_three_weeks_of_silence_are_believed_at_once() {
        let mut clock = Steady::default();
        clock.see(NOW);
        assert_eq!(clock.see(NOW + 86_400).now, NOW + 86_400);
        assert_eq!(clock.see(NOW + 22 * 86_400).now, NOW + 22 * 86_400);
    }

    #[test]
    fn made_up_records_of_long_ago_take_nothing_away_from_what_was_learnt() {
        let mut clock = Steady::default();
        for second in 0..100 {
            clock.see(NOW + second);
        }
        for year in 0..20 {
            for _ in 0..9 {
                clock.see(year * 40 * 86_400);
            }
        }
        let back: Vec<_> = (0..9).map(|_| clock.see(NOW + 200)).collect();
        assert_eq!(
            back[8],
            Believed {
                now: NOW + 200,
                middle: NOW + 200,
                began: NOW
            }
        );
    }
}
