//! The ledger's file: opening it, its schema, and transactions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use serde::Serialize;

use super::chain::{self, HASH_BYTES, RecordHash};
use super::record::Sequence;
use crate::error::Error;
use crate::people::Actor;
use crate::time::Time;
use crate::{action, alert, approval, case_file, incident, notice, people, policy};

/// The ledger's name in its folder.
pub const LEDGER_NAME: &str = "ledger.sqlite";
/// The schema's version, SQLite's `user_version`.
const VERSION: u32 = 2;
/// SQLite's `application_id`, by which a ledger is told from other programs' files: "HFLG".
const APPLICATION: i32 = 0x4846_4c47;
/// Bytes of a text in the ledger at most: what a damaged or foreign file says of lengths isn't believed.
const TEXT_BYTES_MAX: i32 = 16 << 20;
/// Memory for pages of the file that a connection keeps, at most, in KiB.
const CACHE_KIB: i64 = 16 << 10;
/// Statements that are kept prepared.
const STATEMENTS_KEPT: usize = 64;
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
    /// When the folder or file can't be made or read, is no ledger, or is of a newer version.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        let path = folder.join(LEDGER_NAME);
        make_private(&path)?;
        Self::open_file(path)
    }

    /// Opens the ledger in `folder`; `None` if there is none.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_existing(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(LEDGER_NAME);
        path.exists().then(|| Self::open_file(path)).transpose()
    }

    /// Opens a ledger by its file: a backup, say.
    ///
    /// # Errors
    /// As [`Ledger::open`], and when there is no such file.
    pub fn open_file(path: PathBuf) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|source| Error::Ledger {
            path: path.clone(),
            source,
        })?;
        let ledger = Self { connection, path };
        ledger.prepare()?;
        Ok(ledger)
    }

    fn prepare(&self) -> Result<(), Error> {
        self.tried(self.connection.busy_timeout(BUSY))?;
        // The file may be anybody's: nothing in it may do more than hold rows.
        self.tried(self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true))?;
        self.tried(
            self.connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        )?;
        // Statements stay prepared whatever values they get: planning anew for each would take longer than what is planned.
        self.tried(
            self.connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        )?;
        self.tried(self.connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, TEXT_BYTES_MAX))?;
        self.connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let found = self.number("user_version")?;
        if found > VERSION {
            return Err(Error::LedgerVersion {
                path: self.path.clone(),
                found,
                known: VERSION,
            });
        }
        if found == 0 {
            self.make()?;
        } else if self.number("application_id")? != APPLICATION.unsigned_abs() {
            return Err(self.foreign());
        } else if found < VERSION {
            self.upgrade()?;
        }
        self.tried(self.connection.pragma_update(None, "journal_mode", "wal"))?;
        // What was acknowledged stays, also when power fails.
        self.tried(self.connection.pragma_update(None, "synchronous", "full"))?;
        // The indexes of a million alerts are written all over; SQLite's 2 MiB of cache would be read and written over and over.
        self.tried(self.connection.pragma_update(None, "cache_size", -CACHE_KIB))?;
        self.tried(self.connection.pragma_update(None, "foreign_keys", true))
    }

    /// Makes the tables in an empty file, unless another process does.
    fn make(&self) -> Result<(), Error> {
        // Another program's file is left as it is.
        self.check_empty()?;
        self.tried(self.connection.pragma_update(None, "journal_mode", "wal"))?;
        // Two processes may find an empty file: the second one waits here, and looks again.
        self.tried(self.connection.execute_batch("begin immediate"))?;
        if self.number("user_version")? == 0 {
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
            self.tried(self.connection.pragma_update(None, "application_id", APPLICATION))?;
            self.tried(self.connection.pragma_update(None, "user_version", VERSION))?;
        }
        self.tried(self.connection.execute_batch("commit"))
    }

    /// Brings the tables of an older version up to this one, unless another process does.
    fn upgrade(&self) -> Result<(), Error> {
        self.tried(self.connection.execute_batch("begin immediate"))?;
        if self.number("user_version")? == 1 {
            self.tried(self.connection.execute_batch(alert::FROM_1))?;
            self.tried(self.connection.pragma_update(None, "user_version", VERSION))?;
        }
        self.tried(self.connection.execute_batch("commit"))
    }

    fn check_empty(&self) -> Result<(), Error> {
        let things = "select count(*) from sqlite_schema where (select user_version from pragma_user_version) = 0";
        let things = self.connection.query_row(things, [], |row| row.get(0));
        if self.tried::<i64>(things)? > 0 {
            return Err(self.foreign());
        }
        Ok(())
    }

    fn number(&self, pragma: &str) -> Result<u32, Error> {
        self.tried(
            self.connection
                .query_row(&format!("pragma {pragma}"), [], |row| row.get(0)),
        )
    }

    fn foreign(&self) -> Error {
        Error::NotALedger {
            path: self.path.clone(),
        }
    }

    /// The ledger's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs one transaction: what `work` wrote is durable when this returns, or nothing of it is.
    ///
    /// # Errors
    /// When `work` fails or the ledger can't be written.
    pub fn write<T>(&mut self, work: impl FnOnce(&mut Writing<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let path = self.path.clone();
        let failed = |source| named(&path, source);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut writing = Writing::begin(transaction, path.clone())?;
        let result = work(&mut writing)?;
        writing.transaction.commit().map_err(failed)?;
        Ok(result)
    }

    /// Whether what is deleted or replaced is overwritten in the file.
    pub(crate) fn overwrite_deleted(&self, is_on: bool) -> Result<(), Error> {
        self.tried(self.connection.pragma_update(None, "secure_delete", is_on))
    }

    /// Brings what SQLite's log holds into the ledger's file, and cuts the log off. While somebody reads, as much of it as possible.
    pub(crate) fn empty_log(&self) -> Result<(), Error> {
        let done = self
            .connection
            .query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
        self.tried(done)
    }

    /// For queries. What changes goes through [`Ledger::write`].
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Names the ledger in what SQLite reports.
    pub(crate) fn tried<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|source| named(&self.path, source))
    }
}

/// A transaction under way.
#[derive(Debug)]
pub struct Writing<'a> {
    transaction: Transaction<'a>,
    path: PathBuf,
    newest: Sequence,
    hash: RecordHash,
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
            .map_err(|source| named(&path, source))?;
        let (newest, hash) = newest.map_or((0, RecordHash::GENESIS), |(newest, hash)| (newest, RecordHash(hash)));
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
            added.and_then(|mut statement| statement.execute((sequence.0, now, &actor, kind, subject, &body, hash.0)));
        self.tried(added)?;
        (self.newest, self.hash) = (sequence, hash);
        Ok(sequence)
    }

    /// Writes a page of the file as it was: whether that is possible can't be known otherwise.
    pub(crate) fn touch(&self) -> Result<(), Error> {
        self.tried(self.transaction.pragma_update(None, "user_version", VERSION))
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

    /// Its hash.
    pub(super) const fn newest_hash(&self) -> RecordHash {
        self.hash
    }

    /// Names the ledger in what SQLite reports.
    pub(crate) fn tried<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|source| named(&self.path, source))
    }
}

/// What SQLite reports about a ledger.
fn named(path: &Path, source: rusqlite::Error) -> Error {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotALedger { path },
        Some(ErrorCode::DatabaseCorrupt) => Error::LedgerDamaged { path, source },
        Some(ErrorCode::DiskFull) => Error::LedgerFull { path },
        _ => Error::Ledger { path, source },
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
    use super::super::verify::verify;
    use super::*;

    #[test]
    fn touching_the_ledger_writes_to_its_files_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let log = folder.path().join(format!("{LEDGER_NAME}-wal"));
        let size = || std::fs::metadata(&log).unwrap().len();
        let before = size();
        ledger.write(|w| w.touch()).unwrap();
        assert!(size() > before, "a page was written");
        assert_eq!(
            (ledger.newest().unwrap(), ledger.number("user_version").unwrap()),
            (None, VERSION)
        );
        ledger.connection.pragma_update(None, "query_only", true).unwrap();
        assert!(ledger.write(|w| w.touch()).is_err());
    }

    #[test]
    fn a_ledger_of_the_first_version_is_brought_up_to_date_with_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let actor = Actor::System("test".to_owned());
        ledger
            .write(|w| w.record(Time::default(), &actor, "test.done", "test/1", &"kept"))
            .unwrap();
        // What version 1 had not.
        let older = "drop index alert_part; alter table alert drop column part_of; alter table alert drop column parts;
            alter table alert drop column parts_last; pragma user_version = 1;
            insert into alert values (1, 0, 0, 1, 'guard', 'fenced', 5, null, null, null, 'Fenced', '', '{}', null);";
        ledger.connection.execute_batch(older).unwrap();
        drop(ledger);
        for _ in 0..2 {
            let ledger = Ledger::open(folder.path()).unwrap();
            let alert = ledger.alert(alert::AlertId(1)).unwrap().unwrap();
            assert!(alert.parts.is_none() && alert.part_of.is_none());
            assert_eq!(ledger.number("user_version").unwrap(), VERSION);
            assert_eq!(verify(&ledger, &[]).unwrap().records, 1);
        }
    }

    #[test]
    fn a_full_disk_takes_nothing_of_a_transaction_and_is_told_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let add = |ledger: &mut Ledger, bytes: usize| {
            ledger.write(|w| {
                let actor = Actor::System("test".to_owned());
                w.record(Time::default(), &actor, "test.done", "test/1", &"small")?;
                w.record(Time::default(), &actor, "test.done", "test/1", &"x".repeat(bytes))
            })
        };
        add(&mut ledger, 1).unwrap();
        ledger.write(|w| w.touch()).unwrap();
        // No more pages than there are: as if the disk had no room for more.
        ledger.connection.pragma_update(None, "max_page_count", 1).unwrap();
        let error = add(&mut ledger, 1 << 20).unwrap_err();
        assert!(
            matches!(error, Error::LedgerFull { .. }) && error.to_string().contains("Make room"),
            "{error}"
        );
        assert_eq!(ledger.newest().unwrap().map(|head| head.sequence), Some(Sequence(2)));
        ledger
            .connection
            .pragma_update(None, "max_page_count", 1 << 20)
            .unwrap();
        add(&mut ledger, 1 << 20).unwrap();
        let verification = verify(&ledger, &[]).unwrap();
        assert!(
            verification.is_intact() && verification.records == 4,
            "{verification:?}"
        );
    }
}
