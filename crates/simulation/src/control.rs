//! Control operations: sizes, pins, rollbacks, forks and deletions. They are durable when they are acknowledged.

use std::sync::Arc;

use volume::{Clock, Device, Error, Sequence, Volume, WriteRequest};

use crate::model::{BLOCK, Change, LineId, Piece, Returned, resized};
use crate::operation::{Back, Past};
use crate::simulation::{Outcome, Simulation, Undecided};

/// Volumes at a time.
pub(crate) const VOLUMES_MAX: usize = 4;

impl Simulation {
    pub(crate) fn resize(&mut self, slot: usize, size: u64) -> Outcome {
        let now = self.now();
        let result = self.volume(slot).resize(size, now);
        let line = self.slots[slot].line;
        let old = self.model.size(line, self.model.newest(line));
        self.conclude_control(slot, resized(old, size), result)
    }

    pub(crate) fn pin(&mut self, slot: usize, name: &str, past: Option<&Past>) -> Outcome {
        let moment = past.map(|past| self.moment(slot, past));
        let volume = self.volume(slot);
        let now = self.now();
        let result = volume.pin(name, moment.as_ref(), now);
        match (&result, &moment) {
            (Err(Error::PinExists(_)), _) if self.model_pins(slot).contains_key(name) => return Ok(()),
            (Err(error), Some(moment)) if self.is_without_moment(slot, moment, &volume, error) => {
                return self.refuse(slot, Vec::new(), error);
            }
            _ => {}
        }
        let line = self.slots[slot].line;
        let expected = match &moment {
            None => Some(self.model.newest(line)),
            Some(moment) => self.model_sequence(slot, moment),
        };
        if let Ok(pin) = &result
            && Some(pin.sequence) != expected
            && moment.is_some()
        {
            return Err(format!(
                "pin of {moment:?} is at {:?}, expected {expected:?}",
                pin.sequence
            ));
        }
        let kept = result
            .as_ref()
            .ok()
            .map(|pin| pin.sequence)
            .or(expected)
            .unwrap_or_default();
        self.conclude_control(slot, vec![Piece::Pin(name.to_owned(), kept)], result.map(|_| ()))
    }

    pub(crate) fn unpin(&mut self, slot: usize, name: &str) -> Outcome {
        let now = self.now();
        let result = self.volume(slot).unpin(name, now);
        if matches!(result, Err(Error::NoSuchPin(_))) && !self.model_pins(slot).contains_key(name) {
            return Ok(());
        }
        self.conclude_control(slot, vec![Piece::Unpin(name.to_owned())], result)
    }

    pub(crate) fn rollback(&mut self, slot: usize, past: &Past) -> Outcome {
        let moment = self.moment(slot, past);
        let now = self.now();
        let volume = self.volume(slot);
        let expected = self.model_sequence(slot, &moment);
        let result = volume.rollback(&moment, now);
        if let Err(error) = &result
            && self.is_without_moment(slot, &moment, &volume, error)
        {
            return self.refuse(slot, Vec::new(), error);
        }
        let to = result.as_ref().ok().map(|rollback| rollback.to.sequence);
        if to.is_some() && to != expected {
            return Err(format!("rolled back to {to:?}, expected {expected:?}"));
        }
        self.after_rollback(slot, expected, result.map(|_| ()))
    }

    pub(crate) fn undo(&mut self, slot: usize) -> Outcome {
        let line = self.slots[slot].line;
        let now = self.now();
        let last = self.model.last_rollback(line, self.model.newest(line));
        let result = self.volume(slot).undo_rollback(now);
        let to = match (&result, last) {
            (Err(Error::NoRollback), _) => return self.check_nothing_to_undo(slot, last),
            (Ok(rollback), None) => return Err(format!("undid a rollback that never was: {rollback:?}")),
            (Ok(rollback), Some(_)) => Some(rollback.to.sequence),
            (Err(_), last) => last.map(|at| Sequence(at.0 - 1)),
        };
        self.after_rollback(slot, to, result.map(|_| ()))
    }

    fn check_nothing_to_undo(&self, slot: usize, rolled_back: Option<Sequence>) -> Outcome {
        let oldest = self.volume(slot).oldest().sequence;
        match rolled_back {
            Some(at) if at > oldest.next() => Err(format!("the rollback {at:?} can't be undone, oldest is {oldest:?}")),
            _ => Ok(()),
        }
    }

    fn after_rollback(&mut self, slot: usize, to: Option<Sequence>, result: Result<(), Error>) -> Outcome {
        let is_done = result.is_ok();
        let change = to.map(Piece::Rollback).into_iter().collect();
        if is_done {
            self.counts.rollbacks += 1;
        }
        self.after_return(slot, change, result)
    }

    fn after_return(&mut self, slot: usize, change: Change, result: Result<(), Error>) -> Outcome {
        let is_done = result.is_ok();
        if is_done {
            self.check_stale(slot)?;
        }
        self.conclude_control(slot, change, result)?;
        if is_done { self.compare_present(slot) } else { Ok(()) }
    }

    pub(crate) fn restore(&mut self, slot: usize, script: &[Back]) -> Outcome {
        let returned = self.returned(slot, script);
        let pieces: Vec<volume::Piece> = returned
            .iter()
            .map(|piece| volume::Piece {
                first_block: piece.first,
                blocks: piece.end - piece.first,
                moment: piece.to,
            })
            .collect();
        let now = self.now();
        let volume = self.volume(slot);
        let result = volume.restore_blocks(&pieces, now);
        if matches!(result, Err(Error::NothingToRestore)) && returned.is_empty() {
            return Ok(());
        }
        if result.is_ok() {
            self.counts.restores += 1;
        }
        let result = result.map(|_| ());
        self.after_return(slot, vec![Piece::Restore(returned)], result)
    }

    /// What of a script can be restored: moments that are kept, blocks that the disk had then and has now, each once.
    fn returned(&self, slot: usize, script: &[Back]) -> Vec<Returned> {
        let line = self.slots[slot].line;
        let oldest = self.volume(slot).oldest().sequence;
        let pins = self.model_pins(slot);
        let mut returned: Vec<Returned> = Vec::new();
        for back in script {
            let moment = self.moment(slot, &back.to);
            let is_kept = |to: &Sequence| *to >= oldest || pins.values().any(|pin| pin == to);
            let Some(to) = self.model_sequence(slot, &moment).filter(is_kept) else {
                continue;
            };
            let sizes = [
                self.model.size(line, to),
                self.model.size(line, self.model.newest(line)),
            ];
            let whole = sizes.map(|size| size / BLOCK).into_iter().min().unwrap_or(0);
            let (first, end) = (back.first, (back.first + back.blocks).min(whole));
            if first < end && returned.iter().all(|other| end <= other.first || other.end <= first) {
                returned.push(Returned { first, end, to });
            }
        }
        returned
    }

    /// A client that was connected before a rollback can't write any more.
    fn check_stale(&mut self, slot: usize) -> Outcome {
        let old = self.slots[slot].attachment.take().expect("an open volume has one");
        let data = [1u8; 512];
        match old.write(&[WriteRequest { offset: 0, data: &data }]) {
            Err(Error::StaleEpoch) => {}
            other => return Err(format!("a write of a client from before the rollback: {other:?}")),
        }
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        self.slots[slot].attachment = Some(self.volume(slot).attach(clock));
        Ok(())
    }

    pub(crate) fn fork(&mut self, slot: usize, past: &Past, name: &str) -> Outcome {
        if self.slots.len() >= VOLUMES_MAX {
            return Ok(());
        }
        let moment = self.moment(slot, past);
        let source = self.slots[slot].name.clone();
        let line = self.slots[slot].line;
        let expected = self.model_sequence(slot, &moment);
        let volume = self.volume(slot);
        let now = self.now();
        match self.store().fork(&source, &moment, name, now) {
            Ok(fork) => {
                let Some(sequence) = expected else {
                    return Err(format!("forked {moment:?}, which isn't there"));
                };
                self.adopt_fork(line, sequence, name, fork)?;
                self.conclude_control(slot, Vec::new(), Ok(()))
            }
            Err(error) if self.is_without_moment(slot, &moment, &volume, &error) && !self.disk.is_down() => {
                self.refuse(slot, Vec::new(), &error)
            }
            Err(error) => {
                if let Some(moment) = expected {
                    self.undecided.push(Undecided::Fork {
                        source: line,
                        moment,
                        name: name.to_owned(),
                    });
                }
                self.conclude_control(slot, Vec::new(), Err(error))
            }
        }
    }

    /// Takes a fork that was made into the model, and compares it.
    pub(crate) fn adopt_fork(&mut self, source: LineId, moment: Sequence, name: &str, volume: Arc<Volume>) -> Outcome {
        self.counts.forks += 1;
        let start = volume.newest();
        let line = self.model.fork(source, moment, start.sequence, start.time);
        self.add_slot(name.to_owned(), line, volume);
        self.compare_present(self.slots.len() - 1)
    }

    pub(crate) fn delete(&mut self, slot: usize) -> Outcome {
        if slot == 0 {
            return Ok(());
        }
        let name = self.slots[slot].name.clone();
        let slot_state = &mut self.slots[slot];
        slot_state.held.clear();
        slot_state.attachment = None;
        slot_state.volume = None;
        let now = self.now();
        let result = self.store().delete(&name, now);
        match result {
            Ok(()) => {
                self.counts.deletions += 1;
                self.slots.remove(slot);
                self.catch_up_all()
            }
            Err(Error::HasForks { .. }) => self.attach_again(slot),
            Err(error) => {
                self.undecided.push(Undecided::Delete { name });
                if self.disk.is_down() {
                    return Ok(());
                }
                self.explain(&error)?;
                self.recover()
            }
        }
    }

    pub(crate) fn attach_again(&mut self, slot: usize) -> Outcome {
        let name = self.slots[slot].name.clone();
        let volume = self
            .store()
            .volume(&name, self.now())
            .map_err(|error| format!("opening `{name}`: {error}"))?;
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        self.slots[slot].attachment = Some(volume.attach(clock));
        self.slots[slot].volume = Some(volume);
        Ok(())
    }
}
