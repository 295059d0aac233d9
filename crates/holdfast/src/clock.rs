//! The daemon's clock: the system's wall clock, held against sudden jumps.
//!
//! Retention drops history by its age, so whoever can set the system's clock (a forged NTP answer, a stolen root
//! account) could age a week of history in a second. The time told here therefore runs on the boot-time clock, which
//! nobody can set, and follows the wall clock only at a bounded rate.
//!
//! Invariant: between two ticks the time told advances exactly as the boot-time clock does; at a tick it moves by at
//! most [`FOLLOW_SMALL`] (or [`FOLLOW_JUMP`]) of the time that passed since the tick before.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use volume::{Clock, Timestamp};

/// A difference to the wall clock above this is a jump.
pub const JUMP: Duration = Duration::from_secs(3600);
/// A small difference is made up at this share (one in ten) of the time that passes.
pub const FOLLOW_SMALL: u64 = 10;
/// A jump is followed at this share (one in a hundred): ten years ahead cost a volume with a week of history at most
/// 1 h 40 min of it in a week.
pub const FOLLOW_JUMP: u64 = 100;

/// How the time told relates to the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The boot-time clock at the last tick, in nanoseconds.
    pub boot_nanos: u64,
    /// What is added to the boot-time clock to tell the time, in nanoseconds.
    pub offset_nanos: u64,
    /// Whether the wall clock was more than [`JUMP`] away at the last tick.
    pub jumped: bool,
}

/// What a tick found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// The clocks agree, or a small difference is being made up.
    Steady,
    /// The wall clock has just jumped ahead (or back) by this much.
    JumpedAhead(Duration),
    /// The wall clock has just jumped back by this much.
    JumpedBack(Duration),
    /// The wall clock is back near the time told.
    Returned,
}

impl Anchor {
    /// Starts at the wall clock.
    #[must_use]
    pub const fn new(boot_nanos: u64, wall_nanos: u64) -> Self {
        Self {
            boot_nanos,
            offset_nanos: wall_nanos.saturating_sub(boot_nanos),
            jumped: false,
        }
    }

    /// The time told at a reading of the boot-time clock.
    #[must_use]
    pub const fn tell(&self, boot_nanos: u64) -> u64 {
        boot_nanos.saturating_add(self.offset_nanos)
    }

    /// Compares with the wall clock and moves a little towards it.
    #[must_use]
    pub fn step(self, boot_nanos: u64, wall_nanos: u64) -> (Self, Tick) {
        let passed = boot_nanos.saturating_sub(self.boot_nanos);
        let told = self.tell(boot_nanos);
        let difference = Duration::from_nanos(told.abs_diff(wall_nanos));
        let jumped = difference > JUMP;
        let most = passed / if jumped { FOLLOW_JUMP } else { FOLLOW_SMALL };
        let correction = most.min(told.abs_diff(wall_nanos));
        let ahead = wall_nanos > told;
        let offset_nanos = if ahead {
            self.offset_nanos.saturating_add(correction)
        } else {
            self.offset_nanos.saturating_sub(correction)
        };
        let tick = match (self.jumped, jumped) {
            (false, true) if ahead => Tick::JumpedAhead(difference),
            (false, true) => Tick::JumpedBack(difference),
            (true, false) => Tick::Returned,
            _ => Tick::Steady,
        };
        (
            Self {
                boot_nanos,
                offset_nanos,
                jumped,
            },
            tick,
        )
    }
}

/// The clock that the daemon and the commands give to volumes.
#[derive(Debug)]
pub struct SteadyClock {
    /// Read at every write; the only thing `now` needs beside the boot-time clock.
    offset_nanos: AtomicU64,
    anchor: Mutex<Anchor>,
}

impl SteadyClock {
    /// A clock that starts at the system's wall clock.
    #[must_use]
    pub fn start() -> Self {
        let anchor = Anchor::new(read(ClockId::Boottime), read(ClockId::Realtime));
        Self {
            offset_nanos: AtomicU64::new(anchor.offset_nanos),
            anchor: Mutex::new(anchor),
        }
    }

    /// Compares with the system's wall clock; to be called about once a second.
    pub fn tick(&self) -> Tick {
        let mut anchor = self.anchor.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (next, tick) = anchor.step(read(ClockId::Boottime), read(ClockId::Realtime));
        *anchor = next;
        self.offset_nanos.store(next.offset_nanos, Ordering::Relaxed);
        tick
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let nanos = read(ClockId::Boottime).saturating_add(self.offset_nanos.load(Ordering::Relaxed));
        Timestamp::from_unix_nanos(nanos)
    }
}

/// The system's wall clock as it is: for log lines, which are compared with those of other programs.
#[must_use]
pub fn wall_clock() -> Timestamp {
    Timestamp::from_unix_nanos(read(ClockId::Realtime))
}

/// A clock's reading in nanoseconds; a time before the epoch reads as the epoch.
fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const WALL: u64 = 1_700_000_000 * SECOND;
    const TEN_YEARS: u64 = 315_360_000;

    /// Ticks once a second for `seconds`, with the wall clock off by `shift` seconds from the start.
    fn run(mut anchor: Anchor, seconds: u64, shift: i64) -> (Anchor, Vec<Tick>) {
        let start = anchor.boot_nanos;
        let mut ticks = Vec::new();
        for second in 1..=seconds {
            let boot = start + second * SECOND;
            let wall = (WALL + boot).saturating_add_signed(shift * 1_000_000_000);
            let (next, tick) = anchor.step(boot, wall);
            anchor = next;
            if tick != Tick::Steady {
                ticks.push(tick);
            }
        }
        (anchor, ticks)
    }

    #[test]
    fn time_told_is_the_wall_clock_while_that_is_steady() {
        let (anchor, ticks) = run(Anchor::new(0, WALL), 3600, 0);
        assert_eq!(anchor.tell(3600 * SECOND), WALL + 3600 * SECOND);
        assert!(ticks.is_empty());
    }

    #[test]
    fn a_small_difference_is_made_up_within_ten_times_its_length() {
        for shift in [-30, 30] {
            let (anchor, ticks) = run(Anchor::new(0, WALL), 301, shift);
            let expected = (WALL + 301 * SECOND).saturating_add_signed(shift * 1_000_000_000);
            assert_eq!(anchor.tell(301 * SECOND), expected, "shift {shift}");
            assert!(ticks.is_empty());
        }
    }

    #[test]
    fn a_jump_of_ten_years_moves_a_week_by_less_than_two_hours() {
        let week = 7 * 86_400;
        let (anchor, ticks) = run(Anchor::new(0, WALL), week, TEN_YEARS.cast_signed());
        let ahead = anchor.tell(week * SECOND) - (WALL + week * SECOND);
        assert!(ahead < 2 * 3600 * SECOND, "{ahead}");
        assert_eq!(ticks, [Tick::JumpedAhead(Duration::from_secs(TEN_YEARS))]);
    }

    #[test]
    fn a_jump_back_never_turns_the_time_told_back_by_more_than_what_passed() {
        let mut anchor = Anchor::new(0, WALL);
        let mut told = WALL;
        for second in 1..1000 {
            (anchor, _) = anchor.step(second * SECOND, WALL - 10 * 86_400 * SECOND);
            let now = anchor.tell(second * SECOND);
            assert!(now > told, "second {second}");
            told = now;
        }
    }

    #[test]
    fn a_jump_that_is_taken_back_is_told_once_each_way() {
        let (anchor, ticks) = run(Anchor::new(0, WALL), 10, 7200);
        assert_eq!(ticks, [Tick::JumpedAhead(Duration::from_secs(7200))]);
        let (_, ticks) = run(anchor, 10, 0);
        assert_eq!(ticks, [Tick::Returned]);
    }

    #[test]
    fn many_jumps_just_below_the_limit_gain_at_most_a_tenth() {
        let mut anchor = Anchor::new(0, WALL);
        for second in 1..=36_000u64 {
            let told = anchor.tell(second * SECOND);
            (anchor, _) = anchor.step(second * SECOND, told + 3599 * SECOND);
        }
        assert!(anchor.tell(36_000 * SECOND) <= WALL + (36_000 + 3_600) * SECOND);
    }

    #[test]
    fn the_clock_starts_at_the_system_time() {
        let clock = SteadyClock::start();
        let system = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos();
        let told = u128::from(clock.now().as_unix_nanos());
        assert!(told.abs_diff(system) < 1_000_000_000, "{told} {system}");
        assert_eq!(clock.tick(), Tick::Steady);
    }
}
