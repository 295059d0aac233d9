//! The ledger's file: opening it, and its schema.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::{catalogue, domains, erasures, feeds, keys, outgoing, subscriptions, watches};
use crate::Error;

/// The ledger's name in the folder of the breach monitor.
const LEDGER_NAME: &str = "ledger.sqlite";
/// The schema's version, SQLite's `user_version`.
const VERSION: u32 = 2;
/// How long a writer waits for another one.
const BUSY: Duration = Duration::from_secs(30);

/// An open ledger. Every method is one transaction. Not shared between threads: each opens its own.
#[derive(Debug)]
pub struct Ledger {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl Ledger {
    /// Opens the ledger of the breach monitor in `folder`, making both if they are missing; readable by their owner only.
    ///
    /// # Errors
    /// When the folder or file can't be made or read, or is of a newer version.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        let path = folder.join(LEDGER_NAME);
        make_private(&path)?;
        let connection = Connection::open(&path).map_err(|source| Error::Ledger {
            path: path.clone(),
            source,
        })?;
        let ledger = Self { connection, path };
        ledger.prepare()?;
        Ok(ledger)
    }

    fn prepare(&self) -> Result<(), Error> {
        self.tried(self.connection.busy_timeout(BUSY))?;
        self.tried(self.connection.pragma_update(None, "journal_mode", "wal"))?;
        // What was answered stays, also when power fails.
        self.tried(self.connection.pragma_update(None, "synchronous", "full"))?;
        self.tried(self.connection.pragma_update(None, "foreign_keys", true))?;
        // Erased people leave nothing behind in free pages.
        self.tried(self.connection.pragma_update(None, "secure_delete", true))?;
        let found: u32 = self.tried(self.connection.query_row("pragma user_version", [], |row| row.get(0)))?;
        if found > VERSION {
            return Err(Error::StoreVersion {
                path: self.path.clone(),
                found,
                known: VERSION,
            });
        }
        if found < VERSION {
            // What a newer version adds are tables: those that are there stay as they are.
            let schema = [
                catalogue::SCHEMA,
                keys::SCHEMA,
                domains::SCHEMA,
                watches::SCHEMA,
                outgoing::SCHEMA,
                erasures::SCHEMA,
                feeds::SCHEMA,
                subscriptions::SCHEMA,
            ]
            .concat();
            self.tried(self.connection.execute_batch(&format!(
                "begin immediate; {schema} pragma user_version = {VERSION}; commit;"
            )))?;
        }
        Ok(())
    }

    /// The ledger's file.
    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// A row that was written a moment ago is gone: somebody else removed it.
    pub(super) fn lost_row(&self) -> Error {
        Error::Ledger {
            path: self.path.clone(),
            source: rusqlite::Error::QueryReturnedNoRows,
        }
    }

    /// A number that differs after another connection changed something; not after changes through this one.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn version(&self) -> Result<i64, Error> {
        self.tried(self.connection.query_row("pragma data_version", [], |row| row.get(0)))
    }

    /// Names the ledger in what SQLite reports.
    pub(super) fn tried<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|source| Error::Ledger {
            path: self.path.clone(),
            source,
        })
    }
}

/// Makes the file readable by its owner only, before anything is in it.
fn make_private(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(Error::io("open", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_opens_twice_and_refuses_a_newer_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = Ledger::open(folder.path()).unwrap();
        let second = Ledger::open(folder.path()).unwrap();
        second
            .connection
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        drop((first, second));
        let error = Ledger::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("install the newer Holdfast"), "{error}");
    }
}
