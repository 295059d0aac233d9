//! Hours of people: when quiet hours end, when the next digest is. Pure: the time is an argument, the zone is the group's.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::settings::{Digest, Quiet};
use crate::time::Time;

/// Quiet hours that follow each other without a gap are one; after this many, something is told anyway.
const QUIET_JOINED_MAX: usize = 32;

/// When the quiet hours end in which `now` lies; `None` if it lies in none.
pub(super) fn quiet_until(quiet: &[Quiet], zone: &TimeZone, now: Time) -> Option<Time> {
    let mut end = now.timestamp();
    for _ in 0..QUIET_JOINED_MAX {
        let ends = quiet.iter().filter_map(|hours| end_of(hours, zone, end));
        match ends.max() {
            Some(later) => end = later,
            None => break,
        }
    }
    (end > now.timestamp()).then(|| rounded_up(end))
}

/// When the digest after `now` is.
pub(super) fn digest_after(digest: &Digest, zone: &TimeZone, now: Time) -> Time {
    let today = now.timestamp().to_zoned_datetime(zone.clone()).date();
    let days = [Some(today), today.tomorrow().ok()];
    let times = days.iter().flatten();
    let mut times = times.filter_map(|day| instant(day.to_datetime(digest.at), zone));
    let next = times.find(|time| *time > now.timestamp());
    // There is always one but at the end of all times.
    next.map_or_else(|| now.plus_millis(DAY_MILLIS), rounded_up)
}

const DAY_MILLIS: i64 = 86_400_000;

/// When these hours end, if they have begun at `now` and not ended.
fn end_of(hours: &Quiet, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned_datetime(zone.clone()).date();
    // What began yesterday may last until today.
    let days = [today.yesterday().ok(), Some(today)];
    let spans = days.iter().flatten().filter(|day| is_on(hours, **day));
    let spans = spans.filter_map(|day| span(hours, *day, zone));
    spans
        .filter(|(begin, end)| *begin <= now && now < *end)
        .map(|(_, end)| end)
        .max()
}

fn is_on(hours: &Quiet, day: Date) -> bool {
    let index = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
    hours.days.get(index).copied().unwrap_or(false)
}

fn span(hours: &Quiet, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let last = if hours.until > hours.from {
        day
    } else {
        day.tomorrow().ok()?
    };
    let begin = instant(day.to_datetime(hours.from), zone)?;
    let end = instant(last.to_datetime(hours.until), zone)?;
    Some((begin, end))
}

/// When a clock on the wall shows this. What it shows twice, in the night in which clocks go back, is the first time; what it
/// doesn't show, in the night in which they go forward, is as long after the change as it would have been after its beginning.
fn instant(wall: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_zoned_datetime(wall)
        .compatible()
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn rounded_up(time: Timestamp) -> Time {
    let down = Time::from_unix_millis(time.as_millisecond());
    if down.timestamp() < time {
        down.plus_millis(1)
    } else {
        down
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil;

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    fn at(text: &str) -> Time {
        Time::from_unix_millis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn hours(days: &str, from: (i8, i8), until: (i8, i8)) -> Quiet {
        let mut on = [false; 7];
        for (index, day) in ["mo", "tu", "we", "th", "fr", "sa", "su"].iter().enumerate() {
            on[index] = days == "all" || days.contains(day);
        }
        Quiet {
            days: on,
            from: civil::time(from.0, from.1, 0, 0),
            until: civil::time(until.0, until.1, 0, 0),
        }
    }

    fn ends(quiet: &[Quiet], now: &str) -> Option<String> {
        quiet_until(quiet, &london(), at(now)).map(|time| time.to_string())
    }

    #[test]
    fn hours_over_midnight_end_on_the_next_day() {
        let night = [hours("all", (22, 0), (7, 0))];
        // 2026-11-26 is a Thursday in winter: London is at UTC.
        assert_eq!(ends(&night, "2026-11-26T21:59:59.999Z"), None);
        assert_eq!(ends(&night, "2026-11-26T22:00:00Z").unwrap(), "2026-11-27T07:00:00Z");
        assert_eq!(ends(&night, "2026-11-27T03:00:00Z").unwrap(), "2026-11-27T07:00:00Z");
        assert_eq!(ends(&night, "2026-11-27T07:00:00Z"), None);
        // In summer it is an hour ahead.
        assert_eq!(ends(&night, "2026-07-01T20:59:00Z"), None);
        assert_eq!(ends(&night, "2026-07-01T21:00:00Z").unwrap(), "2026-07-02T06:00:00Z");
    }

    #[test]
    fn a_night_in_which_clocks_change_is_longer_or_shorter() {
        let night = [hours("all", (22, 0), (7, 0))];
        // Clocks go back on 25 October 2026: the night begins in summer time and ends in winter time.
        assert_eq!(ends(&night, "2026-10-24T21:30:00Z").unwrap(), "2026-10-25T07:00:00Z");
        // They go forward on 28 March 2027.
        assert_eq!(ends(&night, "2027-03-27T22:30:00Z").unwrap(), "2027-03-28T06:00:00Z");
    }

    #[test]
    fn an_hour_that_is_shown_twice_ends_the_first_time() {
        let short = [hours("all", (1, 0), (1, 30))];
        assert_eq!(ends(&short, "2026-10-25T00:10:00Z").unwrap(), "2026-10-25T00:30:00Z");
        assert_eq!(ends(&short, "2026-10-25T01:10:00Z"), None);
    }

    #[test]
    fn an_hour_that_is_never_shown_is_quiet_after_the_change() {
        let short = [hours("all", (1, 15), (1, 45))];
        assert_eq!(ends(&short, "2027-03-28T01:20:00Z").unwrap(), "2027-03-28T01:45:00Z");
    }

    #[test]
    fn days_are_those_on_which_the_hours_begin() {
        let friday = [hours("fr", (22, 0), (7, 0))];
        assert_eq!(ends(&friday, "2026-11-26T23:00:00Z"), None);
        assert_eq!(ends(&friday, "2026-11-27T23:00:00Z").unwrap(), "2026-11-28T07:00:00Z");
        assert_eq!(ends(&friday, "2026-11-28T06:00:00Z").unwrap(), "2026-11-28T07:00:00Z");
        assert_eq!(ends(&friday, "2026-11-28T23:00:00Z"), None);
    }

    #[test]
    fn hours_that_follow_each_other_are_one() {
        let weekend = [hours("all", (22, 0), (7, 0)), hours("sa su", (0, 0), (0, 0))];
        assert_eq!(ends(&weekend, "2026-11-27T23:00:00Z").unwrap(), "2026-11-30T07:00:00Z");
    }

    #[test]
    fn somebody_is_told_in_the_end_even_if_all_hours_are_quiet() {
        let always = [hours("all", (0, 0), (0, 0))];
        let end = ends(&always, "2026-11-27T23:00:00Z").unwrap();
        assert_eq!(end, "2026-12-29T00:00:00Z");
    }

    #[test]
    fn a_digest_is_at_the_same_time_on_the_wall_all_year() {
        let digest = Digest {
            at: civil::time(8, 0, 0, 0),
            most: crate::alert::Severity::Low,
        };
        let next = |now: &str| digest_after(&digest, &london(), at(now)).to_string();
        assert_eq!(next("2026-11-26T07:59:59Z"), "2026-11-26T08:00:00Z");
        assert_eq!(next("2026-11-26T08:00:00Z"), "2026-11-27T08:00:00Z");
        assert_eq!(next("2026-07-01T07:30:00Z"), "2026-07-02T07:00:00Z");
        assert_eq!(next("2026-10-24T08:00:00Z"), "2026-10-25T08:00:00Z");
    }
}
