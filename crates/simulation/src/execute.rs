//! Operations carried out on the volume and on the model.

use std::rc::Rc;

use volume::{Device, Error, Hole, Moment, Sequence, Wait, WriteRequest};

use std::time::Duration;

use crate::control::VOLUMES_MAX;
use crate::disk::Cut;
use crate::model::{cleared, written};
use crate::operation::{Action, Operation, Part, Past};
use crate::options::Class;
use crate::simulation::{Outcome, Simulation};

impl Simulation {
    /// Carries out one operation, recovers if the machine stopped during it, and checks what can be checked.
    ///
    /// # Errors
    /// What was found to be wrong.
    pub fn execute(&mut self, operation: &Operation) -> Outcome {
        self.counts.operations += 1;
        let slot = operation.volume % self.slots.len();
        if !self.is_known(slot) {
            return Ok(());
        }
        if self.slots[slot].must_reopen {
            self.check_poisoned(slot)?;
            let is_down = self.disk.is_down();
            return if is_down || self.random.chance(1, 2) {
                self.recover()
            } else {
                self.reopen_one(slot)
            };
        }
        self.perform(slot, &operation.action)?;
        if self.disk.is_down() {
            self.recover()?;
        }
        Ok(())
    }

    fn perform(&mut self, slot: usize, action: &Action) -> Outcome {
        match action {
            Action::Write(parts) => self.write(slot, parts),
            Action::Zero { offset, length, hole } => self.clear(slot, *offset, *length, Some(*hole)),
            Action::Trim { offset, length } => self.clear(slot, *offset, *length, None),
            Action::Flush => self.flush(slot),
            Action::Resize(size) => self.resize(slot, *size),
            Action::Pin { name, moment } => self.pin(slot, name, moment.as_ref()),
            Action::Unpin { name } => self.unpin(slot, name),
            Action::Read { offset, length } => self.read(slot, *offset, *length),
            Action::View(past) => {
                let moment = self.moment(slot, past);
                self.compare_moment(slot, &moment)
            }
            Action::Hold(past) => self.hold(slot, past),
            Action::CompareHeld => self.compare_held(slot),
            Action::Rollback(past) => self.rollback(slot, past),
            Action::Restore(pieces) => self.restore(slot, pieces),
            Action::Undo => self.undo(slot),
            Action::Fork { moment, name } => self.fork(slot, moment, name),
            Action::Delete => self.delete(slot),
            Action::Create { name, size } if self.slots.len() < VOLUMES_MAX => self.create(name, *size),
            Action::Create { .. } => Ok(()),
            Action::Retain(retention, floor) => {
                self.retain(*retention, *floor);
                Ok(())
            }
            Action::Checkpoint => {
                let now = self.now();
                let result = self.volume(slot).checkpoint(now);
                self.conclude(slot, Vec::new(), result.map(|()| None))
            }
            Action::Maintain { steps, io_bytes } => self.maintain(slot, *steps, *io_bytes),
            Action::Wait(duration) => {
                self.advance(*duration);
                Ok(())
            }
            Action::Reopen => self.reopen(),
            Action::Verify => self.verify(slot),
            Action::Compare => {
                self.compare_present(slot)?;
                self.compare_extents(slot)?;
                self.compare_changes(slot)?;
                self.compare_facts(slot)
            }
            Action::Stop(cut) => {
                if self.options.class != Class::Calm {
                    let cut = if self.options.class == Class::Rot {
                        Cut::Kill
                    } else {
                        *cut
                    };
                    self.disk.stop(cut);
                }
                Ok(())
            }
        }
    }

    /// Changes how long history is kept. What was dropped by a shorter time before doesn't come back.
    fn retain(&mut self, retention: Duration, floor: Duration) {
        self.least_retention = self.least_retention.min(retention);
        self.least_floor = self.least_floor.min(floor);
        self.options.settings.retention = retention;
        self.options.settings.retention_floor = floor;
        for volume in self.slots.iter().filter_map(|slot| slot.volume.as_ref()) {
            volume.set_settings(self.options.settings.clone());
        }
    }

    fn write(&mut self, slot: usize, parts: &[Part]) -> Outcome {
        let size = self.volume(slot).size_bytes();
        let fits = |part: &&Part| part.offset + part.length as u64 <= size;
        let batch: Vec<_> = parts
            .iter()
            .filter(fits)
            .map(|part| (part.offset, self.bytes_of(part)))
            .collect();
        if batch.is_empty() {
            return Ok(());
        }
        let requests: Vec<WriteRequest<'_>> = batch
            .iter()
            .map(|(offset, data)| WriteRequest { offset: *offset, data })
            .collect();
        let result = if self.random.chance(1, 4) {
            self.attachment_write(slot, &requests)
        } else {
            self.volume(slot).write(&requests, self.now()).map(Some)
        };
        let change = batch
            .iter()
            .flat_map(|(offset, bytes)| written(*offset, bytes))
            .collect();
        self.conclude(slot, change, result)
    }

    /// The bytes of a write. Some are copied from the disk below: what looks like a structure of the log, and was one, must
    /// not be taken for one when it lies in a payload.
    fn bytes_of(&self, part: &Part) -> Rc<[u8]> {
        if part.seed % 8 == 4 {
            self.disk.sample(part.seed, part.length).into()
        } else {
            part.bytes()
        }
    }

    fn attachment_write(&self, slot: usize, requests: &[WriteRequest<'_>]) -> Result<Option<Sequence>, Error> {
        let attachment = self.slots[slot].attachment.as_ref().expect("an open volume has one");
        attachment.write(requests).map(|()| None)
    }

    fn clear(&mut self, slot: usize, offset: u64, length: u64, hole: Option<Hole>) -> Outcome {
        let volume = self.volume(slot);
        let now = self.now();
        let size = volume.size_bytes();
        let (offset, length) = (offset.min(size - 1), length.min(size - offset.min(size - 1)));
        let result = match hole {
            Some(hole) => volume.zero(offset, length, hole, now),
            None => volume.trim(offset, length, now),
        };
        self.conclude(slot, cleared(offset, length), result.map(Some))
    }

    fn flush(&mut self, slot: usize) -> Outcome {
        let newest = self.model.newest(self.slots[slot].line);
        match self.volume(slot).flush() {
            Ok(()) => {
                let state = &mut self.slots[slot];
                if newest > state.durable {
                    state.proven = state.durable;
                }
                state.durable = newest;
                self.disk.mature();
                self.conclude(slot, Vec::new(), Ok(None))
            }
            Err(error) => self.conclude(slot, Vec::new(), Err(error)),
        }
    }

    fn read(&mut self, slot: usize, offset: u64, length: usize) -> Outcome {
        let volume = self.volume(slot);
        let line = self.slots[slot].line;
        let newest = self.model.newest(line);
        let size = self.model.size(line, newest);
        let offset = offset.min(size - 1);
        let length = (length as u64).min(size - offset);
        let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
        let (result, waited) = self
            .disk
            .without_waiting(|| volume.read(offset, &mut bytes, Wait::Never));
        if waited {
            return Err("a read that must not wait could have waited".to_owned());
        }
        if let Ok(()) = result {
            let mut expected = vec![0; bytes.len()];
            self.model.read(line, newest, offset, &mut expected);
            if bytes != expected {
                return Err(format!(
                    "a read of {length} bytes at {offset} that must not wait gave wrong bytes"
                ));
            }
        }
        self.compare_range(line, newest, offset, length, &|offset, buffer| {
            volume.read(offset, buffer, Wait::Allowed)
        })
    }

    fn hold(&mut self, slot: usize, past: &Past) -> Outcome {
        let moment = self.moment(slot, past);
        if self.slots[slot].held.len() < 3
            && let Ok(view) = self.volume(slot).view(&moment)
        {
            let sequence = view.sequence();
            self.slots[slot].held.push((view, sequence));
        }
        Ok(())
    }

    /// Compares the views that were kept open, whatever happened since, and closes them.
    pub(crate) fn compare_held(&mut self, slot: usize) -> Outcome {
        let line = self.slots[slot].line;
        for (view, sequence) in std::mem::take(&mut self.slots[slot].held) {
            self.compare_view(&view, line, sequence)
                .map_err(|mismatch| format!("kept open: {mismatch}"))?;
        }
        Ok(())
    }

    fn maintain(&mut self, slot: usize, steps: u64, io_bytes: u64) -> Outcome {
        let volume = self.volume(slot);
        for _ in 0..steps {
            let now = self.now();
            let before = volume.oldest().sequence;
            let result = volume.maintain(now, io_bytes);
            if self.disk.is_down() {
                return Ok(());
            }
            self.counts.dropped_moments += volume.oldest().sequence.0 - before.0;
            let is_err = result.is_err();
            self.conclude(slot, Vec::new(), result.map(|_| None))?;
            if is_err || self.slots[slot].must_reopen {
                return Ok(());
            }
        }
        self.compare_facts(slot)
    }

    fn reopen(&mut self) -> Outcome {
        for slot in 0..self.slots.len() {
            self.compare_held(slot)?;
        }
        let now = self.now();
        let result = self.store().close(now);
        if result.is_ok() {
            // The machine may stop when everything is durable already, and only space is being given back.
            if !self.disk.is_down() {
                self.catch_up_all()?;
            }
            for slot in &mut self.slots {
                slot.durable = self.model.newest(slot.line);
            }
        } else if let Err(error) = result
            && !self.disk.is_down()
        {
            self.explain(&error)?;
        }
        self.recover()
    }

    /// Turns what a script says of a moment into what the volume understands.
    pub(crate) fn moment(&self, slot: usize, past: &Past) -> Moment {
        let line = self.slots[slot].line;
        let newest = self.model.newest(line);
        match past {
            Past::Share(share) => {
                let oldest = self.volume(slot).oldest().sequence.0;
                let span = newest.0.saturating_sub(oldest);
                Moment::After(Sequence(oldest + span * u64::from(*share) / 256))
            }
            Past::Newest => Moment::After(newest),
            Past::Ago(duration) => Moment::At(self.now().saturating_sub(*duration)),
            Past::Exactly(sequence) => Moment::After(*sequence),
            Past::At(time) => Moment::At(*time),
            Past::Pin(name) => Moment::Pin(name.clone()),
        }
    }
}
