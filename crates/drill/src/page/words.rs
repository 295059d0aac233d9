//! Figures and names as the page writes them.

use volume::Timestamp;

/// Text that stays text, whatever is in it: names come from foreign disks.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            control if control.is_control() => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// `2026-11-26 02:30 UTC`.
pub(super) fn day_and_time(time: Timestamp) -> String {
    let text = time.to_string();
    let day = text.get(..10).unwrap_or_default();
    let clock = text.get(11..16).unwrap_or_default();
    format!("{day} {clock} UTC")
}

/// `2026-11-26`.
pub(super) fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

/// `12.3 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = bytes.saturating_mul(10);
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 || tenths.is_multiple_of(10) {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// `0.05 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn span(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{}.{:02} s", seconds, milliseconds % 1000 / 10),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        7200..172_800 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `2.1 ms`.
pub(super) fn milliseconds(micros: u64) -> String {
    match micros {
        0..10_000_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => span(micros / 1000),
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: u64, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(4_829_184), "4.6 MiB");
        assert_eq!(size(100 << 30), "100 GiB");
        assert_eq!(span(51), "0.05 s");
        assert_eq!(span(160_019), "2 min 40 s");
        assert_eq!(milliseconds(2102), "2.1 ms");
    }

    #[test]
    fn a_name_can_not_become_a_part_of_the_page() {
        assert_eq!(escaped("<script>\"a\"&'\x1b"), "&lt;script&gt;&quot;a&quot;&amp;&#39;?");
    }
}
