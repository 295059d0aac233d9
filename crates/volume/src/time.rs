//! Points in time and positions in a volume's history.

use std::time::Duration;

/// A wall-clock time in nanoseconds since the Unix epoch, UTC.
///
/// The volume never reads a clock: every call that needs the time takes it as an argument. Times recorded in a
/// volume never go backwards; an earlier argument is recorded as the newest time known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch.
    pub const ZERO: Self = Self(0);
    /// The latest time that can be recorded (in the year 2554).
    pub const MAX: Self = Self(u64::MAX);

    /// A time from nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A time from seconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix_nanos(self) -> u64 {
        self.0
    }

    /// This time moved into the past, stopping at the epoch.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// This time moved into the future, stopping at [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// The time that passed since `earlier`, or zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The number of a batch in a volume's log: 1 for the first, then without gaps. 0 is the empty volume before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The batch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A point in a volume's past, as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The state after the last batch recorded at or before this time.
    At(Timestamp),
    /// The state after this batch.
    After(Sequence),
    /// The state a pin keeps.
    Pin(String),
}

/// Tells the time. Implemented by adapters; the core takes times as arguments and holds a clock only on behalf of
/// an [`crate::Attachment`], whose callers speak a protocol without times.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}
