//! Mail addresses, and the key under which a person is kept.

use ring::digest;

/// The SHA-1 of a normalised address: what the API's range search is about, and the key of the tables of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub [u8; Identity::BYTES]);

impl Identity {
    /// Bytes of a key.
    pub const BYTES: usize = 20;

    /// The key of an account as it is written: white space around it and case don't matter, as in the public API.
    #[must_use]
    pub fn of(account: &str) -> Self {
        Self::of_normalised(&[normalise(account).as_bytes()])
    }

    /// The key of an account that is normalised already, given in parts.
    pub(crate) fn of_normalised(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        for part in parts {
            context.update(part);
        }
        let mut key = [0; Self::BYTES];
        key.copy_from_slice(context.finish().as_ref());
        Self(key)
    }
}

/// An account without white space around it, in lower case.
#[must_use]
pub fn normalise(account: &str) -> String {
    account.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_space_around_an_address_do_not_matter() {
        assert_eq!(Identity::of(" Test@Example.com\r\n"), Identity::of("test@example.com"));
        // `printf %s test@example.com | sha1sum`
        assert_eq!(Identity::of("test@example.com").0[..4], [0x56, 0x71, 0x59, 0xd6]);
    }
}
