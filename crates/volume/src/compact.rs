//! Rewriting segments: expired blocks dropped, those that only the past shows compressed. Maps don't change: they know
//! payloads by slot.
//!
//! Order of effects: the new file is written and synced under another name; the chain records its hash; it takes the
//! old one's place; the directory is synced. A crash in between leaves one whole file or the other, and the chain
//! knows both.

use std::sync::Arc;
use std::time::Duration;

use crate::chain::hash_file;
use crate::error::Error;
use crate::format::{ChainEvent, Location, NodeAddress, RecordKind, Segment};
use crate::maintain::Maintenance;
use crate::map::Snapshot;
use crate::pack::{Packer, Storing};
use crate::segment::{LoggedRecord, OpenSegment, file_error, file_name};
use crate::storage::File;
use crate::time::Timestamp;
use crate::volume::{Control, Volume};

const NEW_FILE: &str = "segment.new";
/// A segment is compressed when the past alone shows this share of what isn't compressed yet, in per cent: rewriting
/// less isn't worth it, and clients read what the present shows as fast as before.
const PAST_PERCENT: u64 = 50;
/// After all segments were looked at, the next look comes so many times `compress_after` later; after a minute if space is
/// short.
const SWEEP_REST: u32 = 12;
const SWEEP_REST_MIN: Duration = Duration::from_secs(60);

impl Volume {
    /// Rewrites or removes the next segment that lies wholly before the oldest moment kept.
    pub(crate) fn compact_expired(&self, control: &mut Control, now: Timestamp) -> Result<Option<Maintenance>, Error> {
        let end = self.expired_end(control)?;
        let from = control.sweep.expired_below;
        let Some(id) = self.segments.ids().into_iter().find(|id| *id >= from && *id < end) else {
            return Ok(None);
        };
        control.sweep.expired_below = Segment(id.0 + 1);
        self.tolerate_damage(id, self.compact_one(control, id, now)).map(Some)
    }

    /// A damaged segment is left alone: what is intact in it stays readable.
    fn tolerate_damage(&self, id: Segment, done: Result<Maintenance, Error>) -> Result<Maintenance, Error> {
        match done {
            Err(Error::CorruptStructure { .. } | Error::CorruptBlock { .. } | Error::BadFile { .. }) => {
                Ok(Maintenance {
                    more: true,
                    damaged: Some(id.0),
                    ..Maintenance::default()
                })
            }
            Err(Error::NoSpace(_)) => Ok(Maintenance::default()),
            done => done,
        }
    }

    fn compact_one(&self, control: &mut Control, id: Segment, now: Timestamp) -> Result<Maintenance, Error> {
        let segment = self.segments.open(id)?;
        let records = crate::log::sealed_records(&self.segments, id)?;
        let snapshots = self.kept_snapshots(control)?;
        let mut live = Vec::new();
        for logged in &records {
            // Clients that outran the last checkpoint wait for `control`. The snapshots stay right: of so old a segment a
            // newer root needs nothing that the older one didn't.
            if self.is_checkpoint_due() {
                self.checkpoint_locked(control, now)?;
            }
            if self.is_kept(&snapshots, logged)? {
                live.push(*logged);
            }
        }
        if live.is_empty() {
            return self.remove_segment(control, id, now);
        }
        let bytes = |records: &[LoggedRecord]| records.iter().map(|logged| logged.record.stored_bytes()).sum::<u64>();
        let worth = u64::from(self.settings().compact_from_percent.min(100));
        let expired = bytes(&records).saturating_sub(bytes(&live));
        if segment.is_packed() && expired * 100 < bytes(&records) * worth {
            let io_bytes = segment.file.length().unwrap_or(0);
            return Ok(Maintenance {
                io_bytes: io_bytes / 16,
                more: true,
                ..Maintenance::default()
            });
        }
        self.rewrite(control, &segment, &live, now)
    }

    /// Looks at the next sealed segment that is old enough, and compresses what only the past shows if that is much of
    /// it. All are looked at again and again, because more and more of them becomes the past.
    pub(crate) fn compress_cold(&self, control: &mut Control, now: Timestamp) -> Result<Option<Maintenance>, Error> {
        let compress_after = self.settings().compress_after;
        let rest = if self.is_pressed() {
            SWEEP_REST_MIN
        } else {
            SWEEP_REST_MIN.max(compress_after * SWEEP_REST)
        };
        if now < control.sweep.swept.saturating_add(rest) {
            return Ok(None);
        }
        // Recovery may need what lies behind the newest checkpoint as it was written.
        let end = control.state.replay_from.segment;
        let from = control.sweep.compressed_below;
        let next = self.segments.ids().into_iter().find(|id| *id >= from && *id < end);
        // A seal that waits for space is written to the segment as it is.
        let next = next.filter(|id| !self.segments.is_seal_held(*id));
        let cold_before = now.saturating_sub(compress_after);
        let cold = match next {
            Some(id) => Some(self.segments.open(id)?).filter(|segment| is_cold(segment, cold_before)),
            None => None,
        };
        let Some(segment) = cold else {
            control.sweep.compressed_below = self.segments.first();
            control.sweep.swept = now;
            return Ok(None);
        };
        control.sweep.compressed_below = Segment(segment.id.0 + 1);
        let done = self.compress_one(control, &segment, now);
        self.tolerate_damage(segment.id, done).map(Some)
    }

    fn compress_one(
        &self,
        control: &mut Control,
        segment: &Arc<OpenSegment>,
        now: Timestamp,
    ) -> Result<Maintenance, Error> {
        let records = crate::log::sealed_records(&self.segments, segment.id)?;
        let is_plain = segment.plain_records()?;
        let present = present_of(control);
        let (mut past_bytes, mut plain_bytes) = (0, 0);
        for (logged, is_plain) in records.iter().zip(is_plain) {
            if is_plain && logged.record.kind == RecordKind::Write {
                plain_bytes += logged.record.stored_bytes();
                if !self.is_in(&present, logged)? {
                    past_bytes += logged.record.stored_bytes();
                }
            }
        }
        if past_bytes * 100 < plain_bytes * PAST_PERCENT || past_bytes == 0 {
            return Ok(Maintenance {
                io_bytes: segment.index_length()?,
                more: true,
                ..Maintenance::default()
            });
        }
        self.rewrite(control, segment, &records, now)
    }

    /// Whether a map shows the block that a record wrote.
    fn is_in(&self, snapshot: &Snapshot, logged: &LoggedRecord) -> Result<bool, Error> {
        let entry = snapshot.entry(&self.nodes, logged.record.address)?;
        Ok(entry.location() == logged.location)
    }

    /// The maps whose blocks must stay: the oldest moment kept, pins, rollbacks behind it, open views, and the present.
    fn kept_snapshots(&self, control: &Control) -> Result<Vec<Snapshot>, Error> {
        let state = &control.state;
        let mut roots = vec![state.root];
        if let Some(reference) = state.horizon.checkpoint {
            roots.push(crate::replay::load_checkpoint(&self.segments, &reference)?.root);
        }
        roots.extend(state.pins.iter().map(|pin| pin.root));
        roots.extend(state.rollbacks.iter().map(|rollback| rollback.root));
        let mut snapshots: Vec<Snapshot> = roots
            .into_iter()
            .map(|root| Snapshot {
                root,
                delta: Arc::default(),
            })
            .collect();
        snapshots.extend(self.live_holds().iter().map(|hold| hold.snapshot.clone()));
        Ok(snapshots)
    }

    fn is_kept(&self, snapshots: &[Snapshot], logged: &LoggedRecord) -> Result<bool, Error> {
        for snapshot in snapshots {
            let location: Location = match logged.record.kind {
                RecordKind::Write => snapshot.entry(&self.nodes, logged.record.address)?,
                RecordKind::Node => self
                    .nodes
                    .locate(&snapshot.root, NodeAddress::from_record(logged.record.address))?,
                RecordKind::Zero | RecordKind::Hole | RecordKind::Checkpoint => return Ok(false),
            }
            .location();
            if location == logged.location {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn remove_segment(&self, control: &mut Control, id: Segment, now: Timestamp) -> Result<Maintenance, Error> {
        let name = file_name(id);
        let before = self.segments.total_bytes();
        control.chain.append(ChainEvent::Removed, id, [0; 32], now)?;
        self.segments
            .directory()
            .remove(&name)
            .map_err(|source| file_error("remove", &name, source))?;
        self.segments.forget(id);
        self.sync_directory()?;
        let freed_bytes = before.saturating_sub(self.segments.total_bytes());
        Ok(Maintenance {
            io_bytes: 4096,
            more: true,
            freed_bytes,
            damaged: None,
        })
    }

    /// Replaces a segment by one that holds `records` only, compressed.
    fn rewrite(
        &self,
        control: &mut Control,
        segment: &Arc<OpenSegment>,
        records: &[LoggedRecord],
        now: Timestamp,
    ) -> Result<Maintenance, Error> {
        let name = file_name(segment.id);
        let before = self.segments.total_bytes();
        let file = self.segments.create_file(NEW_FILE)?;
        let written = self.write_packed(control, &*file, segment, records).and_then(|bytes| {
            let content = hash_file(&*file, NEW_FILE)?;
            control.chain.restate(segment.id, &*segment.file, now)?;
            control.chain.append(ChainEvent::Rewritten, segment.id, content, now)?;
            Ok(bytes)
        });
        let bytes = match written {
            Ok(bytes) => bytes,
            Err(error) => {
                // Opening the volume removes it if this fails.
                let _ = self.segments.directory().remove(NEW_FILE);
                return Err(error);
            }
        };
        let renamed = self.segments.directory().rename(NEW_FILE, &name);
        renamed.map_err(|source| file_error("rename", NEW_FILE, source))?;
        self.segments.note(segment.id, bytes);
        self.segments.close(segment.id);
        self.sync_directory()?;
        let freed_bytes = before.saturating_sub(self.segments.total_bytes());
        let io_bytes = bytes + segment.file.length().unwrap_or(0);
        Ok(Maintenance {
            io_bytes,
            more: true,
            freed_bytes,
            damaged: None,
        })
    }

    fn sync_directory(&self) -> Result<(), Error> {
        self.segments
            .directory()
            .sync()
            .map_err(|source| file_error("sync", ".", source))
    }

    /// Writes and syncs a packed segment; its length in bytes.
    fn write_packed(
        &self,
        control: &Control,
        file: &dyn File,
        segment: &OpenSegment,
        records: &[LoggedRecord],
    ) -> Result<u64, Error> {
        let present = present_of(control);
        let mut packer = Packer::begin(file, NEW_FILE, segment, self.settings().compression_level)?;
        for logged in records {
            let is_past = logged.record.kind == RecordKind::Write && !self.is_in(&present, logged)?;
            packer.put(
                segment,
                logged,
                if is_past { Storing::Compressed } else { Storing::Plain },
            )?;
        }
        packer.finish(segment)
    }
}

/// The map of the newest checkpoint: what clients read, but for what changed since.
fn present_of(control: &Control) -> Snapshot {
    Snapshot {
        root: control.state.root,
        delta: Arc::default(),
    }
}

/// Whether nothing in a segment is younger than `before`. One that can't be read is looked at, so that it is told.
fn is_cold(segment: &OpenSegment, before: Timestamp) -> bool {
    match segment.trailer() {
        Ok(Some(trailer)) => trailer.last_time <= before,
        Ok(None) | Err(_) => true,
    }
}
