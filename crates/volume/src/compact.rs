//! Rewriting segments: expired blocks dropped, the rest compressed. Maps don't change: they know payloads by slot.
//!
//! Order of effects: the new file is written and synced under another name; the chain records its hash; it takes the
//! old one's place; the directory is synced. A crash in between leaves one whole file or the other, and the chain
//! knows both.

use std::io::IoSlice;
use std::sync::Arc;

use crate::chain::hash_file;
use crate::error::Error;
use crate::format::{
    ChainEvent, FRAME_BYTES, Frame, Location, NodeAddress, PackedIndex, PackedRecord, RecordKind, SEGMENT_HEADER_BYTES,
    Segment, SegmentHeader, SegmentLayout, Trailer,
};
use crate::log::write_seal;
use crate::maintain::Maintenance;
use crate::map::Snapshot;
use crate::segment::{LoggedRecord, OpenSegment, file_error, file_name};
use crate::storage::{File, Wait};
use crate::time::Timestamp;
use crate::volume::{Control, Volume};

const NEW_FILE: &str = "segment.new";

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

    /// Compresses the next sealed segment that is old enough, with all its records.
    pub(crate) fn compress_cold(&self, control: &mut Control, now: Timestamp) -> Result<Option<Maintenance>, Error> {
        // Recovery may need what lies behind the newest checkpoint as it was written.
        let end = control.state.replay_from.segment;
        let from = control.sweep.compressed_below;
        let next = self.segments.ids().into_iter().find(|id| *id >= from && *id < end);
        // A seal that waits for space is written to the segment as it is.
        let Some(id) = next.filter(|id| !self.segments.is_seal_held(*id)) else {
            return Ok(None);
        };
        let segment = self.segments.open(id)?;
        let cold_before = now.saturating_sub(self.settings().compress_after);
        if !segment.is_packed() {
            let trailer = segment.trailer()?;
            if trailer.is_some_and(|trailer| trailer.last_time > cold_before) {
                return Ok(None);
            }
        }
        control.sweep.compressed_below = Segment(id.0 + 1);
        if segment.is_packed() {
            return Ok(Some(Maintenance {
                more: true,
                ..Maintenance::default()
            }));
        }
        let records = crate::log::sealed_records(&self.segments, id);
        let done = records.and_then(|records| self.rewrite(control, &segment, &records, now));
        self.tolerate_damage(id, done).map(Some)
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
        let written = self.write_packed(&*file, segment, records).and_then(|bytes| {
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
    fn write_packed(&self, file: &dyn File, segment: &OpenSegment, records: &[LoggedRecord]) -> Result<u64, Error> {
        let error = |source| file_error("write", NEW_FILE, source);
        let header = SegmentHeader {
            layout: SegmentLayout::Packed,
            ..segment.header
        };
        file.write_at(0, &mut [IoSlice::new(&header.encode())]).map_err(error)?;
        let level = self.settings().compression_level;
        let mut packer = Packer {
            file,
            level,
            offset: SEGMENT_HEADER_BYTES,
            gathered: Vec::new(),
            blocks: true,
            index: PackedIndex::default(),
        };
        for logged in records {
            packer.put(segment, logged)?;
        }
        packer.finish_frame()?;
        let index = packer.index.encode();
        let old = segment
            .trailer()?
            .ok_or_else(|| segment.damaged("segment trailer", 0))?;
        let trailer = Trailer {
            index_offset: packer.offset.next_multiple_of(16),
            index_bytes: index.len() as u64,
            index_crc: crc32c::crc32c(&index),
            ..old
        };
        let bytes = write_seal(file, segment.id, header.nonce, &trailer, &index)?;
        file.sync().map_err(error)?;
        Ok(bytes)
    }
}

/// Gathers payloads into frames.
struct Packer<'f> {
    file: &'f dyn File,
    level: i32,
    offset: u64,
    gathered: Vec<u8>,
    /// Whether what is gathered is blocks. Map nodes and checkpoints aren't compressed: they are looked for one by one,
    /// all over the log, and going back in time depends on them.
    blocks: bool,
    index: PackedIndex,
}

impl Packer<'_> {
    fn put(&mut self, segment: &OpenSegment, logged: &LoggedRecord) -> Result<(), Error> {
        let length = logged.record.payload_length as usize;
        let blocks = logged.record.kind == RecordKind::Write;
        if self.gathered.len() + length > FRAME_BYTES || (length > 0 && blocks != self.blocks) {
            self.finish_frame()?;
        }
        if length > 0 {
            self.blocks = blocks;
        }
        let start = self.gathered.len();
        if length > 0 {
            self.gathered.resize(start + length, 0);
            let payload = self.gathered.get_mut(start..).unwrap_or_default();
            segment.read(logged.location.slot, length, payload, Wait::Allowed)?;
            if crc32c::crc32c(payload) != logged.record.crc {
                return Err(segment.damaged("payload", logged.location.slot.offset()));
            }
        }
        self.index.records.push(PackedRecord {
            record: logged.record,
            sequence: logged.sequence,
            time: logged.time,
            slot: logged.location.slot,
            frame: self.index.frames.len() as u32,
            offset: start as u32,
        });
        Ok(())
    }

    fn finish_frame(&mut self) -> Result<(), Error> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let compressed = zstd::bulk::compress(&self.gathered, self.level)
            .ok()
            .filter(|_| self.blocks);
        let smaller = compressed.filter(|compressed| compressed.len() < self.gathered.len());
        let stored = smaller.as_deref().unwrap_or(&self.gathered);
        let written = self.file.write_at(self.offset, &mut [IoSlice::new(stored)]);
        written.map_err(|source| file_error("write", NEW_FILE, source))?;
        self.index.frames.push(Frame {
            offset: self.offset,
            stored_bytes: stored.len() as u32,
            payload_bytes: self.gathered.len() as u32,
            crc: crc32c::crc32c(stored),
            compressed: smaller.is_some(),
        });
        self.offset += stored.len() as u64;
        self.gathered.clear();
        Ok(())
    }
}
