//! Figures and times as people read them.

use jiff::tz::TimeZone;
use maud::{Markup, html};
use respond::Time;

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A number of bytes: `1.5 GiB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0;
    let mut rest = count;
    let mut below = 0;
    while rest >= 1024 && unit + 1 < UNITS.len() {
        below = rest % 1024;
        rest /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("B");
    let tenth = below * 10 / 1024;
    if unit == 0 || rest >= 100 || tenth == 0 {
        format!("{rest} {name}")
    } else {
        format!("{rest}.{tenth} {name}")
    }
}

/// A number, with a space between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 disk`, `2 disks`.
pub(super) fn of(number: u64, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {many}", count(number))
    }
}

/// A span in its largest unit, and the next while the number is small: `3 days`, `1 h 20 min`.
pub(super) fn span(seconds: u64) -> String {
    let two = |large: u64, large_name: &str, small: u64, small_name: &str| {
        if small == 0 {
            format!("{large} {large_name}")
        } else {
            format!("{large} {large_name} {small} {small_name}")
        }
    };
    match seconds {
        DAY.. if seconds / DAY >= 3 => of(seconds / DAY, "day", "days"),
        DAY.. => two(seconds / HOUR, "h", 0, "min"),
        HOUR.. if seconds / HOUR >= 12 => format!("{} h", seconds / HOUR),
        HOUR.. => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        MINUTE.. if seconds / MINUTE >= 10 => format!("{} min", seconds / MINUTE),
        MINUTE.. => two(seconds / MINUTE, "min", seconds % MINUTE / SECOND, "s"),
        _ => format!("{seconds} s"),
    }
}

/// A span in microseconds: `830 ms`, `4.2 s`.
pub(super) fn short_span(microseconds: u64) -> String {
    let millis = microseconds / 1000;
    match millis {
        0 => "less than 1 ms".to_owned(),
        1..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => span(millis / 1000),
    }
}

/// How long `time` is before `now`, in seconds; 0 if it isn't.
pub(super) fn seconds_since(now: Time, time: Time) -> u64 {
    u64::try_from(now.millis_since(time)).unwrap_or(0) / 1000
}

/// A time with seconds, in this machine's zone; the same in UTC for programs and on pointing.
pub(super) fn time(time: Time) -> Markup {
    shown(time, "%-d %b %Y, %H:%M:%S")
}

/// A time to the minute, without the year.
pub(super) fn minute(time: Time) -> Markup {
    shown(time, "%-d %b, %H:%M")
}

fn shown(time: Time, form: &str) -> Markup {
    let timestamp = time.timestamp();
    let local = timestamp
        .to_zoned_datetime(TimeZone::system())
        .strftime(form)
        .to_string();
    html! {
        time datetime=(timestamp) title=(timestamp.strftime("%Y-%m-%d %H:%M:%S UTC")) { (local) }
    }
}

/// A time as text, where no markup can be: `26 Nov, 10:32:05`.
pub(super) fn time_text(time: Time) -> String {
    time.timestamp()
        .to_zoned_datetime(TimeZone::system())
        .strftime("%-d %b, %H:%M:%S")
        .to_string()
}

/// How long ago something was: `4 min ago`. The script keeps it up to date.
pub(super) fn ago(now: Time, time: Time) -> Markup {
    let text = format!("{} ago", span(seconds_since(now, time)));
    html! { time datetime=(time.timestamp()) title=(time_text(time)) data-ago { (text) } }
}

/// How long is left until something: `71 h`; how long it is over otherwise.
pub(super) fn left(now: Time, until: Time) -> Markup {
    let text = if until > now {
        format!("{} left", span(seconds_since(until, now)))
    } else {
        format!("{} overdue", span(seconds_since(now, until)))
    };
    html! { time datetime=(until.timestamp()) title=(time_text(until)) { (text) } }
}

/// The zone in which times are shown.
pub(super) fn zone() -> String {
    let zone = TimeZone::system();
    zone.iana_name().unwrap_or("local time").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_keeps_them_short() {
        let shown = [0, 1023, 1024, 1536, 200 << 20, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "200 MiB", "16383 PiB"]);
    }

    #[test]
    fn spans_have_no_more_than_two_units() {
        let shown = [0, 59, 61, 700, 3600, 4800, 50_000, 90_000, 600_000].map(span);
        let expected = [
            "0 s",
            "59 s",
            "1 min 1 s",
            "11 min",
            "1 h",
            "1 h 20 min",
            "13 h",
            "25 h",
            "6 days",
        ];
        assert_eq!(shown, expected);
        assert_eq!(
            [900, 830_000, 4_250_000, 75_000_000].map(short_span),
            ["less than 1 ms", "830 ms", "4.2 s", "1 min 15 s"]
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(of(1, "disk", "disks"), "1 disk");
    }
}
