//! Names and times of foreign file systems, as they are shown.

use std::fmt::Write;

use files::{NodeKind, Time};
use serde::Serialize;

/// A name as it can be printed: what could move a cursor, hide or turn the direction of writing, and bytes that are no text, are escaped.
/// A backslash is doubled where something else is escaped.
#[must_use]
pub fn printable(name: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(name)
        && !text.contains(is_dangerous)
    {
        return text.to_owned();
    }
    let mut shown = String::new();
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => shown.push_str("\\\\"),
                '\n' => shown.push_str("\\n"),
                '\t' => shown.push_str("\\t"),
                other if is_dangerous(other) => {
                    let _ = write!(shown, "\\u{{{:x}}}", other as u32);
                }
                other => shown.push(other),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// A line of a text as it can be printed, with its end. Tabs stay.
#[must_use]
pub fn printable_line(line: &str) -> String {
    let parts: Vec<_> = line.split('\t').map(|part| printable(part.as_bytes())).collect();
    parts.join("\t") + "\n"
}

/// Control characters, and those that change the direction of what is written around them.
fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A path in `--json`: as text, and as its bytes in hexadecimal where it is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PathText {
    /// The path; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// Its bytes, if they are no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
}

impl PathText {
    /// A path from its bytes.
    #[must_use]
    pub fn new(path: &[u8]) -> Self {
        match std::str::from_utf8(path) {
            Ok(text) => Self {
                path: text.to_owned(),
                path_hex: None,
            },
            Err(_) => Self {
                path: String::from_utf8_lossy(path).into_owned(),
                path_hex: Some(crate::hex::hex(path)),
            },
        }
    }
}

/// A time in UTC as RFC 3339, to the nanosecond; `None` for times outside the years -9999 to 9999.
#[must_use]
pub fn utc(time: Time) -> Option<String> {
    Some(jiff::Timestamp::from_nanosecond(time.0).ok()?.to_string())
}

/// A time in the time zone here, to the second.
#[must_use]
pub fn local(time: Option<Time>) -> String {
    let zoned = time
        .and_then(|time| jiff::Timestamp::from_nanosecond(time.0).ok())
        .map(|time| time.to_zoned_datetime(jiff::tz::TimeZone::system()));
    zoned.map_or_else(
        || "-".to_owned(),
        |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// What a node is, in `--json`.
#[must_use]
pub const fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "file",
        NodeKind::Folder => "folder",
        NodeKind::Symlink => "symlink",
        NodeKind::Fifo => "fifo",
        NodeKind::Socket => "socket",
        NodeKind::CharacterDevice => "character-device",
        NodeKind::BlockDevice => "block-device",
    }
}

/// What a node is, as the first letter of `ls -l`.
#[must_use]
pub const fn kind_letter(kind: NodeKind) -> char {
    match kind {
        NodeKind::File => '-',
        NodeKind::Folder => 'd',
        NodeKind::Symlink => 'l',
        NodeKind::Fifo => 'p',
        NodeKind::Socket => 's',
        NodeKind::CharacterDevice => 'c',
        NodeKind::BlockDevice => 'b',
    }
}

/// Kind and permissions, as `ls -l` shows them.
#[must_use]
pub fn permissions(kind: NodeKind, mode: Option<u16>) -> String {
    let Some(mode) = mode else {
        return format!("{}?????????", kind_letter(kind));
    };
    let mut shown = String::from(kind_letter(kind));
    for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        shown.push(if bits & 4 != 0 { 'r' } else { '-' });
        shown.push(if bits & 2 != 0 { 'w' } else { '-' });
        shown.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => set,
            (true, false) => unset,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_drive_a_terminal() {
        for (name, shown) in [
            (&b"report.pdf"[..], "report.pdf"),
            ("f\u{fc}r \u{65e5}\u{672c}".as_bytes(), "f\u{fc}r \u{65e5}\u{672c}"),
            (b"dev\\x2ddisk", "dev\\x2ddisk"),
            (b"\x1b[2J\\", "\\u{1b}[2J\\\\"),
            (b"a\nb\tc\x7f", "a\\nb\\tc\\u{7f}"),
            ("exe.\u{202e}fdp".as_bytes(), "exe.\\u{202e}fdp"),
            (b"\xff\xfeok", "\\xff\\xfeok"),
        ] {
            assert_eq!(printable(name), shown);
        }
    }

    #[test]
    fn permissions_are_shown_as_by_ls() {
        for (kind, mode, shown) in [
            (NodeKind::File, Some(0o644), "-rw-r--r--"),
            (NodeKind::Folder, Some(0o1777), "drwxrwxrwt"),
            (NodeKind::File, Some(0o4711), "-rws--x--x"),
            (NodeKind::File, Some(0o6600), "-rwS--S---"),
            (NodeKind::File, None, "-?????????"),
        ] {
            assert_eq!(permissions(kind, mode), shown);
        }
    }

    #[test]
    fn times_before_the_epoch_and_out_of_range_are_times_too() {
        assert_eq!(utc(Time(-1)).as_deref(), Some("1969-12-31T23:59:59.999999999Z"));
        assert_eq!(utc(Time(i128::MAX)), None);
        assert_eq!(local(Some(Time(i128::MIN))), "-");
    }
}
