//! Changing the tables: whole breaches come in, people are erased, tables are merged when there are too many.
//!
//! The order of effects is always the same: new tables are written and made durable, together with their names in the folder; then one
//! transaction of the ledger makes them count and others not; then files that don't count are removed. Whatever interrupts it, the
//! ledger names only whole tables, and what it doesn't name is removed by whoever writes next.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kind::{Erased, Kind};
use super::loads::{KeepLive, LOADS_MAX, encode};
use super::merge::Merge;
use super::sorter::Sorted;
use super::table::{Table, TableWriter};
use super::{Breach, BreachId, LoadId, folder};
use crate::Error;
use crate::ledger::{AccountsState, Ledger, TableEntry};

/// More tables of a kind than this are merged: a question reads a block of each.
const TABLES_MAX: usize = 8;

/// Changes the accounts. Only one is open at a time, in whatever process.
#[derive(Debug)]
pub struct AccountsWriter {
    accounts: PathBuf,
    ledger: Ledger,
    _lock: File,
}

/// What became of an import.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The breach in the ledger.
    pub id: BreachId,
    /// The breach as it is in the catalogue now.
    pub breach: Breach,
    /// How many different accounts it has here: people who were erased are not among them.
    pub accounts: u64,
    /// How many of them are mail addresses.
    pub addresses: u64,
    /// Pairs of an address and a website.
    pub stealer_logs: u64,
}

/// What an erasure removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Rows of tables.
    pub rows: u64,
    /// Rows of the ledger: pastes, watches, notices.
    pub ledger_rows: u64,
    /// Whether the ledger's log of writes is empty too. If not, another process was reading it; the next erasure or the last process to
    /// close the ledger empties it.
    pub log_is_empty: bool,
}

impl AccountsWriter {
    /// Opens the accounts of the breach monitor in `folder` for changes, and removes what an interrupted change left behind.
    ///
    /// # Errors
    /// [`Error::Busy`] when another process changes them; otherwise when files can't be read or written.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let ledger = Ledger::open(folder)?;
        let accounts = folder::accounts(folder);
        make_folder(&accounts)?;
        let path = folder::lock(&accounts);
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::Busy { path: accounts.clone() },
            TryLockError::Error(source) => Error::io("lock", &path)(source),
        })?;
        let mut writer = Self {
            accounts,
            ledger,
            _lock: lock,
        };
        writer.remove_leftovers()?;
        Ok(writer)
    }

    /// The ledger.
    pub const fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// An empty folder for what is not finished; it is removed when this is opened the next time, or by [`AccountsWriter::clear_partial`].
    pub(crate) fn partial(&self) -> Result<PathBuf, Error> {
        self.clear_partial()?;
        let partial = folder::partial(&self.accounts);
        make_folder(&partial)?;
        Ok(partial)
    }

    /// Removes what is not finished.
    pub(crate) fn clear_partial(&self) -> Result<(), Error> {
        let partial = folder::partial(&self.accounts);
        match std::fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &partial)(error)),
            _ => Ok(()),
        }
    }

    /// Enters a breach with its rows, in the place of an earlier import of the same name. A `pwn_count` of 0 becomes the number of accounts.
    pub(crate) fn enter(&mut self, mut breach: Breach, rows: &[(Kind, &Sorted)]) -> Result<Loaded, Error> {
        let state = self.ledger.accounts_state()?;
        if state.live.len() >= LOADS_MAX {
            return Err(Error::TooManyBreaches { max: LOADS_MAX });
        }
        let (load, first) = self.ledger.next_numbers()?;
        let mut tables = Vec::new();
        for ((kind, sorted), number) in rows.iter().zip(first..) {
            let entry = TableEntry {
                number,
                kind: *kind,
                rows: 0,
            };
            tables.push(self.write_sorted(entry, sorted, load, &state.erased)?);
        }
        sync_folder(&self.accounts)?;
        let count = |kind| {
            tables
                .iter()
                .filter(|table| table.kind == kind)
                .map(|table| table.rows)
                .sum()
        };
        if breach.pwn_count == 0 {
            breach.pwn_count = count(Kind::Identities);
        }
        let filled: Vec<_> = tables.iter().copied().filter(|table| table.rows > 0).collect();
        let id = self.ledger.enter_breach(&breach, load, &filled)?;
        let loaded = Loaded {
            id,
            breach,
            accounts: count(Kind::Identities),
            addresses: count(Kind::Domains),
            stealer_logs: count(Kind::MailSites),
        };
        self.remove_leftovers()?;
        Ok(loaded)
    }

    fn write_sorted(
        &self,
        entry: TableEntry,
        sorted: &Sorted,
        load: LoadId,
        erased: &Erased,
    ) -> Result<TableEntry, Error> {
        let mut writer = TableWriter::create(&folder::table(&self.accounts, &entry), entry.kind.byte())?;
        let mut value = Vec::new();
        encode([load.0].into_iter(), &mut value);
        sorted.visit(&mut |key, _count| {
            if !erased.owns(entry.kind, key) {
                writer.push(key, &value)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(TableEntry {
            rows: writer.finish()?,
            ..entry
        })
    }

    /// Merges tables where there are too many, and finishes erasures that were interrupted.
    ///
    /// # Errors
    /// When files can't be read or written, or are damaged.
    pub fn maintain(&mut self, now: i64) -> Result<(), Error> {
        if self.ledger.has_unfinished_erasures()? {
            self.rewrite_erased(now)?;
        }
        for kind in Kind::ALL {
            let state = self.ledger.accounts_state()?;
            let mut tables: Vec<_> = state
                .tables
                .iter()
                .copied()
                .filter(|table| table.kind == kind)
                .collect();
            tables.sort_by_key(|table| table.rows);
            let rows: Vec<_> = tables.iter().map(|table| table.rows).collect();
            let chosen: Vec<_> = tables.into_iter().take(how_many_to_merge(&rows)).collect();
            if !chosen.is_empty() {
                self.merge(&chosen, &state)?;
            }
        }
        Ok(())
    }

    /// Puts one table in the place of some of the same kind: by how many rows it has fewer than they had.
    fn merge(&mut self, old: &[TableEntry], state: &AccountsState) -> Result<u64, Error> {
        let Some(kind) = old.first().map(|table| table.kind) else {
            return Ok(0);
        };
        let (_, number) = self.ledger.next_numbers()?;
        let entry = TableEntry { number, kind, rows: 0 };
        let tables: Vec<_> = old
            .iter()
            .map(|table| self.open_table(table))
            .collect::<Result<_, _>>()?;
        let mut writer = TableWriter::create(&folder::table(&self.accounts, &entry), kind.byte())?;
        let mut fold = KeepLive::loads(kind, &state.live, &state.erased);
        Merge::from(&tables, &[])?.visit(&mut fold, &mut |key, value| {
            writer.push(key, value)?;
            Ok(ControlFlow::Continue(()))
        })?;
        let entry = TableEntry {
            rows: writer.finish()?,
            ..entry
        };
        sync_folder(&self.accounts)?;
        let new: &[TableEntry] = if entry.rows > 0 { &[entry] } else { &[] };
        self.ledger.replace_tables(old, new)?;
        self.remove_leftovers()?;
        let rows_before: u64 = old.iter().map(|table| table.rows).sum();
        Ok(rows_before.saturating_sub(entry.rows))
    }

    fn open_table(&self, entry: &TableEntry) -> Result<Arc<Table>, Error> {
        Table::open(&folder::table(&self.accounts, entry), entry.kind.byte()).map(Arc::new)
    }

    /// Forgets people for good: they are out of every answer at once, and when this returns their bytes are in no file of the folder. What
    /// is imported later doesn't bring them back. That they opted out isn't forgotten. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// When files can't be read or written; then the erasure goes on with the next change.
    pub fn erase(&mut self, accounts: &[String], now: i64) -> Result<Erasure, Error> {
        let mut ledger_rows = 0;
        for account in accounts {
            ledger_rows += self.ledger.erase(account, now)?;
        }
        let rows = self.rewrite_erased(now)?;
        let log_is_empty = self.ledger.empty_log()?;
        Ok(Erasure {
            rows,
            ledger_rows,
            log_is_empty,
        })
    }

    /// Writes those tables anew that hold somebody who was erased.
    fn rewrite_erased(&mut self, now: i64) -> Result<u64, Error> {
        let state = self.ledger.accounts_state()?;
        let mut rows = 0;
        for entry in &state.tables {
            let table = self.open_table(entry)?;
            if holds_erased(&table, entry.kind, &state.erased)? {
                drop(table);
                rows += self.merge(&[*entry], &state)?;
            }
        }
        self.ledger.finish_erasures(now)?;
        Ok(rows)
    }

    /// Removes files that the ledger doesn't name.
    fn remove_leftovers(&mut self) -> Result<(), Error> {
        let state = self.ledger.accounts_state()?;
        let named = state.tables.iter().map(|table| folder::table(&self.accounts, table));
        let kept: BTreeSet<_> = named.collect();
        let entries = std::fs::read_dir(&self.accounts).map_err(Error::io("read", &self.accounts))?;
        for entry in entries {
            let path = entry.map_err(Error::io("read", &self.accounts))?.path();
            let is_table = path
                .extension()
                .and_then(|kind| kind.to_str())
                .and_then(Kind::named)
                .is_some();
            if is_table && !kept.contains(&path) {
                std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

impl Drop for AccountsWriter {
    /// What isn't finished may hold addresses: it shouldn't wait for the next import.
    fn drop(&mut self) {
        let _ = self.clear_partial();
    }
}

/// Whether any row of a table is of somebody who was erased.
fn holds_erased(table: &Arc<Table>, kind: Kind, erased: &Erased) -> Result<bool, Error> {
    let mut rows = table.from(&[]);
    while rows.advance()? {
        if erased.owns(kind, rows.key()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many of the smallest tables are merged, given their rows, smallest first: as many that a table is only taken along if those before
/// it have at least half its rows together. So a row is written again only a few times, however many imports there are.
fn how_many_to_merge(rows: &[u64]) -> usize {
    if rows.len() <= TABLES_MAX {
        return 0;
    }
    let must = rows.len() - TABLES_MAX + 1;
    let mut sum = 0_u64;
    for (index, table) in rows.iter().enumerate() {
        if index >= must && table / 2 > sum {
            return index;
        }
        sum = sum.saturating_add(*table);
    }
    rows.len()
}

fn make_folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(Error::io("make", path))
}

fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_tables_are_left_alone_and_large_ones_are_not_written_again_for_small_ones() {
        assert_eq!(how_many_to_merge(&[1; TABLES_MAX]), 0);
        assert_eq!(
            how_many_to_merge(&[1, 1, 10, 10, 100, 1000, 10_000, 100_000, 1_000_000]),
            2
        );
        assert_eq!(how_many_to_merge(&[10; TABLES_MAX + 1]), TABLES_MAX + 1);
    }
}
