//! What a law asks for.

use jiff::tz::TimeZone;
use jiff::{ToSpan, ZonedDateTime};
use serde::Serialize;

use crate::time::Time;

/// A law, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jurisdiction {
    /// The name on the command line: `uk-gdpr`.
    pub id: String,
    /// The law.
    pub name: String,
    /// Where it applies, and to whom.
    pub applies: String,
    /// Whether it is in force.
    pub force: Force,
    /// When the entry was last compared with something: a date.
    pub checked: String,
    /// What it was compared with.
    pub against: String,
    /// What has to be said with every figure.
    pub caveat: String,
    /// What it asks for.
    pub duties: Vec<Duty>,
}

/// Whether a law is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Force {
    /// It is.
    Yes,
    /// It isn't, as far as known; in words.
    No(String),
}

/// Somebody has to be told of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duty {
    /// The name on the command line, behind the jurisdiction's: `authority`.
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// Who is told.
    pub tell: String,
    /// When it is asked for, and when it isn't.
    pub when: String,
    /// What the clock counts from.
    pub from: Start,
    /// How long there is.
    pub within: Within,
    /// How long there is from awareness at most, where the clock counts from something else.
    pub no_later_than: Option<Within>,
    /// Article, section or rule.
    pub reference: String,
    /// Where it can be read.
    pub url: String,
    /// What else has to be known.
    pub note: Option<String>,
}

/// What a clock counts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// When one became aware of the incident ("discovery" in most of the US).
    Aware,
    /// When one decided that it is of the kind that must be reported: material, major, a notification event.
    Determined,
    /// When another duty of the same law was done.
    Reported(String),
}

/// A span of time as laws have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Within {
    /// Hours, whatever the day.
    Hours(u32),
    /// Calendar days: the same time of day, so many days later.
    Days(u32),
    /// Days from Monday to Friday. Public holidays count as working days here, which makes the time due earlier, never later.
    BusinessDays(u32),
    /// Calendar months: the same day of a later month, or its last one.
    Months(u32),
    /// Without undue delay: no figure.
    NoFixedTime,
}

/// Longest span, of any unit.
const COUNT_MAX: u32 = 10_000;
/// Longest span in months and in business days, which are stepped through.
const STEPS_MAX: u32 = 400;

impl Within {
    /// Reads `72 hours`, `30 days`, `4 business days`, `1 month`, `no fixed time`.
    ///
    /// # Errors
    /// When the text is none of these; says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            format!("`{text}` is no span: write `72 hours`, `30 days`, `4 business days`, `1 month` or `no fixed time`")
        };
        if text == "no fixed time" {
            return Ok(Self::NoFixedTime);
        }
        let (count, unit) = text.split_once(' ').ok_or_else(expected)?;
        let count: u32 = count.parse().map_err(|_| expected())?;
        let (within, most) = match unit {
            "hour" | "hours" => (Self::Hours(count), COUNT_MAX),
            "day" | "days" => (Self::Days(count), COUNT_MAX),
            "business day" | "business days" => (Self::BusinessDays(count), STEPS_MAX),
            "month" | "months" => (Self::Months(count), STEPS_MAX),
            _ => return Err(expected()),
        };
        if count == 0 || count > most {
            return Err(format!("`{text}` is out of range: at least 1 and at most {most}"));
        }
        Ok(within)
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> String {
        let counted = |count: u32, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
        match self {
            Self::Hours(count) => counted(count, "hour"),
            Self::Days(count) => counted(count, "day"),
            Self::BusinessDays(count) => counted(count, "business day"),
            Self::Months(count) => counted(count, "month"),
            Self::NoFixedTime => "without undue delay".to_owned(),
        }
    }

    /// When the time is up; `None` if there is no figure, or no such time.
    #[must_use]
    pub fn after(self, from: Time, zone: &TimeZone) -> Option<Time> {
        let start = from.timestamp().to_zoned_datetime(zone.clone());
        let end = match self {
            // Hours are elapsed hours: a night in which clocks change doesn't matter.
            Self::Hours(count) => start.checked_add(i64::from(count).hours()).ok()?,
            Self::Days(count) => start.checked_add(i64::from(count).days()).ok()?,
            Self::Months(count) => start.checked_add(i64::from(count).months()).ok()?,
            Self::BusinessDays(count) => business_days_later(start, count)?,
            Self::NoFixedTime => return None,
        };
        Some(Time::from_unix_millis(end.timestamp().as_millisecond()))
    }
}

fn business_days_later(start: ZonedDateTime, count: u32) -> Option<ZonedDateTime> {
    use jiff::civil::Weekday::{Saturday, Sunday};
    let mut day = start;
    let mut counted = 0;
    while counted < count {
        day = day.checked_add(1.day()).ok()?;
        counted += u32::from(!matches!(day.weekday(), Saturday | Sunday));
    }
    Some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn after(text: &str, from: &str, name: &str) -> String {
        let zone = zone(name);
        let from: ZonedDateTime = format!("{from}[{name}]").parse().unwrap();
        let from = Time::from_unix_millis(from.timestamp().as_millisecond());
        let end = Within::parse(text).unwrap().after(from, &zone).unwrap();
        end.timestamp().to_zoned_datetime(zone).datetime().to_string()
    }

    #[test]
    fn hours_are_elapsed_hours_when_clocks_change() {
        // 25 October 2026: clocks go back at 02:00. 29 March 2026: forward at 01:00.
        assert_eq!(
            after("72 hours", "2026-10-24T10:00", "Europe/London"),
            "2026-10-27T09:00:00"
        );
        assert_eq!(
            after("72 hours", "2026-03-28T10:00", "Europe/London"),
            "2026-03-31T11:00:00"
        );
        assert_eq!(
            after("72 hours", "2026-11-23T10:15", "Europe/London"),
            "2026-11-26T10:15:00"
        );
        assert_eq!(
            after("24 hours", "2026-10-24T23:30", "Europe/Berlin"),
            "2026-10-25T22:30:00"
        );
    }

    #[test]
    fn days_and_months_keep_the_time_of_day() {
        assert_eq!(
            after("30 days", "2026-10-10T10:00", "Europe/London"),
            "2026-11-09T10:00:00"
        );
        assert_eq!(
            after("1 month", "2026-01-31T12:00", "Europe/Brussels"),
            "2026-02-28T12:00:00"
        );
        assert_eq!(
            after("1 month", "2028-01-31T12:00", "Europe/Brussels"),
            "2028-02-29T12:00:00"
        );
        // 01:30 doesn't exist on 29 March in London: an hour later it is.
        assert_eq!(
            after("1 day", "2026-03-28T01:30", "Europe/London"),
            "2026-03-29T02:30:00"
        );
    }

    #[test]
    fn business_days_leave_weekends_out() {
        // 27 November 2026 is a Friday.
        assert_eq!(
            after("4 business days", "2026-11-27T16:00", "America/New_York"),
            "2026-12-03T16:00:00"
        );
        assert_eq!(
            after("1 business day", "2026-11-28T16:00", "America/New_York"),
            "2026-11-30T16:00:00"
        );
    }

    #[test]
    fn spans_are_read_as_they_are_written() {
        for text in [
            "1 hour",
            "72 hours",
            "1 day",
            "30 days",
            "1 business day",
            "4 business days",
            "1 month",
        ] {
            assert_eq!(Within::parse(text).unwrap().words(), text);
        }
        for text in [
            "",
            "72",
            "72hours",
            "0 hours",
            "-1 days",
            "10001 hours",
            "401 months",
            "3 weeks",
            "soon",
            "4294967296 hours",
        ] {
            assert!(Within::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_span_from_any_time_overflows() {
        for from in [i64::MIN, 0, i64::MAX] {
            for within in [
                Within::Hours(COUNT_MAX),
                Within::Months(STEPS_MAX),
                Within::BusinessDays(STEPS_MAX),
            ] {
                let _ = within.after(Time::from_unix_millis(from), &zone("Europe/London"));
            }
        }
    }
}
