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
/// What looking up a record in the map is counted as, in bytes of background work.
const LOOKUP_IO_BYTES: u64 = 256;

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
            Err(Error::CorruptStructure { segment, .. } | Error::CorruptBlock { segment, .. }) => {
                Ok(left_damaged(segment))
            }
            Err(Error::BadFile { .. }) => Ok(left_damaged(id.0)),
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
        let is_past = self.find_past(control, &live, now)?;
        self.rewrite(control, &segment, &live, &is_past, now)
    }

    /// Looks at the next sealed segment that is old enough, and compresses what only the past shows if that is much of
    /// it. All are looked at again and again, because more and more of them becomes the past.
    pub(crate) fn compress_cold(&self, control: &mut Control, now: Timestamp) -> Result<Option<Maintenance>, Error> {
        let compress_after = self.settings().compress_after;
        let rest = if self.is_pressed() {
            SWEEP_REST_MIN
        } else {
            SWEEP_REST_MIN.max(compress_after.saturating_mul(SWEEP_REST))
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
        let opened = next.map(|id| (id, self.segments.open(id)));
        let cold = opened.filter(|(_, opened)| opened.as_ref().map_or(true, |segment| is_cold(segment, cold_before)));
        let Some((id, opened)) = cold else {
            control.sweep.compressed_below = self.segments.first();
            control.sweep.swept = now;
            return Ok(None);
        };
        // One that can't be opened mustn't keep the others from being looked at.
        control.sweep.compressed_below = Segment(id.0 + 1);
        let done = opened.and_then(|segment| self.compress_one(control, &segment, now));
        self.tolerate_damage(id, done).map(Some)
    }

    fn compress_one(
        &self,
        control: &mut Control,
        segment: &Arc<OpenSegment>,
        now: Timestamp,
    ) -> Result<Maintenance, Error> {
        let records = crate::log::sealed_records(&self.segments, segment.id)?;
        let is_past = self.find_past(control, &records, now)?;
        let (mut past_bytes, mut untried_bytes) = (0, 0);
        for ((logged, is_past), is_untried) in records.iter().zip(&is_past).zip(segment.untried_records()?) {
            if is_untried && matches!(logged.record.kind, RecordKind::Write | RecordKind::Moved) {
                untried_bytes += logged.record.stored_bytes();
                past_bytes += if *is_past { logged.record.stored_bytes() } else { 0 };
            }
        }
        if past_bytes * 100 < untried_bytes * PAST_PERCENT || past_bytes == 0 {
            return Ok(Maintenance {
                io_bytes: segment.index_length()? + records.len() as u64 * LOOKUP_IO_BYTES,
                more: true,
                ..Maintenance::default()
            });
        }
        self.rewrite(control, segment, &records, &is_past, now)
    }

    /// For each record: whether it is a block that the present doesn't show. One whose place in the map is damaged counts as
    /// shown: this only decides how it is stored.
    fn find_past(&self, control: &mut Control, records: &[LoggedRecord], now: Timestamp) -> Result<Vec<bool>, Error> {
        let present = Snapshot {
            root: control.state.root,
            delta: Arc::default(),
        };
        let mut is_past = Vec::with_capacity(records.len());
        for logged in records {
            // Clients that outran the last checkpoint wait for `control`.
            if self.is_checkpoint_due() {
                self.checkpoint_locked(control, now)?;
            }
            is_past.push(match logged.record.kind {
                RecordKind::Write | RecordKind::Moved => match present.entry(&self.nodes, logged.record.address) {
                    Err(Error::CorruptStructure { .. }) => false,
                    shown => shown?.location() != logged.location,
                },
                _ => false,
            });
        }
        Ok(is_past)
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
                RecordKind::Write | RecordKind::Moved => snapshot.entry(&self.nodes, logged.record.address)?,
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
        is_past: &[bool],
        now: Timestamp,
    ) -> Result<Maintenance, Error> {
        let name = file_name(segment.id);
        let before = self.segments.total_bytes();
        let file = self.segments.create_file(NEW_FILE)?;
        let written = self.write_packed(&*file, segment, records, is_past).and_then(|bytes| {
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
        if let Err(source) = renamed {
            // Left behind, it would be in the way of the next rewrite.
            let _ = self.segments.directory().remove(NEW_FILE);
            return Err(file_error("rename", NEW_FILE, source));
        }
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
        file: &dyn File,
        segment: &OpenSegment,
        records: &[LoggedRecord],
        is_past: &[bool],
    ) -> Result<u64, Error> {
        let mut packer = Packer::begin(file, NEW_FILE, segment, self.settings().compression_level)?;
        for (logged, is_past) in records.iter().zip(is_past) {
            let storing = if *is_past { Storing::Compressed } else { Storing::Plain };
            packer.put(segment, logged, storing)?;
        }
        packer.finish(segment)
    }
}

/// A step that met damage and left the segment as it is.
fn left_damaged(segment: u32) -> Maintenance {
    Maintenance {
        more: true,
        damaged: Some(segment),
        ..Maintenance::default()
    }
}

/// Whether nothing in a segment is younger than `before`. One that can't be read is looked at, so that it is told.
fn is_cold(segment: &OpenSegment, before: Timestamp) -> bool {
    match segment.trailer() {
        Ok(Some(trailer)) => trailer.last_time <= before,
        Ok(None) | Err(_) => true,
    }
}
