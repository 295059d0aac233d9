//! How the model learns which batches an operation became.
//!
//! A batch that the volume wrote for itself changes nothing. An operation may become several batches, each a moment of
//! its own: each must show the operation done up to some piece, no less than the one before.

use std::collections::BTreeSet;

use volume::{Device, Moment, Sequence, Timestamp, Wait};

use crate::model::{BLOCK, Change, LineId, Piece};
use crate::options::Class;
use crate::simulation::{Outcome, Simulation};

impl Simulation {
    /// Records that `change` was done, completely by batch `sequence`.
    pub(crate) fn record(&mut self, slot: usize, change: &[Piece], sequence: Sequence) -> Outcome {
        let newest = self.volume(slot).newest().sequence;
        let line = self.slots[slot].line;
        if change.is_empty() {
            return self.catch_up(slot, newest);
        }
        let known = self.model.newest(line);
        if sequence <= known {
            return Err(format!("{change:?} became batch {sequence:?}, which is not new"));
        }
        let mut done = 0;
        while self.model.newest(line).next() < sequence {
            done = self.learn(slot, change, done)?;
        }
        let time = self.time_of(slot, sequence)?;
        self.check_time(line, time)?;
        self.model.apply(line, &change[done..], sequence, time);
        self.counts.batches += 1;
        self.catch_up(slot, newest)
    }

    /// Finds out how much of the pending change of an operation that failed happened.
    pub(crate) fn settle(&mut self, slot: usize) -> Outcome {
        let newest = self.volume(slot).newest().sequence;
        let line = self.slots[slot].line;
        let pending: Change = self.slots[slot].pending.take().unwrap_or_default();
        let mut done = 0;
        while self.model.newest(line) < newest {
            done = self.learn(slot, &pending, done)?;
        }
        Ok(())
    }

    /// Takes the next batch into the model, of which is known that `change` was done up to piece `done` before it. Gives
    /// how much is done with it.
    fn learn(&mut self, slot: usize, change: &[Piece], done: usize) -> Result<usize, String> {
        let disk = self.disk.clone();
        disk.without_read_errors(|| self.learn_undisturbed(slot, change, done))
    }

    fn learn_undisturbed(&mut self, slot: usize, change: &[Piece], done: usize) -> Result<usize, String> {
        let line = self.slots[slot].line;
        let known = self.model.newest(line);
        let batch = known.next();
        let time = self.time_of(slot, batch)?;
        self.check_time(line, time)?;
        let mut mismatches = Vec::new();
        for end in done..=change.len() {
            self.model.apply(line, &change[done..end], batch, time);
            let damaged_reads = self.counts.damaged_reads;
            match self.compare_batch(slot, batch, change) {
                Ok(()) => {
                    if self.counts.damaged_reads > damaged_reads {
                        // What can't be read can't tell what was done: there is nothing to compare this volume with.
                        self.slots[slot].is_unknown = true;
                    }
                    return Ok(end);
                }
                Err(found) => mismatches.push(found),
            }
            self.model.truncate(line, known);
        }
        mismatches.dedup();
        Err(format!(
            "batch {batch:?} is no part of what was done: {}",
            mismatches.join(" | ")
        ))
    }

    /// Compares what `change` touches, as of `batch`, with the model.
    fn compare_batch(&mut self, slot: usize, batch: Sequence, change: &[Piece]) -> Outcome {
        let volume = self.volume(slot);
        let line = self.slots[slot].line;
        if volume.newest().sequence == batch {
            self.compare_pins(slot)?;
            self.compare_epoch(slot)?;
            if volume.size_bytes() != self.model.size(line, batch) {
                return Err(format!("the size is {}", volume.size_bytes()));
            }
            let attachment = self.slots[slot].attachment.take().expect("an open volume has one");
            let outcome = self.compare_touched(line, batch, change, &attachment);
            self.slots[slot].attachment = Some(attachment);
            return outcome;
        }
        match volume.view(&Moment::After(batch)) {
            Ok(view) if view.size_bytes() != self.model.size(line, batch) => {
                Err(format!("the size was {}", view.size_bytes()))
            }
            Ok(view) => self.compare_touched(line, batch, change, &view),
            Err(error) if self.may_be_refused(slot, &Moment::After(batch), &volume, &error) => {
                self.counts.damaged_reads += u64::from(self.options.class.damages());
                Ok(())
            }
            Err(error) => Err(format!("view of {batch:?}: {error}")),
        }
    }

    /// Compares the bytes, and the times of writing: those tell apart what wrote the same bytes again.
    fn compare_touched(&mut self, line: LineId, batch: Sequence, change: &[Piece], device: &dyn Device) -> Outcome {
        let size = self.model.size(line, batch);
        for block in self.touched(line, change) {
            let offset = block * BLOCK;
            if offset < size {
                let length = BLOCK.min(size - offset);
                self.compare_range(line, batch, offset, length, &|offset, buffer| {
                    device.read(offset, buffer, Wait::Allowed)
                })?;
                self.compare_extents_of(line, batch, offset, length, 1, device)?;
            }
        }
        Ok(())
    }

    /// Blocks by which can be told how much of a change was done.
    fn touched(&self, line: LineId, change: &[Piece]) -> BTreeSet<u64> {
        let mut blocks = BTreeSet::new();
        for piece in change {
            match piece {
                Piece::Write(offset, _) => _ = blocks.insert(offset / BLOCK),
                Piece::Clear(start, end) => {
                    let known = self.model.touched(line);
                    blocks.extend(known.range(start / BLOCK..end.div_ceil(BLOCK)).copied());
                    blocks.insert(start / BLOCK);
                }
                Piece::Rollback(_) => blocks.extend(self.model.touched(line)),
                Piece::Restore(pieces) => {
                    let known = self.model.touched(line);
                    for piece in pieces {
                        blocks.extend(known.range(piece.first..piece.end).copied());
                        blocks.extend([piece.first, piece.end]);
                    }
                }
                Piece::Size(_) | Piece::Pin(..) | Piece::Unpin(_) => {}
            }
        }
        blocks
    }

    fn check_time(&self, line: LineId, time: Timestamp) -> Outcome {
        // A disk that lies brings back files that were removed, and with them batches of a time long gone.
        if self.options.class == Class::Lying {
            return Ok(());
        }
        let before = self.model.time(line, self.model.newest(line));
        if Some(time) < before || time > self.latest.max(before.unwrap_or_default()) {
            return Err(format!(
                "a batch is of {time:?}, the one before of {before:?}, and now is {:?}",
                self.now()
            ));
        }
        Ok(())
    }

    /// Records batches of the volume's own up to `sequence`.
    pub(crate) fn catch_up(&mut self, slot: usize, sequence: Sequence) -> Outcome {
        let line = self.slots[slot].line;
        while self.model.newest(line) < sequence {
            let next = self.model.newest(line).next();
            let time = self.time_of(slot, next)?;
            self.check_time(line, time)?;
            self.model.apply(line, &[], next, time);
        }
        Ok(())
    }

    pub(crate) fn catch_up_all(&mut self) -> Outcome {
        for slot in 0..self.slots.len() {
            if self.slots[slot].pending.is_some() {
                // Some of its batches may be of an operation that failed: that is found out when it is opened again.
                continue;
            }
            if let Some(volume) = self.slots[slot].volume.clone() {
                self.catch_up(slot, volume.newest().sequence)?;
            }
        }
        Ok(())
    }
}
