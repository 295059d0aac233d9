//! What becomes of an operation: its result is taken into the model, or its failure is explained.

use volume::{Error, Moment, NoSpace, Sequence, Timestamp};

use crate::check::cause;
use crate::model::Change;
use crate::options::Class;
use crate::simulation::{Outcome, Simulation};

impl Simulation {
    /// Finishes an operation that is durable when it is acknowledged.
    pub(crate) fn conclude_control(&mut self, slot: usize, change: Change, result: Result<(), Error>) -> Outcome {
        let is_done = result.is_ok();
        self.conclude(slot, change, result.map(|()| None))?;
        if is_done {
            self.slots[slot].durable = self.model.newest(self.slots[slot].line);
        }
        Ok(())
    }

    /// Takes the result of an operation into the model. `sequence` is the batch it became, if known: else the newest.
    pub(crate) fn conclude(&mut self, slot: usize, change: Change, result: Result<Option<Sequence>, Error>) -> Outcome {
        match result {
            Ok(sequence) => {
                let newest = self.volume(slot).newest();
                self.record(slot, &change, sequence.unwrap_or(newest.sequence))
            }
            Err(error) => self.refuse(slot, change, &error),
        }
    }

    /// Takes an operation that failed into account.
    pub(crate) fn refuse(&mut self, slot: usize, change: Change, error: &Error) -> Outcome {
        self.counts.failed_calls += 1;
        if self.slots[slot].pending.is_none() {
            self.slots[slot].pending = Some(change);
        }
        if self.disk.is_down() {
            return Ok(());
        }
        self.explain(error)?;
        match error {
            Error::NoSpace(_) => {
                self.counts.no_space += 1;
                self.space_was_short = true;
                self.settle(slot)
            }
            Error::Io { .. } | Error::Poisoned => {
                self.slots[slot].must_reopen = true;
                Ok(())
            }
            _ => self.settle(slot),
        }
    }

    /// Whether the faults let loose explain an error.
    pub(crate) fn explain(&self, error: &Error) -> Outcome {
        let counts = self.disk.counts();
        let is_explained = match cause(error) {
            Error::NoSpace(NoSpace::Budget { .. }) => self.options.settings.budget_bytes.is_some(),
            // What can't be set aside for a full disk, for whatever reason, isn't there when it is full.
            Error::NoSpace(NoSpace::Disk) => counts.full + counts.errors > 0 || self.options.class == Class::Full,
            Error::Io { .. } | Error::Poisoned => {
                counts.errors + counts.read_errors > 0 || self.options.class.damages() || counts.full > 0
            }
            Error::TooManyPins { limit } => *limit >= 8,
            Error::NoSuchPin(_) | Error::PinExists(_) | Error::MomentTooOld { .. } | Error::MomentInFuture { .. } => {
                true
            }
            other => self.may_fail_to_read(other, 0, u64::MAX - 4096),
        };
        if is_explained {
            Ok(())
        } else {
            Err(format!("unexplained error: {error}"))
        }
    }

    /// After a failed write or sync nothing can be written until the volume is opened again.
    pub(crate) fn check_poisoned(&mut self, slot: usize) -> Outcome {
        let volume = self.volume(slot);
        let newest = volume.newest().sequence;
        match volume.flush() {
            // Not every failure leaves the log in doubt; but what is flushed now must be there after a power cut.
            Ok(()) if newest <= self.model.newest(self.slots[slot].line) => {
                self.slots[slot].durable = newest;
                Ok(())
            }
            Ok(()) | Err(Error::Poisoned | Error::Io { .. } | Error::NoSpace(_)) => Ok(()),
            Err(error) => Err(format!("flush of a volume after a failed write: {error}")),
        }
    }

    pub(crate) fn time_of(&mut self, slot: usize, sequence: Sequence) -> Result<Timestamp, String> {
        let volume = self.volume(slot);
        let newest = volume.newest();
        if newest.sequence == sequence {
            return Ok(newest.time);
        }
        let known = self
            .model
            .time(self.slots[slot].line, self.model.newest(self.slots[slot].line));
        // A time guessed after a read error would be taken for a promise later.
        let disk = self.disk.clone();
        match disk.without_read_errors(|| volume.resolve(&Moment::After(sequence))) {
            Ok(moment) => Ok(moment.time),
            // Dropped already: any time between its neighbours will do.
            Err(Error::MomentTooOld { .. }) => known.ok_or_else(|| format!("no time is known of {sequence:?}")),
            Err(error) if !self.may_fail_to_read(&error, 0, u64::MAX - 4096) => Err(error.to_string()),
            Err(_) if self.options.class.damages() => {
                self.slots[slot].is_unknown = true;
                Ok(known.unwrap_or_default())
            }
            Err(_) => known.ok_or_else(|| format!("no time is known of {sequence:?}")),
        }
    }
}
