//! Pins, forks, and returning to a moment.

use std::fs::File;
use std::sync::Arc;

use volume::{Moment, RollbackReport, Volume};

use super::Engine;
use super::failures::failure;
use super::imports::UNFINISHED;
use super::volumes::{moment_report, pin_report};
use crate::aftermath::pieces;
use crate::control::{ForkReport, PinReport, Response, RestoreReport};
use crate::failure::Failure;
use crate::when::When;

impl Engine {
    pub(super) fn pin(&self, name: &str, pin: &str, when: Option<&When>) -> Result<PinReport, Failure> {
        let volume = self.whole_volume(name)?;
        if pin == UNFINISHED {
            return Err(
                Failure::usage(format!("`{pin}` is the mark of a volume that is being imported"))
                    .hint("choose another name"),
            );
        }
        let moment = when
            .filter(|when| **when != When::Now)
            .map(|when| when.resolve(self.now()))
            .transpose()?;
        let pin = volume
            .pin(pin, moment.as_ref(), self.now())
            .map_err(|error| failure(name, &error))?;
        Ok(pin_report(&pin))
    }

    pub(super) fn unpin(&self, name: &str, pin: &str) -> Result<Response, Failure> {
        self.whole_volume(name)?
            .unpin(pin, self.now())
            .map_err(|error| failure(name, &error))?;
        Ok(Response::Unpinned {
            unpinned: pin.to_owned(),
        })
    }

    pub(super) fn fork(&self, name: &str, when: Option<&When>, fork: &str) -> Result<ForkReport, Failure> {
        let source = self.whole_volume(name)?;
        let moment = match when {
            Some(when) => when.resolve(self.now())?,
            None => Moment::After(source.newest().sequence),
        };
        let start = source.resolve(&moment).map_err(|error| failure(name, &error))?;
        let forked = self
            .store
            .fork(name, &moment, fork, self.now())
            .map_err(|error| failure(name, &error))?;
        Ok(ForkReport {
            fork: fork.to_owned(),
            from: name.to_owned(),
            moment: moment_report(start),
            size_bytes: forked.size_bytes(),
        })
    }

    pub(super) fn restore(&self, name: &str, when: &When) -> Result<RestoreReport, Failure> {
        let volume = self.whole_volume(name)?;
        self.restore_to(&volume, &when.resolve(self.now())?)
    }

    pub(super) fn restore_to(&self, volume: &Arc<Volume>, moment: &Moment) -> Result<RestoreReport, Failure> {
        let name = volume.name();
        // Counted before: whoever is connected now holds the disk as it was.
        let clients_refused = self.clients_of(name);
        let rollback = volume
            .rollback(moment, self.now())
            .map_err(|error| failure(name, &error))?;
        self.tell_guard_of_rollback(volume);
        Ok(restore_report(name, false, rollback, clients_refused))
    }

    /// Returns the blocks that a file lists.
    pub(super) fn restore_blocks(&self, name: &str, file: Option<File>) -> Result<RestoreReport, Failure> {
        let volume = self.whole_volume(name)?;
        let file = file.ok_or_else(|| Failure::usage("the list of blocks is missing"))?;
        let pieces = pieces::read(file)?;
        let clients_refused = self.clients_of(name);
        let restored = volume
            .restore_blocks(&pieces, self.now())
            .map_err(|error| failure(name, &error))?;
        self.tell_guard_of_rollback(&volume);
        Ok(RestoreReport {
            volume: name.to_owned(),
            undone: false,
            from: moment_report(restored.from),
            to: moment_report(restored.restored),
            clients_refused,
            after: None,
        })
    }

    pub(super) fn restore_undo(&self, name: &str) -> Result<RestoreReport, Failure> {
        let volume = self.whole_volume(name)?;
        let clients_refused = self.clients_of(name);
        let rollback = volume
            .undo_rollback(self.now())
            .map_err(|error| failure(name, &error))?;
        self.tell_guard_of_rollback(&volume);
        Ok(restore_report(name, true, rollback, clients_refused))
    }
}

fn restore_report(name: &str, undone: bool, rollback: RollbackReport, clients_refused: u64) -> RestoreReport {
    RestoreReport {
        volume: name.to_owned(),
        undone,
        from: moment_report(rollback.from),
        to: moment_report(rollback.to),
        clients_refused,
        after: None,
    }
}
