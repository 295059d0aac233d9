//! What becomes of a volume whose log is damaged: an operator has it repaired.
//!
//! Repair passes over what can't be read, so what the volume holds then is no moment of the model any more. What must hold
//! all the same: it opens, takes writes and keeps them; every block holds zeros or bytes that it once held, or can't be
//! read; and the repair lasts.

use volume::{Error, Sequence, Wait, WriteRequest};

use crate::model::{BLOCK, Piece};
use crate::simulation::{Outcome, Simulation};

impl Simulation {
    /// Repairs a volume that can't be opened, now and then, and checks what comes out. It isn't compared with the model any
    /// more, and neither are its forks.
    ///
    /// # Errors
    /// What was found to be wrong.
    pub(crate) fn try_repair(&mut self, slot: usize) -> Outcome {
        if self.disk.is_down() || !self.random.chance(1, 2) {
            return Ok(());
        }
        let (name, line) = (self.slots[slot].name.clone(), self.slots[slot].line);
        let now = self.now();
        let store = self.store();
        let disk = self.disk.clone();
        match disk.without_read_errors(|| store.repair(&name, now)) {
            Ok(_) => self.counts.repairs += 1,
            Err(error) => return self.explain_repair(&name, &error),
        }
        for other in &mut self.slots {
            other.is_unknown |= other.line == line || self.model.needs(other.line, line, Sequence(0));
        }
        self.check_repaired(slot)
    }

    fn explain_repair(&self, name: &str, error: &Error) -> Outcome {
        // What names every checkpoint can be damaged, and so can a parent.
        if self.disk.is_down() || self.may_fail_to_read(error, 0, u64::MAX - BLOCK) {
            return Ok(());
        }
        Err(format!("repairing `{name}`: {error}"))
    }

    fn check_repaired(&mut self, slot: usize) -> Outcome {
        let (name, line) = (self.slots[slot].name.clone(), self.slots[slot].line);
        let store = self.store();
        let disk = self.disk.clone();
        let now = self.now();
        let check = || {
            let volume = store.volume(&name, now)?;
            let blocks = volume.size_bytes() / BLOCK;
            let mut read = Vec::new();
            for block in self.model.touched(line).into_iter().filter(|block| *block < blocks) {
                let mut bytes = vec![0; 4096];
                if volume.read(block * BLOCK, &mut bytes, Wait::Allowed).is_ok() {
                    read.push((block, bytes));
                }
            }
            let data = [0x77; 4096];
            volume.write(&[WriteRequest { offset: 0, data: &data }], now)?;
            volume.flush()?;
            drop(volume);
            // The repair must last: from here on the volume opens as any other does.
            let mut bytes = vec![0; 4096];
            store.reopen(&name, now)?.read(0, &mut bytes, Wait::Allowed)?;
            Ok::<_, Error>((read, bytes == data))
        };
        let (read, is_kept) = match disk.without_read_errors(check) {
            Ok(found) => found,
            Err(_) if self.disk.is_down() => return Ok(()),
            Err(error) => return Err(format!("`{name}` after a repair: {error}")),
        };
        if !is_kept {
            return Err(format!("`{name}` lost a write after a repair"));
        }
        let pending = self.slots[slot].pending.iter().flatten();
        let is_pending = |block: u64| {
            let touches = |piece: &Piece| match piece {
                Piece::Write(offset, bytes) => {
                    (offset / BLOCK..=(offset + bytes.len() as u64) / BLOCK).contains(&block)
                }
                _ => true,
            };
            pending.clone().any(touches)
        };
        let foreign = read
            .iter()
            .find(|(block, bytes)| !is_pending(*block) && !self.model.ever_held(line, *block, bytes));
        foreign.map_or(Ok(()), |(block, _)| {
            Err(format!(
                "block {block} of `{name}` holds what it never held after a repair"
            ))
        })
    }
}
