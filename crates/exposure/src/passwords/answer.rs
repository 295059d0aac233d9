//! What is asked of the store of passwords, and what it answers with.

use crate::hash::HashKind;

/// The first 20 bits of a hash, by which the range API asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangePrefix(u32);

impl RangePrefix {
    /// Bits of a prefix.
    pub const BITS: u32 = 20;
    /// How many there are.
    pub const COUNT: u32 = 1 << Self::BITS;
    /// Hexadecimal digits of a prefix.
    pub const DIGITS: usize = 5;

    /// From its number; `None` if that is too large.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// That of hashes that begin with zeros.
    pub(super) const fn first() -> Self {
        Self(0)
    }

    /// From five hexadecimal digits, of either case; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == Self::DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u32::from_str_radix(text, 16).ok().map(Self)).flatten()
    }

    /// That of a hash; `None` if there are fewer than three bytes.
    #[must_use]
    pub fn of(hash: &[u8]) -> Option<Self> {
        let [first, second, third] = *hash.first_chunk()?;
        Some(Self(u32::from_be_bytes([0, first, second, third]) >> 4))
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for RangePrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:05X}", self.0)
    }
}

/// How a body is encoded (`Content-Encoding`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Text as it is.
    Identity,
    /// `gzip`, RFC 1952.
    Gzip,
    /// `br`, RFC 7932.
    Brotli,
}

/// Rows that are added so that a body's size doesn't tell which range it is: random suffixes with count 0, sorted among the others.
///
/// A range of up to 800 rows is filled up to 800 to 1,000, as the public API documents it. A larger one is filled up to the next multiple of
/// 500 and 0 to 200 rows more, so that the total says little about how many were real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// What the number of rows and their suffixes are drawn from; a new random number for each answer.
    pub seed: u64,
}

/// What identifies a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeTag {
    /// A strong entity tag with its quotes, from what the body contains and how it is encoded.
    pub etag: String,
    /// When the newest of the sources was imported: seconds since 1970 (UTC). 0 if nothing is loaded.
    pub last_modified: i64,
}

/// What is loaded from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusStatistics {
    /// Which hash.
    pub kind: HashKind,
    /// The name given at the import.
    pub source: String,
    /// Hashes.
    pub hashes: u64,
    /// The sum of their counts.
    pub occurrences: u64,
    /// Bytes of its range files.
    pub range_bytes: u64,
    /// Its share of the counts files, in bytes.
    pub counts_bytes: u64,
    /// When it was imported last: seconds since 1970 (UTC).
    pub imported: i64,
    /// Its range files: one, and one for each time that something was added to it, until they are merged. Until then a hash that is in several
    /// counts in `hashes` once for each.
    pub parts: u64,
}

impl CorpusStatistics {
    /// Takes another part of the same source in.
    pub(super) fn add(&mut self, part: &Self) {
        self.hashes += part.hashes;
        self.occurrences = self.occurrences.saturating_add(part.occurrences);
        self.range_bytes += part.range_bytes;
        self.counts_bytes += part.counts_bytes;
        self.imported = self.imported.max(part.imported);
        self.parts += part.parts;
    }
}

/// What is read for one question about hashes of a kind. After a merge it is one index and no loose part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads {
    /// Indexes: a lookup reads a page of 4 KiB of each.
    pub indexes: usize,
    /// Parts: a range reads a block of each.
    pub parts: usize,
    /// Parts that are in no index: a lookup reads a block of each.
    pub loose_parts: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_five_hexadecimal_digits() {
        assert_eq!(RangePrefix::parse("5baA6").map(RangePrefix::number), Some(0x5_baa6));
        assert_eq!(RangePrefix::of(&[0x5b, 0xaa, 0x61]), RangePrefix::parse("5BAA6"));
        assert_eq!(
            RangePrefix::parse("5BAA6").map(|prefix| prefix.to_string()).as_deref(),
            Some("5BAA6")
        );
        for bad in ["", "5BAA", "5BAA61", "5BAAG", "+5BAA", "5BA\u{e9}"] {
            assert_eq!(RangePrefix::parse(bad), None, "{bad}");
        }
        assert_eq!(RangePrefix::new(1 << 20), None);
    }
}
