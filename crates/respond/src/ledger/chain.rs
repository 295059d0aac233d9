//! The hash chain: each record's hash covers the hash before it, so that an edited record shows in all that follow.

use std::fmt;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a hash.
pub(super) const HASH_BYTES: usize = 32;

/// The hash of a record: SHA-256. In JSON and on the screen 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordHash(pub [u8; HASH_BYTES]);

impl RecordHash {
    /// The hash before the first record.
    pub const GENESIS: Self = Self([0; HASH_BYTES]);

    /// From hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::bytes(text).map(Self)
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordHash({self})")
    }
}

impl Serialize for RecordHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
    }
}

/// SHA-256 over the hash before, the record's number, time (both big-endian, 8 bytes) and its texts, each behind its length
/// (big-endian, 8 bytes): actor as the JSON that is stored, kind, subject, body as the JSON that is stored.
pub(super) fn hash(before: &RecordHash, sequence: i64, millis: i64, texts: [&str; 4]) -> RecordHash {
    let mut context = Context::new(&SHA256);
    context.update(&before.0);
    context.update(&sequence.to_be_bytes());
    context.update(&millis.to_be_bytes());
    for text in texts {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(context.finish().as_ref());
    RecordHash(hash)
}

/// Bytes as hexadecimal digits.
pub(super) mod hex {
    use std::fmt::Write;

    /// Lower case, two digits a byte.
    pub(in crate::ledger) fn text(bytes: &[u8]) -> String {
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a string doesn't fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Exactly `N` bytes, or nothing.
    pub(in crate::ledger) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
        if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; N];
        for (byte, index) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(text.get(index..index + 2)?, 16).ok()?;
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_everything_that_a_record_says() {
        let texts = [r#"{"kind":"system"}"#, "alert.noticed", "alert/1", "{}"];
        let known = hash(&RecordHash::GENESIS, 1, 2, texts);
        assert_eq!(RecordHash::parse(&known.to_string()), Some(known));
        let mut others = vec![
            hash(&known, 1, 2, texts),
            hash(&RecordHash::GENESIS, 2, 2, texts),
            hash(&RecordHash::GENESIS, 1, 3, texts),
            // The same characters, divided in another way.
            hash(
                &RecordHash::GENESIS,
                1,
                2,
                [r#"{"kind":"system"}a"#, "lert.noticed", "alert/1", "{}"],
            ),
        ];
        for index in 0..texts.len() {
            let mut changed = texts;
            changed[index] = "x";
            others.push(hash(&RecordHash::GENESIS, 1, 2, changed));
        }
        assert!(others.iter().all(|other| *other != known), "{others:?}");
    }

    #[test]
    fn only_hexadecimal_digits_are_a_hash() {
        assert_eq!(RecordHash::parse(&"0".repeat(64)), Some(RecordHash::GENESIS));
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &"\u{e4}".repeat(32),
            &"+0".repeat(32),
        ] {
            assert_eq!(RecordHash::parse(text), None, "{text}");
        }
    }
}
