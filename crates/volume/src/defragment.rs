//! Bringing together what was written apart. A log puts blocks where they were written and not where they belong, so that a
//! range that was overwritten at random is read block by block. Ranges that have come to rest are written once more, in the
//! order of their blocks; the map then knows the new places, with the times of writing that the blocks always had.
//!
//! Order of effects: the blocks are appended; then one checkpoint takes in their new places, but for blocks that were
//! written meanwhile. A crash before that checkpoint is whole leaves the old places in force. They stay valid in any case:
//! the past refers to them, until retention drops it.
//!
//! What is moved is stored twice meanwhile. So only as much is moved as clients have written lately, times a share that the
//! operator chooses, and only while there is much more space than is needed: no history is dropped for it.

use std::time::Duration;

use crate::control::Change;
use crate::error::Error;
use crate::folder::require_version;
use crate::format::{BLOCK_BYTES, Entry, EntryKind, LEAF_BITS, Node, NodeAddress, Record, RecordKind, SLOT_BYTES};
use crate::format::{FANOUT_BITS, LEVELS, Location, VolumeVersion};
use crate::locks::read_lock;
use crate::log::Purpose;
use crate::maintain::Maintenance;
use crate::map::Base;
use crate::reader::{prefetch_runs, read_blocks, run_length};
use crate::storage::Wait;
use crate::time::Timestamp;
use crate::volume::{Control, Volume};

const BLOCK: u64 = BLOCK_BYTES as u64;
const LEAF_BLOCKS: u64 = 1 << LEAF_BITS;
/// Blocks that one step moves at most. Each may be a seek of the disk below, and others wait for `control` meanwhile.
const STEP_BLOCKS: usize = 512;
/// Leaves that one step looks at.
const STEP_LEAVES: usize = 1024;
/// A leaf is left as it is if its blocks lie together in runs of this many or more, on average.
const RUN_BLOCKS: usize = 3;
/// A leaf in fewer pieces is left as it is, however few blocks it has.
const RUNS_MIN: usize = 8;
/// After the whole disk was looked at, the next look comes so many times `defragment_after` later.
const ROUND_REST: u32 = 12;
/// But no sooner than this.
const ROUND_REST_MIN: Duration = Duration::from_secs(60);
/// What looking at a leaf, and fetching a block from somewhere, are counted as beside their bytes, in bytes of background work.
const SEEK_IO_BYTES: u64 = 16 << 10;
/// What may be moved is forgotten beyond so many blocks (1 GiB), or so many parts of a larger disk: who wrote much long ago
/// mustn't have much moved for little.
const CREDIT_BLOCKS: u64 = 1 << 18;
const CREDIT_DISK_PART: u64 = 64;
/// Segments for which there must be room beside everything else.
const ROOM_SEGMENTS: u64 = 8;

/// A block that was stored once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) block: u64,
    pub(crate) from: Entry,
    pub(crate) to: Entry,
}

/// How far the present round has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    /// Leaves below were looked at.
    below: u64,
    /// When it began, and when the one before ended.
    begun: Timestamp,
    ended: Timestamp,
    /// When clients were last known to have written.
    written: Timestamp,
    /// What may be moved: hundredths of a block. Each checkpoint keeps it, so that a restart loses none.
    credit: u64,
}

impl Round {
    /// After a restart: the newest checkpoint knew of so much credit, and so many blocks were moved since, which no checkpoint took in.
    pub(crate) fn resumed(credit: u64, moved: u64, disk_bytes: u64) -> Self {
        let credit = credit.saturating_sub(moved.saturating_mul(100));
        Self {
            credit: credit.min(credit_max(disk_bytes)),
            ..Self::default()
        }
    }

    /// What may be moved, as checkpoints keep it: hundredths of a block.
    pub(crate) const fn credit(&self) -> u64 {
        self.credit
    }

    /// By `now` clients wrote so many blocks more, of which `percent` in a hundred may be moved, on a disk of so many bytes.
    pub(crate) fn earn(&mut self, blocks: u64, percent: u32, disk_bytes: u64, now: Timestamp) {
        if blocks > 0 {
            self.written = now;
            let earned = blocks.saturating_mul(u64::from(percent));
            self.credit = self.credit.saturating_add(earned).min(credit_max(disk_bytes));
        }
    }

    fn affordable(&self) -> usize {
        usize::try_from(self.credit / 100).unwrap_or(usize::MAX)
    }

    fn pay(&mut self, blocks: usize) {
        self.credit = self.credit.saturating_sub(blocks as u64 * 100);
    }

    /// Whether it is under way, or may begin: if something came to rest since the last one did.
    fn is_due(&self, settle: Duration, now: Timestamp) -> bool {
        let rest = settle.saturating_mul(ROUND_REST).max(ROUND_REST_MIN);
        let is_first = self.ended == Timestamp::ZERO;
        let is_news = self.written.saturating_add(settle) >= self.begun;
        self.below > 0 || is_first || (is_news && now >= self.ended.saturating_add(rest))
    }

    fn end(&mut self, now: Timestamp) {
        (self.below, self.ended) = (0, now);
    }
}

/// The most credit that isn't forgotten.
fn credit_max(disk_bytes: u64) -> u64 {
    let blocks = CREDIT_BLOCKS.max(disk_bytes / BLOCK / CREDIT_DISK_PART);
    blocks.saturating_mul(100)
}

/// Entries of blocks that are to be moved, ascending.
type Plan = Vec<(u64, Entry)>;

impl Volume {
    /// Moves the next scattered ranges, if there are any that have come to rest and if that is affordable.
    pub(crate) fn defragment(&self, control: &mut Control, now: Timestamp) -> Result<Option<Maintenance>, Error> {
        let settings = self.settings();
        let round = &mut control.sweep.round;
        if settings.defragment_percent == 0 {
            round.credit = 0;
        }
        let is_affordable = round.affordable() >= LEAF_BLOCKS as usize;
        if !round.is_due(settings.defragment_after, now) || !is_affordable || !self.has_room_to_move() {
            return Ok(None);
        }
        if round.below == 0 {
            round.begun = now;
        }
        let (leaves, looked) = self.plan(control, now.saturating_sub(settings.defragment_after));
        let (plan, content) = self.read_leaves(leaves);
        let moved = self.append_moved(&plan, &content, now)?;
        control.sweep.round.pay(moved.len());
        let io_bytes = looked as u64 * SEEK_IO_BYTES / 4 + moved.len() as u64 * (2 * BLOCK + SEEK_IO_BYTES);
        let is_full = moved.len() < plan.len();
        if !moved.is_empty() {
            self.apply_change(control, Change::Move(moved), now)?;
        }
        let is_over = control.sweep.round.below >= self.size_bytes().div_ceil(LEAF_BLOCKS * BLOCK);
        if is_over || is_full {
            control.sweep.round.end(now);
        }
        Ok(Some(Maintenance {
            io_bytes,
            more: true,
            ..Maintenance::default()
        }))
    }

    /// Whether there is so much space that moving brings neither clients nor history into need of it.
    fn has_room_to_move(&self) -> bool {
        let appender = self.log.peek();
        let room_bytes = ROOM_SEGMENTS * u64::from(appender.capacity());
        let stored_bytes = self.segments.total_bytes();
        let fits = |budget: u64| stored_bytes + room_bytes < budget / 4 * 3;
        let free_bytes = self.segments.directory().free_bytes().unwrap_or(0);
        let is_free = free_bytes > room_bytes + stored_bytes / 4;
        !appender.is_reserve_used() && appender.budget_bytes.is_none_or(fits) && is_free
    }

    /// The next leaves to move, and how many were looked at for that. What can't be read is passed over, for `verify` to tell.
    fn plan(&self, control: &mut Control, settled_before: Timestamp) -> (Vec<Plan>, usize) {
        let root = control.state.root;
        let round = &mut control.sweep.round;
        let end = self.size_bytes().div_ceil(LEAF_BLOCKS * BLOCK);
        let blocks_max = round.affordable().min(STEP_BLOCKS);
        let (mut leaves, mut blocks, mut looked) = (Vec::new(), 0, 0);
        // Clients that outrun the last checkpoint wait for `control`.
        while round.below < end && looked < STEP_LEAVES && !self.is_checkpoint_due() {
            looked += 1;
            let found = self.look_at(&root, round.below, settled_before);
            let (leaf, next) = found.unwrap_or_else(|_| (Plan::new(), self.behind_damage(&root, round.below)));
            blocks += leaf.len();
            if blocks > blocks_max {
                break;
            }
            leaves.extend(Some(leaf).filter(|leaf| !leaf.is_empty()));
            round.below = next;
        }
        (leaves, looked)
    }

    /// Where to go on after a leaf that can't be looked at: behind all that the damaged node leads to, which may be most of a huge disk.
    fn behind_damage(&self, root: &Entry, leaf: u64) -> u64 {
        let shift_of = |level: u8| FANOUT_BITS * u32::from(level);
        let damaged = (1..LEVELS).rev().find(|level| {
            let address = NodeAddress {
                level: *level,
                index: leaf >> shift_of(*level),
            };
            self.nodes.find(root, address, Wait::Allowed).is_err()
        });
        let shift = shift_of(damaged.unwrap_or(0));
        ((leaf >> shift) + 1) << shift
    }

    /// The blocks of a leaf, if it is worth moving, and which leaf to look at next.
    fn look_at(&self, root: &Entry, leaf: u64, settled_before: Timestamp) -> Result<(Plan, u64), Error> {
        if let Some((_, until)) = self.nodes.uniform_part(root, leaf)? {
            return Ok((Plan::new(), until));
        }
        let address = NodeAddress { level: 0, index: leaf };
        let bytes = self.nodes.locate(root, address)?.payload_length() as usize;
        // Leaves of few blocks needn't be read: a huge disk may have millions of them.
        if bytes < Node::HEADER_BYTES + RUNS_MIN * Entry::BYTES {
            return Ok((Plan::new(), leaf + 1));
        }
        let Base::Node(node) = self.nodes.find(root, address, Wait::Allowed)? else {
            return Ok((Plan::new(), leaf + 1));
        };
        let blocks = node
            .iter()
            .map(|(at, entry)| (leaf * LEAF_BLOCKS + u64::from(at), entry));
        let stored: Plan = blocks.filter(|(_, entry)| entry.kind() == EntryKind::Data).collect();
        let is_worth_it = self.is_worth_moving(&stored, settled_before);
        Ok((if is_worth_it { stored } else { Plan::new() }, leaf + 1))
    }

    /// Whether a leaf's blocks lie apart, have come to rest, and are this volume's own: what a fork shares with its parent
    /// it would have to copy.
    fn is_worth_moving(&self, stored: &[(u64, Entry)], settled_before: Timestamp) -> bool {
        let map = read_lock(&self.map);
        let is_movable = stored.iter().all(|(block, entry)| {
            entry.location().segment >= self.segments.first()
                && entry.written().is_none_or(|written| written < settled_before)
                && map.newest(*block).is_none()
        });
        drop(map);
        let entries: Vec<Entry> = stored.iter().map(|(_, entry)| *entry).collect();
        let (mut runs, mut rest) = (0, entries.as_slice());
        while !rest.is_empty() {
            runs += 1;
            rest = rest.get(run_length(rest, rest.len())..).unwrap_or_default();
        }
        is_movable && runs >= RUNS_MIN && stored.len() < runs * RUN_BLOCKS
    }

    /// The content of leaves. One of which a block can't be read is left as it is: its others would be moved again and again.
    fn read_leaves(&self, leaves: Vec<Plan>) -> (Plan, Vec<u8>) {
        let (mut plan, mut content) = (Plan::new(), Vec::new());
        for leaf in leaves {
            let entries: Vec<Entry> = leaf.iter().map(|(_, entry)| *entry).collect();
            // A hint: whatever is wrong shows when the blocks are read.
            let _ = prefetch_runs(&self.segments, &entries);
            let before = content.len();
            content.resize(before + leaf.len() * BLOCK_BYTES, 0);
            let buffers = content.get_mut(before..).unwrap_or_default().chunks_mut(BLOCK_BYTES);
            let is_read = leaf.iter().zip(buffers).all(|((block, entry), buffer)| {
                let entry = std::slice::from_ref(entry);
                read_blocks(&self.segments, entry, block * BLOCK, buffer, Wait::Allowed).is_ok()
            });
            if is_read {
                plan.extend(leaf);
            } else {
                content.truncate(before);
            }
        }
        (plan, content)
    }

    /// Appends blocks once more: all of them, or those for which there is space.
    fn append_moved(&self, plan: &[(u64, Entry)], content: &[u8], now: Timestamp) -> Result<Vec<Moved>, Error> {
        if !plan.is_empty() {
            require_version(&**self.segments.directory(), &self.name, VolumeVersion::Four)?;
        }
        let blocks_max = (self.batch_bytes_max.min(1 << 20) / BLOCK_BYTES).max(1);
        let mut moved = Vec::with_capacity(plan.len());
        for (part, content) in plan.chunks(blocks_max).zip(content.chunks(blocks_max * BLOCK_BYTES)) {
            match self.append_part(part, content, now) {
                Err(Error::NoSpace(_)) => break,
                appended => moved.extend(appended?),
            }
        }
        Ok(moved)
    }

    /// Appends one batch.
    fn append_part(&self, part: &[(u64, Entry)], content: &[u8], now: Timestamp) -> Result<Vec<Moved>, Error> {
        let record = |(block, entry): &(u64, Entry)| Record {
            kind: RecordKind::Moved,
            class: entry.class(),
            payload_length: BLOCK_BYTES as u32,
            address: *block,
            count: 1,
            crc: entry.crc,
        };
        let records: Vec<Record> = part.iter().map(record).collect();
        let mut appender = self.log.appender()?;
        // As a client: what isn't necessary mustn't take space that is kept for what is.
        let appended = appender.append(Purpose::Client, &records, &[content], now);
        let appended = appended.inspect_err(|error| self.log.note_failure(error))?;
        let write_behind = appender.take_write_behind();
        drop(appender);
        // So that a client's flush doesn't have to wait for this to be written.
        if let Some(write_behind) = write_behind {
            write_behind.start();
        }
        let moved = part.iter().enumerate().map(|(index, (block, from))| {
            let mut place: Location = appended.payload;
            place.slot.0 += (index as u64 * BLOCK / SLOT_BYTES) as u32;
            Moved {
                block: *block,
                from: *from,
                to: from.moved_to(place),
            }
        });
        Ok(moved.collect())
    }
}

#[cfg(test)]
mod tests;
