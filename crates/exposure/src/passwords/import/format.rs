//! Which form an input has.

use super::rows::{kind_of_line, line};
use super::tally::Reason;
use crate::hash::HashKind;

/// Bytes from the front of an input by which it is recognised.
pub(super) const HEAD_BYTES: usize = 64 << 10;
/// Lines that are looked at.
const LINES_MAX: usize = 100;

/// The form of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of `HASH:COUNT`, in any order; without a count it is 1.
    Hashes,
    /// A folder of files as the range API answers, one for each prefix: flat, or as hibp-downloader nests them.
    Ranges,
    /// Records of a hash and a count, four bytes little-endian, as hibp-download of oschonrock writes them.
    Binary,
    /// Passwords, one a line; hashes are made of them.
    Passwords,
}

impl Format {
    /// All.
    pub const ALL: [Self; 4] = [Self::Hashes, Self::Ranges, Self::Binary, Self::Passwords];

    /// The name in commands and journals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hashes => "hashes",
            Self::Ranges => "ranges",
            Self::Binary => "binary",
            Self::Passwords => "passwords",
        }
    }
}

/// Bytes of a binary record with only 64 bits of the hash.
const SHORT_RECORD_BYTES: usize = 12;

/// Bytes of a binary record.
pub(super) const fn record_bytes(kind: HashKind) -> usize {
    kind.bytes() + 4
}

/// Recognises the form of a file from its first bytes; for a list of passwords there is no kind. An error is the rest of a sentence that begins
/// with the file.
pub(super) fn recognise(head: &[u8]) -> Result<(Format, Option<HashKind>), &'static str> {
    if head.is_empty() {
        return Err("it is empty");
    }
    if let Some(program) = archive(head) {
        return Err(program);
    }
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16; `iconv -f UTF-16 -t UTF-8` converts it");
    }
    if let Some(kind) = hashes(head) {
        return Ok((Format::Hashes, Some(kind)));
    }
    // Records of 12 bytes in order look like records of 24 bytes in order, but hardly the other way round.
    if is_sorted(head, SHORT_RECORD_BYTES, 8) {
        return Err("it holds only 64 bits of each hash; the whole hashes are needed");
    }
    if let Some(kind) = HashKind::ALL
        .into_iter()
        .find(|kind| is_sorted(head, record_bytes(*kind), 2))
    {
        return Ok((Format::Binary, Some(kind)));
    }
    if head.iter().any(|byte| *byte < b' ' && !b"\t\r\n".contains(byte)) {
        return Err("its form is not recognised; `--format` names it");
    }
    Ok((Format::Passwords, None))
}

/// Archives that have to be unpacked first.
fn archive(head: &[u8]) -> Option<&'static str> {
    let archives: [(&[u8], &str); 4] = [
        (b"7z\xbc\xaf\x27\x1c", "it is a 7-Zip archive; unpack it with `7z x`"),
        (b"PK\x03\x04", "it is a zip archive; unpack it with `unzip`"),
        (b"\xfd7zXZ\0", "it is compressed with xz; unpack it with `xz -d`"),
        (b"BZh", "it is compressed with bzip2; unpack it with `bzip2 -d`"),
    ];
    let found = archives.into_iter().find(|(magic, _)| head.starts_with(magic));
    found.map(|(_, what)| what)
}

/// The kind of hash of which at least half of the first lines are, as far as they are whole.
pub(super) fn hashes(head: &[u8]) -> Option<HashKind> {
    let head = without_mark(head);
    let whole = head.len() < HEAD_BYTES / 2 || !head.contains(&b'\n');
    let end = if whole {
        head.len()
    } else {
        memchr::memrchr(b'\n', head).unwrap_or(head.len())
    };
    let lines = head.get(..end).unwrap_or(head).split(|byte| *byte == b'\n');
    let lines: Vec<&[u8]> = lines
        .filter(|line| !line.trim_ascii().is_empty())
        .take(LINES_MAX)
        .collect();
    let kind = lines.iter().find_map(|line| kind_of_line(line))?;
    let of_kind = lines.iter().filter(|text| line(kind, text).is_ok()).count();
    (2 * of_kind >= lines.len()).then_some(kind)
}

/// A text without its byte order mark.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Whether the bytes are records in order, their hashes first, and at least `records_min` of them.
fn is_sorted(head: &[u8], record_bytes: usize, records_min: usize) -> bool {
    let has_controls = head.iter().any(|byte| *byte < b'\t');
    let hashes = head
        .chunks_exact(record_bytes)
        .map(|record| record.get(..record_bytes - 4));
    has_controls && hashes.len() >= records_min && hashes.is_sorted()
}

/// A password from its line; an error is why it is none. Programs that crack passwords write those with special bytes as `$HEX[...]`.
pub(super) fn password(line: &[u8]) -> Result<String, Reason> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let coded = line.strip_prefix(b"$HEX[").and_then(|rest| rest.strip_suffix(b"]"));
    let bytes = coded.and_then(bytes_of_digits).unwrap_or_else(|| line.to_vec());
    String::from_utf8(bytes).map_err(|_| Reason::NotUtf8)
}

fn bytes_of_digits(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let value = |digit: u8| char::from(digit).to_digit(16);
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some((value(*high)? * 16 + value(*low)?) as u8));
    rest.is_empty().then(|| bytes.collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::synthetic;

    #[test]
    fn forms_are_recognised() {
        let sha1 = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        let recognised = |text: &str| recognise(text.as_bytes());
        assert_eq!(recognised(sha1), Ok((Format::Hashes, Some(HashKind::Sha1))));
        let marked = format!("\u{feff}{sha1}:3\r\n{sha1}:4\r\n");
        assert_eq!(recognised(&marked), Ok((Format::Hashes, Some(HashKind::Sha1))));
        assert_eq!(recognised(&sha1[..32]), Ok((Format::Hashes, Some(HashKind::Ntlm))));
        assert_eq!(recognised("hunter2\npassword\n"), Ok((Format::Passwords, None)));
        assert_eq!(recognised(&format!("a\nb\n{sha1}\n")), Ok((Format::Passwords, None)));
        let binary = |bytes: usize| -> Vec<u8> {
            let records = synthetic::records(HashKind::Sha1, 20, 1);
            let records = records
                .iter()
                .map(|record| [&record.hash()[..bytes], &[1, 0, 0, 0]].concat());
            records.collect::<Vec<_>>().concat()
        };
        assert_eq!(recognise(&binary(20)), Ok((Format::Binary, Some(HashKind::Sha1))));
        assert_eq!(recognise(&binary(16)), Ok((Format::Binary, Some(HashKind::Ntlm))));
        assert_eq!(
            recognise(&binary(8)).unwrap_err(),
            "it holds only 64 bits of each hash; the whole hashes are needed"
        );
        for bad in [
            &b""[..],
            b"\xff\xfea\0",
            b"7z\xbc\xaf\x27\x1c",
            b"PK\x03\x04",
            b"\x05\x01\x99\x00\x00",
        ] {
            assert!(recognise(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_read_as_they_are() {
        assert_eq!(password(b" p\xc3\xa4ss \r").as_deref(), Ok(" p\u{e4}ss "));
        assert_eq!(password(b"$HEX[70c3a4]").as_deref(), Ok("p\u{e4}"));
        assert_eq!(password(b"$HEX[7]").as_deref(), Ok("$HEX[7]"));
        assert_eq!(password(b"p\xe4"), Err(Reason::NotUtf8));
    }
}
