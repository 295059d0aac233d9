//! Lines of hashes as records.

use super::hexadecimal::{eight_digits, sixteen_digits};
use super::tally::Reason;
use crate::hash::HashKind;
use crate::passwords::record::Record;

/// Hexadecimal digits of a hash.
pub(super) const fn digits(kind: HashKind) -> usize {
    2 * kind.bytes()
}

/// A line in the form in which nearly all are: a hash, a colon, a count of up to nine digits, a line end. The record, and how many bytes
/// it took; `None` if it is anything else.
#[inline]
pub(super) fn usual_line(kind: HashKind, text: &[u8]) -> Option<(Record, usize)> {
    let (mut record, rest) = hash(kind, text)?;
    let (colon, rest) = rest.split_first()?;
    if *colon != b':' {
        return None;
    }
    let (mut count, mut length) = (0_u32, digits(kind) + 1);
    let mut bytes = rest.iter();
    loop {
        let byte = *bytes.next()?;
        length += 1;
        match byte {
            b'0'..=b'9' if length <= digits(kind) + 10 => count = count * 10 + u32::from(byte - b'0'),
            b'\r' if bytes.next() == Some(&b'\n') && count > 0 => {
                length += 1;
                break;
            }
            b'\n' if count > 0 => break,
            _ => return None,
        }
    }
    record.count = count;
    Some((record, length))
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A hash.
    Record(Record),
    /// Nothing: it is empty or has count 0.
    Blank,
}

/// A line in any of the forms that are understood: with or without count, with spaces around either.
pub(super) fn line(kind: HashKind, text: &[u8]) -> Result<Line, Reason> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(Line::Blank);
    }
    let (mut record, rest) = hash(kind, text).ok_or(Reason::NotAHash)?;
    match rest.trim_ascii_start().split_first() {
        None => record.count = 1,
        Some((b':', count)) => record.count = number(count.trim_ascii()).ok_or(Reason::NotACount)?,
        Some((next, _)) if next.is_ascii_hexdigit() => return Err(Reason::WrongKind),
        Some(_) => return Err(Reason::NotACount),
    }
    Ok(if record.count == 0 {
        Line::Blank
    } else {
        Line::Record(record)
    })
}

/// The hash at the beginning of a text, with count 0, and the rest.
#[inline]
fn hash(kind: HashKind, text: &[u8]) -> Option<(Record, &[u8])> {
    let (high, rest) = text.split_first_chunk::<16>()?;
    let (middle, rest) = rest.split_first_chunk::<16>()?;
    let (low, rest) = match kind {
        HashKind::Ntlm => (0, rest),
        HashKind::Sha1 => {
            let (low, rest) = rest.split_first_chunk::<8>()?;
            (eight_digits(*low)?, rest)
        }
    };
    let record = Record {
        high: sixteen_digits(high)?,
        middle: sixteen_digits(middle)?,
        low,
        count: 0,
    };
    Some((record, rest))
}

fn number(text: &[u8]) -> Option<u32> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// Which hash a line is of, by its length; `None` if it is none.
pub(super) fn kind_of_line(text: &[u8]) -> Option<HashKind> {
    HashKind::ALL
        .into_iter()
        .find(|kind| matches!(line(*kind, text), Ok(Line::Record(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn parsed(text: &str) -> Result<Option<u32>, Reason> {
        line(HashKind::Sha1, text.as_bytes()).map(|line| match line {
            Line::Record(record) => {
                assert_eq!(record.hash().to_vec(), HashKind::Sha1.hash("password"));
                Some(record.count)
            }
            Line::Blank => None,
        })
    }

    #[test]
    fn lines_are_understood_in_every_form() {
        for (end, count) in [
            (":3", 3),
            ("", 1),
            (" : 12 \r", 12),
            (":4294967295", u32::MAX),
            ("\r\n", 1),
            (":0007", 7),
        ] {
            assert_eq!(parsed(&format!("{PASSWORD}{end}")), Ok(Some(count)), "{end}");
            assert_eq!(
                parsed(&format!("  {}{end}", PASSWORD.to_lowercase())),
                Ok(Some(count)),
                "{end}"
            );
        }
        assert_eq!(parsed(" \r"), Ok(None));
        assert_eq!(parsed(&format!("{PASSWORD}:0")), Ok(None));
    }

    #[test]
    fn other_lines_are_malformed_with_a_reason() {
        for (text, reason) in [
            ("password", Reason::NotAHash),
            (&PASSWORD[..39], Reason::NotAHash),
            (&PASSWORD.replace('5', "G"), Reason::NotAHash),
            (&format!("{PASSWORD}0:1"), Reason::WrongKind),
            (&format!("{PASSWORD}:"), Reason::NotACount),
            (&format!("{PASSWORD}:4294967296"), Reason::NotACount),
            (&format!("{PASSWORD}:-1"), Reason::NotACount),
            (&format!("{PASSWORD}:+1"), Reason::NotACount),
            (&format!("{PASSWORD};1"), Reason::NotACount),
        ] {
            assert_eq!(parsed(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn the_short_way_says_what_the_long_one_says() {
        let lines = [
            ":1\n",
            ":123456789\r\n",
            ":1234567890\n",
            ":0\n",
            ":\n",
            ":1",
            "\n",
            ":1 \n",
            ":1\r",
            ":x\n",
            ":1\r\n\n",
        ];
        for end in lines {
            let text = format!("{PASSWORD}{end}");
            if let Some((record, length)) = usual_line(HashKind::Sha1, text.as_bytes()) {
                assert_eq!(
                    line(HashKind::Sha1, &text.as_bytes()[..length]),
                    Ok(Line::Record(record)),
                    "{end:?}"
                );
                assert!(text[..length].ends_with('\n'));
            }
        }
        let text = format!("{PASSWORD}:31\r\nrest");
        assert_eq!(
            usual_line(HashKind::Sha1, text.as_bytes()).map(|(record, length)| (record.count, length)),
            Some((31, 45))
        );
        assert_eq!(usual_line(HashKind::Sha1, &text.as_bytes()[..44]), None);
    }

    #[test]
    fn the_kind_follows_from_the_length() {
        assert_eq!(kind_of_line(PASSWORD.as_bytes()), Some(HashKind::Sha1));
        assert_eq!(kind_of_line(&PASSWORD.as_bytes()[..32]), Some(HashKind::Ntlm));
        assert_eq!(kind_of_line(b"hunter2"), None);
    }
}
