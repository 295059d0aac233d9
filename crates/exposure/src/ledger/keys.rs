//! Keys of the API: who may ask what, and how often.
//!
//! A key is 128 random bits, printed as 32 hexadecimal digits, as those of the public API are. The ledger keeps its SHA-256 only:
//! the key itself is shown once, when it is made. A plain digest is enough, since nobody can try out 2^128 keys; and it need not be
//! compared in constant time, since whoever measures how many bytes of a digest agree learns nothing about the key behind it, and
//! can't choose digests.

use std::fmt;
use std::str::FromStr;

use ring::digest;
use rusqlite::{OptionalExtension, Row};

use super::Ledger;
use crate::Error;
use crate::hexadecimal;

/// `api_key.digest` is the SHA-256 of the key. `scopes` are names with commas between them.
pub(super) const SCHEMA: &str = "
create table if not exists api_key (
    id integer primary key,
    name text not null unique,
    digest blob not null unique,
    requests_per_minute integer not null,
    scopes text not null,
    created integer not null,
    revoked integer
) strict;
";

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Breaches and pastes of one account at a time.
    Accounts,
    /// Search by the first six digits of an address's hash: whoever asks for all of them has a list of all hashes.
    Range,
    /// Whole domains that were verified here, and verifying more.
    Domains,
    /// Stealer logs of domains that were verified here.
    StealerLogs,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accounts, Self::Range, Self::Domains, Self::StealerLogs];

    /// The name in commands and in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Range => "range",
            Self::Domains => "domains",
            Self::StealerLogs => "stealer-logs",
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|scope| scope.name() == name).ok_or(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The SHA-256 of a key, as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Its bytes.
    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of a key as a client sends it, 32 hexadecimal digits of either case; nothing of anything else.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        let is_key = key.len() == 2 * KEY_BYTES && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_key.then(|| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(digest::digest(&digest::SHA256, key.to_ascii_lowercase().as_bytes()).as_ref());
            Self(bytes)
        })
    }
}

/// Random bytes in a key.
pub const KEY_BYTES: usize = 16;

/// A key that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name, chosen when it was made.
    pub name: String,
    /// How often it may ask in a minute.
    pub requests_per_minute: u32,
    /// What it may ask, in order.
    pub scopes: Vec<Scope>,
}

impl ApiKey {
    /// Whether it may be used for something.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// A key as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// What may be done with it.
    pub key: ApiKey,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it was revoked, if it was, in seconds since 1970.
    pub revoked: Option<u64>,
}

impl Ledger {
    /// Makes a key from random bytes, and returns it as its user is to send it. The name of a revoked key is free again.
    ///
    /// # Errors
    /// [`Error::KeyExists`] if a key of that name is in use, and errors of the ledger.
    pub fn make_key(&self, key: &ApiKey, random: [u8; KEY_BYTES], now: u64) -> Result<String, Error> {
        let text = hexadecimal::lower(&random);
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let mut scopes = key.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        let scopes = scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(",");
        let made = self.tried(self.connection.execute(
            "insert into api_key (name, digest, requests_per_minute, scopes, created) values (?1, ?2, ?3, ?4, ?5)
             on conflict (name) do update set digest = ?2, requests_per_minute = ?3, scopes = ?4, created = ?5, revoked = null
             where revoked is not null",
            (&key.name, digest.as_ref(), key.requests_per_minute, scopes, seconds(now)),
        ))?;
        if made == 0 {
            return Err(Error::KeyExists { name: key.name.clone() });
        }
        Ok(text)
    }

    /// All keys by name, revoked ones too.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn keys(&self) -> Result<Vec<ListedKey>, Error> {
        let read = || {
            let mut statement = self
                .connection
                .prepare("select name, requests_per_minute, scopes, created, revoked from api_key order by name")?;
            statement.query_map((), listed_key)?.collect()
        };
        self.tried(read())
    }

    /// The keys in use by their digests: what a server needs.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn keys_in_use(&self) -> Result<Vec<(KeyDigest, ApiKey)>, Error> {
        let read = || {
            let mut statement = self.connection.prepare(
                "select name, requests_per_minute, scopes, created, revoked, digest from api_key where revoked is null",
            )?;
            statement
                .query_map((), |row| Ok((KeyDigest(row.get(5)?), listed_key(row)?.key)))?
                .collect()
        };
        self.tried(read())
    }

    /// The key that a client sent, if it is in use.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn authorise(&self, key: &str) -> Result<Option<ApiKey>, Error> {
        let Some(KeyDigest(digest)) = KeyDigest::of(key) else {
            return Ok(None);
        };
        self.tried(
            self.connection
                .query_row(
                    "select name, requests_per_minute, scopes, created, revoked from api_key
                     where digest = ?1 and revoked is null",
                    [digest],
                    |row| Ok(listed_key(row)?.key),
                )
                .optional(),
        )
    }

    /// Revokes a key. Returns whether there was one of that name in use.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn revoke_key(&self, name: &str, now: u64) -> Result<bool, Error> {
        let revoked = self.tried(self.connection.execute(
            "update api_key set revoked = ?2 where name = ?1 and revoked is null",
            (name, seconds(now)),
        ))?;
        Ok(revoked > 0)
    }
}

/// The first five columns of the queries above. Scopes of a newer program are left out: they aren't known to mean anything.
fn listed_key(row: &Row<'_>) -> rusqlite::Result<ListedKey> {
    let scopes: String = row.get(2)?;
    Ok(ListedKey {
        key: ApiKey {
            name: row.get(0)?,
            requests_per_minute: row.get(1)?,
            scopes: scopes.split(',').filter_map(|name| name.parse().ok()).collect(),
        },
        created: row.get::<_, i64>(3)?.unsigned_abs(),
        revoked: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
    })
}

/// SQLite's integers are signed.
fn seconds(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        (folder, ledger)
    }

    fn key(name: &str) -> ApiKey {
        ApiKey {
            name: name.to_owned(),
            requests_per_minute: 10,
            scopes: vec![Scope::Accounts, Scope::StealerLogs],
        }
    }

    #[test]
    fn a_key_is_known_until_it_is_revoked() {
        let (_folder, ledger) = ledger();
        let text = ledger.make_key(&key("desk"), [0xab; 16], 1_000).unwrap();
        assert_eq!(text, "ab".repeat(16));
        assert_eq!(ledger.authorise(&text).unwrap(), Some(key("desk")));
        assert_eq!(ledger.authorise(&text.to_uppercase()).unwrap(), Some(key("desk")));
        assert_eq!(ledger.authorise(&"ac".repeat(16)).unwrap(), None);
        assert_eq!(ledger.authorise("desk").unwrap(), None);
        assert!(ledger.revoke_key("desk", 2_000).unwrap());
        assert!(!ledger.revoke_key("desk", 2_000).unwrap());
        assert_eq!(ledger.authorise(&text).unwrap(), None);
        assert_eq!(ledger.keys_in_use().unwrap(), []);
        let listed = ledger.keys().unwrap();
        assert_eq!((listed[0].created, listed[0].revoked), (1_000, Some(2_000)));
    }

    #[test]
    fn a_name_is_free_again_only_after_its_key_was_revoked() {
        let (_folder, ledger) = ledger();
        let first = ledger.make_key(&key("desk"), [1; 16], 1_000).unwrap();
        let error = ledger.make_key(&key("desk"), [2; 16], 1_000).unwrap_err().to_string();
        assert!(error.contains("`desk`"), "{error}");
        ledger.revoke_key("desk", 1_500).unwrap();
        let second = ledger.make_key(&key("desk"), [2; 16], 2_000).unwrap();
        assert_eq!(ledger.authorise(&first).unwrap(), None);
        assert_eq!(ledger.authorise(&second).unwrap(), Some(key("desk")));
        assert_eq!(
            ledger.keys_in_use().unwrap(),
            [(KeyDigest::of(&second).unwrap(), key("desk"))]
        );
    }

    #[test]
    fn the_key_itself_is_nowhere_in_the_ledger() {
        let (folder, ledger) = ledger();
        let text = ledger.make_key(&key("desk"), [0x5c; 16], 1_000).unwrap();
        drop(ledger);
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(16).any(|window| window == [0x5c; 16]));
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()));
        }
    }

    #[test]
    fn scopes_have_names() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
        }
        assert_eq!("everything".parse::<Scope>(), Err(()));
    }
}
