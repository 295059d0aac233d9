//! Signed heads of the chain: kept elsewhere than the ledger, so that a tail that was cut off shows, and a chain that was made
//! anew. A chain alone can't tell: what is left of it is whole.
//!
//! Who can read the key can sign: heads protect against whoever can write the ledger's file and no more, and, once they lie on
//! another machine, against everybody.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::chain::{RecordHash, hex};
use super::record::Sequence;
use crate::error::Error;
use crate::time::Time;

/// The key's name beside the ledger.
pub const KEY_NAME: &str = "ledger.key";
/// The newest head's name beside the ledger.
pub const HEAD_NAME: &str = "ledger-head";
/// Bytes of a head's file at most.
const HEAD_BYTES_MAX: usize = 4096;
/// Bytes of a key's file at most: PKCS#8 with both halves is 85.
const KEY_BYTES_MAX: usize = 1024;
/// What is signed begins with this, so that no signature for another purpose passes for one.
const PURPOSE: &[u8] = b"holdfast ledger head 1\n";
const PUBLIC_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;

/// An end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The record.
    pub sequence: Sequence,
    /// Its hash, which covers all before it.
    pub hash: RecordHash,
}

/// A head, when it was the newest, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The head.
    #[serde(flatten)]
    pub head: Head,
    /// When it was signed.
    pub time: Time,
    /// The public key, 64 hexadecimal digits.
    pub key: String,
    /// Ed25519 over `holdfast ledger head 1`, a line feed, the record's number, the time in milliseconds since 1970 (both
    /// big-endian, 8 bytes) and the hash (32 bytes); 128 hexadecimal digits.
    pub signature: String,
}

impl SignedHead {
    /// Reads a head's file. The bytes may be anything. Whether the signature holds is [`SignedHead::is_genuine`]'s business.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > HEAD_BYTES_MAX {
            return None;
        }
        serde_json::from_slice(bytes).ok()
    }

    /// The head as its file has it: JSON in a line.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Numbers and strings only.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Whether the key that is named signed it.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        let Some(key) = hex::bytes::<PUBLIC_BYTES>(&self.key) else {
            return false;
        };
        let Some(signature) = hex::bytes::<SIGNATURE_BYTES>(&self.signature) else {
            return false;
        };
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(&signed_bytes(&self.head, self.time), &signature).is_ok()
    }
}

fn signed_bytes(head: &Head, time: Time) -> Vec<u8> {
    let mut bytes = PURPOSE.to_vec();
    bytes.extend(head.sequence.0.to_be_bytes());
    bytes.extend(time.unix_millis().to_be_bytes());
    bytes.extend(head.hash.0);
    bytes
}

/// The key that signs heads.
#[derive(Debug)]
pub struct HeadKey {
    pair: Ed25519KeyPair,
}

impl HeadKey {
    /// Reads the key beside the ledger, making it if there is none; readable by its owner only.
    ///
    /// # Errors
    /// When it can't be read or made, or is none.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(KEY_NAME);
        if !path.exists() {
            make_key(folder, &path)?;
        }
        let bytes = read_at_most(&path, KEY_BYTES_MAX).map_err(Error::io("read", &path))?;
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| Error::LedgerKey { path })?;
        Ok(Self { pair })
    }

    /// The public half, 64 hexadecimal digits.
    #[must_use]
    pub fn public(&self) -> String {
        hex::text(self.pair.public_key().as_ref())
    }

    /// Signs a head.
    #[must_use]
    pub fn sign(&self, head: Head, time: Time) -> SignedHead {
        let signature = self.pair.sign(&signed_bytes(&head, time));
        SignedHead {
            head,
            time,
            key: self.public(),
            signature: hex::text(signature.as_ref()),
        }
    }
}

/// Makes a key.
fn make_key(folder: &Path, path: &Path) -> Result<(), Error> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| Error::io("make", path)(io::Error::other("the system gives no randomness")))?;
    make_private_key(folder, KEY_NAME, document.as_ref())
}

/// Makes the file of a key, readable by its owner only. Of two processes that do so at once, one's key counts for both.
pub(crate) fn make_private_key(folder: &Path, name: &str, key: &[u8]) -> Result<(), Error> {
    let path = folder.join(name);
    let new = folder.join(format!("{name}.{}.new", std::process::id()));
    write_private(&new, key).map_err(Error::io("write", &new))?;
    let linked = match fs::hard_link(&new, &path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked.map_err(Error::io("make", &path)),
    };
    fs::remove_file(&new).map_err(Error::io("remove", &new))?;
    linked?;
    sync_folder(folder).map_err(Error::io("write", folder))
}

/// Replaces the newest head beside the ledger.
///
/// # Errors
/// When it can't be written.
pub fn write_head(folder: &Path, head: &SignedHead) -> Result<(), Error> {
    let (path, new) = (folder.join(HEAD_NAME), folder.join(format!("{HEAD_NAME}.new")));
    let written = write_private(&new, &head.encode()).and_then(|()| fs::rename(&new, &path));
    written
        .and_then(|()| sync_folder(folder))
        .map_err(Error::io("write", &path))
}

/// The head in a file; `None` if there is no such file.
///
/// # Errors
/// When it can't be read, or is none.
pub fn read_head(path: &Path) -> Result<Option<SignedHead>, Error> {
    let bytes = match read_at_most(path, HEAD_BYTES_MAX) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        read => read.map_err(Error::io("read", path))?,
    };
    let path = path.to_owned();
    SignedHead::parse(&bytes).map(Some).ok_or(Error::LedgerHead { path })
}

/// The bytes of a file; one more than `most` of a longer one.
pub(crate) fn read_at_most(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            sequence: Sequence(7),
            hash: RecordHash([9; 32]),
        }
    }

    #[test]
    fn a_head_is_believed_as_it_was_signed_and_not_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let key = HeadKey::open(folder.path()).unwrap();
        let signed = key.sign(head(), Time::from_unix_millis(5));
        assert!(signed.is_genuine());
        assert_eq!(SignedHead::parse(&signed.encode()).as_ref(), Some(&signed));
        let changed = |change: fn(&mut SignedHead)| {
            let mut other = signed.clone();
            change(&mut other);
            other.is_genuine()
        };
        assert!(!changed(|other| other.head.sequence = Sequence(6)));
        assert!(!changed(|other| other.head.hash = RecordHash::GENESIS));
        assert!(!changed(|other| other.time = Time::from_unix_millis(6)));
        assert!(!changed(|other| other.key = "00".repeat(32)));
        assert!(!changed(|other| other.signature = "00".repeat(64)));
        assert!(!changed(|other| other.signature = String::new()));
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let first = HeadKey::open(folder.path()).unwrap().public();
        assert_eq!(HeadKey::open(folder.path()).unwrap().public(), first);
        let path = folder.path().join(KEY_NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        fs::write(&path, b"no key").unwrap();
        let error = HeadKey::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is no key"), "{error}");
    }

    #[test]
    fn a_head_that_is_none_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(HEAD_NAME);
        assert_eq!(read_head(&path).unwrap(), None);
        let signed = HeadKey::open(folder.path()).unwrap().sign(head(), Time::default());
        write_head(folder.path(), &signed).unwrap();
        assert_eq!(read_head(&path).unwrap(), Some(signed));
        for bytes in [&b""[..], b"{}", &[b'['; 8192]] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(read_head(&path), Err(Error::LedgerHead { .. })));
        }
    }
}
