//! Background work, one bounded step at a time: checkpoints, syncs, the hash chain, retention, compaction.
//!
//! The owner of a volume calls `maintain` in a loop on a thread of its own; nothing here is needed for correctness of
//! reads and writes, only for bounds on memory, start-up time and space.

use std::sync::atomic::Ordering;

use crate::aging::Pauses;
use crate::chain::hash_file;
use crate::defragment::Round;
use crate::error::Error;
use crate::format::{ChainEvent, Checkpoint, CheckpointRef, Horizon, RecordKind, Segment};
use crate::locks::{lock, read_lock};
use crate::log::give_back_reserved;
use crate::replay::{Replay, load_checkpoint, reference_of};
use crate::retention::{Situation, checkpoint_interval, droppable};
use crate::segment::{file_error, file_name};
use crate::time::{Moment, Timestamp};
use crate::volume::{Control, Volume};

/// Changed leaves that are written into the tree together. Returning to a moment means writing those that changed
/// between the checkpoint before it and the moment: this bounds how long that takes.
pub(crate) const CHANGED_LEAVES_MAX: usize = 12_000;

/// A checkpoint and where it is.
type FoundCheckpoint = (Checkpoint, CheckpointRef);

/// How far compaction and the hash chain have come.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// Segments below are in the hash chain.
    pub(crate) hashed_below: Segment,
    /// Segments below were looked at in this round of compression.
    pub(crate) compressed_below: Segment,
    /// When the last round of compression ended.
    pub(crate) swept: Timestamp,
    /// Expired segments below were looked at for this horizon.
    pub(crate) expired_below: Segment,
    /// Where bringing together what lies apart stands.
    pub(crate) round: Round,
}

impl Sweep {
    /// After a restart: all is looked at anew. What may be moved is kept.
    pub(crate) fn resumed(replay: &Replay) -> Self {
        Self {
            round: Round::resumed(replay.credit, replay.moved, replay.state.size_bytes),
            ..Self::default()
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Bytes read and written.
    pub io_bytes: u64,
    /// Whether another step would find work now.
    pub more: bool,
    /// Bytes that the step freed on the disk.
    pub freed_bytes: u64,
    /// Damage that the step met: the segment is left as it is, and `verify` tells more.
    pub damaged: Option<u32>,
}

impl Volume {
    /// Does the most urgent background work there is, as one step that reads and writes about a segment at most, and
    /// nothing but a checkpoint and syncs if `io_budget_bytes` is 0.
    pub fn maintain(&self, now: Timestamp, io_budget_bytes: u64) -> Result<Maintenance, Error> {
        self.maintain_after(&Pauses::default(), now, io_budget_bytes)
    }

    /// Like [`Volume::maintain`]; history doesn't age during pauses.
    pub fn maintain_after(&self, pauses: &Pauses, now: Timestamp, io_budget_bytes: u64) -> Result<Maintenance, Error> {
        let mut control = lock(&self.control);
        // Whatever it was rung for is looked at now.
        self.has_rung.store(false, Ordering::Relaxed);
        self.log.appender()?.restore_reserve();
        control.chain.keep_space_ready();
        if self.is_checkpoint_due() || self.is_checkpoint_old(&control, now) {
            self.checkpoint_locked(&mut control, now)?;
            return Ok(Maintenance {
                more: true,
                ..Maintenance::default()
            });
        }
        // What is sealed by now is durable once `sync_sealed` finds nothing left.
        let sealed_below = self.log.peek().active_segment();
        if self.log.sync_sealed()? {
            return Ok(Maintenance {
                more: true,
                ..Maintenance::default()
            });
        }
        if io_budget_bytes == 0 {
            return Ok(Maintenance::default());
        }
        if let Some(done) = self.extend_chain(&mut control, sealed_below, now)? {
            return Ok(done);
        }
        if let Some(done) = self.compact_expired(&mut control, now)? {
            return Ok(done);
        }
        if self.let_recovery_follow(&mut control, now)? || self.advance_horizon(&mut control, pauses, now)? {
            return Ok(Maintenance {
                more: true,
                ..Maintenance::default()
            });
        }
        if let Some(done) = self.compress_cold(&mut control, now)? {
            return Ok(done);
        }
        Ok(self.defragment(&mut control, now)?.unwrap_or_default())
    }

    pub(crate) fn is_checkpoint_due(&self) -> bool {
        self.is_checkpoint_due_at(1)
    }

    /// Whether the changes since the newest checkpoint have reached `share` times what is meant to collect.
    pub(crate) fn is_checkpoint_due_at(&self, share: usize) -> bool {
        let settings = read_lock(&self.settings);
        let map = read_lock(&self.map);
        self.records_since_checkpoint.load(Ordering::Relaxed) > settings.checkpoint_records * share as u64
            || map.delta.leaf_count() > CHANGED_LEAVES_MAX * share
            || map.memory_bytes() > settings.map_cache_bytes / 8 * share
    }

    /// Whether there are changes that no checkpoint has, although the newest is so old that retention wants another.
    fn is_checkpoint_old(&self, control: &Control, now: Timestamp) -> bool {
        if self.records_since_checkpoint.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let age = now.since(control.state.time);
        let is_old = |pressed| age >= checkpoint_interval(&read_lock(&self.settings), pressed);
        is_old(false) || (is_old(true) && self.is_pressed())
    }

    /// Adds the next sealed and durable segment to the hash chain.
    fn extend_chain(
        &self,
        control: &mut Control,
        active: Segment,
        now: Timestamp,
    ) -> Result<Option<Maintenance>, Error> {
        let from = control.sweep.hashed_below;
        let next = self
            .segments
            .ids()
            .into_iter()
            .find(|id| *id >= from && *id < active && control.chain.expected(*id).newest.is_none());
        let Some(id) = next else {
            control.sweep.hashed_below = active;
            return Ok(None);
        };
        if self.segments.is_seal_held(id) {
            return Ok(None);
        }
        let segment = self.segments.open(id)?;
        let kept_bytes = give_back_reserved(&*segment.file);
        let kept_bytes = kept_bytes.map_err(|source| file_error("cut", &file_name(id), source))?;
        self.segments.note(id, kept_bytes);
        let content = hash_file(&*segment.file, &file_name(id))?;
        control.chain.append(ChainEvent::Sealed, id, content, now)?;
        control.sweep.hashed_below = Segment(id.0 + 1);
        let io_bytes = segment.file.length().unwrap_or(0);
        Ok(Some(Maintenance {
            io_bytes,
            more: true,
            ..Maintenance::default()
        }))
    }

    /// Moves the oldest moment kept on, if retention allows and there is something to gain. Whether it did.
    fn advance_horizon(&self, control: &mut Control, pauses: &Pauses, now: Timestamp) -> Result<bool, Error> {
        let pressed = self.is_pressed();
        let oldest = control.state.horizon.time;
        let situation = Situation {
            now,
            pauses,
            oldest,
            pressed,
        };
        let droppable = droppable(&self.settings(), situation);
        let found = match self.newest_gain(control, droppable.before)? {
            None if droppable.at_most > droppable.before => self.oldest_gain(control, droppable.at_most)?,
            found => found,
        };
        let Some((state, reference)) = found else {
            return Ok(false);
        };
        let horizon = Horizon {
            sequence: reference.sequence,
            time: state.time,
            checkpoint: Some(reference),
        };
        self.apply_change(control, crate::control::Change::MoveHorizon(horizon), now)?;
        control.sweep.expired_below = self.segments.first();
        Ok(true)
    }

    /// Under pressure, begins a segment whose header names the newest checkpoint, if expired segments are kept only
    /// because recovery would start from an older one. Clients that are refused writes never fill the newest segment, so
    /// its header would name the old one for ever. Whether it did.
    ///
    /// The new segment may exceed the budget, by itself alone: what expired must bring the volume back below before
    /// another is begun.
    fn let_recovery_follow(&self, control: &mut Control, now: Timestamp) -> Result<bool, Error> {
        let (end, horizon) = (self.expired_end(control)?, self.horizon_segment(control)?);
        let waiting = self.segments.ids().into_iter().any(|id| (end..horizon).contains(&id));
        if !waiting || !self.is_pressed() {
            return Ok(false);
        }
        let mut appender = self.log.appender()?;
        let budget_bytes = appender.budget_bytes.unwrap_or(u64::MAX);
        if appender.is_reserve_used() || self.segments.total_bytes() > budget_bytes {
            return Ok(false);
        }
        match appender.name_newest_checkpoint() {
            Err(Error::NoSpace(_)) => return Ok(false),
            named => named.inspect_err(|error| self.log.note_failure(error))?,
        }
        drop(appender);
        // Its flush makes the header durable.
        self.checkpoint_locked(control, now)?;
        Ok(true)
    }

    /// The newest checkpoint up to a time, if segments expire when the oldest moment moves there.
    fn newest_gain(&self, control: &Control, until: Timestamp) -> Result<Option<FoundCheckpoint>, Error> {
        let horizon = control.state.horizon;
        if until <= horizon.time {
            return Ok(None);
        }
        let info = self.resolve_locked(control, &Moment::At(until))?;
        let found = self.checkpoint_before(horizon, info.sequence)?;
        let behind = self.horizon_segment(control)?;
        Ok(Some(found).filter(|found| is_gain(found, horizon, behind)))
    }

    /// The oldest checkpoint up to a time of which segments expire when the oldest moment moves there. What is damaged
    /// is passed over: it can't be moved to.
    fn oldest_gain(&self, control: &Control, until: Timestamp) -> Result<Option<FoundCheckpoint>, Error> {
        let horizon = control.state.horizon;
        let behind = self.horizon_segment(control)?;
        for id in self.segments.ids().into_iter().filter(|id| *id > behind) {
            let records = match self.log.records(&self.segments, id) {
                Err(Error::CorruptStructure { .. } | Error::BadFile { .. }) => continue,
                records => records?,
            };
            for logged in &records {
                if logged.time > until {
                    return Ok(None);
                }
                if logged.record.kind != RecordKind::Checkpoint {
                    continue;
                }
                let reference = reference_of(logged);
                match load_checkpoint(&self.segments, &reference) {
                    Err(Error::CorruptStructure { .. }) => {}
                    loaded => {
                        let found = (loaded?, reference);
                        if is_gain(&found, horizon, behind) {
                            return Ok(Some(found));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    /// The first segment that isn't up for removal: the oldest moment kept needs it for replaying, or recovery for
    /// finding its start, which the newest segment's header names.
    pub(crate) fn expired_end(&self, control: &Control) -> Result<Segment, Error> {
        let end = self.horizon_segment(control)?;
        let Some(named) = self.log.peek().named_checkpoint else {
            return Ok(self.segments.first());
        };
        let replayed = load_checkpoint(&self.segments, &named)?.replay_from.segment;
        Ok(end.min(named.location.segment).min(replayed))
    }

    /// The first segment that the oldest moment kept needs for replaying.
    fn horizon_segment(&self, control: &Control) -> Result<Segment, Error> {
        match control.state.horizon.checkpoint {
            Some(reference) => Ok(load_checkpoint(&self.segments, &reference)?.replay_from.segment),
            None => Ok(self.segments.first()),
        }
    }

    /// Whether history must go sooner than the retention time says, to keep space for new writes.
    pub(crate) fn is_pressed(&self) -> bool {
        let appender = self.log.peek();
        let capacity = u64::from(appender.capacity());
        if appender.is_reserve_used() {
            return true;
        }
        let stored = self.segments.total_bytes();
        let budget_short = appender
            .budget_bytes
            .is_some_and(|budget| stored + 2 * capacity > budget.saturating_sub(budget / 10));
        let free = self.segments.directory().free_bytes().unwrap_or(u64::MAX);
        budget_short || free < 4 * capacity
    }
}

/// Whether segments expire when the oldest moment moves from `horizon`, which needs those from `behind` on, to a
/// checkpoint.
fn is_gain((state, reference): &FoundCheckpoint, horizon: Horizon, behind: Segment) -> bool {
    reference.sequence > horizon.sequence && state.replay_from.segment > behind
}
