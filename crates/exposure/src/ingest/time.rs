//! Times as the API writes them.

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// A time in seconds since 1970 as `2026-11-23T10:15:00Z`; years 1 to 9999.
pub(super) fn format_time(seconds: i64) -> String {
    let (date, second) = (format_date(seconds), seconds.rem_euclid(DAY_SECONDS));
    format!(
        "{date}T{:02}:{:02}:{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Its day as `2026-11-23`. Years are counted from March, so that the leap day is a year's last
/// (<https://howardhinnant.github.io/date_algorithms.html>, `civil_from_days`).
pub(super) fn format_date(seconds: i64) -> String {
    let days = seconds.div_euclid(DAY_SECONDS).saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Whether a text is a day like `2026-11-23`.
pub(super) fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let number = |index: usize, length: usize, max: u32| {
        let part = parts
            .get(index)
            .filter(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()));
        part.and_then(|part| part.parse::<u32>().ok())
            .is_some_and(|number| (1..=max).contains(&number))
    };
    parts.len() == 3 && number(0, 4, 9999) && number(1, 2, 12) && number(2, 2, 31)
}

/// Whether a text is a time like `2026-11-23T10:15:00Z`.
pub(super) fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else {
        return false;
    };
    let parts: Vec<_> = time.split(':').collect();
    let is_number = |part: &&str| part.len() == 2 && part.parse::<u8>().is_ok_and(|number| number < 60);
    is_date(date) && parts.len() == 3 && parts.iter().all(is_number) && parts.first().is_some_and(|hour| *hour < "24")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_api_does() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_795_428_900, "2026-11-23T10:15:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(format_time(seconds), text);
            assert!(is_time(text));
        }
        for bad in [
            "2026-11-23",
            "2026-13-01T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T1:00:00Z",
            "x",
        ] {
            assert!(!is_time(bad), "{bad}");
        }
        assert!(is_date("2026-11-23") && !is_date("2026-11-3") && !is_date("23.11.2026"));
    }
}
