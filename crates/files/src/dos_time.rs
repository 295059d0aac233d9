//! Times as DOS stored them: local, in two numbers of 16 bits.

use crate::filesystem::Time;

/// A date and a time; the day's first second if there is no time. `None` if there is no such date.
///
/// The date has the day in bits 0 to 4, the month in bits 5 to 8, years since 1980 above; the time has units of two seconds in bits 0 to 4,
/// minutes in bits 5 to 10, hours above. `hundredths` are added to them, up to 199.
pub(crate) fn time(date: u16, time: u16, hundredths: u8) -> Option<Time> {
    let (day, month, year) = (date & 0x1f, date >> 5 & 0x0f, 1980 + i64::from(date >> 9));
    let (seconds, minutes, hours) = ((time & 0x1f) * 2, time >> 5 & 0x3f, time >> 11);
    if !(1..=31).contains(&day) || !(1..=12).contains(&month) || seconds > 59 || minutes > 59 || hours > 23 {
        return None;
    }
    let days = days_since_1970(year, month.into(), day.into());
    let seconds = ((days * 24 + i64::from(hours)) * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
    let hundredths = i128::from(hundredths.min(199));
    Some(Time((i128::from(seconds) * 100 + hundredths) * 10_000_000))
}

/// Days from 1 January 1970 to a date of the years from 1970 to 2107.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at their end.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days_of_years = year * 365 + year / 4 - year / 100 + year / 400;
    days_of_years + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let date = |year: u16, month: u16, day: u16| (year - 1980) << 9 | month << 5 | day;
        let seconds =
            |date, time_of_day, hundredths| time(date, time_of_day, hundredths).map(|time| time.0 / 1_000_000_000);
        assert_eq!(seconds(date(1980, 1, 1), 0, 0), Some(315_532_800));
        assert_eq!(seconds(date(2000, 2, 29), 0, 0), Some(951_782_400));
        assert_eq!(
            seconds(date(2026, 11, 26), 23 << 11 | 59 << 5 | 29, 150),
            Some(1_795_737_599)
        );
        assert_eq!(seconds(date(2100, 3, 1), 0, 0), Some(4_107_542_400));
        assert_eq!(time(date(2026, 11, 26), 0, 50).unwrap().0 % 1_000_000_000, 500_000_000);
        for (date, time_of_day) in [
            (0, 0),
            (date(2026, 13, 1), 0),
            (date(2026, 1, 1), 24 << 11),
            (date(2026, 1, 1), 60 << 5),
        ] {
            assert_eq!(time(date, time_of_day, 0), None);
        }
    }
}
