//! Prefixes of addresses' hashes whose holders of keys are called back when a breach has somebody behind them.
//!
//! A subscription belongs to a key, by its digest: one that is revoked, or made anew under the same name, has none.

use std::fmt;

use rusqlite::{TransactionBehavior, params};

use super::{BreachId, KeyDigest, Ledger};
use crate::Error;
use crate::address::Identity;

pub(super) const SCHEMA: &str = "
create table if not exists range_subscription (
    prefix integer not null,
    digest blob not null,
    created integer not null,
    primary key (prefix, digest)
) strict, without rowid;
create index if not exists range_subscription_key on range_subscription (digest);
";

/// Most subscriptions of a key: each costs a look at the tables for every breach that is loaded.
pub const SUBSCRIPTIONS_MAX: u32 = 1_000_000;
/// Prefixes that are read at a time.
const PAGE: u32 = 1000;

/// The first six hexadecimal digits of an address's SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashPrefix(u32);

impl HashPrefix {
    /// Bits of it.
    pub const BITS: u32 = 24;
    /// Hexadecimal digits of it.
    pub const DIGITS: usize = 6;

    /// From six digits, of either case; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == Self::DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| u32::from_str_radix(text, 16).ok().map(Self)).flatten()
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The digits of an identity behind the prefix, in upper case.
    #[must_use]
    pub fn suffix(identity: Identity) -> String {
        crate::hexadecimal::upper(&identity.0).split_off(Self::DIGITS)
    }
}

impl fmt::Display for HashPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06X}", self.0)
    }
}

/// What became of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// It is new.
    New,
    /// It was there.
    Already,
    /// The key has as many as it may have.
    TooMany,
}

impl Ledger {
    /// Subscribes a key to a prefix. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn subscribe(&mut self, key: &KeyDigest, prefix: HashPrefix, now: i64) -> Result<Subscribed, Error> {
        let result = (|| {
            // What is read first may not be out of date when something is written.
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let count = "select count(*) from range_subscription where digest = ?1";
            let count: u32 = transaction.query_row(count, [key.bytes()], |row| row.get(0))?;
            let is_there = "select exists (select 1 from range_subscription where prefix = ?1 and digest = ?2)";
            if transaction.query_row(is_there, params![prefix.0, key.bytes()], |row| row.get(0))? {
                return Ok(Subscribed::Already);
            }
            if count >= SUBSCRIPTIONS_MAX {
                return Ok(Subscribed::TooMany);
            }
            let insert = "insert into range_subscription (prefix, digest, created) values (?1, ?2, ?3)";
            transaction.execute(insert, params![prefix.0, key.bytes(), now])?;
            transaction.commit()?;
            Ok(Subscribed::New)
        })();
        self.tried(result)
    }

    /// The prefixes that keys in use are subscribed to, in order, each once: some of those behind `after`; empty behind the last.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn subscribed_prefixes(&self, after: Option<HashPrefix>) -> Result<Vec<HashPrefix>, Error> {
        let after = after.map_or(-1, |after| i64::from(after.0));
        self.tried((|| {
            let mut statement = self.connection.prepare(
                "select distinct prefix from range_subscription join api_key using (digest)
                 where revoked is null and prefix > ?1 order by prefix limit ?2",
            )?;
            let rows = statement.query_map(params![after, PAGE], |row| Ok(HashPrefix(row.get(0)?)))?;
            rows.collect()
        })())
    }

    /// Which import of a breach counts: a number that no other import has; 0 for a breach without data.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn load_of(&self, breach: BreachId) -> Result<u32, Error> {
        let query = "select coalesce((select id from load where load.breach = ?1), 0)";
        self.tried(self.connection.query_row(query, [breach.0], |row| row.get(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{ApiKey, Scope};

    fn key(ledger: &Ledger, name: &str, random: u8) -> KeyDigest {
        let key = ApiKey {
            name: name.to_owned(),
            requests_per_minute: 1,
            scopes: vec![Scope::Range],
        };
        KeyDigest::of(&ledger.make_key(&key, [random; 16], 1).unwrap()).unwrap()
    }

    #[test]
    fn a_prefix_is_six_digits() {
        assert_eq!(HashPrefix::parse("00abCD").unwrap().to_string(), "00ABCD");
        for wrong in ["", "00abc", "00abcde", "00abcg", "+0abcd"] {
            assert_eq!(HashPrefix::parse(wrong), None, "{wrong}");
        }
        assert_eq!(HashPrefix::suffix(Identity([0xab; 20])), "AB".repeat(17));
    }

    #[test]
    fn prefixes_are_those_of_keys_in_use_and_each_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let (first, second) = (key(&ledger, "first", 1), key(&ledger, "second", 2));
        let prefix = |number| HashPrefix(number);
        for number in (0..2500).rev() {
            assert_eq!(ledger.subscribe(&first, prefix(number), 1).unwrap(), Subscribed::New);
        }
        assert_eq!(ledger.subscribe(&first, prefix(7), 2).unwrap(), Subscribed::Already);
        for number in [7, 9000] {
            assert_eq!(ledger.subscribe(&second, prefix(number), 2).unwrap(), Subscribed::New);
        }
        let all = |ledger: &Ledger| {
            let (mut found, mut after) = (Vec::new(), None);
            while let Some(last) = ledger.subscribed_prefixes(after).unwrap().last() {
                found.extend(ledger.subscribed_prefixes(after).unwrap());
                after = Some(*last);
            }
            found
        };
        assert_eq!(all(&ledger), (0..2500).chain([9000]).map(prefix).collect::<Vec<_>>());
        ledger.revoke_key("first", 3).unwrap();
        assert_eq!(all(&ledger), [prefix(7), prefix(9000)]);
        // A new key of the same name has no subscriptions of the old one.
        key(&ledger, "first", 3);
        assert_eq!(all(&ledger), [prefix(7), prefix(9000)]);
    }
}
