//! Which files are one log at different times: `auth.log`, `auth.log.1`, `auth.log-20260301.gz`.

use std::path::Path;

/// Endings of packed logs.
const PACKED: [&str; 2] = [".gz", ".zst"];

/// A name without what rotation puts behind it: a number, a date, an ending of a packer.
pub(super) fn stem(name: &str) -> &str {
    let plain = PACKED
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let is_rotation = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_digit() || matches!(letter, '-' | '_' | 'T'))
    };
    match plain.find(['.', '-']).map(|_| plain) {
        Some(plain) => {
            // Behind a dot everything may be a number or date; behind a hyphen a date alone, which may hold hyphens itself.
            let dot = plain.rsplit_once('.').filter(|(stem, part)| {
                !stem.is_empty() && is_rotation(part) && part.starts_with(|first: char| first.is_ascii_digit())
            });
            let hyphen = plain
                .match_indices('-')
                .filter_map(|(at, _)| plain.split_at_checked(at))
                .find(|(stem, rest)| !stem.is_empty() && rest.len() >= 9 && is_rotation(rest.trim_start_matches('-')));
            dot.or(hyphen).map_or(plain, |(stem, _)| stem)
        }
        None => plain,
    }
}

/// The log that a file is one time's part of: its folder and the stem of its name. None if its name is no text.
pub(super) fn family(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(format!("{}/{}", path.parent()?.to_str()?, stem(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_logrotate_and_others_make_them_are_of_one_log() {
        for name in [
            "auth.log",
            "auth.log.1",
            "auth.log.12.gz",
            "auth.log.2.zst",
            "auth.log-20260301",
            "auth.log-20260301.gz",
            "auth.log.2026-03-01",
            "auth.log-2026-03-01",
            "auth.log-20260301-1772323200",
        ] {
            assert_eq!(stem(name), "auth.log", "{name}");
        }
        for name in ["web-1", "host-7.log", "syslog", "a.b.c", ".1", "-20260301", "1"] {
            assert_eq!(stem(name), name);
        }
        assert_eq!(
            family(Path::new("/var/log/auth.log.1")).as_deref(),
            Some("/var/log/auth.log")
        );
    }
}
