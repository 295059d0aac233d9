//! Random secrets that are shown once, and what the ledger keeps of them.

use std::fmt;

use ring::digest::{SHA256, digest};

/// Random bytes in a secret.
pub const SECRET_BYTES: usize = 32;

/// A secret as its holder has it. It isn't shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret made of random bytes: `prefix`, then hexadecimal digits.
    #[must_use]
    pub fn new(prefix: &str, random: [u8; SECRET_BYTES]) -> Self {
        let digits = random.iter().map(|byte| format!("{byte:02x}"));
        Self(format!("{prefix}{}", digits.collect::<String>()))
    }

    /// What its holder keeps.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the ledger keeps.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The SHA-256 of a secret. It is looked up, not compared in constant time: whoever measures how much of a digest agrees learns
/// nothing about the secret behind it, and can't choose digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of what somebody says is their secret.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }
}

impl rusqlite::ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        self.0.as_slice().to_sql()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_digest_and_not_printed() {
        let secret = Secret::new("hft_", [0xAB; 32]);
        assert_eq!(secret.reveal(), format!("hft_{}", "ab".repeat(32)));
        assert_eq!(secret.digest(), Digest::of(secret.reveal()));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
