//! The time in which an attack takes place: a clock of the drill's own.
//!
//! It begins when the drill does and goes on as the attack does: a request takes as long as on a middling disk, a pause of
//! the attacker as long as it is, and what holds the drill back for the guest's sake takes no time at all. So the same seed
//! on the same disk gives the same result, however busy the machine is, and a slow attack needs no long night.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use guard::Uptime;
use volume::{Clock, Timestamp};

/// What a request costs beside its bytes, in microseconds: with the opening, renaming and computing around it. A small file, read and
/// written, takes somewhat more than a millisecond, a third of what LockBit takes by Splunk's measurement (98,561 files in 350 s).
const REQUEST_MICROS: u64 = 500;
/// Bytes that the attacked disk moves in a second: 200 MiB.
const BYTES_PER_SECOND: u64 = 200 << 20;

/// Both clocks that a guard needs.
#[derive(Debug)]
pub(crate) struct DrillClock {
    wall: Timestamp,
    uptime_micros: u64,
    passed_micros: AtomicU64,
}

impl DrillClock {
    /// Begins at what the real clocks show.
    pub(crate) const fn new(wall: Timestamp, uptime_micros: u64) -> Self {
        Self {
            wall,
            uptime_micros,
            passed_micros: AtomicU64::new(0),
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.passed_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Lets the time pass that a request takes.
    pub(crate) fn advance_by_request(&self, bytes: u64) {
        let micros = bytes.saturating_mul(1_000_000) / BYTES_PER_SECOND;
        self.advance(Duration::from_micros(REQUEST_MICROS + micros));
    }

    /// Microseconds since the beginning.
    pub(crate) fn passed_micros(&self) -> u64 {
        self.passed_micros.load(Ordering::Relaxed)
    }
}

impl Clock for DrillClock {
    fn now(&self) -> Timestamp {
        self.wall.saturating_add(Duration::from_micros(self.passed_micros()))
    }
}

impl Uptime for DrillClock {
    fn micros(&self) -> u64 {
        self.uptime_micros.saturating_add(self.passed_micros())
    }
}
