//! Hashes of passwords as the public corpora have them.

use md4::{Digest, Md4};
use sha1::Sha1;

/// Which hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// SHA-1 of the password's UTF-8: 20 bytes.
    Sha1,
    /// NTLM, as Windows has it: MD4 of the password's UTF-16LE: 16 bytes.
    Ntlm,
}

impl HashKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sha1, Self::Ntlm];

    /// Bytes of a hash.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Ntlm => 16,
        }
    }

    /// The name in commands, folders and the API's `mode`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Ntlm => "ntlm",
        }
    }

    /// The kind with a name; `None` if there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The hash of a password, [`HashKind::bytes`] long.
    #[must_use]
    pub fn hash(self, password: &str) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(password).to_vec(),
            Self::Ntlm => {
                let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
                Md4::digest(utf16).to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hexadecimal::upper;

    /// The values that everybody knows.
    #[test]
    fn hashes_are_those_of_the_public_corpora() {
        assert_eq!(
            upper(&HashKind::Sha1.hash("password")),
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"
        );
        assert_eq!(
            upper(&HashKind::Ntlm.hash("password")),
            "8846F7EAEE8FB117AD06BDD830B7586C"
        );
    }
}
