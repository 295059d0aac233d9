//! Changing the tables: whole breaches come in, people are erased, tables are merged when there are too many.
//!
//! The order of effects is always the same: new tables are written and made durable, together with their names in the folder; then one
//! transaction of the ledger makes them count and others not; then files that don't count are removed. Whatever interrupts it, the
//! ledger names only whole tables, and what it doesn't name is removed by whoever writes next.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kind::{Erased, Kind};
use super::loads::{KeepLive, LOADS_MAX, encode};
use super::merge::Merge;
use super::merging::{keep_out, merge_with};
use super::sorter::Sorted;
use super::table::{Table, TableWriter};
use super::{Breach, BreachId, LoadId, folder};
use crate::files::{lock, make_folder, remove_folder, sync_folder, try_lock};
use crate::ledger::{AccountsState, Ledger, TableEntry};
use crate::{Error, MergeScope};

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
        let lock = try_lock(&folder::lock(&accounts))?.ok_or_else(|| Error::Busy { path: accounts.clone() })?;
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
        remove_folder(&folder::partial(&self.accounts))
    }

    /// Enters a breach with its rows, in the place of an earlier import of the same name. A `pwn_count` of 0 becomes the number of accounts.
    /// `first` is done when the tables are written, which is what needs most room, and before they count: if it fails, nothing does.
    pub(crate) fn enter(
        &mut self,
        breach: Breach,
        rows: &[(Kind, &Sorted)],
        first: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<Loaded, Error> {
        let entered = self.write_and_enter(breach, rows, first);
        // Also after a failure: what it wrote takes room, and holds addresses.
        let removed = self.remove_leftovers();
        let loaded = entered?;
        removed?;
        Ok(loaded)
    }

    fn write_and_enter(
        &mut self,
        mut breach: Breach,
        rows: &[(Kind, &Sorted)],
        first: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<Loaded, Error> {
        let state = self.ledger.accounts_state()?;
        if state.live.len() >= LOADS_MAX {
            return Err(Error::TooManyBreaches { max: LOADS_MAX });
        }
        let load = self.ledger.next_load()?;
        let number = self
            .ledger
            .reserve_tables(u32::try_from(rows.len()).unwrap_or(u32::MAX))?;
        let tables = self.write_tables(rows, number, load, &state.erased)?;
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
        first()?;
        let filled: Vec<_> = tables.iter().copied().filter(|table| table.rows > 0).collect();
        let id = self.ledger.enter_breach(&breach, load, &filled)?;
        Ok(Loaded {
            id,
            breach,
            accounts: count(Kind::Identities),
            addresses: count(Kind::Domains),
            stealer_logs: count(Kind::MailSites),
        })
    }

    /// Writes a table of each kind, side by side: most of it is comparing keys.
    fn write_tables(
        &self,
        rows: &[(Kind, &Sorted)],
        first_number: u32,
        load: LoadId,
        erased: &Erased,
    ) -> Result<Vec<TableEntry>, Error> {
        let accounts = self.accounts.as_path();
        std::thread::scope(|threads| {
            let writing = rows.iter().zip(first_number..).map(|((kind, sorted), number)| {
                let (kind, rows) = (*kind, 0);
                let entry = TableEntry { number, kind, rows };
                threads.spawn(move || write_sorted(accounts, entry, sorted, load, erased))
            });
            let writing: Vec<_> = writing.collect();
            let written = writing.into_iter().map(|thread| {
                let joined = thread.join();
                joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            written.collect()
        })
    }

    /// Merges tables where there are too many, unless somebody merges already, and finishes erasures that were interrupted.
    ///
    /// # Errors
    /// When files can't be read or written, or are damaged.
    pub fn maintain(&mut self, now: i64) -> Result<(), Error> {
        if self.ledger.has_unfinished_erasures()? {
            self.rewrite_erased(now)?;
        }
        let never_ending = &mut |_, _| ControlFlow::Continue(());
        match merge_with(&self.accounts, &mut self.ledger, MergeScope::TooMany, never_ending) {
            Ok(_) | Err(Error::Busy { .. }) => Ok(()),
            // Questions read more than they could until there is room again.
            Err(error) if error.is_disk_full() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes a table anew without those who were erased: by how many rows it has fewer.
    fn rewrite(&mut self, old: &TableEntry, state: &AccountsState) -> Result<u64, Error> {
        let kind = old.kind;
        let number = self.ledger.reserve_tables(1)?;
        let table = self.open_table(old)?;
        let mut writer = TableWriter::create(
            &folder::table(&self.accounts, &TableEntry { number, ..*old }),
            kind.byte(),
        )?;
        let mut fold = KeepLive::loads(kind, &state.live, &state.erased);
        Merge::from(&[table], &[])?.visit(&mut fold, &mut |key, value| {
            writer.push(key, value)?;
            Ok(ControlFlow::Continue(()))
        })?;
        let entry = TableEntry {
            number,
            rows: writer.finish()?,
            kind,
        };
        sync_folder(&self.accounts)?;
        let new: &[TableEntry] = if entry.rows > 0 { &[entry] } else { &[] };
        self.ledger.replace_tables(&[*old], new)?;
        self.remove_leftovers()?;
        Ok(old.rows.saturating_sub(entry.rows))
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
        let _merging = keep_out(&self.accounts)?;
        let state = self.ledger.accounts_state()?;
        let mut rows = 0;
        for entry in &state.tables {
            let table = self.open_table(entry)?;
            if holds_erased(&table, entry.kind, &state.erased)? {
                drop(table);
                rows += self.rewrite(entry, &state)?;
            }
        }
        self.ledger.finish_erasures(now)?;
        Ok(rows)
    }

    /// Removes files that the ledger doesn't name.
    fn remove_leftovers(&mut self) -> Result<(), Error> {
        // A merge gives its table the name before the ledger knows it.
        let _files = lock(&folder::files_lock(&self.accounts))?;
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

/// Writes a table of sorted keys, each of which comes from the load, without those of people who were erased.
fn write_sorted(
    accounts: &Path,
    entry: TableEntry,
    sorted: &Sorted,
    load: LoadId,
    erased: &Erased,
) -> Result<TableEntry, Error> {
    let mut writer = TableWriter::create(&folder::table(accounts, &entry), entry.kind.byte())?;
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
