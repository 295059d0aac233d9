//! Opening a volume: from the newest durable checkpoint, through the batches behind it, to the last that is whole.
//!
//! A batch belongs to the log if its header, and every batch before it back to the checkpoint, is intact; and, unless
//! a later batch says that it was durable, if its payloads are too (the disk may have kept the header and lost the
//! payload). The first batch that isn't whole ends the log if nothing says that it was durable; otherwise the log is
//! damaged, which is an error: an operator decides (`repair`).
//!
//! Order of effects: find the end; cut and seal the last segment there; remove segments behind it; sync all of them
//! and the directory; only then begin a new segment. Recovery may itself be cut off at any point and be done again.
//! Where the disk is too full for a seal, the log stays as it is, and the seal is held in memory: it is written before
//! the next segment is begun.

use std::sync::Arc;

use crate::error::Error;
use crate::format::{
    Batch, BatchKey, CheckpointRef, Record, RecordKind, Segment, Trailer, find_magic, peek_own, put_head,
};
use crate::log::{
    LogStart, RESERVE_FILE, find_batch_behind, is_in_place, payload_intact, scan_from, seal_segment, totals_of,
};
use crate::passed_over::{Gaps, LostBatches};
use crate::replay::{Replay, load_checkpoint};
use crate::segment::{LoggedRecord, OpenSegment, Seal, Segments, file_error, file_name};
use crate::settings::Settings;
use crate::storage::Wait;
use crate::time::{Sequence, Timestamp};
use crate::volume::MomentInfo;

/// Whether damage in flushed data stops recovery or is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDamage {
    Stop,
    PassOver,
}

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) replay: Replay,
    /// Where to begin the next segment.
    pub(crate) next_segment: Segment,
    /// Batches that were passed over because they are damaged.
    pub(crate) lost: Vec<LostBatches>,
}

impl Recovered {
    pub(crate) fn log_start(&self, volume: [u8; 16], capacity: u32, opened: Timestamp) -> LogStart {
        LogStart {
            volume,
            capacity,
            segment: self.next_segment,
            next: self.replay.last.0.next(),
            last_time: self.replay.last.1,
            checkpoint: Some(self.replay.reference),
            opened,
        }
    }
}

/// A segment on the way from the checkpoint to the end of the log.
struct Walked {
    segment: Arc<OpenSegment>,
    content: Content,
}

enum Content {
    /// Rewritten by compaction: durable as a whole.
    Packed(Vec<LoggedRecord>),
    Raw {
        batches: Vec<Batch>,
        /// Where the last batch ends.
        end: u64,
        /// Whether index and trailer are intact and say just this.
        sealed: bool,
        /// The newest sequence that batches or trailer prove durable.
        durable: Sequence,
    },
}

/// Finds the end of the log, makes it the end on disk too, and collects what must be replayed.
pub(crate) fn recover(segments: &Segments, volume: &[u8; 16], on_damage: OnDamage) -> Result<Recovered, Error> {
    let newest = newest_begun(segments, volume, on_damage)?;
    let mut replay = start(segments, newest)?;
    let from = replay.state.replay_from.segment;
    let mut walked = walk(segments, from, newest, on_damage)?;
    let durable = find_end(&mut walked, replay.reference.sequence, from, on_damage)?;
    let mut lost = lost_batches(&walked, &replay, durable);
    for logged in walked.iter().flat_map(Walked::records) {
        let known = replay.last;
        match replay.push(segments, &logged) {
            Err(Error::CorruptStructure { .. }) if on_damage == OnDamage::PassOver => lost.push(LostBatches {
                batches: 1,
                after: moment(known),
                before: Some(moment((logged.sequence, logged.time))),
            }),
            pushed => pushed?,
        }
    }
    match replay.take_damage() {
        Some(error) if on_damage == OnDamage::Stop => return Err(error),
        // The checkpoint after which nothing tells what it changed.
        Some(_) => lost.push(LostBatches {
            batches: 1,
            after: moment((replay.reference.sequence, replay.state.time)),
            before: Some(moment(replay.last)),
        }),
        None => {}
    }
    let next_segment = settle(segments, &walked)?;
    Ok(Recovered {
        replay,
        next_segment,
        lost,
    })
}

/// A segment as it is on the disk: what a failed sync left in the system's cache only is forgotten first.
fn open_fresh(segments: &Segments, id: Segment) -> Result<Arc<OpenSegment>, Error> {
    let name = file_name(id);
    let file = segments
        .directory()
        .open(&name)
        .map_err(|source| file_error("open", &name, source))?;
    file.forget_cache();
    segments.close(id);
    segments.open(id)
}

/// The newest segment with a header. One without, in which nothing was flushed, was never begun: it is removed.
fn newest_begun(segments: &Segments, volume: &[u8; 16], on_damage: OnDamage) -> Result<Segment, Error> {
    for id in segments.ids().into_iter().rev() {
        match open_fresh(segments, id) {
            Ok(_) => return Ok(id),
            Err(error @ Error::BadFile { .. }) => {
                if !holds_flushed_batches(segments, id, volume)? {
                    remove(segments, id)?;
                } else if on_damage == OnDamage::PassOver {
                    set_aside(segments, id)?;
                } else {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::BadFile {
        file: file_name(segments.first()),
        reason: "the volume has no usable segment",
    })
}

/// Whether a segment without a header holds a batch that says an earlier one of the segment was durable.
fn holds_flushed_batches(segments: &Segments, id: Segment, volume: &[u8; 16]) -> Result<bool, Error> {
    let name = file_name(id);
    let error = |source| file_error("read", &name, source);
    let file = segments.directory().open(&name).map_err(error)?;
    let length = file.length().map_err(error)?;
    let mut content = vec![0; usize::try_from(length.min(u64::from(Settings::SEGMENT_BYTES_MAX))).unwrap_or(0)];
    file.read_at(0, &mut content, Wait::Allowed).map_err(error)?;
    let mut first = None;
    let mut from = crate::format::SEGMENT_HEADER_BYTES as usize;
    while let Some(found) = find_magic(&content, from) {
        let peeked = peek_own(content.get(found..).unwrap_or_default(), volume, id);
        if let Some(header) = peeked.filter(|header| header.slot.offset() == found as u64) {
            let first = *first.get_or_insert(header.sequence);
            if header.durable >= first {
                return Ok(true);
            }
        }
        from = found + 1;
    }
    Ok(false)
}

/// Renames a segment that can't be understood, so that nothing is lost that a specialist could still read.
fn set_aside(segments: &Segments, id: Segment) -> Result<(), Error> {
    let name = file_name(id);
    let aside = format!("{name}.damaged");
    segments
        .directory()
        .rename(&name, &aside)
        .map_err(|source| file_error("rename", &name, source))?;
    segments.forget(id);
    Ok(())
}

/// The newest intact checkpoint that a segment header names.
fn start(segments: &Segments, newest: Segment) -> Result<Replay, Error> {
    let mut failure = None;
    for id in segments.ids().into_iter().rev().skip_while(|id| *id > newest) {
        let segment = match segments.open(id) {
            Err(Error::BadFile { .. }) => continue,
            opened => opened?,
        };
        let Some(reference) = segment.header.checkpoint.or(first_checkpoint(&segment)?) else {
            continue;
        };
        match load_checkpoint(segments, &reference) {
            Ok(state) => return Ok(Replay::new(state, reference)),
            Err(error @ Error::CorruptStructure { .. }) => failure = Some(error),
            Err(error) => return Err(error),
        }
    }
    let none = Error::BadFile {
        file: file_name(newest),
        reason: "no segment names an intact checkpoint",
    };
    Err(failure.unwrap_or(none))
}

/// A volume's first segment starts with a checkpoint.
fn first_checkpoint(segment: &OpenSegment) -> Result<Option<CheckpointRef>, Error> {
    let batches = scan_from(
        segment,
        crate::format::SEGMENT_HEADER_BYTES,
        segment.header.first_sequence,
        1,
    )?
    .batches;
    let mut records = Vec::new();
    batches
        .iter()
        .for_each(|batch| segment.push_records(batch, &mut records));
    let first = records
        .iter()
        .find(|logged| logged.record.kind == RecordKind::Checkpoint);
    Ok(first.map(crate::replay::reference_of))
}

fn walk(segments: &Segments, from: Segment, newest: Segment, on_damage: OnDamage) -> Result<Vec<Walked>, Error> {
    let mut walked = Vec::new();
    for id in segments.ids().into_iter().filter(|id| (from..=newest).contains(id)) {
        let segment = match open_fresh(segments, id) {
            // What it held is missing: the check for gaps decides whether that matters.
            Err(Error::BadFile { .. }) => continue,
            opened => opened?,
        };
        let content = content_of(&segment, on_damage)?;
        walked.push(Walked { segment, content });
    }
    Ok(walked)
}

fn content_of(segment: &OpenSegment, on_damage: OnDamage) -> Result<Content, Error> {
    match segment.sealed_log() {
        Ok(Some(log)) if segment.is_packed() => return Ok(Content::Packed(log.records)),
        Ok(Some(log)) => {
            let batches = segment.raw_index(&log.trailer)?;
            return Ok(Content::Raw {
                durable: log.durable,
                batches,
                end: log.trailer.index_offset,
                sealed: true,
            });
        }
        Ok(None) | Err(Error::CorruptStructure { .. }) if !segment.is_packed() => {}
        Ok(None) => return Err(segment.damaged("segment trailer", 0)),
        Err(error) => return Err(error),
    }
    let first = crate::format::SEGMENT_HEADER_BYTES;
    let mut found = scan_from(segment, first, segment.header.first_sequence, usize::MAX)?;
    let behind = batches_behind(segment, found.end)?;
    // Of all that can be read, in or behind the log's end: each is evidence.
    let durable = found
        .batches
        .iter()
        .chain(&behind)
        .map(|batch| batch.header.durable)
        .max();
    if let Some(last) = behind.last().filter(|_| on_damage == OnDamage::PassOver) {
        found.end = last.header.slot.offset() + last.header.total_bytes();
        found.batches.extend(behind);
    }
    Ok(Content::Raw {
        batches: found.batches,
        end: found.end,
        sealed: false,
        durable: durable.unwrap_or_default(),
    })
}

/// All intact batches behind a place, wherever they start.
fn batches_behind(segment: &OpenSegment, offset: u64) -> Result<Vec<Batch>, Error> {
    let mut batches = Vec::new();
    let mut end = offset;
    while let Some(first) = find_batch_behind(segment, end)? {
        let more = scan_from(segment, first.header.slot.offset(), first.header.sequence, usize::MAX)?;
        end = more.end;
        batches.extend(more.batches);
    }
    Ok(batches)
}

impl Walked {
    fn records(&self) -> Vec<LoggedRecord> {
        match &self.content {
            Content::Packed(records) => records.clone(),
            Content::Raw { batches, .. } => {
                let mut records = Vec::new();
                batches
                    .iter()
                    .for_each(|batch| self.segment.push_records(batch, &mut records));
                records
            }
        }
    }

    /// The newest sequence that this segment proves durable.
    fn durable(&self) -> Sequence {
        let named = self
            .segment
            .header
            .checkpoint
            .map_or(Sequence(0), |checkpoint| checkpoint.sequence);
        let proved = match &self.content {
            Content::Packed(records) => records.last().map(|logged| logged.sequence),
            Content::Raw { durable, .. } => Some(*durable),
        };
        named.max(proved.unwrap_or_default())
    }

    /// The sequence behind the segment's last batch.
    fn next_sequence(&self) -> Sequence {
        let last = match &self.content {
            Content::Packed(_) => self
                .segment
                .trailer()
                .ok()
                .flatten()
                .map(|trailer| trailer.last_sequence),
            Content::Raw { batches, .. } => batches.last().map(|batch| batch.header.sequence),
        };
        last.map_or(self.segment.header.first_sequence, Sequence::next)
    }
}

/// Cuts `walked` behind the last batch of the log. Returns the newest sequence that was durable.
fn find_end(
    walked: &mut Vec<Walked>,
    checkpoint: Sequence,
    replay_from: Segment,
    on_damage: OnDamage,
) -> Result<Sequence, Error> {
    let durable = walked
        .iter()
        .map(Walked::durable)
        .max()
        .unwrap_or_default()
        .max(checkpoint);
    if walked.first().map(|first| first.segment.id) != Some(replay_from) {
        stop_at_damage(on_damage, replay_from, 0, walked, 0)?;
    }
    let mut expected = walked
        .first()
        .map_or(checkpoint, |first| first.segment.header.first_sequence);
    for index in 0..walked.len() {
        let Some(here) = walked.get_mut(index) else { break };
        if here.segment.header.first_sequence != expected {
            // The segment before ended early.
            let (damaged, end) = walked
                .get(index.wrapping_sub(1))
                .map_or((replay_from, 0), |before| (before.segment.id, before.end()));
            if expected > durable {
                walked.truncate(index);
                break;
            }
            stop_at_damage(on_damage, damaged, end, walked, index)?;
        }
        let Some(here) = walked.get_mut(index) else { break };
        if cut_torn(here, durable)? {
            walked.truncate(index + 1);
            break;
        }
        expected = here.next_sequence();
    }
    check_last(walked, durable, on_damage)?;
    Ok(durable)
}

/// The batches that are missing in what is left of the log.
fn lost_batches(walked: &[Walked], replay: &Replay, durable: Sequence) -> Vec<LostBatches> {
    let contained = moment((replay.state.as_of, replay.state.time));
    let Some(first) = walked.first() else {
        return Gaps::behind(contained).end(durable);
    };
    let header = &first.segment.header;
    let is_start = first.segment.id == replay.state.replay_from.segment;
    let before = moment((Sequence(header.first_sequence.0.saturating_sub(1)), header.first_time));
    let mut gaps = Gaps::behind(if is_start { before } else { contained });
    for here in walked {
        match &here.content {
            Content::Raw { batches, .. } => {
                for batch in batches {
                    let at = moment((batch.header.sequence, batch.header.time));
                    gaps.push(at, at);
                }
            }
            // What compaction dropped from between isn't lost.
            Content::Packed(_) => {
                let header = &here.segment.header;
                let first = moment((header.first_sequence, header.first_time));
                let trailer = here.segment.trailer().ok().flatten();
                let last = trailer.map_or(first, |trailer| moment((trailer.last_sequence, trailer.last_time)));
                gaps.push(first, last);
            }
        }
    }
    gaps.end(durable)
}

fn moment((sequence, time): (Sequence, Timestamp)) -> MomentInfo {
    MomentInfo { sequence, time }
}

/// Behind the last batch of the last segment nothing may be that was durable.
fn check_last(walked: &[Walked], durable: Sequence, on_damage: OnDamage) -> Result<(), Error> {
    let Some(last) = walked.last() else { return Ok(()) };
    let Content::Raw { end, .. } = last.content else {
        return Ok(());
    };
    if durable >= last.next_sequence() {
        stop_at_damage(on_damage, last.segment.id, end, walked, walked.len())?;
    }
    Ok(())
}

fn stop_at_damage(
    on_damage: OnDamage,
    segment: Segment,
    offset: u64,
    walked: &[Walked],
    index: usize,
) -> Result<(), Error> {
    if on_damage == OnDamage::PassOver {
        return Ok(());
    }
    let before = walked
        .get(..index)
        .unwrap_or_default()
        .iter()
        .rev()
        .flat_map(Walked::records)
        .next_back();
    let before = before.map_or(Timestamp::ZERO, |logged| logged.time);
    Err(Error::DamagedLog {
        segment: segment.0,
        offset,
        before,
    })
}

impl Walked {
    fn end(&self) -> u64 {
        match &self.content {
            Content::Packed(_) => 0,
            Content::Raw { end, .. } => *end,
        }
    }
}

/// Drops the first batch that isn't known durable and whose payloads aren't whole, and all behind it. Whether it did.
fn cut_torn(walked: &mut Walked, durable: Sequence) -> Result<bool, Error> {
    let segment = Arc::clone(&walked.segment);
    let Content::Raw {
        batches, end, sealed, ..
    } = &mut walked.content
    else {
        return Ok(false);
    };
    for index in 0..batches.len() {
        let Some(batch) = batches.get(index).filter(|batch| batch.header.sequence > durable) else {
            continue;
        };
        if !is_whole(&segment, batch)? {
            *end = batch.header.slot.offset();
            batches.truncate(index);
            *sealed = false;
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_whole(segment: &OpenSegment, batch: &Batch) -> Result<bool, Error> {
    if !is_in_place(segment, batch)? {
        return Ok(false);
    }
    for (slot, record) in batch.records_with_slots().filter(|(_, record)| has_payload(record)) {
        if !payload_intact(segment, slot, record)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_payload(record: &Record) -> bool {
    record.payload_length > 0
}

/// Makes the log end on disk where it ends here, and everything in it durable. Returns the next segment's number.
fn settle(segments: &Segments, walked: &[Walked]) -> Result<Segment, Error> {
    let mut last = None;
    for here in walked {
        let id = here.segment.id;
        if let Content::Raw {
            batches,
            end,
            sealed: false,
            ..
        } = &here.content
        {
            seal(segments, &here.segment, seal_at(&here.segment, batches, *end))?;
        }
        here.segment
            .file
            .sync()
            .map_err(|source| file_error("sync", &file_name(id), source))?;
        last = Some(id);
    }
    let last = last.unwrap_or(segments.first());
    for id in segments.ids().into_iter().filter(|id| *id > last) {
        remove(segments, id)?;
    }
    segments
        .directory()
        .sync()
        .map_err(|source| file_error("sync", ".", source))?;
    Ok(Segment(last.0 + 1))
}

/// Seals a segment; on a full disk at the reserve's expense, and where that is gone, in memory only.
fn seal(segments: &Segments, segment: &OpenSegment, seal: Seal) -> Result<(), Error> {
    let mut sealed = seal_segment(segments, segment, &seal);
    if let Err(Error::NoSpace(_)) = sealed {
        // There may be none.
        let _ = segments.directory().remove(RESERVE_FILE);
        sealed = seal_segment(segments, segment, &seal);
    }
    match sealed {
        Err(Error::NoSpace(_)) => segments.hold_seal(segment.id, seal),
        sealed => sealed?,
    }
    Ok(())
}

fn seal_at(segment: &OpenSegment, batches: &[Batch], end: u64) -> Seal {
    let mut index = Vec::new();
    let key = BatchKey {
        nonce: segment.header.nonce,
        volume: segment.header.volume,
        segment: segment.id,
    };
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for batch in batches {
        body.clear();
        batch.records.iter().for_each(|record| record.put(&mut body));
        put_head(&mut head, &batch.header, &body, &key);
        index.extend_from_slice(&head);
    }
    let header = &segment.header;
    let last = batches.last().map(|batch| (batch.header.sequence, batch.header.time));
    let (last_sequence, last_time) =
        last.unwrap_or((Sequence(header.first_sequence.0.saturating_sub(1)), header.first_time));
    // Not into a sector that may hold bytes that were synced.
    let trailer = Trailer {
        index_offset: end.next_multiple_of(4096),
        index_bytes: index.len() as u64,
        index_crc: crc32c::crc32c(&index),
        last_sequence,
        last_time,
        totals: totals_of(batches),
        durable: Sequence(0),
    };
    Seal { trailer, index }
}

fn remove(segments: &Segments, id: Segment) -> Result<(), Error> {
    let name = file_name(id);
    segments
        .directory()
        .remove(&name)
        .map_err(|source| file_error("remove", &name, source))?;
    segments.forget(id);
    Ok(())
}
