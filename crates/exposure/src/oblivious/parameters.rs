//! What a server tells every asker before the first question: the same for all.

use serde::{Deserialize, Serialize};

use super::entry::ENTRY_BYTES;
use super::hiding::{BITS_MAX, prefix_of};
use super::index::Salt;
use super::protocol::PublicKey;
use super::store::Generation;
use crate::Error;
use crate::address::Identity;
use crate::hexadecimal;

/// Entries that an asker downloads at most: 10 billion people.
const ENTRIES_MAX: u64 = 10_000_000_000;

/// `GET /private/v1/parameters`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// The protocol, for people who read this.
    pub protocol: String,
    /// What the index is called in paths.
    pub index: String,
    /// The key, 64 hexadecimal digits.
    pub public_key: String,
    /// The salt of the index, 64 hexadecimal digits.
    pub salt: String,
    /// People in the index.
    pub identities: u64,
    /// Entries in it.
    pub entries: u64,
    /// Bytes of all entries.
    pub bytes: u64,
    /// Parts in which the whole is handed out.
    pub parts: u64,
    /// The fewest people that a bucket may have.
    pub hidden_among: u64,
    /// Whether buckets are handed out: there are enough people for at least one.
    pub buckets: bool,
    /// Bits of a bucket's prefix.
    pub bits: u32,
    /// People in the smallest bucket.
    pub fewest: u32,
    /// When the index was made, in seconds since 1970.
    pub built: u64,
}

impl Parameters {
    /// What a server says of its index.
    #[must_use]
    pub fn of(generation: &Generation) -> Self {
        let header = generation.index.header();
        Self {
            protocol: "RFC 9497 VOPRF, ristretto255-SHA512".to_owned(),
            index: generation.name.clone(),
            public_key: header.public_key.to_hex(),
            salt: hexadecimal::lower(header.salt.as_bytes()),
            identities: header.identities,
            entries: header.entries,
            bytes: generation.index.entries_bytes(),
            parts: generation.index.parts() as u64,
            hidden_among: header.hidden_among,
            buckets: u64::from(header.fewest) >= header.hidden_among,
            bits: header.bits,
            fewest: header.fewest,
            built: header.built_s,
        }
    }

    /// Reads what a server said.
    ///
    /// # Errors
    /// When it isn't of this form, or contradicts itself.
    pub fn read(json: &[u8]) -> Result<Self, Error> {
        let not_understood = Error::Protocol {
            what: "the server's parameters can't be understood",
        };
        let Ok(parameters) = serde_json::from_slice::<Self>(json) else {
            return Err(not_understood);
        };
        let name_fits = parameters.salt().is_some_and(|salt| salt.name() == parameters.index);
        let consistent = parameters.bits <= BITS_MAX
            && parameters.entries <= ENTRIES_MAX
            && parameters.bytes == parameters.entries * ENTRY_BYTES as u64
            && parameters.identities <= parameters.entries
            && parameters.parts <= parameters.entries;
        if name_fits && consistent && parameters.public_key().is_some() {
            Ok(parameters)
        } else {
            Err(not_understood)
        }
    }

    /// The key.
    #[must_use]
    pub fn public_key(&self) -> Option<PublicKey> {
        PublicKey::from_hex(&self.public_key)
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> Option<Salt> {
        hexadecimal::bytes(&self.salt).map(Salt::new)
    }

    /// Whether a bucket really hides whoever asks for it: as far as the server's own numbers say.
    #[must_use]
    pub fn hides(&self) -> bool {
        let buckets = 1_u64 << self.bits.min(BITS_MAX);
        self.buckets
            && u64::from(self.fewest) >= self.hidden_among
            && self.identities / buckets >= u64::from(self.fewest)
    }

    /// The prefix of an identity's bucket as it stands in paths.
    #[must_use]
    pub fn prefix(&self, identity: Identity) -> String {
        prefix_digits(self.bits, prefix_of(identity, self.bits))
    }
}

/// A prefix as it stands in paths: hexadecimal, as many digits as `bits` need, at least one.
#[must_use]
pub fn prefix_digits(bits: u32, prefix: u32) -> String {
    let digits = bits.div_ceil(4).max(1) as usize;
    format!("{prefix:0digits$x}")
}

/// Reads a prefix; `None` unless it has exactly the digits that `bits` need, and no higher bit.
#[must_use]
pub fn read_prefix(bits: u32, digits: &str) -> Option<u32> {
    if bits > BITS_MAX || digits.len() != bits.div_ceil(4).max(1) as usize {
        return None;
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let prefix = u32::from_str_radix(digits, 16).ok()?;
    (prefix < 1 << bits).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_read_as_it_is_written() {
        for bits in 0..=BITS_MAX {
            for prefix in [0, (1 << bits) - 1, (1 << bits) / 3] {
                assert_eq!(read_prefix(bits, &prefix_digits(bits, prefix)), Some(prefix));
            }
            assert_eq!(read_prefix(bits, &format!("{:x}", 1 << bits)), None, "{bits} bits");
        }
        for digits in ["", "1", "fff", "+f", "\u{663}f"] {
            assert_eq!(read_prefix(8, digits), None, "{digits}");
        }
        assert_eq!(read_prefix(40, "ffffffffff"), None);
    }
}
