//! How history ages: by the clock, but for pauses in which nothing was served.
//!
//! After a start nobody can tell how long the machine was off: the clock says so, and whoever can set the clock could
//! make a week of history look years old. A machine that was off gains no history, so nothing is lost by not counting
//! that time: then a wrong clock ages nothing either.

use std::time::Duration;

use crate::time::Timestamp;

/// Spans of the clock that don't age history, ascending and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses(Vec<(Timestamp, Timestamp)>);

impl Pauses {
    /// The pauses that begin and end at these times. Those that touch are joined.
    #[must_use]
    pub fn new(spans: impl IntoIterator<Item = (Timestamp, Timestamp)>) -> Self {
        let mut spans: Vec<_> = spans.into_iter().filter(|(from, until)| from < until).collect();
        spans.sort();
        let mut joined: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, until) in spans {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(until),
                _ => joined.push((from, until)),
            }
        }
        Self(joined)
    }

    /// When each pause begins and ends.
    #[must_use]
    pub fn spans(&self) -> &[(Timestamp, Timestamp)] {
        &self.0
    }

    /// The time at which what is `age` old now was recorded.
    pub(crate) fn before(&self, now: Timestamp, age: Duration) -> Timestamp {
        let (mut time, mut rest) = (now, age);
        for (from, until) in self.0.iter().rev().filter(|(from, _)| *from < now) {
            let served = time.since((*until).min(time));
            if served >= rest {
                break;
            }
            rest -= served;
            time = *from;
        }
        time.saturating_sub(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    fn seconds_before(pauses: &Pauses, now: u64, age: u64) -> u64 {
        pauses.before(at(now), Duration::from_secs(age)).as_unix_nanos() / 1_000_000_000
    }

    #[test]
    fn a_pause_ages_nothing() {
        let pauses = Pauses::new([(at(300), at(900)), (at(100), at(200))]);
        let ages = |now| [0, 50, 100, 101, 200, 250].map(|age| seconds_before(&pauses, now, age));
        assert_eq!(ages(1000), [1000, 950, 900, 299, 200, 50]);
        assert_eq!(ages(900), [900, 250, 200, 99, 0, 0]);
        assert_eq!(seconds_before(&pauses, 600, 50), 250, "within a pause");
        assert_eq!(seconds_before(&pauses, 250, 50), 200, "before a pause");
        assert_eq!(seconds_before(&Pauses::default(), 1000, 50), 950);
    }

    #[test]
    fn pauses_that_touch_are_one_and_empty_ones_none() {
        let spans = [
            (at(5), at(9)),
            (at(1), at(3)),
            (at(3), at(4)),
            (at(6), at(7)),
            (at(20), at(20)),
        ];
        assert_eq!(Pauses::new(spans).spans(), [(at(1), at(4)), (at(5), at(9))]);
    }
}
