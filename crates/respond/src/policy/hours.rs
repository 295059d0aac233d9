//! Times of day and weekdays at which a policy holds.

use std::fmt;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::time::Time;

/// Minutes of a day.
const DAY_MINUTES: u32 = 1440;
/// Weekdays as they are written, Monday first.
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When a policy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// From and until, in minutes after midnight; over midnight if `until` is the earlier one.
    pub(super) span: Option<(u32, u32)>,
    /// The days on which the span begins, Monday first; all if none is named.
    pub(super) days: Option<[bool; 7]>,
    /// The time zone; the site's if none is named.
    pub(super) zone: Option<TimeZone>,
}

impl Hours {
    /// Whether a time lies in them, in the policy's time zone or else in `zone`.
    #[must_use]
    pub fn hold(&self, now: Time, zone: &TimeZone) -> bool {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let local = now.timestamp().to_zoned_datetime(zone.clone());
        let minute = u32::try_from(local.hour()).unwrap_or(0) * 60 + u32::try_from(local.minute()).unwrap_or(0);
        let today = index(local.weekday());
        let (is_within, began) = match self.span {
            None => (true, today),
            Some((from, until)) if from < until => ((from..until).contains(&minute), today),
            // What is left of a night belongs to the day on which it began.
            Some((_, until)) if minute < until => (true, (today + 6) % 7),
            Some((from, _)) => (minute >= from, today),
        };
        is_within && self.days.is_none_or(|days| days.get(began).copied().unwrap_or(false))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span {
            Some((from, until)) => write!(
                f,
                "between {:02}:{:02} and {:02}:{:02}",
                from / 60,
                from % 60,
                until / 60,
                until % 60
            )?,
            None => f.write_str("at any hour")?,
        }
        if let Some(days) = self.days {
            let named = NAMES.iter().zip(days).filter(|(_, is_named)| *is_named);
            let named: Vec<&str> = named.map(|(name, _)| *name).collect();
            write!(f, " on {}", named.join(", "))?;
        }
        match self.zone.as_ref().and_then(TimeZone::iana_name) {
            Some(zone) => write!(f, " ({zone})"),
            None => Ok(()),
        }
    }
}

/// `22:00-06:00` in minutes after midnight.
pub(super) fn span(text: &str) -> Option<(u32, u32)> {
    let (from, until) = text.split_once('-')?;
    let span = (minutes(from.trim())?, minutes(until.trim())?);
    (span.0 != span.1 && span.0 < DAY_MINUTES).then_some(span)
}

/// The weekday of a name, Monday being 0.
pub(super) fn weekday(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

/// `06:00`, or `24:00` for the end of the day.
fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let is_written_well = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_written_well(hour) || !is_written_well(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY_MINUTES).then_some(minutes)
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(span: Option<&str>, days: Option<&[&str]>) -> Hours {
        Hours {
            span: span.map(|text| super::span(text).unwrap()),
            days: days.map(|names| {
                let mut days = [false; 7];
                names.iter().for_each(|name| days[weekday(name).unwrap()] = true);
                days
            }),
            zone: None,
        }
    }

    fn at(text: &str) -> Time {
        let time: jiff::Timestamp = text.parse().unwrap();
        Time::from_unix_millis(time.as_millisecond())
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_began() {
        // 2026-11-28 is a Saturday.
        let nights = hours(Some("22:00-06:00"), Some(&["sat"]));
        for (time, expected) in [
            ("2026-11-28T21:59:00Z", false),
            ("2026-11-28T22:00:00Z", true),
            ("2026-11-29T05:59:00Z", true),
            ("2026-11-29T06:00:00Z", false),
            ("2026-11-29T22:00:00Z", false),
            ("2026-11-28T05:00:00Z", false),
        ] {
            assert_eq!(nights.hold(at(time), &TimeZone::UTC), expected, "{time}");
        }
        let days = hours(Some("09:00-24:00"), None);
        assert!(days.hold(at("2026-11-28T23:59:00Z"), &TimeZone::UTC));
        assert!(!days.hold(at("2026-11-28T08:59:00Z"), &TimeZone::UTC));
    }

    #[test]
    fn the_policys_time_zone_goes_before_the_sites() {
        let site = TimeZone::fixed(jiff::tz::offset(-5));
        let mut mornings = hours(Some("09:00-10:00"), None);
        assert!(mornings.hold(at("2026-11-28T14:30:00Z"), &site));
        mornings.zone = Some(TimeZone::fixed(jiff::tz::offset(1)));
        assert!(mornings.hold(at("2026-11-28T08:30:00Z"), &site));
        assert!(!mornings.hold(at("2026-11-28T14:30:00Z"), &site));
    }

    #[test]
    fn spans_that_are_none_are_refused() {
        for text in [
            "",
            "22:00",
            "22:00-22:00",
            "24:00-06:00",
            "25:00-26:00",
            "9:00-10:00",
            "09:60-10:00",
            "a-b",
            "+1:00-02:00",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
