//! Moments as people name them: `-15m`, `10:15`, `2026-11-23 10:15`, `2026-11-23T10:15:00Z`, `#1234`, a pin's name.
//!
//! The text is parsed where it was typed, in the time zone of whoever typed it; only [`When`] travels to the daemon.
//! The grammar is free of ambiguity: names that read as a time can't be given to pins ([`reads_as_time`]), and
//! hours that happen twice or never (daylight saving) are refused with advice.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{ToSpan, ZonedDateTime};
use serde::{Deserialize, Serialize};
use volume::{Moment, Sequence, Timestamp};

use crate::failure::Failure;
use crate::span::parse_span;

/// A moment as it was named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The newest moment.
    Now,
    /// So long before now.
    Ago(Duration),
    /// A time, in nanoseconds since the Unix epoch.
    AtNanos(u64),
    /// The state after a batch.
    Sequence(u64),
    /// The state that a pin keeps.
    Pin(String),
}

impl When {
    /// The moment that is meant, given the time now. A time in the future is refused: there is nothing to see yet.
    pub fn resolve(&self, now: Timestamp) -> Result<Moment, Failure> {
        match self {
            Self::Now => Ok(Moment::At(now)),
            Self::Ago(span) => Ok(Moment::At(now.saturating_sub(*span))),
            Self::AtNanos(nanos) => {
                let time = Timestamp::from_unix_nanos(*nanos);
                if time > now {
                    return Err(Failure::refused(format!("`{}` is in the future", local(time)))
                        .hint(format!("it is `{}` now", local(now))));
                }
                Ok(Moment::At(time))
            }
            Self::Sequence(number) => Ok(Moment::After(Sequence(*number))),
            Self::Pin(name) => Ok(Moment::Pin(name.clone())),
        }
    }
}

/// What a moment's name means to someone for whom it is `now`.
pub fn parse_when(text: &str, now: &ZonedDateTime) -> Result<When, Failure> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(When::Now);
    }
    if let Some(number) = text.strip_prefix('#') {
        let number = number.parse().map_err(|_| {
            Failure::usage(format!("`{text}` is not a sequence number"))
                .hint("write it like `#1234`; `holdfast history` shows them")
        })?;
        return Ok(When::Sequence(number));
    }
    let ago = text
        .strip_prefix('-')
        .or_else(|| text.strip_suffix("ago").map(str::trim_end));
    if let Some(span) = ago {
        return parse_span(span)
            .map(When::Ago)
            .map_err(|error| Failure::usage(error.to_string()).hint(FORMS));
    }
    if let Some(when) = parse_time(text, now)? {
        return Ok(when);
    }
    if crate::names::is_name(text) {
        return Ok(When::Pin(text.to_owned()));
    }
    Err(Failure::usage(format!("`{text}` names no moment")).hint(FORMS))
}

/// Whether a text would be taken for a time (or `now`), so that it can't name a pin.
#[must_use]
pub fn reads_as_time(text: &str) -> bool {
    let noon = Date::constant(2026, 1, 1)
        .at(12, 0, 0, 0)
        .to_zoned_datetime(TimeZone::UTC);
    noon.is_ok_and(|noon| !matches!(parse_when(text, &noon), Ok(When::Pin(_))))
}

/// The forms that a moment can be named in.
pub const FORMS: &str = "name a moment like `-15m`, `10:15`, `2026-11-23 10:15`, `2026-11-23T10:15:00Z`, `#1234` \
                         (a sequence number) or by a pin's name";

/// A time of day, a date, or both; `None` if the text is no time.
fn parse_time(text: &str, now: &ZonedDateTime) -> Result<Option<When>, Failure> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (day, rest) = match words.as_slice() {
        ["today", rest] => (Some(now.date()), *rest),
        ["yesterday", rest] => (now.date().yesterday().ok(), *rest),
        _ => (None, text),
    };
    if let Some(time) = clock_time(rest) {
        let today = day.unwrap_or_else(|| now.date()).to_datetime(time);
        let in_future = day.is_none() && today > now.datetime();
        let meant = if in_future {
            today.saturating_sub(1.day())
        } else {
            today
        };
        return in_zone(text, meant, now.time_zone()).map(Some);
    }
    // The shortest dated form is `2026-11-23`; undelimited digits stay free for names.
    if !(text.len() >= 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-")) {
        return Ok(None);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Some(at(text, time)?));
    }
    let civil = text.parse::<DateTime>().ok().filter(|_| text.contains([' ', 'T', 't']));
    match civil.or_else(|| text.parse::<Date>().ok().map(|date| date.to_datetime(Time::midnight()))) {
        Some(datetime) => in_zone(text, datetime, now.time_zone()).map(Some),
        None if is_date_shaped(text) => {
            Err(Failure::usage(format!("`{text}` is no date or time that there is")).hint(FORMS))
        }
        None => Ok(None),
    }
}

/// Whether a text is written like a date, alone or with a time: a pin can't be meant. `2026-11-23-before` isn't.
fn is_date_shaped(text: &str) -> bool {
    let (date, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    let shape = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    shape && (rest.is_empty() || rest.starts_with([' ', 'T', 't']))
}

/// `10:15` or `10:15:30`.
fn clock_time(text: &str) -> Option<Time> {
    let delimited = text.contains(':') && text.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '.');
    if !delimited {
        return None;
    }
    let padded = if text.find(':') == Some(1) {
        format!("0{text}")
    } else {
        text.to_owned()
    };
    padded.parse().ok()
}

/// The instant of a local date and time; refused where it happens twice or never.
fn in_zone(text: &str, datetime: DateTime, zone: &TimeZone) -> Result<When, Failure> {
    let ambiguous = zone.to_ambiguous_timestamp(datetime);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {}
        AmbiguousOffset::Gap { .. } => {
            return Err(
                Failure::usage(format!("`{text}` never happened: clocks were set forward over it"))
                    .hint("give it in UTC, like `2026-11-23T10:15:00Z`"),
            );
        }
        AmbiguousOffset::Fold { before, after } => {
            return Err(
                Failure::usage(format!("`{text}` happened twice: clocks were set back over it")).hint(format!(
                    "write `{datetime}{before}` for the first or `{datetime}{after}` for the second time"
                )),
            );
        }
    }
    let time = ambiguous
        .compatible()
        .map_err(|error| Failure::usage(format!("`{text}` is not a usable time: {error}")))?;
    at(text, time)
}

fn at(text: &str, time: jiff::Timestamp) -> Result<When, Failure> {
    u64::try_from(time.as_nanosecond())
        .map(When::AtNanos)
        .map_err(|_| Failure::usage(format!("`{text}` lies outside the years 1970 to 2554")))
}

/// A time in the local time zone, to the second, with its offset: `2026-11-23 10:15:00 +01:00`.
#[must_use]
pub fn local(time: Timestamp) -> String {
    zoned(time).map_or_else(
        || "(no time)".to_owned(),
        |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
    )
}

/// A time in the local time zone, without its offset.
#[must_use]
pub fn local_short(time: Timestamp) -> String {
    zoned(time).map_or_else(
        || "(no time)".to_owned(),
        |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// A time as programs read it: RFC 3339 in UTC with nanoseconds. It can be given back as a moment.
#[must_use]
pub fn utc(time: Timestamp) -> String {
    zoned(time).map_or_else(
        || "1970-01-01T00:00:00Z".to_owned(),
        |zoned| zoned.timestamp().strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
    )
}

fn zoned(time: Timestamp) -> Option<ZonedDateTime> {
    let timestamp = jiff::Timestamp::from_nanosecond(i128::from(time.as_unix_nanos())).ok()?;
    Some(timestamp.to_zoned_datetime(TimeZone::system()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 23 November 2026, 10:30 in Berlin (UTC+1).
    fn now() -> ZonedDateTime {
        "2026-11-23T10:30:00+01:00[Europe/Berlin]".parse().unwrap()
    }

    fn nanos(text: &str) -> u64 {
        u64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap()
    }

    #[test]
    fn times_are_read_in_the_zone_of_whoever_typed_them() {
        for (text, expected) in [
            ("10:15", "2026-11-23T09:15:00Z"),
            ("9:15", "2026-11-23T08:15:00Z"),
            ("10:15:30", "2026-11-23T09:15:30Z"),
            ("10:45", "2026-11-22T09:45:00Z"),
            ("today 10:15", "2026-11-23T09:15:00Z"),
            ("yesterday 10:15", "2026-11-22T09:15:00Z"),
            ("2026-11-23", "2026-11-22T23:00:00Z"),
            ("2026-11-23 10:15", "2026-11-23T09:15:00Z"),
            ("2026-11-23T10:15", "2026-11-23T09:15:00Z"),
            ("2026-11-23 10:15:07.5", "2026-11-23T09:15:07.5Z"),
            ("2026-11-23T10:15:00Z", "2026-11-23T10:15:00Z"),
            ("2026-11-23T10:15:00+02:00", "2026-11-23T08:15:00Z"),
            ("2026-07-01 12:00", "2026-07-01T10:00:00Z"),
            (" 10:15 ", "2026-11-23T09:15:00Z"),
        ] {
            assert_eq!(parse_when(text, &now()), Ok(When::AtNanos(nanos(expected))), "{text}");
        }
    }

    #[test]
    fn spans_sequences_and_pins_are_told_apart() {
        let minutes = |n: u64| When::Ago(Duration::from_secs(n * 60));
        for (text, expected) in [
            ("now", When::Now),
            ("-15m", minutes(15)),
            ("-1h30m", minutes(90)),
            ("15 min ago", minutes(15)),
            ("2 hours ago", minutes(120)),
            ("#1234", When::Sequence(1234)),
            ("before-update", When::Pin("before-update".to_owned())),
            ("20261123", When::Pin("20261123".to_owned())),
            ("1015", When::Pin("1015".to_owned())),
        ] {
            assert_eq!(parse_when(text, &now()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_moment_is_refused_with_the_forms_that_do() {
        for text in [
            "",
            "-",
            "-5",
            "#",
            "#-1",
            "a b",
            "25:00",
            "10:15 tomorrow",
            "ago",
            "2026-13-01",
            "2026-02-29 10:15",
        ] {
            let failure = parse_when(text, &now()).unwrap_err();
            assert!(failure.hint.is_some(), "{text}");
        }
    }

    #[test]
    fn hours_that_happen_twice_or_never_are_refused() {
        let twice = parse_when("2026-10-25 02:30", &now()).unwrap_err();
        assert_eq!(
            twice.message,
            "`2026-10-25 02:30` happened twice: clocks were set back over it"
        );
        assert_eq!(
            twice.hint.unwrap(),
            "write `2026-10-25T02:30:00+02` for the first or `2026-10-25T02:30:00+01` for the second time"
        );
        let never = parse_when("2026-03-29 02:30", &now()).unwrap_err();
        assert_eq!(
            never.message,
            "`2026-03-29 02:30` never happened: clocks were set forward over it"
        );
        assert!(parse_when("2026-10-25T02:30:00+02", &now()).is_ok());
    }

    #[test]
    fn names_that_read_as_a_time_are_known() {
        for text in ["now", "2026-11-23", "2026-11-23T10:15", "2026-13-01"] {
            assert!(reads_as_time(text), "{text}");
        }
        for text in ["before-update", "20261123", "v1.0", "2026-11-23-before", "nightly"] {
            assert!(!reads_as_time(text), "{text}");
        }
    }

    #[test]
    fn whatever_a_client_names_gets_an_answer() {
        let parts = [
            "",
            "-",
            "1",
            "99999999999999999999",
            "15m",
            ":",
            "10:15",
            "2026-11-23",
            "T",
            " ",
            "Z",
            "#",
            "\u{e9}",
        ];
        for first in parts {
            for second in parts {
                for third in parts {
                    let _ = parse_when(&format!("{first}{second}{third}"), &now());
                }
            }
        }
    }

    #[test]
    fn the_future_is_refused() {
        let now = Timestamp::from_unix_seconds(1_000);
        assert!(When::AtNanos(1_000_000_000_001).resolve(now).is_err());
        assert_eq!(
            When::AtNanos(1).resolve(now),
            Ok(Moment::At(Timestamp::from_unix_nanos(1)))
        );
        assert_eq!(
            When::Ago(Duration::from_secs(100)).resolve(now),
            Ok(Moment::At(Timestamp::from_unix_seconds(900)))
        );
    }

    #[test]
    fn times_for_programs_read_back_exactly() {
        let time = Timestamp::from_unix_nanos(1_795_428_900_123_456_789);
        assert_eq!(utc(time), "2026-11-23T10:15:00.123456789Z");
        assert_eq!(parse_when(&utc(time), &now()), Ok(When::AtNanos(time.as_unix_nanos())));
    }
}
