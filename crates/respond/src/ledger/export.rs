//! Copies of the ledger: lines of JSON for other programs, and a whole ledger for the day when the disk is gone.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use serde::Serialize;

use super::chain::RecordHash;
use super::head::{Head, SignedHead};
use super::record::Sequence;
use super::store::Ledger;
use crate::error::Error;
use crate::time::Time;

/// All pages in one step: between steps a writer would have the copy begin anew, and while alerts keep coming it would never end.
/// Nobody waits for it: it reads what was there when it began.
const ALL_PAGES: i32 = -1;
/// How long a backup waits for a writer.
const BACKUP_PAUSE: Duration = Duration::from_millis(5);

/// A record as a line of an export. `actor` and `body` are the JSON texts that were hashed, character by character.
#[derive(Serialize)]
struct Line<'a> {
    sequence: i64,
    time: Time,
    time_millis: i64,
    actor: &'a str,
    kind: &'a str,
    subject: &'a str,
    body: &'a str,
    hash: RecordHash,
}

/// A signed head as a line of an export.
#[derive(Serialize)]
struct HeadLine<'a> {
    head: &'a SignedHead,
}

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Records.
    pub records: u64,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Head>,
}

/// Writes all records after `after`, oldest first, each as a JSON object in a line; then `heads`, each as `{"head": ...}`.
///
/// # Errors
/// When the ledger can't be read or `to` can't be written.
pub fn export(ledger: &Ledger, after: Sequence, heads: &[SignedHead], to: &mut dyn Write) -> Result<Exported, Error> {
    let sql =
        "select sequence, time, actor, kind, subject, body, hash from record where sequence > ?1 order by sequence";
    let mut statement = ledger.tried(ledger.connection().prepare(sql))?;
    let mut rows = ledger.tried(statement.query([after.0]))?;
    let mut exported = Exported {
        records: 0,
        newest: None,
    };
    while let Some(row) = ledger.tried(rows.next())? {
        let sequence: i64 = ledger.tried(row.get(0))?;
        let text = |index| {
            let text = row.get_ref(index).ok().and_then(|value| value.as_str().ok());
            text.ok_or_else(|| Error::Record {
                sequence: Sequence(sequence),
                what: "it isn't text".to_owned(),
            })
        };
        let time_millis: i64 = ledger.tried(row.get(1))?;
        let line = Line {
            sequence,
            time: Time::from_unix_millis(time_millis),
            time_millis,
            actor: text(2)?,
            kind: text(3)?,
            subject: text(4)?,
            body: text(5)?,
            hash: RecordHash(ledger.tried(row.get(6))?),
        };
        write_line(to, &line)?;
        exported.records += 1;
        exported.newest = Some(Head {
            sequence: Sequence(sequence),
            hash: line.hash,
        });
    }
    for head in heads {
        write_line(to, &HeadLine { head })?;
    }
    to.flush().map_err(Error::io("write", Path::new("the export")))?;
    Ok(exported)
}

fn write_line(to: &mut dyn Write, line: &impl Serialize) -> Result<(), Error> {
    // Numbers and strings only: what fails is writing.
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    to.write_all(&text).map_err(Error::io("write", Path::new("the export")))
}

/// Copies the ledger as it is now into a new file, also while a daemon writes it; readable by its owner only.
///
/// # Errors
/// When the ledger can't be read, or `to` exists or can't be written.
pub fn backup(ledger: &Ledger, to: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to);
    made.map_err(Error::io("make", to))?;
    let copied = copy(ledger, to);
    if copied.is_err() {
        // Half a copy is none, and would be in the way of the next one.
        let _ = std::fs::remove_file(to);
    }
    copied
}

fn copy(ledger: &Ledger, to: &Path) -> Result<(), Error> {
    let failed = |source| Error::Ledger {
        path: to.to_owned(),
        source,
    };
    let mut copy = Connection::open(to).map_err(failed)?;
    let steps = Backup::new(ledger.connection(), &mut copy).map_err(failed)?;
    loop {
        match steps.step(ALL_PAGES).map_err(failed)? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => std::thread::sleep(BACKUP_PAUSE),
            _ => {}
        }
    }
    drop(steps);
    // A copy is one file, not three: it is meant to be carried away.
    copy.pragma_update(None, "journal_mode", "delete").map_err(failed)?;
    copy.close().map_err(|(_, source)| failed(source))?;
    std::fs::File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("write", to))
}
