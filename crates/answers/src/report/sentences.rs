//! What happened, in three sentences that a manager can read.

use super::types::{Investigation, Time};
use super::what::What;

/// The three sentences: what was damaged, what was read, and how to get back, by which command.
pub(crate) fn sentences(investigation: &Investigation, command: &str) -> Vec<String> {
    vec![
        damage(investigation),
        reads(investigation),
        way_back(investigation, command),
    ]
}

fn damage(investigation: &Investigation) -> String {
    let totals = &investigation.totals;
    if totals.damaged == 0 {
        return format!(
            "Between {} and {}, none of {} on `{}` was damaged.",
            investigation.from.time,
            investigation.to.time,
            files(totals.files),
            investigation.volume
        );
    }
    let damaged = || investigation.files.iter().filter(|file| file.what.is_damage());
    let first = damaged()
        .filter_map(|file| file.first)
        .min()
        .unwrap_or(investigation.from.time);
    let last = damaged()
        .filter_map(|file| file.last)
        .max()
        .unwrap_or(investigation.to.time);
    let mut kinds: Vec<(u64, &str)> = What::ALL
        .iter()
        .filter(|what| what.is_damage())
        .filter_map(|what| Some((*totals.by_what.get(what.name())?, what.text())))
        .collect();
    kinds.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let kinds: Vec<String> = kinds.iter().map(|(count, text)| format!("{count} {text}")).collect();
    format!(
        "{} of {} on `{}` ({}) {} damaged {}: {}.",
        totals.damaged,
        files(totals.files),
        investigation.volume,
        size(totals.damaged_bytes),
        were(totals.damaged),
        span(first, last),
        kinds.join(", ")
    )
}

fn span(first: Time, last: Time) -> String {
    if first == last {
        format!("at {first}")
    } else {
        format!("between {first} and {last}")
    }
}

fn reads(investigation: &Investigation) -> String {
    let totals = &investigation.totals;
    if !investigation.readings.is_complete {
        return "Which files were read without being changed isn't known for all of that time, because reads weren't recorded; \
                take everything on the disk for read."
            .to_owned();
    }
    let open = unknown(totals.by_what.get(What::PerhapsRead.name()).copied().unwrap_or(0));
    if totals.read == 0 {
        return format!(
            "No other file was read from the disk as a whole in that time, as far as the disk can tell.{open}"
        );
    }
    format!(
        "{}{} ({}) {} read without being changed: whoever did that may have taken a copy.{open}",
        if totals.damaged > 0 { "Beside those, " } else { "" },
        files(totals.read),
        size(totals.read_bytes),
        were(totals.read)
    )
}

/// What is said of files that were perhaps read.
fn unknown(count: u64) -> String {
    match count {
        0 => String::new(),
        count => format!(" Of {} more it can't be told.", files(count)),
    }
}

fn way_back(investigation: &Investigation, command: &str) -> String {
    if investigation.totals.damaged == 0 {
        return "Nothing has to be restored.".to_owned();
    }
    format!("Every damaged file can be brought back as it was, and what was done well since be kept: `{command}`.")
}

/// `1 file`, `2 files`.
pub(super) fn files(count: u64) -> String {
    format!("{count} file{}", if count == 1 { "" } else { "s" })
}

/// What follows a number of things.
pub(super) const fn were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// A size as people read it.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = "KiB";
    for next in UNITS.iter().skip(1) {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_no_files() {
        assert_eq!((files(0).as_str(), were(0)), ("0 files", "were"));
        assert_eq!((files(1).as_str(), were(1)), ("1 file", "was"));
        assert_eq!(unknown(0), "");
        assert_eq!(unknown(1), " Of 1 file more it can't be told.");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(size(12), "12 bytes");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(3 << 30), "3.0 GiB");
    }
}
