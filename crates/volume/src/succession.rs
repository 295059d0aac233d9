//! Moments one after another: the map of each, found by going on from the one before.
//!
//! Finding a moment from scratch means reading a checkpoint and replaying what follows. For thousands of moments that would
//! replay the same records thousands of times; here each is replayed once, and where a checkpoint lies between two moments
//! the records before it aren't replayed at all.

use std::sync::Arc;

use crate::error::Error;
use crate::format::Segment;
use crate::map::Snapshot;
use crate::replay::Replay;
use crate::segment::LoggedRecord;
use crate::time::Sequence;
use crate::volume::{Control, Volume};

/// A moment's map, and the disk's size in bytes.
pub(crate) struct Reached<'s> {
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) size_bytes: u64,
}

/// Goes from moment to moment, ascending. The caller holds `control` as long as it lives, so that nothing is dropped.
pub(crate) struct Succession<'v> {
    volume: &'v Volume,
    control: &'v Control,
    at: Option<At>,
    /// The map of a pin that is older than what is kept besides.
    pinned: Snapshot,
}

/// How far the replay has come.
struct At {
    replay: Replay,
    /// The map right after the last record that was replayed.
    snapshot: Snapshot,
    /// Waiting records of the replay that the snapshot has.
    applied: usize,
    segment: Segment,
    /// That segment's records, and how many were replayed.
    records: Vec<LoggedRecord>,
    replayed: usize,
}

impl<'v> Succession<'v> {
    pub(crate) fn new(volume: &'v Volume, control: &'v Control) -> Self {
        let pinned = Snapshot {
            root: control.state.root,
            delta: Arc::default(),
        };
        Self {
            volume,
            control,
            at: None,
            pinned,
        }
    }

    /// The map right after a batch, which exists and isn't older than the one before. One older than the oldest moment kept can be reached
    /// if it is pinned.
    pub(crate) fn reach(&mut self, moment: Sequence) -> Result<Reached<'_>, Error> {
        let horizon = self.control.state.horizon;
        if moment < horizon.sequence {
            let pin = self.control.state.pins.iter().find(|pin| pin.sequence == moment);
            let pin = pin.ok_or(Error::MomentTooOld { oldest: horizon.time })?;
            self.pinned.root = pin.root;
            return Ok(Reached {
                snapshot: &self.pinned,
                size_bytes: pin.size_bytes,
            });
        }
        let mut at = self.begin_or_go_on(moment)?;
        at.go_on(self.volume, moment)?;
        let at = self.at.insert(at);
        Ok(Reached {
            snapshot: &at.snapshot,
            size_bytes: at.replay.state.size_bytes,
        })
    }

    /// From where to replay: from where the last moment was, unless a checkpoint lies between.
    fn begin_or_go_on(&mut self, moment: Sequence) -> Result<At, Error> {
        let last = self.at.take();
        let last = match last {
            Some(at) if at.holds(moment) => return Ok(at),
            last => last,
        };
        let (state, reference) = self.volume.checkpoint_before(self.control.state.horizon, moment)?;
        match last {
            Some(at) if reference.sequence <= at.replay.reference.sequence => Ok(at),
            _ => At::new(self.volume, Replay::new(state, reference)),
        }
    }
}

impl At {
    fn new(volume: &Volume, replay: Replay) -> Result<Self, Error> {
        let segment = replay.state.replay_from.segment;
        Ok(Self {
            snapshot: Snapshot {
                root: replay.state.root,
                delta: Arc::default(),
            },
            applied: 0,
            replay,
            segment,
            records: volume.log.records(&volume.segments, segment)?,
            replayed: 0,
        })
    }

    /// Whether a moment lies in the segment that is being replayed.
    fn holds(&self, moment: Sequence) -> bool {
        self.records.last().is_some_and(|last| last.sequence >= moment)
    }

    fn go_on(&mut self, volume: &Volume, moment: Sequence) -> Result<(), Error> {
        loop {
            while let Some(logged) = self.records.get(self.replayed).copied() {
                if logged.sequence > moment {
                    return self.catch_up();
                }
                self.push(volume, &logged)?;
                self.replayed += 1;
            }
            let Some(next) = volume.segments.next_after(self.segment) else {
                return self.catch_up();
            };
            self.records = volume.log.records(&volume.segments, next)?;
            (self.segment, self.replayed) = (next, 0);
        }
    }

    fn push(&mut self, volume: &Volume, logged: &LoggedRecord) -> Result<(), Error> {
        let before = self.replay.reference.sequence;
        self.replay.push(&volume.segments, logged)?;
        if self.replay.reference.sequence != before {
            self.snapshot = Snapshot {
                root: self.replay.state.root,
                delta: Arc::default(),
            };
            self.applied = 0;
        }
        Ok(())
    }

    /// Makes the snapshot what was replayed.
    fn catch_up(&mut self) -> Result<(), Error> {
        if let Some(error) = self.replay.take_damage() {
            return Err(error);
        }
        let delta = Arc::make_mut(&mut self.snapshot.delta);
        self.applied = self.replay.apply_from(self.applied, delta);
        Ok(())
    }
}
