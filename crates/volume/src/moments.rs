//! Finding moments: from what a caller names to a batch, from a batch to the disk's map right after it.

use std::sync::Arc;

use crate::error::Error;
use crate::format::{Checkpoint, CheckpointRef, Horizon, RecordKind, Segment};
use crate::locks::lock;
use crate::map::Snapshot;
use crate::replay::{load_checkpoint, reference_of};
use crate::segment::LoggedRecord;
use crate::succession::Succession;
use crate::time::{Moment, Sequence, Timestamp};
use crate::volume::{Control, MomentInfo, Volume};

/// A moment with everything needed to read it.
#[derive(Clone, Debug)]
pub(crate) struct FoundMoment {
    pub(crate) info: MomentInfo,
    pub(crate) snapshot: Snapshot,
    pub(crate) size_bytes: u64,
}

impl Volume {
    /// The batch and time of a moment. Fails with [`Error::MomentTooOld`], [`Error::MomentInFuture`] or
    /// [`Error::NoSuchPin`].
    pub fn resolve(&self, moment: &Moment) -> Result<MomentInfo, Error> {
        self.resolve_locked(&lock(&self.control), moment)
    }

    pub(crate) fn resolve_locked(&self, control: &Control, moment: &Moment) -> Result<MomentInfo, Error> {
        let horizon = control.state.horizon;
        match moment {
            Moment::Pin(name) => {
                let pin = control.state.pins.iter().find(|pin| pin.name == *name);
                let pin = pin.ok_or_else(|| Error::NoSuchPin(name.clone()))?;
                Ok(MomentInfo {
                    sequence: pin.sequence,
                    time: pin.time,
                })
            }
            Moment::At(time) => self.resolve_time(horizon, *time),
            Moment::After(sequence) => {
                let newest = self.newest();
                if *sequence > newest.sequence {
                    return Err(Error::MomentInFuture {
                        asked: *sequence,
                        newest: newest.sequence,
                    });
                }
                check_horizon(horizon, *sequence)?;
                let (_, records) = self.records_around(*sequence)?;
                let record = records.iter().rev().find(|logged| logged.sequence <= *sequence);
                Ok(MomentInfo {
                    sequence: *sequence,
                    time: record.map_or(horizon.time, |logged| logged.time),
                })
            }
        }
    }

    fn resolve_time(&self, horizon: Horizon, time: Timestamp) -> Result<MomentInfo, Error> {
        let newest = self.newest();
        if time >= newest.time {
            return Ok(newest);
        }
        if time < horizon.time {
            return Err(Error::MomentTooOld { oldest: horizon.time });
        }
        let segment = self.last_segment_where(|header_time, _| header_time <= time)?;
        let records = self.log.records(&self.segments, segment)?;
        let first_sequence = self.segments.open(segment)?.header.first_sequence;
        let found = records.iter().rev().find(|logged| logged.time <= time);
        let sequence = found.map_or(Sequence(first_sequence.0 - 1), |logged| logged.sequence);
        if sequence <= horizon.sequence {
            return Ok(MomentInfo {
                sequence: horizon.sequence,
                time: horizon.time,
            });
        }
        // In the segment's header: the time of the newest batch before it.
        let before = self.segments.open(segment)?.header.first_time;
        Ok(MomentInfo {
            sequence,
            time: found.map_or(before, |logged| logged.time),
        })
    }

    /// The last own segment for whose first time and first sequence `belongs` holds. It must hold for a prefix.
    pub(crate) fn last_segment_where(&self, belongs: impl Fn(Timestamp, Sequence) -> bool) -> Result<Segment, Error> {
        let ids = self.segments.ids();
        let (mut low, mut high) = (0, ids.len());
        while low + 1 < high {
            let middle = low.midpoint(high);
            let id = ids.get(middle).copied().unwrap_or_default();
            let header = self.segments.open(id)?.header;
            if belongs(header.first_time, header.first_sequence) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(ids.get(low).copied().unwrap_or(self.segments.first()))
    }

    /// The segment that holds a batch, and its records.
    fn records_around(&self, sequence: Sequence) -> Result<(Segment, Vec<LoggedRecord>), Error> {
        let segment = self.last_segment_where(|_, first| first <= sequence)?;
        Ok((segment, self.log.records(&self.segments, segment)?))
    }

    /// The newest intact checkpoint at or before a batch.
    pub(crate) fn checkpoint_before(
        &self,
        horizon: Horizon,
        sequence: Sequence,
    ) -> Result<(Checkpoint, CheckpointRef), Error> {
        let (mut segment, mut records) = self.records_around(sequence)?;
        loop {
            let checkpoints = records.iter().rev().filter(|logged| {
                logged.record.kind == RecordKind::Checkpoint
                    && logged.sequence <= sequence
                    && logged.sequence >= horizon.sequence
            });
            for logged in checkpoints {
                match load_checkpoint(&self.segments, &reference_of(logged)) {
                    Err(Error::CorruptStructure { .. }) => {}
                    loaded => return Ok((loaded?, reference_of(logged))),
                }
            }
            let opened = self.segments.open(segment)?;
            let before = opened
                .header
                .checkpoint
                .filter(|before| before.sequence >= horizon.sequence);
            if let Some(reference) = before.or(horizon.checkpoint) {
                match load_checkpoint(&self.segments, &reference) {
                    Err(Error::CorruptStructure { .. }) => {}
                    loaded => return Ok((loaded?, reference)),
                }
            }
            let Some(previous) = self.segments.last_before(segment) else {
                return Err(opened.damaged("checkpoint", 0));
            };
            segment = previous;
            records = self.log.records(&self.segments, segment)?;
        }
    }

    /// Everything needed to read a moment. The caller holds `control`, so that the horizon stays where it is.
    pub(crate) fn find_moment(&self, control: &Control, moment: &Moment) -> Result<FoundMoment, Error> {
        if let Moment::Pin(name) = moment {
            let pin = control.state.pins.iter().find(|pin| pin.name == *name);
            let pin = pin.ok_or_else(|| Error::NoSuchPin(name.clone()))?;
            return Ok(FoundMoment {
                info: MomentInfo {
                    sequence: pin.sequence,
                    time: pin.time,
                },
                snapshot: Snapshot {
                    root: pin.root,
                    delta: Arc::default(),
                },
                size_bytes: pin.size_bytes,
            });
        }
        let info = self.resolve_locked(control, moment)?;
        let mut succession = Succession::new(self, control);
        let reached = succession.reach(info.sequence)?;
        Ok(FoundMoment {
            info,
            snapshot: reached.snapshot.clone(),
            size_bytes: reached.size_bytes,
        })
    }
}

pub(crate) fn check_horizon(horizon: Horizon, sequence: Sequence) -> Result<(), Error> {
    if sequence < horizon.sequence {
        Err(Error::MomentTooOld { oldest: horizon.time })
    } else {
        Ok(())
    }
}
