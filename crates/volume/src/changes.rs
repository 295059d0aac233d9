//! What was changed between two moments, block by block, from the log.

use std::ops::ControlFlow;

use crate::error::Error;
use crate::format::RecordKind;
use crate::segment::LoggedRecord;
use crate::time::{Sequence, Timestamp};
use crate::volume::Volume;

/// What happened to a run of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// New bytes were written, which were stored with this content class (0 to 15).
    Written {
        /// The content class of all blocks of the run.
        class: u8,
    },
    /// Zeroed.
    Zeroed,
    /// Trimmed.
    Trimmed,
}

/// A run of blocks that one batch changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The batch.
    pub sequence: Sequence,
    /// When.
    pub time: Timestamp,
    /// First block, of 4096 bytes.
    pub first_block: u64,
    /// Blocks.
    pub blocks: u64,
    /// What happened to them.
    pub kind: ChangeKind,
}

impl Volume {
    /// Shows what clients changed after `from`, up to and including `to`, in the order of the log: batches that a rollback took back
    /// are shown too. Consecutive blocks of one batch with one class are one change. A fork tells its own changes, not its parent's.
    ///
    /// # Errors
    ///
    /// A damaged segment of the span is an error: an answer with a gap in it would be taken for the whole.
    pub fn changes(
        &self,
        from: Sequence,
        to: Sequence,
        visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let ids = self.segments.ids();
        for (index, id) in ids.iter().enumerate() {
            if self.segments.open(*id)?.header.first_sequence > to {
                break;
            }
            let next = ids.get(index + 1).and_then(|next| self.segments.open(*next).ok());
            if next.is_some_and(|next| next.header.first_sequence <= Sequence(from.0.saturating_add(1))) {
                continue;
            }
            let records = self.log.records(&self.segments, *id)?;
            let wanted = records
                .iter()
                .filter(|logged| logged.sequence > from && logged.sequence <= to);
            if runs(wanted, visit).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Joins neighbours into runs and shows them.
fn runs<'a>(
    records: impl Iterator<Item = &'a LoggedRecord>,
    visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut run: Option<Change> = None;
    for change in records.filter_map(change_of) {
        match &mut run {
            Some(run)
                if (run.sequence, run.kind) == (change.sequence, change.kind)
                    && run.first_block + run.blocks == change.first_block =>
            {
                run.blocks += change.blocks;
            }
            _ => {
                if let Some(run) = run.replace(change) {
                    visit(&run)?;
                }
            }
        }
    }
    run.map_or(ControlFlow::Continue(()), |run| visit(&run))
}

fn change_of(logged: &LoggedRecord) -> Option<Change> {
    let kind = match logged.record.kind {
        RecordKind::Write => ChangeKind::Written {
            class: logged.record.class,
        },
        RecordKind::Zero => ChangeKind::Zeroed,
        RecordKind::Hole => ChangeKind::Trimmed,
        RecordKind::Node | RecordKind::Checkpoint => return None,
    };
    Some(Change {
        sequence: logged.sequence,
        time: logged.time,
        first_block: logged.record.address,
        blocks: u64::from(logged.record.count),
        kind,
    })
}
