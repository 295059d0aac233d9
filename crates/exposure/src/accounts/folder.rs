//! Where the files of the accounts are.

use std::path::{Path, PathBuf};

use crate::ledger::TableEntry;

/// The folder in that of the breach monitor.
pub(super) fn accounts(folder: &Path) -> PathBuf {
    folder.join("accounts")
}

/// The file of a table in the folder of the accounts.
pub(super) fn table(accounts: &Path, table: &TableEntry) -> PathBuf {
    accounts.join(format!("{:08}.{}", table.number, table.kind.name()))
}

/// The folder of what is not finished yet.
pub(super) fn partial(accounts: &Path) -> PathBuf {
    accounts.join("partial")
}

/// The folder of a table that is being merged.
pub(super) fn merging(accounts: &Path) -> PathBuf {
    accounts.join("merging")
}

/// The file that whoever imports or erases holds locked. Where several are held, they are taken in this order.
pub(super) fn lock(accounts: &Path) -> PathBuf {
    accounts.join("LOCK")
}

/// The file that whoever takes tables away holds locked: to merge them, or to write them anew without somebody.
pub(super) fn merge_lock(accounts: &Path) -> PathBuf {
    accounts.join("LOCK-merge")
}

/// The file that is locked for moments, while files get the names or lose the names that the ledger knows.
pub(super) fn files_lock(accounts: &Path) -> PathBuf {
    accounts.join("LOCK-files")
}
