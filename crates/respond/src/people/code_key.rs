//! The key with which secrets of one-time codes are encrypted: codes are computed from a secret, so that it can't be kept as a hash.
//!
//! What the ledger keeps of a secret: `HFC1`, the key's name (4 bytes), a nonce (12 bytes), then the secret encrypted with
//! ChaCha20-Poly1305 and its tag. The account's number is authenticated as well, so that nobody puts their own secret into the row of
//! another. Anything shorter is a secret as it is: ledgers had those once.
//!
//! The key lies beside the ledger, in a file of its own: whoever gets a copy of the ledger has no secret yet.

use std::path::Path;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::Connection;
use serde_json::json;

use super::{AccountId, Actor};
use crate::error::Error;
use crate::ledger::{Ledger, Writing, make_private_key, read_at_most};
use crate::time::Time;

/// The key's name beside the ledger.
pub const CODE_KEY_NAME: &str = "codes.key";
const KEY_BYTES: usize = 32;
const MAGIC: &[u8; 4] = b"HFC1";
const NAME_BYTES: usize = 4;
const TAG_BYTES: usize = 16;
/// What comes before the encrypted secret.
const HEAD_BYTES: usize = MAGIC.len() + NAME_BYTES + NONCE_LEN;
/// What is authenticated begins with this, so that nothing that is encrypted for another purpose passes for a secret.
const PURPOSE: &[u8] = b"holdfast one-time code 1\n";

/// The key. Not shown by `{:?}`.
pub struct CodeKey {
    key: LessSafeKey,
    /// By which it is known what it encrypted.
    name: [u8; NAME_BYTES],
}

impl std::fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeKey(..)")
    }
}

impl CodeKey {
    /// The key beside the ledger; `None` if there is none that can be read: nobody is kept out who has another way in.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        let bytes = read_at_most(&folder.join(CODE_KEY_NAME), KEY_BYTES).ok()?;
        Self::of(&bytes)
    }

    /// The key beside the ledger, made if there is none; readable by its owner only.
    ///
    /// # Errors
    /// When it can't be read or made, or is none.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(CODE_KEY_NAME);
        if !path.exists() {
            make_private_key(folder, CODE_KEY_NAME, &random::<KEY_BYTES>(&path)?)?;
        }
        let bytes = read_at_most(&path, KEY_BYTES).map_err(Error::io("read", &path))?;
        Self::of(&bytes).ok_or(Error::CodeKey { path })
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != KEY_BYTES {
            return None;
        }
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
        let hash = digest(&SHA256, &[PURPOSE, bytes].concat());
        let mut name = [0; NAME_BYTES];
        name.copy_from_slice(hash.as_ref().get(..NAME_BYTES)?);
        Some(Self {
            key: LessSafeKey::new(key),
            name,
        })
    }

    /// What the ledger keeps of an account's secret.
    pub(super) fn seal(&self, account: AccountId, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce = random::<NONCE_LEN>(Path::new(CODE_KEY_NAME))?;
        let mut sealed = secret.to_vec();
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        let done = self
            .key
            .seal_in_place_append_tag(nonce_used, Aad::from(about(account)), &mut sealed);
        done.map_err(|_| Error::Refused {
            what: "the secret of one-time codes is too long to be encrypted".to_owned(),
        })?;
        Ok([MAGIC.as_slice(), &self.name, &nonce, &sealed].concat())
    }

    /// An account's secret, of what the ledger keeps of it.
    fn unseal(&self, account: AccountId, kept: &[u8]) -> Option<Vec<u8>> {
        if kept.get(MAGIC.len()..HEAD_BYTES - NONCE_LEN) != Some(&self.name) {
            return None;
        }
        let nonce = kept.get(HEAD_BYTES - NONCE_LEN..HEAD_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = kept.get(HEAD_BYTES..)?.to_vec();
        let secret = self.key.open_in_place(nonce, Aad::from(about(account)), &mut sealed);
        secret.ok().map(|secret| secret.to_vec())
    }
}

/// An account's secret, of what the ledger keeps of it: encrypted, or as it is. `None` if the key for it isn't there.
pub(super) fn secret(key: Option<&CodeKey>, account: AccountId, kept: &[u8]) -> Option<Vec<u8>> {
    if is_sealed(kept) {
        key?.unseal(account, kept)
    } else {
        Some(kept.to_vec())
    }
}

fn is_sealed(kept: &[u8]) -> bool {
    kept.starts_with(MAGIC) && kept.len() > HEAD_BYTES + TAG_BYTES
}

fn about(account: AccountId) -> Vec<u8> {
    [PURPOSE, &account.0.to_be_bytes()].concat()
}

fn random<const COUNT: usize>(path: &Path) -> Result<[u8; COUNT], Error> {
    let mut bytes = [0; COUNT];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Error::io("make", path)(std::io::Error::other("the system gives no randomness")))?;
    Ok(bytes)
}

/// Every account that has a secret of one-time codes, and what is kept of it.
fn kept(connection: &Connection) -> rusqlite::Result<Vec<(AccountId, Vec<u8>)>> {
    let text = "select id, totp_secret from account where totp_secret is not null";
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map([], |row| Ok((AccountId(row.get(0)?), row.get(1)?)))?;
    rows.collect()
}

/// How many accounts' one-time codes can't be checked, because the key that their secrets are encrypted with isn't there.
pub(crate) fn codes_lost(ledger: &Ledger, key: Option<&CodeKey>) -> Result<u64, Error> {
    let kept = ledger.tried(kept(ledger.connection()))?;
    let lost = kept
        .iter()
        .filter(|(account, kept)| secret(key, *account, kept).is_none());
    Ok(lost.count() as u64)
}

/// Whether there are secrets that aren't encrypted.
pub(crate) fn has_plain_codes(ledger: &Ledger) -> Result<bool, Error> {
    let kept = ledger.tried(kept(ledger.connection()))?;
    Ok(kept.iter().any(|(_, kept)| !is_sealed(kept)))
}

/// Encrypts the secrets that aren't.
pub(crate) fn seal_codes(w: &mut Writing<'_>, now: Time, key: &CodeKey) -> Result<(), Error> {
    let kept = w.tried(kept(w.connection()))?;
    let plain: Vec<_> = kept.into_iter().filter(|(_, kept)| !is_sealed(kept)).collect();
    for (account, secret) in &plain {
        let sealed = key.seal(*account, secret)?;
        let update = "update account set totp_secret = ?2 where id = ?1";
        w.tried(w.connection().execute(update, (account.0, sealed)))?;
    }
    if !plain.is_empty() {
        let by = Actor::System("ledger".to_owned());
        let facts = json!({ "accounts": plain.len() });
        w.record(now, &by, "people.codes-encrypted", "account", &facts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_with_its_key_for_its_account_and_not_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        assert!(CodeKey::read(folder.path()).is_none());
        let key = CodeKey::open(folder.path()).unwrap();
        let sealed = key.seal(AccountId(7), b"twenty bytes, a code").unwrap();
        assert!(is_sealed(&sealed) && !sealed.windows(6).any(|part| part == b"twenty"));
        let same = CodeKey::read(folder.path());
        let read = |key: Option<&CodeKey>, account: i64, kept: &[u8]| secret(key, AccountId(account), kept);
        assert_eq!(
            read(same.as_ref(), 7, &sealed).as_deref(),
            Some(&b"twenty bytes, a code"[..])
        );
        assert_eq!(read(same.as_ref(), 8, &sealed), None, "another account's");
        assert_eq!(read(None, 7, &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            let found = read(same.as_ref(), 7, &changed);
            assert_ne!(found.as_deref(), Some(&b"twenty bytes, a code"[..]), "byte {at}");
        }
        assert_ne!(
            key.seal(AccountId(7), b"x").unwrap(),
            key.seal(AccountId(7), b"x").unwrap()
        );
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CODE_KEY_NAME);
        std::fs::write(&path, "short").unwrap();
        assert!(CodeKey::read(folder.path()).is_none());
        let error = CodeKey::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("codes.key") && error.contains("backup"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
    }

    #[test]
    fn the_key_is_its_owners_only_and_made_once() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..2).map(|_| CodeKey::open(folder.path()).unwrap().name).collect();
        assert_eq!(names[0], names[1]);
        let mode = std::fs::metadata(folder.path().join(CODE_KEY_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }
}
