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

/// The file that whoever writes holds locked.
pub(super) fn lock(accounts: &Path) -> PathBuf {
    accounts.join("LOCK")
}
