//! Merging tables, while imports and questions go on.
//!
//! The merged table is written into a folder of its own and gets its name and its row in the ledger at the end; until then it can be ended or
//! killed, and nothing is lost but time. Tables are taken away by whoever holds `LOCK-merge`, and imports only add some, so what a merge
//! reads stays. Whoever erases a person removes what a merge is writing, which may hold them, and waits until the merge has noticed.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::folder;
use super::kind::Kind;
use super::loads::KeepLive;
use super::merge::Merge;
use super::table::{Table, TableWriter};
use crate::files::{lock, make_folder, remove_folder, sync_folder, try_lock};
use crate::ledger::{AccountsState, Ledger, TableEntry};
use crate::{Error, MergeScope};

/// More tables of a kind than this are too many: a question reads a block of each.
const TABLES_MAX: usize = 8;
/// Rows between two steps.
const STEP_ROWS: u64 = 4096;

/// Told how many rows are written, and how many there were in what is merged; breaks to end it.
pub type MergeStep<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

/// What a merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TablesMerged {
    /// Tables that others took the place of.
    pub tables: u64,
    /// Whether it was ended by its steps, or because somebody was erased.
    pub is_unfinished: bool,
}

/// Merges the tables of the breach monitor in `folder`. `step` is called many times a second; it ends the merge by breaking, and may wait to
/// leave the machine to others.
///
/// # Errors
/// [`Error::Busy`] when another process merges or erases; otherwise when files can't be read or written, or are damaged. What is loaded stays.
pub fn merge(folder: &Path, scope: MergeScope, step: &mut MergeStep<'_>) -> Result<TablesMerged, Error> {
    let accounts = folder::accounts(folder);
    if !accounts.is_dir() {
        return Ok(TablesMerged::default());
    }
    merge_with(&accounts, &mut Ledger::open(folder)?, scope, step)
}

/// The most tables of one kind, of each of which a question reads a block.
///
/// # Errors
/// When the ledger can't be read.
pub fn tables(folder: &Path) -> Result<usize, Error> {
    let state = Ledger::open(folder)?.accounts_state()?;
    let of_kind = |kind| state.tables.iter().filter(|table| table.kind == kind).count();
    Ok(Kind::ALL.into_iter().map(of_kind).max().unwrap_or(0))
}

pub(super) fn merge_with(
    accounts: &Path,
    ledger: &mut Ledger,
    scope: MergeScope,
    step: &mut MergeStep<'_>,
) -> Result<TablesMerged, Error> {
    let mut merged = TablesMerged::default();
    let state = ledger.accounts_state()?;
    if Kind::ALL.into_iter().all(|kind| chosen(&state, kind, scope).is_empty()) {
        return Ok(merged);
    }
    let _merging = try_lock(&folder::merge_lock(accounts))?.ok_or_else(|| Error::Busy {
        path: accounts.to_owned(),
    })?;
    let mut result = Ok(());
    for kind in Kind::ALL {
        match merge_kind(accounts, ledger, kind, scope, step) {
            Ok(Some(tables)) => merged.tables += tables,
            Ok(None) => {
                merged.is_unfinished = true;
                break;
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    remove_work(accounts)?;
    result.map(|()| merged)
}

/// Ends the merge that is under way, if one is, and keeps others from beginning until what is returned is dropped. For whoever takes rows
/// away: when this returns, nothing that is not finished has any.
pub(super) fn keep_out(accounts: &Path) -> Result<File, Error> {
    remove_work(accounts)?;
    // Whoever merges looks for its file after some thousand rows.
    lock(&folder::merge_lock(accounts))
}

fn remove_work(accounts: &Path) -> Result<(), Error> {
    let _files = lock(&folder::files_lock(accounts))?;
    remove_folder(&folder::merging(accounts))
}

/// Merges the tables of a kind: how many. `None` if it was ended.
fn merge_kind(
    accounts: &Path,
    ledger: &mut Ledger,
    kind: Kind,
    scope: MergeScope,
    step: &mut MergeStep<'_>,
) -> Result<Option<u64>, Error> {
    let work = folder::merging(accounts);
    let path = work.join(kind.name());
    let files = lock(&folder::files_lock(accounts))?;
    remove_folder(&work)?;
    // Read while the lock is held: either whoever is erased is left out, or the file is removed by who erases.
    let state = ledger.accounts_state()?;
    let old = chosen(&state, kind, scope);
    if old.is_empty() {
        return Ok(Some(0));
    }
    make_folder(&work)?;
    let mut writer = TableWriter::create(&path, kind.byte())?;
    drop(files);
    let tables = old
        .iter()
        .map(|entry| Table::open(&folder::table(accounts, entry), kind.byte()).map(Arc::new));
    let tables = tables.collect::<Result<Vec<_>, _>>()?;
    let total = old.iter().map(|entry| entry.rows).sum();
    let (mut rows, mut is_ended) = (0_u64, false);
    let mut fold = KeepLive::loads(kind, &state.live, &state.erased);
    Merge::from(&tables, &[])?.visit(&mut fold, &mut |key, value| {
        writer.push(key, value)?;
        rows += 1;
        is_ended = rows.is_multiple_of(STEP_ROWS) && (!path.exists() || step(rows, total).is_break());
        Ok(if is_ended {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    if is_ended {
        return Ok(None);
    }
    writer.finish()?;
    let is_published = publish(accounts, ledger, &path, &old, TableEntry { number: 0, kind, rows })?;
    Ok(is_published.then_some(old.len() as u64))
}

/// Gives the finished table a number and puts it in the place of the old ones; false if somebody who erases has removed it.
fn publish(
    accounts: &Path,
    ledger: &mut Ledger,
    path: &Path,
    old: &[TableEntry],
    merged: TableEntry,
) -> Result<bool, Error> {
    // Files that the ledger doesn't name are removed by whoever holds this lock.
    let _files = lock(&folder::files_lock(accounts))?;
    let mut new = Vec::new();
    if merged.rows > 0 {
        let entry = TableEntry {
            number: ledger.reserve_tables(1)?,
            ..merged
        };
        match std::fs::rename(path, folder::table(accounts, &entry)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            renamed => renamed.map_err(Error::io("rename", path))?,
        }
        sync_folder(accounts)?;
        new.push(entry);
    }
    ledger.replace_tables(old, &new)?;
    for table in old {
        let path = folder::table(accounts, table);
        std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(true)
}

/// The tables of a kind that are to be merged; none if they are few enough.
fn chosen(state: &AccountsState, kind: Kind, scope: MergeScope) -> Vec<TableEntry> {
    let of_kind = state.tables.iter().copied().filter(|table| table.kind == kind);
    let mut tables: Vec<_> = of_kind.collect();
    tables.sort_by_key(|table| table.rows);
    let rows: Vec<_> = tables.iter().map(|table| table.rows).collect();
    let count = match scope {
        MergeScope::Everything if rows.len() < 2 => 0,
        MergeScope::Everything => rows.len(),
        MergeScope::TooMany => how_many_to_merge(&rows),
    };
    tables.truncate(count);
    tables
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
