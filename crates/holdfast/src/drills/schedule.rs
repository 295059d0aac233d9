//! When drills are due: every day at a time of day, here.

use jiff::civil::Time;
use jiff::{ToSpan, ZonedDateTime};

/// Days that are looked at when the clock went on by more than one.
const DAYS_MAX: i32 = 3;

/// Whether the time of day has come since `checked`, which was looked at last. A machine that slept then has it when it wakes up.
#[must_use]
pub fn is_due(at: Time, checked: &ZonedDateTime, now: &ZonedDateTime) -> bool {
    (0..=DAYS_MAX).any(|ago| on_day(at, now, -ago).is_some_and(|time| *checked < time && time <= *now))
}

/// When it comes next.
#[must_use]
pub fn next(at: Time, now: &ZonedDateTime) -> Option<ZonedDateTime> {
    (0..=1).filter_map(|days| on_day(at, now, days)).find(|time| time > now)
}

/// The time of day, so many days from today. An hour that a change of the clocks leaves out is taken for the one after it.
fn on_day(at: Time, now: &ZonedDateTime, days: i32) -> Option<ZonedDateTime> {
    let date = now.date().checked_add(days.days()).ok()?;
    date.to_datetime(at).to_zoned_datetime(now.time_zone().clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    fn zoned(text: &str) -> ZonedDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_drill_is_due_once_a_day() {
        let at = time(2, 30, 0, 0);
        let due = |checked: &str, now: &str| is_due(at, &zoned(checked), &zoned(now));
        assert!(due("2026-11-26T02:29:59[UTC]", "2026-11-26T02:30:00[UTC]"));
        assert!(!due("2026-11-26T02:30:00[UTC]", "2026-11-26T02:30:01[UTC]"));
        assert!(!due("2026-11-26T02:30:00[UTC]", "2026-11-27T02:29:59[UTC]"));
        assert!(due("2026-11-26T01:00:00[UTC]", "2026-11-26T09:00:00[UTC]"), "it slept");
        assert!(
            !due("2026-11-26T09:00:00[UTC]", "2026-11-26T01:00:00[UTC]"),
            "the clock was set back"
        );
    }

    #[test]
    fn the_night_in_which_the_hour_is_left_out_has_its_drill_too() {
        let at = time(2, 30, 0, 0);
        let checked = zoned("2026-03-29T01:59:00[Europe/Berlin]");
        let now = zoned("2026-03-29T03:30:00[Europe/Berlin]");
        assert!(is_due(at, &checked, &now));
    }

    #[test]
    fn the_next_one_is_today_or_tomorrow() {
        let at = time(2, 30, 0, 0);
        let next_of = |now: &str| next(at, &zoned(now)).unwrap().to_string();
        assert_eq!(next_of("2026-11-26T01:00:00[UTC]"), "2026-11-26T02:30:00+00:00[UTC]");
        assert_eq!(next_of("2026-11-26T02:30:00[UTC]"), "2026-11-27T02:30:00+00:00[UTC]");
    }
}
