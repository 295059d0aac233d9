//! The machine starts again: everything is opened, and must be a moment that the promises allow.

use std::sync::Arc;
use std::time::Duration;

use volume::{Clock, Device, Error, Moment, Sequence, Volume, WriteRequest};

use crate::check::cause;
use crate::disk::{Cut, Faults};
use crate::options::Class;
use crate::simulation::{Outcome, Simulation, Undecided};

/// Attempts to open everything while the machine stops again and again.
const ATTEMPTS: u64 = 50;

impl Simulation {
    /// Starts the machine (stopping it first if it runs), opens everything and checks it.
    ///
    /// # Errors
    /// What was found to be wrong.
    pub fn recover(&mut self) -> Outcome {
        self.counts.recoveries += 1;
        let mut failure = String::new();
        for attempt in 0..ATTEMPTS {
            self.close_handles();
            self.disk.start();
            // A machine takes a while to start, and its clock is right then.
            let pause = Duration::from_micros(1 + self.random.magnitude(5_000_000));
            self.advance(self.latest.since(self.now()) + pause);
            self.disk.stop_never();
            if self.options.class != Class::Failing || self.random.chance(3, 4) || attempt > 3 {
                self.disk.set_faults(Faults::default());
            }
            if !matches!(self.options.class, Class::Calm) && attempt < 20 && self.random.chance(1, 3) {
                let can_cut = self.options.class != Class::Rot && self.random.chance(1, 2);
                let cut = if can_cut { Cut::Power } else { Cut::Kill };
                let nth = 1 + self.random.magnitude(16);
                self.stop_at(nth, cut);
            }
            let result = self.open_all();
            if self.disk.is_down() {
                continue;
            }
            self.disk.stop_never();
            self.disk.set_faults(Faults::default());
            match result {
                Ok(()) => return self.check_recovered(),
                Err((name, error))
                    if self.options.class == Class::Failing && matches!(cause(&error), Error::Io { .. }) =>
                {
                    failure = format!("{error} (`{name}`)");
                }
                Err((name, error)) => return Err(format!("opening after a stop: {error} (`{name}`)")),
            }
        }
        Err(format!("couldn't be opened in {ATTEMPTS} attempts: {failure}"))
    }

    fn close_handles(&mut self) {
        for slot in &mut self.slots {
            slot.held.clear();
            slot.attachment = None;
            slot.volume = None;
        }
        self.store = None;
    }

    /// Opens everything. After a failure also says which volume it was.
    fn open_all(&mut self) -> Result<(), (String, Error)> {
        self.open_store();
        let store = self.store();
        let names = store.names().map_err(|error| ("the list".to_owned(), error))?;
        let now = self.now();
        for slot in 0..self.slots.len() {
            let name = self.slots[slot].name.clone();
            if !names.contains(&name) && self.may_be_gone(&name) {
                continue;
            }
            match store.volume(&name, now) {
                Ok(volume) => {
                    let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
                    let state = &mut self.slots[slot];
                    state.attachment = Some(volume.attach(clock));
                    state.volume = Some(volume);
                    state.is_lost = false;
                }
                Err(error) if !self.disk.is_down() && self.may_be_unusable(&error) => {
                    self.counts.lost_volumes += u64::from(!self.slots[slot].is_lost);
                    self.slots[slot].is_lost = true;
                }
                Err(error) => return Err((name, error)),
            }
        }
        Ok(())
    }

    fn may_be_gone(&self, name: &str) -> bool {
        let is_deletion =
            |undecided: &Undecided| matches!(undecided, Undecided::Delete { name: deleted } if deleted == name);
        self.undecided.iter().any(is_deletion)
    }

    fn may_be_unusable(&self, error: &Error) -> bool {
        self.options.class.damages() && self.may_fail_to_read(error, 0, u64::MAX - 4096)
    }

    /// Checks what was found after a start against what was acknowledged.
    fn check_recovered(&mut self) -> Outcome {
        self.decide()?;
        for slot in 0..self.slots.len() {
            if !self.is_known(slot) {
                continue;
            }
            self.check_recovered_slot(slot)?;
        }
        self.power_cuts_seen = self.disk.counts().power_cuts;
        self.is_armed = false;
        for slot in 0..self.slots.len() {
            if self.slots[slot].is_lost && !self.slots[slot].is_unknown {
                self.try_repair(slot)?;
            }
        }
        self.check_names()
    }

    fn check_recovered_slot(&mut self, slot: usize) -> Outcome {
        self.slots[slot].must_reopen = false;
        self.check_nothing_lost(slot)?;
        if !self.is_known(slot) {
            return Ok(());
        }
        self.settle(slot)?;
        self.compare_present(slot)?;
        self.compare_facts(slot)?;
        self.compare_some_moments(slot, 3)
    }

    /// What was acknowledged before an acknowledged flush survives everything; after a kill, so does the rest.
    fn check_nothing_lost(&mut self, slot: usize) -> Outcome {
        let survived = self.survived(slot);
        let state = &self.slots[slot];
        let acknowledged = self.model.newest(state.line);
        let promised = self.promised(slot);
        if survived < promised {
            return Err(format!(
                "`{}` was recovered up to {survived:?}, but {promised:?} was promised",
                state.name
            ));
        }
        if self.is_hidden(slot, survived) {
            let line = state.line;
            for other in &mut self.slots {
                other.is_unknown |= other.line == line || self.model.needs(other.line, line, Sequence(0));
            }
            return Ok(());
        }
        self.counts.lost_batches += acknowledged.0 - survived.0;
        if survived < acknowledged {
            let line = state.line;
            self.model.truncate(line, survived);
            self.slots[slot].pending = None;
            for other in &mut self.slots {
                // Only damage takes away what a fork started with.
                other.is_unknown |= self.model.needs(other.line, line, survived);
            }
        }
        let durable = self.slots[slot].durable.min(survived);
        self.slots[slot].durable = durable;
        Ok(())
    }

    /// The newest batch that must still be there.
    fn promised(&self, slot: usize) -> Sequence {
        let state = &self.slots[slot];
        match self.options.class {
            // What never reached the disk can look like a log that ended before.
            Class::Lying => self.model.start(state.line),
            Class::Rot if self.disk.counts().misdirected > 0 => self.model.start(state.line),
            Class::Rot if self.disk.counts().rotten > 0 => state.proven,
            Class::Failing => state.durable,
            _ if self.power_was_cut() => state.durable,
            _ => self.model.newest(state.line),
        }
    }

    /// The newest batch known before that is still there. Opening may have added batches with the numbers of lost ones:
    /// those have later times.
    fn survived(&self, slot: usize) -> Sequence {
        let volume = self.volume(slot);
        let line = self.slots[slot].line;
        let mut survived = volume.newest().sequence.min(self.model.newest(line));
        while survived > self.model.start(line) {
            match volume.resolve(&Moment::After(survived)) {
                Ok(moment) if Some(moment.time) != self.model.time(line, survived) => survived.0 -= 1,
                _ => break,
            }
        }
        survived
    }

    /// Whether damage hides how much survived: opening added batches, and it can't be seen whether the newest known number
    /// is that of one of them.
    fn is_hidden(&self, slot: usize, survived: Sequence) -> bool {
        let line = self.slots[slot].line;
        let volume = self.volume(slot);
        let has_added = Some(volume.newest().time) > self.model.time(line, self.model.newest(line));
        let is_seen = volume.resolve(&Moment::After(survived)).is_ok();
        self.options.class.damages() && has_added && !is_seen
    }

    fn power_was_cut(&self) -> bool {
        self.disk.counts().power_cuts > self.power_cuts_seen
    }

    /// Finds out whether a fork or deletion that the stop interrupted happened.
    fn decide(&mut self) -> Outcome {
        let names = self
            .store()
            .names()
            .map_err(|error| format!("listing volumes: {error}"))?;
        for undecided in std::mem::take(&mut self.undecided) {
            match undecided {
                Undecided::Fork { source, moment, name } if names.contains(&name) => {
                    if let Some(volume) = self.open_undecided(&name)? {
                        self.adopt_fork(source, moment, &name, volume)?;
                    }
                }
                Undecided::Create { name, size } if names.contains(&name) => {
                    if let Some(volume) = self.open_undecided(&name)? {
                        self.adopt(&name, size, volume)?;
                    }
                }
                Undecided::Delete { name } if !names.contains(&name) => {
                    self.counts.deletions += 1;
                    self.slots.retain(|slot| slot.name != name);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn open_undecided(&self, name: &str) -> Result<Option<Arc<Volume>>, String> {
        match self.store().volume(name, self.now()) {
            Ok(volume) => Ok(Some(volume)),
            Err(error) if self.may_be_unusable(&error) => Ok(None),
            Err(error) => Err(format!("opening the new volume `{name}`: {error}")),
        }
    }

    /// Opens one volume again after a failed write, without restarting the machine.
    pub(crate) fn reopen_one(&mut self, slot: usize) -> Outcome {
        self.disarm();
        let name = self.slots[slot].name.clone();
        let now = self.now();
        self.slots[slot].held.clear();
        let old = self.slots[slot].attachment.take();
        self.slots[slot].volume = None;
        let volume = match self.store().reopen(&name, now) {
            Ok(volume) => volume,
            // Its forks must be closed first.
            Err(Error::VolumeInUse(_)) => return self.recover(),
            Err(error) if self.may_be_unusable(&error) => return self.recover(),
            Err(error) => return Err(format!("opening `{name}` again: {error}")),
        };
        if let Some(old) = old
            && old
                .write(&[WriteRequest {
                    offset: 0,
                    data: &[1; 512],
                }])
                .is_ok()
        {
            return Err("a client of a volume that failed can write after another opened it again".to_owned());
        }
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        self.slots[slot].attachment = Some(volume.attach(clock));
        self.slots[slot].volume = Some(volume);
        self.is_armed = false;
        self.check_recovered_slot(slot)
    }

    fn check_names(&self) -> Outcome {
        if self.options.class.damages() {
            return Ok(());
        }
        let names = self
            .store()
            .names()
            .map_err(|error| format!("listing volumes: {error}"))?;
        let mut expected: Vec<String> = self.slots.iter().map(|slot| slot.name.clone()).collect();
        expected.sort();
        if names == expected {
            Ok(())
        } else {
            Err(format!("the volumes are {names:?}, expected {expected:?}"))
        }
    }

    /// Compares moments drawn from the whole past that is kept, and the pins.
    pub(crate) fn compare_some_moments(&mut self, slot: usize, count: u64) -> Outcome {
        let oldest = self.volume(slot).oldest().sequence.0;
        let newest = self.model.newest(self.slots[slot].line).0;
        for _ in 0..count {
            let sequence = self.random.between(oldest.min(newest), newest);
            self.compare_moment(slot, &Moment::After(Sequence(sequence)))?;
        }
        for name in self.model_pins(slot).into_keys() {
            self.compare_moment(slot, &Moment::Pin(name))?;
        }
        Ok(())
    }
}
