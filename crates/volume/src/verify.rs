//! Checking every checksum and the hash chain, while the volume is served.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::chain::hash_file;
use crate::error::Error;
use crate::format::{
    Batch, Checkpoint, Entry, EntryKind, Location, Node, NodeAddress, RecordKind, Segment, Slot, payload_crc,
};
use crate::locks::{lock, read_lock};
use crate::log::scan;
use crate::lost::{LostBlocks, LostRun};
use crate::reader::read_blocks;
use crate::replay::load_checkpoint;
use crate::segment::{LoggedRecord, OpenSegment, file_name};
use crate::storage::Wait;
use crate::time::{Moment, Sequence, Timestamp};
use crate::volume::{MomentInfo, Volume};

/// A segment's records and its file.
type OneVersion = (Vec<LoggedRecord>, Arc<OpenSegment>);

/// What [`Damage::structure`] says of blocks that a damaged map node alone could find.
const LOST_BLOCKS: &str = "lost blocks";
/// How many versions back an intact one is looked for.
const OLDER_VERSIONS_MAX: usize = 16;

/// How far `verify` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Segments checked.
    pub segments_done: usize,
    /// Segments to check.
    pub segments: usize,
    /// Bytes checked.
    pub bytes_done: u64,
    /// Bytes to check.
    pub bytes: u64,
}

/// A damage that `verify` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged.
    pub structure: &'static str,
    /// The block that it held, if it held one; the first of those that a map node led to.
    pub block: Option<u64>,
    /// How many blocks from `block` on are concerned.
    pub blocks: u64,
    /// The segment.
    pub segment: u32,
    /// Byte offset in the segment's file as first written.
    pub offset: u64,
    /// When it was written, of a moved block by its client; of lost blocks, when that was noticed.
    pub written: Timestamp,
    /// When defragmentation moved the block here, if it did. If `written` is the same, nothing tells any more when the client wrote it:
    /// some time before.
    pub moved: Option<Timestamp>,
    /// Whether the live disk needs it.
    pub current: bool,
    /// The newest moment at which an older, intact version of the block can be read.
    pub newest_intact: Option<MomentInfo>,
    /// Whether the block had never been written before the damaged version: at that moment it read as zeros.
    pub is_first: bool,
}

/// What `verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Segments checked.
    pub segments: usize,
    /// Payloads checked: blocks, map nodes and checkpoints.
    pub payloads: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Everything that is damaged.
    pub damage: Vec<Damage>,
    /// The newest link of the hash chain.
    pub chain_head: [u8; 32],
    /// Whether the chain's links continue each other, and every segment in it has the content that the chain says.
    pub chain_intact: bool,
    /// Segments whose content isn't what the hash chain says, and those that are in it and gone.
    pub changed_segments: Vec<u32>,
    /// Segments that aren't in the chain yet: the newest ones.
    pub unchained_segments: usize,
}

impl Volume {
    /// Checks every segment, those shared with a parent too: structures, payloads, hash chain. `progress` is told after each, and may stop it.
    pub fn verify(&self, progress: &mut dyn FnMut(VerifyProgress) -> ControlFlow<()>) -> Result<VerifyReport, Error> {
        let mut report = VerifyReport {
            chain_intact: true,
            ..VerifyReport::default()
        };
        let lineage = self.lineage();
        let segments = lineage.iter().map(|(_, ids)| ids.len()).sum();
        let bytes = lineage.iter().map(|(volume, _)| volume.segments.total_bytes()).sum();
        let mut lost = LostBlocks::default();
        for (volume, id) in lineage
            .iter()
            .flat_map(|(volume, ids)| ids.iter().map(move |id| (volume, *id)))
        {
            volume.verify_segment(id, &mut report, &mut lost)?;
            report.segments += 1;
            let state = VerifyProgress {
                segments_done: report.segments,
                segments,
                bytes_done: report.bytes,
                bytes,
            };
            if progress(state).is_break() {
                break;
            }
        }
        for (volume, _) in &lineage {
            report.changed_segments.extend(volume.missing_segments());
        }
        let control = lock(&self.control);
        report.chain_head = control.chain.head();
        report.chain_intact &= control.chain.intact && report.changed_segments.is_empty();
        drop(control);
        report.damage.extend(lost.runs().map(damage_of_run));
        self.look_for_intact_versions(&mut report)?;
        Ok(report)
    }

    /// The volume and those it was forked from, each with the segments that this volume may need of it.
    fn lineage(&self) -> Vec<(&Self, Vec<Segment>)> {
        let mut lineage = vec![(self, self.segments.ids())];
        let mut volume = self;
        while let Some(parent) = volume.parent.as_deref() {
            let end = volume.segments.first();
            lineage.push((
                parent,
                parent.segments.ids().into_iter().filter(|id| *id < end).collect(),
            ));
            volume = parent;
        }
        lineage
    }

    fn verify_segment(&self, id: Segment, report: &mut VerifyReport, lost: &mut LostBlocks) -> Result<(), Error> {
        let Some((records, segment)) = self.records_of_one_version(id, report)? else {
            return Ok(());
        };
        for logged in records.iter().filter(|logged| logged.record.payload_length > 0) {
            report.payloads += 1;
            report.bytes += logged.record.stored_bytes();
            let Some(payload) = intact_payload(&segment, logged)? else {
                report.damage.push(self.damage_of(logged));
                continue;
            };
            if logged.record.kind == RecordKind::Node {
                let address = NodeAddress::from_record(logged.record.address);
                let node = Node::parse(&payload, address);
                node.iter().for_each(|node| lost.add(address, node, logged.time));
            }
        }
        self.verify_chain(id, &segment, report)
    }

    /// A segment's records and file; compaction may replace or remove the segment at any time, and both must be of
    /// the same version. `None` for one that was removed, or that can't be opened.
    fn records_of_one_version(&self, id: Segment, report: &mut VerifyReport) -> Result<Option<OneVersion>, Error> {
        let known = report.damage.len();
        loop {
            let before = self.segments.open(id).ok();
            let found = self.verify_structures(id, report);
            let found = found.and_then(|records| Ok((records, self.segments.open(id)?)));
            match found {
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    report.damage.truncate(known);
                    return Ok(None);
                }
                Err(Error::BadFile { .. }) => return Ok(None),
                Err(error) => return Err(error),
                Ok((records, segment)) => {
                    let version = |segment: &OpenSegment| (segment.header.layout, segment.file.length().ok());
                    if before.is_some_and(|before| version(&before) == version(&segment)) {
                        return Ok(Some((records, segment)));
                    }
                    report.damage.truncate(known);
                }
            }
        }
    }

    /// Checks a segment's own structures and returns the records that can be read.
    fn verify_structures(&self, id: Segment, report: &mut VerifyReport) -> Result<Vec<LoggedRecord>, Error> {
        match self.log.records(&self.segments, id) {
            Ok(records) => {
                self.verify_batch_headers(id, &records, report)?;
                Ok(records)
            }
            Err(Error::BadFile { .. }) => {
                report.damage.push(structure_damage("segment header", id, 0));
                Ok(Vec::new())
            }
            Err(Error::CorruptStructure { structure, offset, .. }) => {
                report.damage.push(structure_damage(structure, id, offset));
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// The batch headers among the payloads of a raw segment, and its index, must say the same.
    fn verify_batch_headers(
        &self,
        id: Segment,
        records: &[LoggedRecord],
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        let active = self.log.peek().active_segment() == id;
        let segment = self.segments.open(id)?;
        if segment.is_packed() {
            return Ok(());
        }
        if !active && !matches!(segment.sealed_log(), Ok(Some(_))) {
            report.damage.push(structure_damage("segment index", id, 0));
        }
        let found = scan(&segment)?;
        let last = records.last().map_or(Sequence(0), |logged| logged.sequence);
        let reached = found
            .batches
            .last()
            .map_or(Sequence(0), |batch: &Batch| batch.header.sequence);
        if reached < last {
            report.damage.push(structure_damage("batch header", id, found.end));
        }
        Ok(())
    }

    fn verify_chain(&self, id: Segment, segment: &OpenSegment, report: &mut VerifyReport) -> Result<(), Error> {
        let expected = lock(&self.control).chain.expected(id);
        let Some(newest) = expected.newest else {
            report.unchained_segments += 1;
            return Ok(());
        };
        let content = hash_file(&*segment.file, &file_name(id))?;
        // Compaction may have put a new file in place since this one was opened.
        let now = lock(&self.control).chain.expected(id);
        let known = [Some(newest), expected.before, now.newest, now.before];
        if !known.contains(&Some(content)) {
            report.changed_segments.push(id.0);
        }
        Ok(())
    }

    /// Segments that the chain knows and that are gone, although it would have been told of their removal first.
    fn missing_segments(&self) -> Vec<u32> {
        let control = lock(&self.control);
        let present = self.segments.ids();
        let is_missing = |id: &Segment| present.binary_search(id).is_err();
        let mut missing: Vec<u32> = control.chain.segments().filter(is_missing).map(|id| id.0).collect();
        missing.sort_unstable();
        missing
    }

    /// Says of each damaged block whether the live disk needs it, and where an older version is intact.
    fn look_for_intact_versions(&self, report: &mut VerifyReport) -> Result<(), Error> {
        let mut cache = BTreeMap::new();
        for damage in &mut report.damage {
            let Some(block) = damage.block else { continue };
            damage.current = if damage.structure == LOST_BLOCKS {
                self.is_any_lost(block, block + damage.blocks).unwrap_or(true)
            } else {
                self.is_current(block, damage)
            };
            let before = self.time_before(damage);
            let found = cache
                .entry((block, before))
                .or_insert_with(|| self.newest_intact_before(block, before));
            damage.newest_intact = found.map(|(moment, _)| moment);
            damage.is_first = found.is_some_and(|(_, kind)| kind == EntryKind::Never);
        }
        Ok(())
    }

    /// Whether the live disk needs the damaged version of a block.
    fn is_current(&self, block: u64, damage: &Damage) -> bool {
        let damaged = Location {
            segment: Segment(damage.segment),
            slot: Slot::at(damage.offset).unwrap_or_default(),
        };
        let partial = read_lock(&self.map).partial(block, 1);
        let entries = partial.complete(&self.nodes, Wait::Allowed).unwrap_or_default();
        entries.first().is_some_and(|entry| entry.location() == damaged)
    }

    /// A time at which the damaged version, or the damaged node, wasn't there yet. A moved block was where it was moved from, which may be
    /// intact.
    fn time_before(&self, damage: &Damage) -> Timestamp {
        let since = damage.moved.unwrap_or(damage.written);
        let noticed = since.saturating_sub(Duration::from_nanos(1));
        if damage.structure != LOST_BLOCKS {
            return noticed;
        }
        let segment = self.segments.open(Segment(damage.segment));
        segment.map_or(noticed, |segment| segment.header.first_time)
    }

    /// Goes back from a damaged version of a block to the newest intact one within the history kept, and tells its kind.
    fn newest_intact_before(&self, block: u64, mut before: Timestamp) -> Option<(MomentInfo, EntryKind)> {
        let control = lock(&self.control);
        for _ in 0..OLDER_VERSIONS_MAX {
            let found = self.find_moment(&control, &Moment::At(before)).ok()?;
            let entry = found.snapshot.entry(&self.nodes, block).ok()?;
            let mut content = [0; crate::format::BLOCK_BYTES];
            let offset = block * content.len() as u64;
            if read_blocks(&self.segments, &[entry], offset, &mut content, Wait::Allowed).is_ok() {
                return Some((found.info, entry.kind()));
            }
            before = entry.written()?.saturating_sub(Duration::from_secs(1));
        }
        None
    }

    fn damage_of(&self, logged: &LoggedRecord) -> Damage {
        let (structure, block) = match logged.record.kind {
            RecordKind::Write | RecordKind::Moved => ("block", Some(logged.record.address)),
            RecordKind::Node if NodeAddress::from_record(logged.record.address).level == 0 => ("map leaf", None),
            RecordKind::Node => ("map node", None),
            _ => ("checkpoint", None),
        };
        let moved = (logged.record.kind == RecordKind::Moved).then_some(logged.time);
        let written = moved.and_then(|_| self.written_before_moved(logged));
        Damage {
            structure,
            block,
            blocks: u64::from(block.is_some()),
            segment: logged.location.segment.0,
            offset: logged.location.slot.offset(),
            written: written.unwrap_or(logged.time),
            moved,
            current: false,
            newest_intact: None,
            is_first: false,
        }
    }

    /// When a client wrote a block that was moved, which its record doesn't tell: the maps do that show the block where it was moved to, and
    /// that of the moment at which it was moved, which shows it where it was before. `None` if none of them is left.
    pub(crate) fn written_before_moved(&self, logged: &LoggedRecord) -> Option<Timestamp> {
        let block = logged.record.address;
        let is_moved = |entry: &Entry| entry.kind() == EntryKind::Data && entry.location() == logged.location;
        let partial = read_lock(&self.map).partial(block, 1);
        let current = partial.complete(&self.nodes, Wait::Allowed).unwrap_or_default();
        if let Some(entry) = current.first().filter(|entry| is_moved(entry)) {
            return entry.written();
        }
        let control = lock(&self.control);
        let entry_at = |moment: &Moment| {
            let found = self.find_moment(&control, moment).ok()?;
            found.snapshot.entry(&self.nodes, block).ok()
        };
        let before = entry_at(&Moment::After(logged.sequence));
        let is_same = |entry: &Entry| entry.kind() == EntryKind::Data && entry.crc == logged.record.crc;
        if let Some(entry) = before.filter(is_same) {
            return entry.written();
        }
        // It was moved before the oldest moment, and kept for that or for what outlives it.
        let state = &control.state;
        let pins = state.pins.iter().map(|pin| Moment::Pin(pin.name.clone()));
        let rollbacks = state.rollbacks.iter().map(|rollback| rollback.sequence);
        let others = std::iter::once(state.horizon.sequence)
            .chain(rollbacks)
            .map(Moment::After);
        let mut entries = others.chain(pins).filter_map(|moment| entry_at(&moment));
        entries.find(is_moved)?.written()
    }

    /// The checkpoints of a segment, for the history book.
    pub(crate) fn checkpoints_in(&self, records: &[LoggedRecord]) -> Vec<(Sequence, Checkpoint)> {
        let checkpoints = records
            .iter()
            .filter(|logged| logged.record.kind == RecordKind::Checkpoint);
        let loaded = checkpoints.filter_map(|logged| {
            let state = load_checkpoint(&self.segments, &crate::replay::reference_of(logged)).ok()?;
            Some((logged.sequence, state))
        });
        loaded.collect()
    }
}

/// A record's payload; `None` if it is damaged.
fn intact_payload(segment: &OpenSegment, logged: &LoggedRecord) -> Result<Option<Vec<u8>>, Error> {
    let mut payload = vec![0; logged.record.payload_length as usize];
    let length = payload.len().max(1);
    match segment.read(logged.location.slot, length, &mut payload, Wait::Allowed) {
        Ok(()) => Ok((payload_crc(&payload) == logged.record.crc).then_some(payload)),
        Err(Error::CorruptStructure { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn damage_of_run(run: LostRun) -> Damage {
    Damage {
        structure: LOST_BLOCKS,
        block: Some(run.first),
        blocks: run.end - run.first,
        segment: run.node.segment.0,
        offset: run.node.slot.offset(),
        written: run.since,
        moved: None,
        current: false,
        newest_intact: None,
        is_first: false,
    }
}

fn structure_damage(structure: &'static str, id: Segment, offset: u64) -> Damage {
    Damage {
        structure,
        block: None,
        blocks: 0,
        segment: id.0,
        offset,
        written: Timestamp::ZERO,
        moved: None,
        current: false,
        newest_intact: None,
        is_first: false,
    }
}
