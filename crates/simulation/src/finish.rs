//! The end of a simulation: faults cease, and everything must come to rest in order.

use std::ops::ControlFlow;
use std::time::Duration;

use volume::Moment;

use crate::operation::{Action, Operation, Part};
use crate::options::Class;
use crate::simulation::{Outcome, Simulation};

/// Steps of background work after which there must be nothing left to do.
const STEPS_MAX: u64 = 5000;
/// What may remain of a store without volumes: the folder itself and a few small files.
const EMPTY_MAX: u64 = 64 << 10;

impl Simulation {
    /// Checks everything once more on a disk without faults, and deletes it.
    ///
    /// # Errors
    /// What was found to be wrong.
    pub fn finish(&mut self) -> Outcome {
        self.disarm();
        self.disk.set_capacity(1 << 32);
        self.recover()?;
        for slot in 0..self.slots.len() {
            if self.is_known(slot) {
                self.come_to_rest(slot)?;
            }
        }
        self.execute(&Operation {
            volume: 0,
            action: Action::Reopen,
        })?;
        for slot in 0..self.slots.len() {
            if self.is_known(slot) {
                self.compare_some_moments(slot, 10)?;
            }
        }
        if self.options.class.damages() {
            Ok(())
        } else {
            self.delete_everything()
        }
    }

    fn come_to_rest(&mut self, slot: usize) -> Outcome {
        self.compare_some_moments(slot, 10)?;
        let part = Part {
            offset: 512,
            length: 5000,
            seed: self.random.next_u64(),
        };
        self.execute(&Operation {
            volume: slot,
            action: Action::Write(vec![part]),
        })?;
        self.execute(&Operation {
            volume: slot,
            action: Action::Flush,
        })?;
        if self.slots[slot].must_reopen {
            return self.recover();
        }
        let seconds = self.random.magnitude(1000);
        self.advance(Duration::from_secs(seconds));
        for step in 0.. {
            let now = self.now();
            let result = self.volume(slot).maintain(now, 1 << 20);
            match result {
                Ok(done) if !done.more => break,
                Ok(_) if step > STEPS_MAX => return Err(format!("work is never done: {step} steps")),
                Ok(_) => {}
                Err(error) => {
                    self.explain(&error)?;
                    break;
                }
            }
        }
        self.catch_up_all()?;
        self.compare_present(slot)?;
        self.compare_facts(slot)?;
        self.verify(slot)
    }

    /// Runs the volume's own check, which must find damage if reading does, and none if there were no faults.
    pub(crate) fn verify(&mut self, slot: usize) -> Outcome {
        let damaged_reads = self.counts.damaged_reads;
        let disk = self.disk.clone();
        disk.without_read_errors(|| self.compare_present(slot))?;
        let is_damaged = self.counts.damaged_reads > damaged_reads;
        let volume = self.volume(slot);
        let disk = self.disk.clone();
        let report = match disk.without_read_errors(|| volume.verify(&mut |_| ControlFlow::Continue(()))) {
            Ok(report) => report,
            Err(error) => return self.explain(&error).map_err(|error| format!("verify: {error}")),
        };
        let found = report.damage.len() as u64;
        self.counts.damage_found += found;
        let had_read_errors = self.disk.counts().read_errors > 0;
        // After a failed sync the header of a batch can be missing where it stood first; the segment's index has it too.
        let redundant = if self.options.class == Class::Failing {
            "batch header"
        } else {
            ""
        };
        let harm = report
            .damage
            .iter()
            .filter(|damage| damage.structure != redundant)
            .count();
        if !self.options.class.damages() && !had_read_errors && (harm > 0 || !report.chain_intact) {
            return Err(format!("verify found damage where there is none: {report:?}"));
        }
        // A disk that lies can lose the pin that kept a fork's start: then its parent dropped what isn't damaged.
        let may_be_dropped = self.options.class == Class::Lying && self.model.is_fork(self.slots[slot].line);
        if is_damaged && found == 0 && !may_be_dropped {
            return Err(format!("a block can't be read, but verify found nothing: {report:?}"));
        }
        for damage in &report.damage {
            if let (Some(_), Some(intact)) = (damage.block, damage.newest_intact.as_ref()) {
                self.compare_moment(slot, &Moment::After(intact.sequence))?;
            }
        }
        Ok(())
    }

    fn delete_everything(&mut self) -> Outcome {
        while self.slots.len() > 1 {
            let count = self.slots.len();
            for slot in (1..count).rev() {
                self.execute(&Operation {
                    volume: slot,
                    action: Action::Delete,
                })?;
            }
            if self.slots.len() == count {
                return Err("no fork can be deleted".to_owned());
            }
        }
        let slot = self.slots.pop().ok_or("the first volume is gone")?;
        let name = slot.name.clone();
        drop(slot);
        self.store()
            .delete(&name, self.now())
            .map_err(|error| format!("deleting the last volume: {error}"))?;
        self.store = None;
        let used = self.disk.used_bytes();
        if used > EMPTY_MAX && self.options.class != Class::Failing {
            return Err(format!("{used} bytes remain although every volume was deleted"));
        }
        Ok(())
    }
}
