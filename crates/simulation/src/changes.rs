//! What a volume tells of its changes, compared with the model.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use volume::Sequence;

use crate::model::LineId;
use crate::simulation::{Outcome, Simulation};

/// The most blocks of one change that are looked at: a trim may cover a whole disk.
const BLOCKS_MAX: u64 = 64;

impl Simulation {
    /// Checks what is told of the changes between two moments: every block that differs is among them, and none that holds data that
    /// it held always. What an operation that failed did to zeros can't be told from their bytes, nor which of its batches did it: so
    /// that isn't compared.
    pub(crate) fn compare_changes(&mut self, slot: usize) -> Outcome {
        let volume = self.volume(slot);
        let line = self.slots[slot].line;
        let (oldest, newest) = (volume.oldest().sequence, self.model.newest(line));
        let to = Sequence(newest.0.saturating_sub(self.random.magnitude(20)));
        let span = to.0.saturating_sub(oldest.0);
        let from = Sequence(oldest.0 + self.random.below(span + 1)).max(self.model.last_turn(line, to));
        if from >= to {
            return Ok(());
        }
        let (mut told, mut failure) = (Vec::new(), None);
        let result = volume.changes(from, to, &mut |change| {
            let is_within = change.sequence > from && change.sequence <= to;
            if is_within && self.is_touched(line, change) {
                told.push((change.first_block, change.first_block + change.blocks));
                return ControlFlow::Continue(());
            }
            failure = Some(format!("{change:?} is told of the time between {from:?} and {to:?}"));
            ControlFlow::Break(())
        });
        match result {
            Ok(()) => {}
            Err(error) if self.may_fail_to_read(&error, 0, u64::MAX - 4096) => return Ok(()),
            Err(error) => return Err(format!("changes since {from:?}: {error}")),
        }
        failure.map_or_else(|| self.check_told(line, from, to, &told), Err)
    }

    fn is_touched(&self, line: LineId, change: &volume::Change) -> bool {
        let end = change.first_block + change.blocks;
        let mut blocks = (change.first_block..end.min(change.first_block + BLOCKS_MAX)).chain([end - 1]);
        blocks.all(|block| self.model.is_touched(line, block) || self.is_zeros(line, block, change.sequence))
    }

    fn is_zeros(&self, line: LineId, block: u64, sequence: Sequence) -> bool {
        let content = self.model.content(line, block, sequence);
        content.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0))
    }

    fn check_told(&self, line: LineId, from: Sequence, to: Sequence, told: &[(u64, u64)]) -> Outcome {
        let differing: BTreeSet<u64> = self
            .model
            .touched(line)
            .into_iter()
            .filter(|block| {
                let (before, after) = (
                    self.model.content(line, *block, from),
                    self.model.content(line, *block, to),
                );
                let are_zeros = [from, to].into_iter().all(|moment| self.is_zeros(line, *block, moment));
                before != after && !are_zeros
            })
            .collect();
        let is_told = |block: &u64| told.iter().any(|(first, end)| (*first..*end).contains(block));
        match differing.iter().find(|block| !is_told(block)) {
            Some(block) => Err(format!(
                "block {block} changed between {from:?} and {to:?}, which isn't told"
            )),
            None => Ok(()),
        }
    }
}
