//! Where alerts arrive and from where everything else is asked: one writer, any number of readers, and a queue in front.
//!
//! Invariants: whoever tells of something never waits; at most [`WAITING_MAX`] alerts wait, what doesn't fit is counted and
//! told; every change goes through the one writer, so that the chain has one end.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use crate::alert::NewAlert;
use crate::error::Error;
use crate::ledger::{HeadKey, KEY_RECORD, Ledger, Sequence, SignedHead, Writing, write_head};
use crate::people::{Actor, CodeKey, codes_lost, has_plain_codes, seal_codes};
use crate::time::Time;

/// Alerts that wait at most. A flood of more is told of in one alert.
const WAITING_MAX: usize = 65_536;
/// Connections for reading that are kept open.
const READERS_MAX: usize = 8;

/// The ledger, shared by all threads of a daemon.
#[derive(Debug)]
pub struct Desk {
    folder: PathBuf,
    key: HeadKey,
    /// The newest record of which a head was signed.
    signed: Mutex<Sequence>,
    writer: Mutex<Ledger>,
    readers: Mutex<Vec<Ledger>>,
    queue: Mutex<Queue>,
    arrived: Condvar,
    newest: Mutex<Sequence>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<NewAlert>,
    lost: u64,
    is_closed: bool,
}

/// What was taken from the queue.
#[derive(Debug)]
pub struct Taken {
    /// Alerts, in the order in which they were told.
    pub alerts: Vec<NewAlert>,
    /// Alerts that didn't fit since the last time.
    pub lost: u64,
    /// Whether nothing more will come.
    pub is_last: bool,
}

impl Desk {
    /// Opens the ledger in `folder`, making it and its key if they are missing.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let writer = Ledger::open(folder)?;
        let key = HeadKey::open(folder)?;
        // Read, not written: whoever opens the ledger doesn't wait for another process that writes.
        let newest = newest(&writer)?;
        Ok(Self {
            folder: folder.to_owned(),
            key,
            signed: Mutex::default(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            queue: Mutex::default(),
            arrived: Condvar::new(),
            newest: Mutex::new(newest),
            changed: Condvar::new(),
        })
    }

    /// Tells of something. Never waits.
    pub fn tell(&self, alert: NewAlert) {
        let mut queue = lock(&self.queue);
        if queue.waiting.len() >= WAITING_MAX {
            queue.lost += 1;
        } else {
            queue.waiting.push_back(alert);
        }
        self.arrived.notify_one();
    }

    /// Takes what waits, at most `most` of it; waits for as long as `patience` if nothing does.
    pub fn take(&self, most: usize, patience: Duration) -> Taken {
        let queue = lock(&self.queue);
        let is_idle = |queue: &mut Queue| queue.waiting.is_empty() && queue.lost == 0 && !queue.is_closed;
        let waited = self.arrived.wait_timeout_while(queue, patience, is_idle);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        let count = most.min(queue.waiting.len());
        let alerts: Vec<NewAlert> = queue.waiting.drain(..count).collect();
        Taken {
            alerts,
            lost: std::mem::take(&mut queue.lost),
            is_last: queue.is_closed && queue.waiting.is_empty(),
        }
    }

    /// Nothing more will be told; whoever takes learns of it.
    pub fn close(&self) {
        lock(&self.queue).is_closed = true;
        self.arrived.notify_all();
    }

    /// Whether nothing more will be told.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        lock(&self.queue).is_closed
    }

    /// Runs one transaction; see [`Ledger::write`].
    ///
    /// # Errors
    /// When `work` fails or the ledger can't be written.
    pub fn write<T>(&self, work: impl FnOnce(&mut Writing<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut writer = lock(&self.writer);
        let (result, newest) = writer.write(|writing| Ok((work(writing)?, writing.newest())))?;
        drop(writer);
        let mut known = lock(&self.newest);
        if newest > *known {
            *known = newest;
            self.changed.notify_all();
        }
        Ok(result)
    }

    /// Asks something. Readers don't wait for the writer, nor it for them.
    ///
    /// # Errors
    /// When `ask` fails or the ledger can't be opened.
    pub fn read<T>(&self, ask: impl FnOnce(&Ledger) -> Result<T, Error>) -> Result<T, Error> {
        let kept = lock(&self.readers).pop();
        let reader = kept.map_or_else(|| Ledger::open(&self.folder), Ok)?;
        let answer = ask(&reader);
        let mut readers = lock(&self.readers);
        if readers.len() < READERS_MAX {
            readers.push(reader);
        }
        answer
    }

    /// The ledger's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Signs the head of the chain and keeps it beside the ledger; `None` if nothing changed since the last time. Whoever calls
    /// this keeps it elsewhere too.
    ///
    /// # Errors
    /// When the ledger or the head can't be written.
    pub fn sign_head(&self, now: Time) -> Result<Option<SignedHead>, Error> {
        let mut signed = lock(&self.signed);
        if *signed == self.look()? && signed.0 > 0 {
            return Ok(None);
        }
        let head = self.write(|writing| {
            self.note_key(writing, now)?;
            Ok(writing.head())
        })?;
        let Some(head) = head else { return Ok(None) };
        let signed_head = self.key.sign(head, now);
        write_head(&self.folder, &signed_head)?;
        *signed = head.sequence;
        Ok(Some(signed_head))
    }

    /// A record names the key, so that a head signed with another one shows.
    fn note_key(&self, writing: &mut Writing<'_>, now: Time) -> Result<(), Error> {
        let key = self.key.public();
        let subject = format!("key/{key}");
        let found = writing.connection().query_row(
            "select count(*) from record where subject = ?1 and kind = ?2",
            (&subject, KEY_RECORD),
            |row| row.get(0),
        );
        if writing.tried::<i64>(found)? > 0 {
            return Ok(());
        }
        let actor = Actor::System("ledger".to_owned());
        let added = writing.record(now, &actor, KEY_RECORD, &subject, &json!({ "key": key }));
        added.map(drop)
    }

    /// The key of one-time codes; `None` if there is none that can be read. It is looked for each time: one that is put back is used
    /// without a restart.
    #[must_use]
    pub fn code_key(&self) -> Option<CodeKey> {
        CodeKey::read(&self.folder)
    }

    /// The key of one-time codes, made if there is none.
    ///
    /// # Errors
    /// When it can't be read or made, or is none.
    pub fn code_key_made(&self) -> Result<CodeKey, Error> {
        CodeKey::open(&self.folder)
    }

    /// How many accounts' one-time codes can't be checked, because the key that their secrets are encrypted with isn't there.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn codes_lost(&self) -> Result<u64, Error> {
        let key = self.code_key();
        self.read(|ledger| codes_lost(ledger, key.as_ref()))
    }

    /// Writes to the ledger without changing it: fails if it can't be written.
    ///
    /// # Errors
    /// When it can't.
    pub fn probe(&self) -> Result<(), Error> {
        self.write(|w| w.touch())
    }

    /// Encrypts secrets of one-time codes that aren't, as older ledgers have them, and leaves nothing of them in the ledger's files.
    ///
    /// # Errors
    /// When the key can't be made, or the ledger can't be written.
    pub fn seal_codes(&self, now: Time) -> Result<(), Error> {
        if !self.read(has_plain_codes)? {
            return Ok(());
        }
        let key = self.code_key_made()?;
        lock(&self.writer).overwrite_deleted(true)?;
        let sealed = self.write(|w| seal_codes(w, now, &key));
        let writer = lock(&self.writer);
        writer.overwrite_deleted(false)?;
        sealed?;
        writer.empty_log()
    }

    /// Looks whether other processes have added records, so that whoever waits for some learns of them; the newest record.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn look(&self) -> Result<Sequence, Error> {
        let newest = self.read(newest)?;
        let mut known = lock(&self.newest);
        if newest > *known {
            *known = newest;
            self.changed.notify_all();
        }
        Ok(newest)
    }

    /// The newest record. Waits for as long as `patience` for one that is newer than `seen`.
    pub fn newest_after(&self, seen: Sequence, patience: Duration) -> Sequence {
        let known = lock(&self.newest);
        let waited = self.changed.wait_timeout_while(known, patience, |known| *known <= seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The newest record; 0 if there is none.
fn newest(ledger: &Ledger) -> Result<Sequence, Error> {
    Ok(ledger.newest()?.map_or(Sequence(0), |head| head.sequence))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
