//! What was changed between two moments, block by block, from the log.

use std::ops::ControlFlow;

use crate::error::Error;
use crate::format::RecordKind;
use crate::locks::lock;
use crate::moments::check_horizon;
use crate::replay::check_blocks;
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
    /// [`Error::MomentTooOld`] if what came after `from` isn't kept whole, or is dropped meanwhile. A damaged segment of the span is an
    /// error too: an answer with a gap in it would be taken for the whole.
    pub fn changes(
        &self,
        from: Sequence,
        to: Sequence,
        visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.check_kept(from)?;
        let begin = Sequence(from.0.saturating_add(1));
        let mut next = Some(self.last_segment_where(|_, first| first <= begin)?);
        while let Some(id) = next {
            let shown = |first: Sequence| from.max(Sequence(first.0.saturating_sub(1)));
            let first = self.segments.open(id).map(|segment| segment.header.first_sequence);
            if first.as_ref().is_ok_and(|first| *first > to) {
                break;
            }
            let read = first.and_then(|first| Ok((first, self.log.records(&self.segments, id)?)));
            // What retention drops goes behind the back of whoever reads it: only what was kept until here was read whole.
            self.check_kept(read.as_ref().map_or(from, |(first, _)| shown(*first)))?;
            let (_, records) = read?;
            let wanted = records
                .iter()
                .filter(|logged| logged.sequence > from && logged.sequence <= to);
            wanted.clone().try_for_each(check_blocks)?;
            if runs(wanted, visit).is_break() {
                break;
            }
            next = self.segments.next_after(id);
        }
        Ok(())
    }

    /// Fails if batches after a moment may have been dropped.
    fn check_kept(&self, moment: Sequence) -> Result<(), Error> {
        check_horizon(lock(&self.control).state.horizon, moment)
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
        RecordKind::Node | RecordKind::Checkpoint | RecordKind::Moved => return None,
    };
    Some(Change {
        sequence: logged.sequence,
        time: logged.time,
        first_block: logged.record.address,
        blocks: u64::from(logged.record.count),
        kind,
    })
}
