//! Which notation a log is in, by its first bytes.

use super::{csv, text};

/// Notations of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Windows event log files.
    Evtx,
    /// JSON in any wrapping: lines, one document after the other, an array, an object around an array.
    Json,
    /// A table with a head.
    Csv,
    /// Text of which each line is a record.
    Lines,
}

impl Format {
    /// So many bytes of the beginning of a log are enough to tell.
    pub const HEAD_BYTES: usize = 4096;

    /// The notation of a log that begins with these bytes.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        if head.starts_with(b"ElfFile\0") {
            return Self::Evtx;
        }
        let text = text::decoded(head);
        let mut significant = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
        match (significant.next(), significant.next()) {
            (Some(b'{'), Some(b'"' | b'}') | None) | (Some(b'['), Some(b'{' | b'[' | b']') | None) => Self::Json,
            _ if csv::begins(&text) => Self::Csv,
            _ => Self::Lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations_are_told_by_their_first_bytes() {
        assert_eq!(Format::of(b"ElfFile\0\0\0\0\0"), Format::Evtx);
        assert_eq!(Format::of(b"\xef\xbb\xbf\r\n  {\"a\": 1}"), Format::Json);
        assert_eq!(Format::of(b"\xff\xfe[\0\r\0\n\0{\0"), Format::Json);
        assert_eq!(Format::of(b"[\n  {\"Records\""), Format::Json);
        assert_eq!(Format::of(b"{}"), Format::Json);
        assert_eq!(Format::of(b"[2025-04-17 10:00:00] [info] started"), Format::Lines);
        assert_eq!(Format::of(b"{ not json }"), Format::Lines);
        assert_eq!(Format::of(b"<134>Apr 17 10:00:00 esx1 Hostd: x"), Format::Lines);
        assert_eq!(Format::of(b""), Format::Lines);
        assert_eq!(Format::of(b"\xef\xbb\xbftime;user;what\n"), Format::Csv);
    }
}
