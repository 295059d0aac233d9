//! Times as shippers of events write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Numbers above this are milliseconds: as seconds they would be after the year 5000.
const SECONDS_MAX: i64 = 100_000_000_000;

/// A time, if this is one. One without a zone is taken for UTC, which Windows writes events in.
pub(super) fn read(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => from_text(text.trim()),
        Value::Number(number) => from_number(number.as_i64()?),
        _ => None,
    }
}

fn from_text(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return TimeZone::UTC.to_timestamp(time).ok();
    }
    // As PowerShell writes JSON.
    let number = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    from_number(number.parse().ok()?)
}

fn from_number(number: i64) -> Option<Timestamp> {
    if number > SECONDS_MAX {
        Timestamp::from_millisecond(number).ok()
    } else {
        Timestamp::from_second(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_however_they_are_written() {
        let expected: Timestamp = "2021-06-05T19:36:36.537Z".parse().unwrap();
        for text in [
            "2021-06-05T19:36:36.537Z",
            "2021-06-05 19:36:36.537",
            "2021-06-05T21:36:36.537+02:00",
            "2021-06-05T19:36:36.5370000Z",
            "/Date(1622921796537)/",
        ] {
            assert_eq!(read(&Value::from(text)), Some(expected), "{text}");
        }
        assert_eq!(read(&Value::from(1_622_921_796_537_i64)), Some(expected));
        assert_eq!(read(&Value::from("yesterday")), None);
        assert_eq!(read(&Value::from(i64::MAX)), None);
    }
}
