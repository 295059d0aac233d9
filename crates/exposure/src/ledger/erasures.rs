//! People who asked to be forgotten.

use rusqlite::params;

use super::Ledger;
use crate::Error;
use crate::address::{Identity, normalise};

/// An erasure stays for ever, as the key of the address alone: what is loaded later must not bring the person back. `rewritten` tells
/// that no table holds the person any more.
pub(super) const SCHEMA: &str = "
create table if not exists erasure (
    identity blob primary key,
    at integer not null,
    rewritten integer
) strict, without rowid;
";

impl Ledger {
    /// Writes down that a person is to be forgotten, and removes their pastes and what was watched for them. That they opted out stays:
    /// it is kept by the key alone, and is what they asked for. Returns how many rows were removed.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub(crate) fn erase(&mut self, account: &str, now: i64) -> Result<u64, Error> {
        let account = normalise(account);
        let identity = Identity::of(&account);
        let erased = (|| {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "insert into erasure (identity, at) values (?1, ?2) \
                 on conflict (identity) do update set rewritten = null",
                params![identity.0, now],
            )?;
            let mut removed = transaction.execute("delete from paste where identity = ?1", [identity.0])?;
            removed += transaction.execute(
                "delete from watch where lower(subject) = ?1 or lower(recipient) = ?1",
                [&account],
            )?;
            // Notices of watches go with them. Those to others have numbers only.
            removed += transaction.execute(
                "delete from outgoing where about = 'post' and lower(recipient) = ?1",
                [&account],
            )?;
            transaction.commit()?;
            Ok(removed as u64)
        })();
        self.tried(erased)
    }

    /// Whether somebody was erased whose rows may still be in tables.
    pub(crate) fn has_unfinished_erasures(&self) -> Result<bool, Error> {
        let query = "select exists (select 1 from erasure where rewritten is null)";
        self.tried(self.connection.query_row(query, [], |row| row.get(0)))
    }

    /// Nobody who was erased is in a table any more.
    pub(crate) fn finish_erasures(&self, now: i64) -> Result<(), Error> {
        let update = "update erasure set rewritten = ?1 where rewritten is null";
        self.tried(self.connection.execute(update, [now]).map(drop))
    }

    /// Moves everything from the log of writes into the file and empties the log: deleted rows are gone from both. False if somebody was
    /// still reading the log; then it is emptied by a later one.
    pub(crate) fn empty_log(&self) -> Result<bool, Error> {
        let busy: i64 = self.tried(
            self.connection
                .query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0)),
        )?;
        Ok(busy == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{About, BreachId, Channel, Delivery};
    use crate::watch::MailAddress;

    #[test]
    fn notices_to_others_stay_whatever_word_somebody_is_called_by() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let customers = ["ann@example.com", "ben@example.org"].map(|text| Ok(MailAddress::parse(text).unwrap()));
        ledger
            .add_customers(&mut customers.into_iter(), Delivery::Now, 1)
            .unwrap();
        let breach = BreachId(1);
        for watch in [1, 2] {
            let delivery = Delivery::Now;
            let about = About::Breach {
                watch,
                breach,
                delivery,
            };
            ledger.enqueue(&about, "{}", 2).unwrap();
        }
        let numbers = r#"{"watches":2,"domains":{"example.com":1}}"#;
        ledger.enqueue(&About::BreachWebhook { breach }, numbers, 2).unwrap();
        assert_eq!(ledger.erase("e", 3).unwrap(), 0);
        assert_eq!(ledger.erase("example.com", 3).unwrap(), 0);
        assert_eq!(ledger.outgoing_counts().unwrap().waiting, 3);
        assert_eq!(ledger.erase("Ann@example.com", 4).unwrap(), 1);
        assert_eq!(ledger.outgoing_counts().unwrap().waiting, 2);
        assert_eq!(ledger.outgoing_due(Channel::Mail, 9, 9, 9).unwrap().len(), 1);
    }
}
