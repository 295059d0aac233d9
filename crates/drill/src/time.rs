//! Times as results write them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use volume::Timestamp;

/// A time; in JSON RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::from_nanosecond(self.0.as_unix_nanos().into()).map_err(ser::Error::custom)?;
        serializer.collect_str(&time)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let nanos = u64::try_from(time.as_nanosecond()).map_err(de::Error::custom)?;
        Ok(Self(Timestamp::from_unix_nanos(nanos)))
    }
}
