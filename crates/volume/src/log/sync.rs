//! Making the log durable: one sync at a time, shared by all who wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::locks::lock;
use crate::log::append::{Appender, SyncWork};
use crate::segment::file_error;
use crate::time::Sequence;

/// The log of one volume.
#[derive(Debug)]
pub(crate) struct Log {
    appender: Mutex<Appender>,
    durability: Mutex<Durability>,
    synced: Condvar,
    poisoned: AtomicBool,
}

#[derive(Debug)]
struct Durability {
    durable: Sequence,
    syncing: bool,
}

impl Log {
    pub(crate) fn new(appender: Appender) -> Self {
        let durable = appender.durable;
        Self {
            appender: Mutex::new(appender),
            durability: Mutex::new(Durability {
                durable,
                syncing: false,
            }),
            synced: Condvar::new(),
            poisoned: AtomicBool::new(false),
        }
    }

    /// The right to append. Fails with [`Error::Poisoned`] after a failed write or sync.
    pub(crate) fn appender(&self) -> Result<MutexGuard<'_, Appender>, Error> {
        let appender = lock(&self.appender);
        self.check_poison()?;
        Ok(appender)
    }

    /// The end of the log, to look at; also after a failure.
    pub(crate) fn peek(&self) -> MutexGuard<'_, Appender> {
        lock(&self.appender)
    }

    /// Makes the log unusable: another instance takes over.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    fn check_poison(&self) -> Result<(), Error> {
        if self.is_poisoned() {
            Err(Error::Poisoned)
        } else {
            Ok(())
        }
    }

    /// Marks the log unusable if `error` leaves its state on disk unknown.
    pub(crate) fn note_failure(&self, error: &Error) {
        if !matches!(error, Error::NoSpace(_)) {
            self.poisoned.store(true, Ordering::Release);
        }
    }

    /// The newest sequence known durable.
    pub(crate) fn durable(&self) -> Sequence {
        lock(&self.durability).durable
    }

    /// Makes everything appended before this call durable. Callers that arrive during a sync share the next one.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        let target = Sequence(self.appender()?.next().0 - 1);
        let mut durability = lock(&self.durability);
        loop {
            self.check_poison()?;
            if durability.durable >= target {
                return Ok(());
            }
            if !durability.syncing {
                break;
            }
            durability = self.synced.wait(durability).unwrap_or_else(PoisonError::into_inner);
        }
        durability.syncing = true;
        drop(durability);
        let work = self.appender().and_then(|mut appender| appender.prepare_sync());
        self.finish(work.and_then(|work| self.sync(&work)))
    }

    /// Makes sealed segments durable that weren't synced yet. Whether there were any.
    pub(crate) fn sync_sealed(&self) -> Result<bool, Error> {
        let mut durability = lock(&self.durability);
        while durability.syncing {
            durability = self.synced.wait(durability).unwrap_or_else(PoisonError::into_inner);
        }
        // From here on no flush can take these files for synced before they are.
        durability.syncing = true;
        drop(durability);
        let work = self.appender().map(|mut appender| appender.prepare_sealed_sync());
        let (any, synced) = match work {
            Ok(Some(work)) => (true, self.sync(&work)),
            Ok(None) => (false, Ok(Sequence(0))),
            Err(error) => (false, Err(error)),
        };
        self.finish(synced).map(|()| any)
    }

    /// Ends the sync that this thread began, and wakes those who wait for it.
    fn finish(&self, synced: Result<Sequence, Error>) -> Result<(), Error> {
        let mut durability = lock(&self.durability);
        durability.syncing = false;
        match synced {
            Ok(covered) => durability.durable = covered.max(durability.durable),
            Err(_) => self.poison(),
        }
        self.synced.notify_all();
        synced.map(|_| ())
    }

    fn sync(&self, work: &SyncWork) -> Result<Sequence, Error> {
        for file in &work.files {
            file.sync().map_err(|source| file_error("sync", "a segment", source))?;
        }
        if work.directory {
            let directory = self.peek().directory();
            directory.sync().map_err(|source| file_error("sync", ".", source))?;
        }
        let mut appender = self.peek();
        appender.durable = appender.durable.max(work.covered);
        appender.named_checkpoint = work.named_checkpoint;
        Ok(work.covered)
    }
}
