//! The history book: what was written when, and what was done to the volume.

use std::time::Duration;

use crate::error::Error;
use crate::format::{BLOCK_BYTES, Cause, RecordKind, Segment};
use crate::segment::LoggedRecord;
use crate::time::{Sequence, Timestamp};
use crate::volume::{MomentInfo, Volume};

/// The most buckets of one answer.
const BUCKETS_MAX: u64 = 100_000;

/// What clients did in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// When the span starts.
    pub start: Timestamp,
    /// Batches: moments that can be returned to.
    pub batches: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Bytes written of each content class (0 to 15), as they were classified when they were written.
    pub bytes_by_class: [u64; 16],
    /// Bytes zeroed.
    pub bytes_zeroed: u64,
    /// Bytes trimmed.
    pub bytes_trimmed: u64,
}

/// What was done to a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// It was created, or forked from another.
    Created,
    /// A moment was pinned.
    Pinned {
        /// The pin's name.
        name: String,
    },
    /// A pin was removed.
    Unpinned {
        /// The pin's name.
        name: String,
    },
    /// The disk was returned to an earlier moment.
    RolledBack {
        /// The last moment before.
        from: Sequence,
        /// The moment returned to.
        to: MomentInfo,
        /// Whether this undid an earlier rollback.
        undo: bool,
    },
    /// Some of the disk's blocks were returned to earlier moments; the others stayed as they were.
    RestoredInPart {
        /// The last moment before.
        from: Sequence,
        /// How many blocks, of 4096 bytes.
        blocks: u64,
    },
    /// The disk's size changed.
    Resized {
        /// Bytes before.
        from_bytes: u64,
        /// Bytes after.
        to_bytes: u64,
    },
    /// The oldest moment kept moved on.
    HistoryDropped {
        /// The oldest moment since.
        oldest: MomentInfo,
    },
    /// Damage in the log was passed over.
    Repaired,
}

/// An entry of the history book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// The batch that recorded it.
    pub sequence: Sequence,
    /// What.
    pub kind: EventKind,
}

/// What happened to a volume in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Spans in which something was written, ascending. Empty ones are left out.
    pub buckets: Vec<Bucket>,
    /// What was done to the volume, ascending.
    pub events: Vec<Event>,
}

impl Volume {
    /// What happened from `from` to `to`, in spans of `bucket`. Spans are counted from `from` on. A span is widened if
    /// there would be more than 100,000.
    pub fn history(&self, from: Timestamp, to: Timestamp, bucket: Duration) -> Result<History, Error> {
        let span = to.since(from).as_nanos() as u64;
        let width = (bucket.as_nanos() as u64).max(1).max(span / BUCKETS_MAX);
        let mut history = History::default();
        let ids = self.segments.ids();
        for (index, id) in ids.iter().enumerate() {
            let header = match self.segments.open(*id) {
                Err(Error::BadFile { .. }) => continue,
                opened => opened?.header,
            };
            if header.first_time > to {
                break;
            }
            let next = ids.get(index + 1).and_then(|next| self.segments.open(*next).ok());
            if next.is_some_and(|next| next.header.first_time < from) {
                continue;
            }
            self.add_segment(*id, from, to, width, &mut history)?;
        }
        Ok(history)
    }

    fn add_segment(
        &self,
        id: Segment,
        from: Timestamp,
        to: Timestamp,
        width: u64,
        history: &mut History,
    ) -> Result<(), Error> {
        let records = match self.log.records(&self.segments, id) {
            // What is damaged is `verify`'s to tell.
            Err(Error::CorruptStructure { .. } | Error::BadFile { .. }) => return Ok(()),
            records => records?,
        };
        let mut last = None;
        for logged in records.iter().filter(|logged| (from..=to).contains(&logged.time)) {
            let offset = logged.time.since(from).as_nanos() as u64 / width * width;
            let start = from.saturating_add(Duration::from_nanos(offset));
            let is_client = matches!(
                logged.record.kind,
                RecordKind::Write | RecordKind::Zero | RecordKind::Hole
            );
            if is_client {
                add_record(history, start, logged, last != Some(logged.sequence));
                last = Some(logged.sequence);
            }
        }
        for (sequence, state) in self.checkpoints_in(&records) {
            if (from..=to).contains(&state.time) {
                let (time, event) = (state.time, kind_of(state));
                history.events.extend(event.map(|kind| Event { time, sequence, kind }));
            }
        }
        Ok(())
    }
}

fn add_record(history: &mut History, start: Timestamp, logged: &LoggedRecord, new_batch: bool) {
    if history.buckets.last().is_none_or(|bucket| bucket.start != start) {
        history.buckets.push(Bucket {
            start,
            ..Bucket::default()
        });
    }
    let Some(bucket) = history.buckets.last_mut() else {
        return;
    };
    let bytes = u64::from(logged.record.count) * BLOCK_BYTES as u64;
    bucket.batches += u64::from(new_batch);
    match logged.record.kind {
        RecordKind::Write => {
            bucket.bytes_written += bytes;
            if let Some(of_class) = bucket.bytes_by_class.get_mut(usize::from(logged.record.class)) {
                *of_class += bytes;
            }
        }
        RecordKind::Zero => bucket.bytes_zeroed += bytes,
        RecordKind::Hole => bucket.bytes_trimmed += bytes,
        RecordKind::Node | RecordKind::Checkpoint | RecordKind::Moved => {}
    }
}

fn kind_of(state: crate::format::Checkpoint) -> Option<EventKind> {
    Some(match state.cause {
        Cause::Created => EventKind::Created,
        Cause::Periodic => return None,
        Cause::Pinned(name) => EventKind::Pinned { name },
        Cause::Unpinned(name) => EventKind::Unpinned { name },
        Cause::RolledBack => {
            let rollback = state.rollbacks.last()?;
            let to = MomentInfo {
                sequence: rollback.to,
                time: rollback.to_time,
            };
            EventKind::RolledBack {
                from: rollback.from,
                to,
                undo: rollback.undo,
            }
        }
        Cause::Resized(from_bytes) => EventKind::Resized {
            from_bytes,
            to_bytes: state.size_bytes,
        },
        Cause::HorizonMoved => {
            let oldest = MomentInfo {
                sequence: state.horizon.sequence,
                time: state.horizon.time,
            };
            EventKind::HistoryDropped { oldest }
        }
        Cause::Repaired => EventKind::Repaired,
        Cause::RestoredInPart(blocks) => EventKind::RestoredInPart {
            from: state.rollbacks.last()?.from,
            blocks,
        },
    })
}
