//! Which tables of accounts count, which loads of breaches, and who was erased: one consistent view of it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::{Breach, BreachId, Ledger};
use crate::Error;
use crate::accounts::{Erased, Kind, LoadId};
use crate::address::Identity;

/// A table that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TableEntry {
    /// Part of the file's name; never used twice.
    pub(crate) number: u32,
    /// What is in it.
    pub(crate) kind: Kind,
    /// How many rows it has.
    pub(crate) rows: u64,
}

/// What the accounts consist of at a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountsState {
    pub(crate) tables: BTreeSet<TableEntry>,
    pub(crate) live: BTreeMap<LoadId, BreachId>,
    pub(crate) erased: Erased,
}

impl Ledger {
    /// What the accounts consist of.
    pub(crate) fn accounts_state(&mut self) -> Result<AccountsState, Error> {
        let read = (|| {
            // One transaction, so that all belongs together.
            let transaction = self.connection.transaction()?;
            let mut state = AccountsState::default();
            let mut statement = transaction.prepare("select number, kind, rows from accounts_table")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let kind: String = row.get(1)?;
                // Kinds of a newer program are not asked for.
                if let Some(kind) = Kind::named(&kind) {
                    let rows = row.get::<_, i64>(2)?.unsigned_abs();
                    state.tables.insert(TableEntry {
                        number: row.get(0)?,
                        kind,
                        rows,
                    });
                }
            }
            let mut statement = transaction.prepare("select id, breach from load")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                state.live.insert(LoadId(row.get(0)?), BreachId(row.get(1)?));
            }
            let mut statement = transaction.prepare("select identity from erasure")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                state.erased.0.insert(Identity(row.get(0)?));
            }
            Ok(state)
        })();
        self.tried(read)
    }

    /// The number that the next load gets; true as long as nobody else imports.
    pub(crate) fn next_load(&self) -> Result<LoadId, Error> {
        let query = "select seq + 1 from sqlite_sequence where name = 'load'";
        let found = self.connection.query_row(query, [], |row| row.get(0)).optional();
        Ok(LoadId(self.tried(found)?.unwrap_or(1)))
    }

    /// Numbers for so many tables, the first of them; no number is given twice, whatever is interrupted.
    pub(crate) fn reserve_tables(&mut self, count: u32) -> Result<u32, Error> {
        let reserved = (|| {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let query = "select seq from sqlite_sequence where name = 'accounts_table'";
            let last: Option<u32> = transaction.query_row(query, [], |row| row.get(0)).optional()?;
            let change = if last.is_some() {
                "update sqlite_sequence set seq = ?1 where name = 'accounts_table'"
            } else {
                "insert into sqlite_sequence (name, seq) values ('accounts_table', ?1)"
            };
            let last = last.unwrap_or(0);
            transaction.execute(change, [last.saturating_add(count)])?;
            transaction.commit()?;
            Ok(last.saturating_add(1))
        })();
        self.tried(reserved)
    }

    /// Enters a breach with its load and its tables, in the place of what was loaded of it before.
    pub(crate) fn enter_breach(
        &mut self,
        breach: &Breach,
        load: LoadId,
        tables: &[TableEntry],
    ) -> Result<BreachId, Error> {
        let record = serde_json::to_string(breach).unwrap_or_default();
        let entered = (|| {
            let transaction = self.connection.transaction()?;
            let id = transaction.query_row(
                "insert into breach (name, record) values (?1, ?2) \
                 on conflict (name) do update set name = excluded.name, record = excluded.record returning id",
                params![breach.name, record],
                |row| row.get(0),
            )?;
            transaction.execute("delete from load where breach = ?1", [id])?;
            transaction.execute("insert into load (id, breach) values (?1, ?2)", params![load.0, id])?;
            enter_tables(&transaction, tables)?;
            transaction.commit()?;
            Ok(BreachId(id))
        })();
        self.tried(entered)
    }

    /// Puts tables in the place of others.
    pub(crate) fn replace_tables(&mut self, old: &[TableEntry], new: &[TableEntry]) -> Result<(), Error> {
        let replaced = (|| {
            let transaction = self.connection.transaction()?;
            for table in old {
                transaction.execute("delete from accounts_table where number = ?1", [table.number])?;
            }
            enter_tables(&transaction, new)?;
            transaction.commit()
        })();
        self.tried(replaced)
    }
}

fn enter_tables(transaction: &rusqlite::Transaction<'_>, tables: &[TableEntry]) -> rusqlite::Result<()> {
    for table in tables {
        let rows = i64::try_from(table.rows).unwrap_or(i64::MAX);
        transaction.execute(
            "insert into accounts_table (number, kind, rows) values (?1, ?2, ?3)",
            params![table.number, table.kind.name(), rows],
        )?;
    }
    Ok(())
}
