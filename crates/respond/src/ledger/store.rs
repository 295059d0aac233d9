//! The ledger's file: opening it, its schema, and transactions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use serde::Serialize;

use super::chain::{self, GENESIS, HASH_BYTES};
use super::record::Sequence;
use crate::error::Error;
use crate::people::Actor;
use crate::time::Time;
use crate::{action, alert, approval, case_file, incident, notice, people, policy};

/// The ledger's name in its folder.
const LEDGER_NAME: &str = "ledger.sqlite";
/// The schema's version, SQLite's `user_version`.
const VERSION: u32 = 1;
/// How long a writer waits for another one.
const BUSY: Duration = Duration::from_secs(30);
/// The chain.
const SCHEMA: &str = "
    create table record (
        sequence integer primary key,
        time integer not null,
        actor text not null,
        kind text not null,
        subject text not null,
        body text not null,
        hash blob not null
    ) strict;
    create index record_subject on record (subject, sequence);
    create trigger record_stays before delete on record begin select raise(abort, 'records stay'); end;
    create trigger record_is_final before update on record begin select raise(abort, 'records are final'); end;
";

/// An open ledger. One connection: writers share one behind a lock ([`crate::Desk`]), readers open their own.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
}

impl Ledger {
    /// Opens the ledger in `folder`, making both if they are missing; readable by their owner only.
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
        // What was acknowledged stays, also when power fails.
        self.tried(self.connection.pragma_update(None, "synchronous", "full"))?;
        self.tried(self.connection.pragma_update(None, "foreign_keys", true))?;
        let version = || self.tried(self.connection.query_row("pragma user_version", [], |row| row.get(0)));
        let mut found: u32 = version()?;
        if found == 0 {
            // Two processes may find an empty file: the second one waits here, and looks again.
            self.tried(self.connection.execute_batch("begin immediate"))?;
            found = version()?;
            if found == 0 {
                let parts = [
                    SCHEMA,
                    people::SCHEMA,
                    alert::SCHEMA,
                    incident::SCHEMA,
                    policy::SCHEMA,
                    approval::SCHEMA,
                    action::SCHEMA,
                    notice::SCHEMA,
                    case_file::SCHEMA,
                ];
                self.tried(self.connection.execute_batch(&parts.concat()))?;
                self.tried(self.connection.pragma_update(None, "user_version", VERSION))?;
                found = VERSION;
            }
            self.tried(self.connection.execute_batch("commit"))?;
        }
        if found > VERSION {
            return Err(Error::LedgerVersion {
                path: self.path.clone(),
                found,
                known: VERSION,
            });
        }
        Ok(())
    }

    /// Runs one transaction: what `work` wrote is durable when this returns, or nothing of it is.
    ///
    /// # Errors
    /// When `work` fails or the ledger can't be written.
    pub fn write<T>(&mut self, work: impl FnOnce(&mut Writing<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let path = self.path.clone();
        let failed = |source| Error::Ledger {
            path: path.clone(),
            source,
        };
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut writing = Writing::begin(transaction, path.clone())?;
        let result = work(&mut writing)?;
        writing.transaction.commit().map_err(failed)?;
        Ok(result)
    }

    /// For queries. What changes goes through [`Ledger::write`].
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Names the ledger in what SQLite reports.
    pub(crate) fn tried<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|source| Error::Ledger {
            path: self.path.clone(),
            source,
        })
    }
}

/// A transaction under way.
#[derive(Debug)]
pub struct Writing<'a> {
    transaction: Transaction<'a>,
    path: PathBuf,
    newest: Sequence,
    hash: [u8; HASH_BYTES],
}

impl<'a> Writing<'a> {
    fn begin(transaction: Transaction<'a>, path: PathBuf) -> Result<Self, Error> {
        let newest: Option<(i64, [u8; HASH_BYTES])> = transaction
            .query_row(
                "select sequence, hash from record order by sequence desc limit 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(|source| Error::Ledger {
                path: path.clone(),
                source,
            })?;
        let (newest, hash) = newest.unwrap_or((0, GENESIS));
        Ok(Self {
            transaction,
            path,
            newest: Sequence(newest),
            hash,
        })
    }

    /// Adds a record: `actor` did `kind` (`incident.closed`) to `subject` (`incident/7`); `body` has the facts.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn record(
        &mut self,
        now: Time,
        actor: &Actor,
        kind: &str,
        subject: &str,
        body: &impl Serialize,
    ) -> Result<Sequence, Error> {
        let sequence = Sequence(self.newest.0 + 1);
        let unwritable = |error: serde_json::Error| Error::Record {
            sequence,
            what: error.to_string(),
        };
        let actor = serde_json::to_string(actor).map_err(unwritable)?;
        let body = serde_json::to_string(body).map_err(unwritable)?;
        let texts = [actor.as_str(), kind, subject, body.as_str()];
        let hash = chain::hash(&self.hash, sequence.0, now.unix_millis(), texts);
        let added = self.transaction.prepare_cached(
            "insert into record (sequence, time, actor, kind, subject, body, hash) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        );
        let added =
            added.and_then(|mut statement| statement.execute((sequence.0, now, &actor, kind, subject, &body, hash)));
        self.tried(added)?;
        (self.newest, self.hash) = (sequence, hash);
        Ok(sequence)
    }

    /// For the tables of how things are now.
    pub(crate) fn connection(&self) -> &Connection {
        &self.transaction
    }

    /// The newest record, of this transaction too.
    #[must_use]
    pub const fn newest(&self) -> Sequence {
        self.newest
    }

    /// Names the ledger in what SQLite reports.
    pub(crate) fn tried<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
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
