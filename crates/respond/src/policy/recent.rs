//! How often the conditions of a policy were met lately.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::vocabulary::Count;
use crate::error::Error;
use crate::ledger::Writing;
use crate::time::Time;

/// Tables of this part: when something of a name met a policy's conditions last.
pub(crate) const SCHEMA: &str = "
    create table policy_match (
        policy text not null,
        key text not null,
        time integer not null,
        primary key (policy, key)
    ) strict, without rowid;
    create index policy_match_time on policy_match (policy, time);
";

/// Remembers how often the conditions of policies were met.
pub trait Recent {
    /// Notes that something (`key`) met the conditions of `policy`, and tells how many different things did within the count's span up
    /// to now, this one included. What is beyond the count needn't be told apart.
    ///
    /// # Errors
    /// When it can't be remembered.
    fn note(&self, policy: &str, key: &str, now: Time, count: Count) -> Result<u32, Error>;
}

/// Remembers in the ledger, as a part of a transaction.
#[derive(Debug)]
pub struct InLedger<'a, 'w>(&'a Writing<'w>);

impl<'a, 'w> InLedger<'a, 'w> {
    /// Remembers as a part of `writing`.
    #[must_use]
    pub const fn new(writing: &'a Writing<'w>) -> Self {
        Self(writing)
    }
}

impl Recent for InLedger<'_, '_> {
    fn note(&self, policy: &str, key: &str, now: Time, count: Count) -> Result<u32, Error> {
        let (writing, connection) = (self.0, self.0.connection());
        let since = now.plus_millis(-count.within_millis);
        let noted = connection.prepare_cached(
            "insert into policy_match (policy, key, time) values (?1, ?2, ?3)
             on conflict (policy, key) do update set time = max(time, excluded.time)",
        );
        writing.tried(noted.and_then(|mut statement| statement.execute((policy, key, now))))?;
        // What is too old goes, and of a flood what is more than the count asks for.
        let cleared = connection.prepare_cached(
            "delete from policy_match where policy = ?1 and (time < ?2 or time < coalesce(
                (select time from policy_match where policy = ?1 order by time desc limit 1 offset ?3), time))",
        );
        writing.tried(cleared.and_then(|mut statement| statement.execute((policy, since, count.least))))?;
        let counted = connection.prepare_cached("select count(*) from policy_match where policy = ?1");
        writing.tried(counted.and_then(|mut statement| statement.query_row([policy], |row| row.get(0))))
    }
}

/// Remembers in memory, for trying policies out.
#[derive(Debug, Default)]
pub struct InMemory(RefCell<BTreeMap<String, BTreeMap<String, Time>>>);

impl Recent for InMemory {
    fn note(&self, policy: &str, key: &str, now: Time, count: Count) -> Result<u32, Error> {
        let since = now.plus_millis(-count.within_millis);
        let mut all = self.0.borrow_mut();
        let of_policy = all.entry(policy.to_owned()).or_default();
        of_policy.insert(key.to_owned(), now);
        of_policy.retain(|_, time| *time >= since);
        if of_policy.len() > count.least as usize {
            let oldest = of_policy
                .iter()
                .min_by_key(|(_, time)| **time)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| of_policy.remove(&key));
        }
        Ok(u32::try_from(of_policy.len()).unwrap_or(u32::MAX))
    }
}
