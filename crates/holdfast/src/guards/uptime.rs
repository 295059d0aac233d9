//! The clock that guards measure spans with.

use guard::Uptime;
use rustix::time::{ClockId, clock_gettime};

/// What is remembered from before the system's start lies up to 30 days before it.
const BEFORE_THE_START_MICROS: u64 = 30 * 86_400 * 1_000_000;

/// Microseconds since 30 days before the system's start. Nobody can set it, and it goes on while the system sleeps.
#[derive(Debug, Default)]
pub struct BootTime;

impl Uptime for BootTime {
    fn micros(&self) -> u64 {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_nsec).unwrap_or(0) / 1000;
        seconds
            .saturating_mul(1_000_000)
            .saturating_add(micros)
            .saturating_add(BEFORE_THE_START_MICROS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_those_of_the_system() {
        let before = BootTime.micros();
        assert!(before > BEFORE_THE_START_MICROS);
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = BootTime.micros() - before;
        assert!((20_000..60_000_000).contains(&passed), "{passed}");
    }
}
