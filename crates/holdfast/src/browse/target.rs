//! `VOLUME@MOMENT:/PATH`: what a command about files is about.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use jiff::ZonedDateTime;

use crate::failure::Failure;
use crate::names::{is_name, split_moment};
use crate::when::When;

/// A place on a disk at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The volume.
    pub volume: String,
    /// The moment; the newest if `None`.
    pub when: Option<When>,
    /// The path, as typed; empty if none was.
    pub path: Vec<u8>,
}

/// How a target is written.
pub const FORM: &str = "write it like `disk:/home`, `disk@-2h:/home` or `disk@before-update:/home`";

impl Target {
    /// Reads a target. A moment may have colons (`10:15`), and a path anything: a moment ends before the first `:/`, or at a last `:`.
    pub fn parse(text: &OsStr, now: &ZonedDateTime) -> Result<Self, Failure> {
        let bytes = text.as_bytes();
        let has_moment = bytes.iter().find(|byte| matches!(byte, b'@' | b':')) == Some(&b'@');
        let (disk, path) = if has_moment {
            match bytes.windows(2).position(|pair| pair == b":/") {
                Some(at) => split(bytes, at),
                None => (bytes.strip_suffix(b":").unwrap_or(bytes), &[][..]),
            }
        } else {
            match bytes.iter().position(|byte| *byte == b':') {
                Some(at) => split(bytes, at),
                None => (bytes, &[][..]),
            }
        };
        let usage = || Failure::usage(format!("`{}` names no place on a disk", text.display())).hint(FORM);
        let disk = std::str::from_utf8(disk).map_err(|_| usage())?;
        let (volume, when) = split_moment(disk, now)?;
        if !is_name(&volume) {
            return Err(usage());
        }
        Ok(Self {
            volume,
            when,
            path: path.to_vec(),
        })
    }

    /// The moment.
    #[must_use]
    pub fn when(&self) -> When {
        self.when.clone().unwrap_or(When::Now)
    }
}

/// What is before a colon, and what behind it.
fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    let (before, behind) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
    (before, behind.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parse(text: &str) -> Result<Target, Failure> {
        Target::parse(OsStr::new(text), &"2026-11-23T10:30:00[UTC]".parse().unwrap())
    }

    #[test]
    fn a_target_is_a_disk_a_moment_and_a_path() {
        let ago = Some(When::Ago(Duration::from_secs(7200)));
        let quarter_past = Some(When::AtNanos(1_795_428_900_000_000_000));
        for (text, when, path) in [
            ("disk", None, ""),
            ("disk:", None, ""),
            ("disk:/", None, "/"),
            ("disk:etc/passwd", None, "etc/passwd"),
            ("disk:/a:/b@c", None, "/a:/b@c"),
            ("disk@-2h", ago.clone(), ""),
            ("disk@-2h:", ago.clone(), ""),
            ("disk@-2h:/a:/b", ago, "/a:/b"),
            ("disk@10:15:/home", quarter_past.clone(), "/home"),
            ("disk@10:15", quarter_past.clone(), ""),
            ("disk@2026-11-23T10:15:00Z:/x", quarter_past, "/x"),
            ("disk@#12:/x", Some(When::Sequence(12)), "/x"),
            ("disk@friday:/x", Some(When::Pin("friday".to_owned())), "/x"),
        ] {
            let expected = Target {
                volume: "disk".to_owned(),
                when,
                path: path.as_bytes().to_vec(),
            };
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_disk_is_refused() {
        for text in ["", ":/x", "@-2h:/x", "/etc/passwd", "a/b:/x", "disk@:/x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
