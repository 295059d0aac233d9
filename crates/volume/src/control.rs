//! Checkpoints, and the operations that are checkpoints with a cause: pin, unpin, resize, rollback.
//!
//! Order of effects of a checkpoint: the changes so far are frozen (new ones collect beside them); nodes are appended;
//! then the checkpoint itself; then the live map takes the new root. A crash anywhere before the checkpoint's batch is
//! whole leaves the checkpoint before it in force, and the log behind that one complete.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use crate::defragment::Moved;
use crate::error::Error;
use crate::format::{BLOCK_BYTES, Cause, Checkpoint, Entry, Horizon, Location, LogPosition, Pin, Record, Rollback};
use crate::locks::{lock, read_lock, write_lock};
use crate::log::{Appender, Purpose};
use crate::map::{Delta, NodeSink, Snapshot, build_root};
use crate::moments::FoundMoment;
use crate::names::check_name;
use crate::replay::{CHECKPOINT_ESSENTIAL, CHECKPOINT_REDUNDANT, checkpoint_record, padded};
use crate::time::{Moment, Sequence, Timestamp};
use crate::volume::{Control, MomentInfo, Volume};

/// The smallest and largest disk, in bytes.
const SIZE_BYTES_MIN: u64 = 1 << 20;
const SIZE_BYTES_MAX: u64 = 64 << 40;

/// What a checkpoint changes besides taking in the newest blocks.
pub(crate) enum Change {
    Periodic,
    /// Pins the moment of the checkpoint itself.
    PinNow {
        name: String,
        fork: Option<String>,
    },
    Pin(Pin),
    Unpin(String),
    Resize(u64),
    MoveHorizon(Horizon),
    /// Records that damage in the log was passed over.
    Repaired,
    /// Makes the map know blocks' new places.
    Move(Vec<Moved>),
}

/// A rollback that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackReport {
    /// The last moment before the rollback: where undoing returns to.
    pub from: MomentInfo,
    /// The moment that the disk is at now.
    pub to: MomentInfo,
}

/// The map and position that a checkpoint captures.
struct Frozen {
    delta: Arc<Delta>,
    root: Entry,
    as_of: Sequence,
    time: Timestamp,
    replay_from: LogPosition,
    size_before: u64,
    records: u64,
    /// Of those, blocks that clients wrote.
    written: u64,
}

/// What the disk becomes when it is returned to the past.
pub(crate) struct Return {
    pub(crate) root: Entry,
    pub(crate) size_bytes: u64,
    pub(crate) cause: Cause,
    /// The moment returned to; `None` if it isn't one moment.
    pub(crate) to: Option<MomentInfo>,
    pub(crate) undo: bool,
}

/// Appends nodes, taking the appender for each batch so that clients' writes go on in between.
pub(crate) struct LogSink<'v> {
    pub(crate) volume: &'v Volume,
    pub(crate) now: Timestamp,
}

impl NodeSink for LogSink<'_> {
    fn append(&mut self, records: &[Record], payloads: &[u8]) -> Result<Location, Error> {
        let mut appender = self.volume.log.appender()?;
        let appended = appender
            .append(Purpose::Control, records, &[payloads], self.now)
            .inspect_err(|error| self.volume.log.note_failure(error))?;
        Ok(appended.payload)
    }

    fn payload_bytes_max(&self) -> usize {
        self.volume.batch_bytes_max.min(1 << 20)
    }
}

impl Volume {
    /// Writes a checkpoint and makes everything durable.
    pub fn checkpoint(&self, now: Timestamp) -> Result<(), Error> {
        self.checkpoint_locked(&mut lock(&self.control), now)
    }

    pub(crate) fn checkpoint_locked(&self, control: &mut Control, now: Timestamp) -> Result<(), Error> {
        self.apply_change(control, Change::Periodic, now)
    }

    /// Keeps a moment (now, if none is named) whatever retention says, until it is unpinned.
    pub fn pin(&self, name: &str, moment: Option<&Moment>, now: Timestamp) -> Result<Pin, Error> {
        self.pin_for(name, moment, None, now)
    }

    pub(crate) fn pin_for(
        &self,
        name: &str,
        moment: Option<&Moment>,
        fork: Option<&str>,
        now: Timestamp,
    ) -> Result<Pin, Error> {
        check_name(name)?;
        let mut control = lock(&self.control);
        if control.state.pins.iter().any(|pin| pin.name == name) {
            return Err(Error::PinExists(name.to_owned()));
        }
        // A checkpoint is one batch: in small segments fewer pins fit.
        let limit = Checkpoint::PINS_MAX.min(self.batch_bytes_max / 512);
        if control.state.pins.len() >= limit {
            return Err(Error::TooManyPins { limit });
        }
        let fork = fork.map(ToOwned::to_owned);
        let change = match moment {
            None => Change::PinNow {
                name: name.to_owned(),
                fork,
            },
            Some(moment) => {
                let found = self.find_moment(&control, moment)?;
                Change::Pin(self.pin_of(name, found, fork, now)?)
            }
        };
        self.apply_change(&mut control, change, now)?;
        let pin = control.state.pins.iter().find(|pin| pin.name == name).cloned();
        pin.ok_or_else(|| Error::NoSuchPin(name.to_owned()))
    }

    fn pin_of(&self, name: &str, found: FoundMoment, fork: Option<String>, now: Timestamp) -> Result<Pin, Error> {
        let root = self.root_of(&found, now)?;
        Ok(Pin {
            name: name.to_owned(),
            sequence: found.info.sequence,
            time: found.info.time,
            created: now,
            size_bytes: found.size_bytes,
            root,
            fork,
        })
    }

    /// A root in the log that is exactly a moment's map.
    fn root_of(&self, found: &FoundMoment, now: Timestamp) -> Result<Entry, Error> {
        let mut sink = LogSink { volume: self, now };
        build_root(&self.nodes, &found.snapshot.root, &found.snapshot.delta, &mut sink)
    }

    /// Lets retention drop a pinned moment again. Fails with [`Error::PinInUse`] for a fork's start.
    pub fn unpin(&self, name: &str, now: Timestamp) -> Result<(), Error> {
        let mut control = lock(&self.control);
        let pin = control.state.pins.iter().find(|pin| pin.name == name);
        let pin = pin.ok_or_else(|| Error::NoSuchPin(name.to_owned()))?;
        if let Some(fork) = &pin.fork {
            return Err(Error::PinInUse {
                pin: name.to_owned(),
                fork: fork.clone(),
            });
        }
        self.apply_change(&mut control, Change::Unpin(name.to_owned()), now)
    }

    /// Changes the disk's size. What lay beyond a smaller size is kept in the past only.
    pub fn resize(&self, size_bytes: u64, now: Timestamp) -> Result<(), Error> {
        check_size(size_bytes)?;
        let mut control = lock(&self.control);
        self.clear_hidden_tail(size_bytes, now)?;
        self.apply_change(&mut control, Change::Resize(size_bytes), now)
    }

    /// Writes a checkpoint that also makes `change`, and makes it durable.
    pub(crate) fn apply_change(&self, control: &mut Control, change: Change, now: Timestamp) -> Result<(), Error> {
        let frozen = self.freeze(&change)?;
        match self.write_checkpoint(control, &frozen, change, now) {
            Ok(()) => {}
            Err(error) => {
                self.thaw(&frozen);
                return Err(error);
            }
        }
        self.log.flush()?;
        self.log.peek().durable_checkpoint = Some(control.reference);
        Ok(())
    }

    /// Sets the changes so far apart. From here on new changes collect beside them, and a smaller size is in force.
    fn freeze(&self, change: &Change) -> Result<Frozen, Error> {
        let appender = self.log.appender()?;
        let mut map = write_lock(&self.map);
        let delta = Arc::new(std::mem::take(&mut map.delta));
        map.frozen = Some(Arc::clone(&delta));
        let records = self.records_since_checkpoint.swap(0, Ordering::Relaxed);
        let written = self.written_since_checkpoint.swap(0, Ordering::Relaxed);
        let size_before = self.size_bytes();
        if let Change::Resize(size) = change {
            self.size_bytes.store(size_before.min(*size), Ordering::Release);
        }
        Ok(Frozen {
            delta,
            root: map.root,
            as_of: Sequence(appender.next().0 - 1),
            time: appender.last_time(),
            replay_from: appender.position(),
            size_before,
            records,
            written,
        })
    }

    /// Records in the history book that damage was passed over, and makes recovery start behind it from now on: in a
    /// segment whose header names the checkpoint that says so.
    pub(crate) fn note_repair(&self, now: Timestamp) -> Result<(), Error> {
        self.apply_change(&mut lock(&self.control), Change::Repaired, now)?;
        let mut appender = self.log.appender()?;
        let begun = appender.rotate(Purpose::Control);
        begun
            .and_then(|()| appender.sync_header())
            .inspect_err(|error| self.log.note_failure(error))
    }

    /// Makes everything durable, with a checkpoint if there is something to replay, and ends the log: the volume can't
    /// be written any more. One that was only looked at stays as it is.
    pub(crate) fn close(&self, now: Timestamp) -> Result<(), Error> {
        let is_changed = self.log.peek().is_begun();
        if is_changed && self.records_since_checkpoint.load(Ordering::Relaxed) > 0 {
            self.checkpoint(now)?;
        }
        self.log.flush()?;
        // Whoever still holds the volume must not append behind the seal.
        let sealed = self.log.peek().seal_last();
        self.log.poison();
        sealed
    }

    /// Joins the changes again after a checkpoint that failed.
    fn thaw(&self, frozen: &Frozen) {
        let mut map = write_lock(&self.map);
        let mut joined = (*frozen.delta).clone();
        joined.apply(&map.delta);
        map.delta = joined;
        map.frozen = None;
        self.records_since_checkpoint
            .fetch_add(frozen.records, Ordering::Relaxed);
        self.written_since_checkpoint
            .fetch_add(frozen.written, Ordering::Relaxed);
        self.size_bytes.store(frozen.size_before, Ordering::Release);
    }

    fn write_checkpoint(
        &self,
        control: &mut Control,
        frozen: &Frozen,
        change: Change,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut delta = Arc::clone(&frozen.delta);
        if let Change::Resize(size) = change {
            clear_resized(
                Arc::make_mut(&mut delta),
                frozen.size_before,
                size,
                frozen.time.max(now),
            );
        }
        if let Change::Move(moved) = &change {
            self.put_moved(frozen, moved, Arc::make_mut(&mut delta));
        }
        let root = build_root(&self.nodes, &frozen.root, &delta, &mut LogSink { volume: self, now })?;
        let mut appender = self.log.appender()?;
        let mut state = control.state.clone();
        state.as_of = frozen.as_of;
        state.time = now.max(appender.last_time());
        state.replay_from = frozen.replay_from;
        state.root = root;
        amend(&mut state, change, frozen, now);
        let percent = read_lock(&self.settings).defragment_percent;
        let round = &mut control.sweep.round;
        let before = *round;
        round.earn(frozen.written, percent, self.size_bytes(), now);
        let appended = self.append_checkpoint(&mut appender, control, state, now);
        // What the checkpoint would have taken in is earned with the next.
        appended.inspect_err(|_| control.sweep.round = before)?;
        self.size_bytes.store(control.state.size_bytes, Ordering::Release);
        let mut map = write_lock(&self.map);
        map.root = root;
        map.frozen = None;
        Ok(())
    }

    /// Puts blocks' new places into the changes that a checkpoint takes in, but for blocks that were changed since they were
    /// read at the old ones.
    fn put_moved(&self, frozen: &Frozen, moved: &[Moved], delta: &mut Delta) {
        let known = Snapshot {
            root: frozen.root,
            delta: Arc::clone(&frozen.delta),
        };
        for moved in moved {
            let entry = known.entry(&self.nodes, moved.block);
            // What can't be looked up stays as it is.
            if entry.is_ok_and(|entry| entry == moved.from) {
                delta.set(moved.block, moved.to);
            }
        }
    }

    /// Appends a checkpoint and makes it the newest.
    fn append_checkpoint(
        &self,
        appender: &mut Appender,
        control: &mut Control,
        state: Checkpoint,
        now: Timestamp,
    ) -> Result<(), Error> {
        let class = match state.cause {
            Cause::Periodic | Cause::HorizonMoved => CHECKPOINT_REDUNDANT,
            _ => CHECKPOINT_ESSENTIAL,
        };
        let payload = state.encode();
        let record = checkpoint_record(&payload, class, control.sweep.round.credit());
        let appended = appender
            .append(Purpose::Control, &[record], &[&padded(payload)], now)
            .inspect_err(|error| self.log.note_failure(error))?;
        control.reference = crate::format::CheckpointRef {
            location: appended.payload,
            length: record.payload_length,
            crc: record.crc,
            sequence: appended.sequence,
        };
        control.state = state;
        Ok(())
    }

    /// Returns the live disk to a moment of the past. The present is kept as a moment too, so that this can be undone.
    /// Clients that are attached are refused writes from here on.
    pub fn rollback(&self, moment: &Moment, now: Timestamp) -> Result<RollbackReport, Error> {
        self.rollback_locked(&mut lock(&self.control), moment, false, now)
    }

    /// Returns the live disk to the last moment before the newest rollback. Doing it twice repeats the rollback.
    pub fn undo_rollback(&self, now: Timestamp) -> Result<RollbackReport, Error> {
        let mut control = lock(&self.control);
        let last = control.state.rollbacks.last().ok_or(Error::NoRollback)?;
        let moment = Moment::After(last.from);
        self.rollback_locked(&mut control, &moment, true, now)
    }

    fn rollback_locked(
        &self,
        control: &mut Control,
        moment: &Moment,
        undo: bool,
        now: Timestamp,
    ) -> Result<RollbackReport, Error> {
        self.check_rollbacks(control)?;
        let found = self.find_moment(control, moment)?;
        let root = self.root_of(&found, now)?;
        let back = Return {
            root,
            size_bytes: found.size_bytes,
            cause: Cause::RolledBack,
            to: Some(found.info),
            undo,
        };
        let appender = self.log.appender()?;
        let from = self.return_to(control, appender, back, now)?;
        Ok(RollbackReport { from, to: found.info })
    }

    /// Whether there is room in a checkpoint for one more rollback.
    pub(crate) fn check_rollbacks(&self, control: &Control) -> Result<(), Error> {
        let limit = Checkpoint::ROLLBACKS_MAX.min(self.batch_bytes_max / 512);
        if control.state.rollbacks.len() >= limit {
            return Err(Error::TooManyRollbacks { limit });
        }
        Ok(())
    }

    /// Appends the checkpoint by which the disk becomes another, durably, and makes it the live one: nothing that was written
    /// before is replayed on top of its map. Returns the last moment before.
    pub(crate) fn return_to(
        &self,
        control: &mut Control,
        mut appender: MutexGuard<'_, Appender>,
        back: Return,
        now: Timestamp,
    ) -> Result<MomentInfo, Error> {
        let from = MomentInfo {
            sequence: Sequence(appender.next().0 - 1),
            time: appender.last_time(),
        };
        let to = back.to.unwrap_or(from);
        let mut state = control.state.clone();
        // The checkpoint contains itself: nothing before it is replayed on top of its map.
        state.as_of = appender.next();
        state.time = now.max(appender.last_time());
        state.replay_from = appender.position();
        (state.root, state.size_bytes) = (back.root, back.size_bytes);
        state.epoch += 1;
        state.cause = back.cause;
        state.rollbacks.push(Rollback {
            sequence: state.as_of,
            time: state.time,
            from: from.sequence,
            to: to.sequence,
            to_time: to.time,
            root: back.root,
            undo: back.undo,
        });
        self.append_checkpoint(&mut appender, control, state, now)?;
        let mut map = write_lock(&self.map);
        (map.root, map.delta, map.frozen) = (back.root, Delta::default(), None);
        self.size_bytes.store(back.size_bytes, Ordering::Release);
        self.epoch.store(control.state.epoch, Ordering::Release);
        self.records_since_checkpoint.store(0, Ordering::Relaxed);
        self.written_since_checkpoint.store(0, Ordering::Relaxed);
        drop((map, appender));
        self.log.flush()?;
        self.log.peek().durable_checkpoint = Some(control.reference);
        Ok(from)
    }

    /// Removes the pin that kept a fork's start.
    pub(crate) fn release_fork(&self, fork: &str, now: Timestamp) -> Result<(), Error> {
        let mut control = lock(&self.control);
        let pin = control.state.pins.iter().find(|pin| pin.fork.as_deref() == Some(fork));
        match pin.map(|pin| pin.name.clone()) {
            Some(name) => self.apply_change(&mut control, Change::Unpin(name), now),
            None => Ok(()),
        }
    }
}

/// Makes `change` in a checkpoint's state.
fn amend(state: &mut Checkpoint, change: Change, frozen: &Frozen, now: Timestamp) {
    state.cause = match change {
        Change::Periodic | Change::Move(_) => Cause::Periodic,
        Change::PinNow { name, fork } => {
            state.pins.push(Pin {
                name: name.clone(),
                sequence: frozen.as_of,
                time: frozen.time,
                created: now,
                size_bytes: state.size_bytes,
                root: state.root,
                fork,
            });
            Cause::Pinned(name)
        }
        Change::Pin(pin) => {
            let name = pin.name.clone();
            state.pins.push(pin);
            Cause::Pinned(name)
        }
        Change::Unpin(name) => {
            state.pins.retain(|pin| pin.name != name);
            Cause::Unpinned(name)
        }
        Change::Resize(size) => {
            state.size_bytes = size;
            Cause::Resized(frozen.size_before)
        }
        Change::MoveHorizon(horizon) => {
            state.horizon = horizon;
            Cause::HorizonMoved
        }
        Change::Repaired => Cause::Repaired,
    };
    state
        .rollbacks
        .retain(|rollback| rollback.sequence > state.horizon.sequence);
}

/// A smaller disk loses what lies beyond its end; a larger one begins with nothing there.
fn clear_resized(delta: &mut Delta, before: u64, after: u64, time: Timestamp) {
    let blocks = |bytes: u64| bytes.div_ceil(BLOCK_BYTES as u64);
    if after < before {
        delta.fill(blocks(after), blocks(before), Entry::hole(time));
    }
}

pub(crate) fn check_size(size: u64) -> Result<(), Error> {
    let fits = (SIZE_BYTES_MIN..=SIZE_BYTES_MAX).contains(&size) && size.is_multiple_of(512);
    if fits { Ok(()) } else { Err(Error::BadSize { size }) }
}
