//! A clock that single records can't turn: logs name any time they like, by mistake or on purpose, and what is learnt hangs on it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Times of which the middle one is believed: to move it, more than half of them must have moved.
const REMEMBERED: usize = 9;
/// A time further from the middle one than so many seconds is taken for wrong until others agree: thirty days.
const BELIEVED: i64 = 30 * 86_400;

/// The last few times that were named.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Steady {
    times: VecDeque<i64>,
    /// When the times began that hang together with the present ones.
    began: Option<i64>,
    last: Believed,
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
        let far = |one: i64, other: i64| one.abs_diff(other) > BELIEVED.unsigned_abs();
        let now = if far(time, middle) { middle } else { time };
        if self.began.is_none() || far(before, middle) {
            self.began = Some(now);
        }
        let began = self.began.unwrap_or(now);
        self.last = Believed { now, middle, began };
        self.last
    }

    /// What was believed of the last time that was named.
    pub(crate) const fn last(&self) -> Believed {
        self.last
    }

    fn middle(&self) -> Option<i64> {
        let mut times: Vec<i64> = self.times.iter().copied().collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }
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
}
