//! Times: a clock that doesn't jump for spans, the wall clock for people and for the volume's history.

use std::time::Duration;

use sentinel::Micros;
use serde::{Deserialize, Deserializer, Serializer, de, ser};
use volume::Timestamp;

/// A monotonic clock. The guard has none of its own.
pub trait Uptime: Send + Sync {
    /// Microseconds since some beginning at least 30 days ago (add 30 days to a clock that begins with the system): what
    /// is remembered from before a restart lies before the restart on this clock, too.
    fn micros(&self) -> Micros;
}

/// A time as text of RFC 3339 in UTC, for `#[serde(with = "guard::rfc3339")]`.
pub mod rfc3339 {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, de, ser};

    /// Writes as many digits of a second as are needed for its nanoseconds.
    ///
    /// # Errors
    ///
    /// What the serializer reports.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::from_nanosecond(time.as_unix_nanos().into()).map_err(ser::Error::custom)?;
        serializer.collect_str(&time)
    }

    /// Reads a time with any offset from UTC.
    ///
    /// # Errors
    ///
    /// Text that is no time, or a time before 1970 or after the year 2554.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let nanos = u64::try_from(time.as_nanosecond()).map_err(de::Error::custom)?;
        Ok(Timestamp::from_unix_nanos(nanos))
    }
}

/// The same for a time that may be missing.
pub(crate) mod rfc3339_option {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};
    use serde::Serialize;

    #[derive(Serialize, Deserialize)]
    struct Wrapped(#[serde(with = "super::rfc3339")] Timestamp);

    pub(crate) fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(Wrapped).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
    }
}

/// The wall clock's time at `micros`, if it reads `wall` at `now`.
pub(crate) fn at_uptime(micros: Micros, now: Micros, wall: Timestamp) -> Timestamp {
    let (behind, ahead) = (now.saturating_sub(micros), micros.saturating_sub(now));
    wall.saturating_sub(Duration::from_micros(behind))
        .saturating_add(Duration::from_micros(ahead))
}

/// A time as part of a name: `20261125-231500`, in UTC.
pub(crate) fn in_name(time: Timestamp) -> String {
    let text = time.to_string();
    let digits = text.chars().filter(char::is_ascii_digit);
    let mut name: String = digits.collect();
    name.insert(name.len().saturating_sub(6), '-');
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_becomes_a_part_of_a_name() {
        assert_eq!(in_name(Timestamp::from_unix_seconds(1_795_428_900)), "20261123-101500");
    }
}
