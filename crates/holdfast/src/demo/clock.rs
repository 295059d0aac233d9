//! The demo's clock. It runs as every clock does, except that it leaps ahead between scenes: the documents were written last
//! month, the ordinary work was this morning, the attack is now. The volume and the guard know no other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use guard::Uptime;
use volume::{Clock, Timestamp};

/// How long ago the demo begins.
const AGO: Duration = Duration::from_secs(30 * 86_400);

/// A clock that starts a month ago and leaps when told to.
#[derive(Debug)]
pub(super) struct DemoClock {
    began: Instant,
    /// The wall clock at the start.
    present: Duration,
    /// What was leapt over, in nanoseconds.
    leapt: AtomicU64,
}

impl DemoClock {
    pub(super) fn start() -> Self {
        Self {
            began: Instant::now(),
            present: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            leapt: AtomicU64::new(0),
        }
    }

    /// Time since the start, leaps included: never goes back.
    pub(super) fn uptime(&self) -> Duration {
        self.began.elapsed() + Duration::from_nanos(self.leapt.load(Ordering::Relaxed))
    }

    /// Leaps to so long before the present; nowhere if that has passed.
    pub(super) fn leap_to(&self, before_present: Duration) {
        let target = AGO.saturating_sub(before_present);
        let leapt = target.as_nanos().min(u128::from(u64::MAX)) as u64;
        self.leapt.fetch_max(leapt, Ordering::Relaxed);
    }
}

/// Guards want a clock that began long ago.
impl Uptime for DemoClock {
    fn micros(&self) -> u64 {
        let since_beginning = AGO + self.uptime();
        since_beginning.as_micros().min(u128::from(u64::MAX)) as u64
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        let nanos = (self.present.saturating_sub(AGO) + self.uptime()).as_nanos();
        Timestamp::from_unix_nanos(nanos.min(u128::from(u64::MAX)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_leaps_ahead_and_never_back() {
        let clock = DemoClock::start();
        let first = clock.now();
        clock.leap_to(Duration::from_secs(3600));
        let second = clock.now();
        clock.leap_to(Duration::from_secs(86_400));
        assert!(clock.now() >= second);
        let leapt = second.since(first).as_secs();
        assert_eq!(leapt / 60, (30 * 86_400 - 3600) / 60, "{leapt}");
        assert!(clock.uptime() >= second.since(first));
    }
}
