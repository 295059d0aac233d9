//! Bringing together what was written apart. A log puts blocks where they were written and not where they belong, so that a
//! range that was overwritten at random is read block by block. Ranges that have come to rest are written once more, in the
//! order of their blocks; the map then knows the new places, with the times of writing that the blocks always had.
//!
//! Order of effects: the blocks are appended; then one checkpoint takes in their new places, but for blocks that were
//! written meanwhile. A crash before that checkpoint is whole leaves the old places in force. They stay valid in any case:
//! the past refers to them, until retention drops it.
//!
//! What is moved is stored twice meanwhile. So only as much is moved as clients have written, times a share that the
//! operator chooses, and nothing while space is short.

use std::time::Duration;

use crate::control::Change;
use crate::error::Error;
use crate::folder::require_version;
use crate::format::{BLOCK_BYTES, Entry, EntryKind, LEAF_BITS, Node, NodeAddress, Record, RecordKind, SLOT_BYTES};
use crate::format::{Location, VolumeVersion, payload_crc};
use crate::log::Purpose;
use crate::maintain::Maintenance;
use crate::map::Base;
use crate::reader::{prefetch_runs, read_blocks, run_length};
use crate::storage::Wait;
use crate::time::Timestamp;
use crate::volume::{Control, Volume};

const BLOCK: u64 = BLOCK_BYTES as u64;
const LEAF_BLOCKS: u64 = 1 << LEAF_BITS;
/// Blocks that one step moves at most: 16 MiB, for which a checkpoint is worth it.
const STEP_BLOCKS: usize = 4096;
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
/// What looking at a leaf is counted as, in bytes of background work.
const LEAF_IO_BYTES: u64 = 4096;

/// A block that was stored once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) block: u64,
    pub(crate) from: Entry,
    pub(crate) to: Entry,
}

/// How far the present round has come.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Leaves below were looked at.
    below: u64,
    /// When the last round ended.
    ended: Timestamp,
    /// What may be moved: hundredths of a block.
    credit: u64,
}

impl Round {
    /// Clients changed so many blocks, of which `percent` in a hundred may be moved.
    pub(crate) fn earn(&mut self, blocks: u64, percent: u32) {
        self.credit = self.credit.saturating_add(blocks.saturating_mul(u64::from(percent)));
    }

    fn affordable(&self) -> usize {
        usize::try_from(self.credit / 100).unwrap_or(usize::MAX)
    }

    fn pay(&mut self, blocks: usize) {
        self.credit = self.credit.saturating_sub(blocks as u64 * 100);
    }

    fn end(&mut self, now: Timestamp) {
        (self.below, self.ended) = (0, now);
    }
}

/// Entries of blocks that are to be moved, ascending.
type Plan = Vec<(u64, Entry)>;

impl Volume {
    /// Moves the next scattered ranges, if there are any that have come to rest and if that is affordable.
    pub(crate) fn defragment(&self, control: &mut Control, now: Timestamp) -> Result<Option<Maintenance>, Error> {
        let rest = self
            .settings()
            .defragment_after
            .saturating_mul(ROUND_REST)
            .max(ROUND_REST_MIN);
        let is_resting =
            control.sweep.round.ended != Timestamp::ZERO && now < control.sweep.round.ended.saturating_add(rest);
        if is_resting || control.sweep.round.affordable() < LEAF_BLOCKS as usize || self.is_pressed() {
            return Ok(None);
        }
        let (plan, leaves) = self.plan(control, now)?;
        let mut io_bytes = leaves as u64 * LEAF_IO_BYTES;
        if !plan.is_empty() {
            let moved = match self.append_moved(&plan, now) {
                Err(Error::NoSpace(_)) => {
                    control.sweep.round.end(now);
                    return Ok(None);
                }
                moved => moved?,
            };
            control.sweep.round.pay(moved.len());
            io_bytes += 2 * moved.len() as u64 * BLOCK;
            if !moved.is_empty() {
                self.apply_change(control, Change::Move(moved), now)?;
            }
        }
        let is_over = control.sweep.round.below >= self.size_bytes().div_ceil(LEAF_BLOCKS * BLOCK);
        if is_over {
            control.sweep.round.end(now);
        }
        Ok(Some(Maintenance {
            io_bytes,
            more: true,
            ..Maintenance::default()
        }))
    }

    /// Which blocks to move next, and how many leaves were looked at for that.
    fn plan(&self, control: &mut Control, now: Timestamp) -> Result<(Plan, usize), Error> {
        let root = control.state.root;
        let end = self.size_bytes().div_ceil(LEAF_BLOCKS * BLOCK);
        let settled_before = now.saturating_sub(self.settings().defragment_after);
        let blocks_max = control.sweep.round.affordable().min(STEP_BLOCKS);
        let (mut plan, mut looked) = (Plan::new(), 0);
        while control.sweep.round.below < end && looked < STEP_LEAVES {
            looked += 1;
            let leaf = control.sweep.round.below;
            let (scattered, next) = match self.look_at(&root, leaf, settled_before) {
                Err(error) => (damage_is_left(error).map(|()| Plan::new())?, leaf + 1),
                Ok(found) => found,
            };
            if plan.len() + scattered.len() > blocks_max {
                break;
            }
            plan.extend(scattered);
            control.sweep.round.below = next;
        }
        Ok((plan, looked))
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
        let plan = match self.nodes.find(root, address, Wait::Allowed)? {
            Base::Node(node) if self.is_worth_moving(&node, settled_before) => {
                let blocks = node
                    .iter()
                    .map(|(at, entry)| (leaf * LEAF_BLOCKS + u64::from(at), entry));
                blocks.filter(|(_, entry)| entry.kind() == EntryKind::Data).collect()
            }
            Base::Node(_) | Base::Uniform(_) => Plan::new(),
        };
        Ok((plan, leaf + 1))
    }

    /// Whether a leaf's blocks lie apart, have come to rest, and are this volume's own: what a fork shares with its parent
    /// it would have to copy.
    fn is_worth_moving(&self, leaf: &Node, settled_before: Timestamp) -> bool {
        let stored: Vec<Entry> = leaf
            .iter()
            .map(|(_, entry)| entry)
            .filter(|entry| entry.kind() == EntryKind::Data)
            .collect();
        let is_movable = stored.iter().all(|entry| {
            entry.location().segment >= self.segments.first()
                && entry.written().is_none_or(|written| written < settled_before)
        });
        let (mut runs, mut rest) = (0, stored.as_slice());
        while !rest.is_empty() {
            runs += 1;
            rest = rest.get(run_length(rest, rest.len())..).unwrap_or_default();
        }
        is_movable && runs >= RUNS_MIN && stored.len() < runs * RUN_BLOCKS
    }

    /// Appends blocks once more. Those that can't be read stay where they are, for `verify` to tell of.
    fn append_moved(&self, plan: &[(u64, Entry)], now: Timestamp) -> Result<Vec<Moved>, Error> {
        require_version(&**self.segments.directory(), &self.name, VolumeVersion::Four)?;
        let blocks_max = (self.batch_bytes_max.min(1 << 20) / BLOCK_BYTES).max(1);
        let mut moved = Vec::with_capacity(plan.len());
        for part in plan.chunks(blocks_max) {
            // Clients that outran the last checkpoint wait for `control`: the next round moves the rest.
            if self.is_checkpoint_due() {
                break;
            }
            let entries: Vec<Entry> = part.iter().map(|(_, entry)| *entry).collect();
            prefetch_runs(&self.segments, &entries)?;
            let (mut records, mut payloads) = (
                Vec::with_capacity(part.len()),
                Vec::with_capacity(part.len() * BLOCK_BYTES),
            );
            let mut content = [0; BLOCK_BYTES];
            for (block, entry) in part {
                match read_blocks(
                    &self.segments,
                    std::slice::from_ref(entry),
                    block * BLOCK,
                    &mut content,
                    Wait::Allowed,
                ) {
                    Err(error) => damage_is_left(error)?,
                    Ok(()) => {
                        debug_assert_eq!(payload_crc(&content), entry.crc);
                        payloads.extend_from_slice(&content);
                        records.push(Record {
                            kind: RecordKind::Moved,
                            class: entry.class(),
                            payload_length: BLOCK_BYTES as u32,
                            address: *block,
                            count: 1,
                            crc: entry.crc,
                        });
                        moved.push(Moved {
                            block: *block,
                            from: *entry,
                            to: *entry,
                        });
                    }
                }
            }
            self.append_part(&records, &payloads, &mut moved, now)?;
        }
        Ok(moved)
    }

    /// Appends one batch, and notes the new places of the blocks in it: the last of `moved`.
    fn append_part(
        &self,
        records: &[Record],
        payloads: &[u8],
        moved: &mut [Moved],
        now: Timestamp,
    ) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        // As a client: what isn't necessary mustn't take space that is kept for what is.
        let appended = self.log.appender()?.append(Purpose::Client, records, &[payloads], now);
        let appended = appended.inspect_err(|error| self.log.note_failure(error))?;
        let first = moved.len().saturating_sub(records.len());
        for (index, moved) in moved.iter_mut().skip(first).enumerate() {
            let mut location: Location = appended.payload;
            location.slot.0 += (index as u64 * BLOCK / SLOT_BYTES) as u32;
            moved.to = moved.from.moved_to(location);
        }
        Ok(())
    }
}

/// Damage is left where it is: nothing that can't be read is moved.
fn damage_is_left(error: Error) -> Result<(), Error> {
    match error {
        Error::CorruptBlock { .. } | Error::CorruptStructure { .. } | Error::BadFile { .. } => Ok(()),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::os::unix::fs::FileExt;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::locks::{lock, read_lock};
    use crate::segment::file_name;
    use crate::{Extent, Moment, OsDirectory, Sequence, Settings, Store, WriteRequest, os_random};

    const BLOCKS: u64 = 256;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + second)
    }

    fn store(folder: &Path, percent: u32) -> Arc<Store> {
        let directory = Arc::new(OsDirectory::open(folder).expect("the folder"));
        let settings = move |_: &str| Settings {
            defragment_after: Duration::from_secs(100),
            defragment_percent: percent,
            compress_after: Duration::from_secs(1 << 30),
            ..Settings::default()
        };
        Store::open(directory, Box::new(settings), Box::new(os_random))
    }

    fn fill(volume: &Volume, block: u64, byte: u8, second: u64) -> Sequence {
        let data = [byte; BLOCK_BYTES];
        let write = WriteRequest {
            offset: block * BLOCK,
            data: &data,
        };
        volume.write(&[write], at(second)).expect("written")
    }

    /// Every block written by itself, each far from its neighbours in the log; second `n` for the `n`th.
    fn scatter(volume: &Volume) -> Vec<Sequence> {
        let order = (0..BLOCKS).map(|step| step * 77 % BLOCKS);
        let written = order
            .enumerate()
            .map(|(step, block)| fill(volume, block, block as u8, step as u64));
        written.collect()
    }

    fn rest(volume: &Volume, second: u64) {
        while volume.maintain(at(second), 1 << 30).expect("maintained").more {}
    }

    /// In how many pieces the present disk is stored.
    fn pieces(volume: &Volume) -> usize {
        let partial = read_lock(&volume.map).partial(0, BLOCKS);
        let entries = partial.complete(&volume.nodes, Wait::Allowed).expect("entries");
        let (mut pieces, mut rest) = (0, entries.as_slice());
        while !rest.is_empty() {
            pieces += 1;
            rest = &rest[run_length(rest, rest.len())..];
        }
        pieces
    }

    fn content(volume: &Volume) -> Vec<u8> {
        let mut bytes = vec![0; (BLOCKS * BLOCK) as usize];
        volume.read(0, &mut bytes, Wait::Allowed).expect("read");
        bytes.chunks(BLOCK_BYTES).map(|block| block[0]).collect()
    }

    fn described(volume: &Volume) -> Vec<Extent> {
        volume.extents(0, BLOCKS * BLOCK, 1000).expect("described")
    }

    #[test]
    fn what_was_written_apart_is_brought_together_and_nothing_else_changes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = store(folder.path(), 100);
        let volume = first.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
        let moments = scatter(&volume);
        rest(&volume, 300);
        let magic = || std::fs::read(folder.path().join("disk/volume")).expect("the volume's file")[4..12].to_vec();
        assert_eq!(
            (pieces(&volume), magic()),
            (256, b"holdvol2".to_vec()),
            "it was younger than the age"
        );
        let (shown, extents, newest) = (content(&volume), described(&volume), moments[255]);
        volume.pin("before", None, at(350)).expect("pinned");
        rest(&volume, 20_000);
        assert_eq!((pieces(&volume), magic()), (1, b"holdvol4".to_vec()));

        let check = |volume: &Arc<Volume>| {
            assert_eq!((content(volume), described(volume)), (shown.clone(), extents.clone()));
            let view = volume.view(&Moment::After(moments[100])).expect("a view");
            let mut block = [9; BLOCK_BYTES];
            for step in [0, 100, 101, 255_usize] {
                let number = step as u64 * 77 % BLOCKS;
                crate::Device::read(&view, number * BLOCK, &mut block, Wait::Allowed).expect("read");
                assert_eq!(block[0], if step <= 100 { number as u8 } else { 0 }, "step {step}");
            }
            let mut changes = 0;
            let since = volume.changes(newest, volume.newest().sequence, &mut |_| {
                changes += 1;
                ControlFlow::Continue(())
            });
            since.expect("changes");
            let history = volume
                .history(at(0), at(30_000), Duration::from_secs(30_000))
                .expect("history");
            let written: u64 = history.buckets.iter().map(|bucket| bucket.bytes_written).sum();
            assert_eq!((changes, written), (0, BLOCKS * BLOCK));
            let report = volume.verify(&mut |_| ControlFlow::Continue(())).expect("verified");
            assert!(report.damage.is_empty() && report.chain_intact, "{report:?}");
        };
        check(&volume);
        drop(volume);
        first.close(at(20_001)).expect("closed");
        drop(first);
        let again = store(folder.path(), 100);
        let volume = again.volume("disk", at(20_002)).expect("opened");
        assert_eq!(pieces(&volume), 1);
        check(&volume);
        volume
            .rollback(&Moment::Pin("before".to_owned()), at(20_003))
            .expect("rolled back");
        assert_eq!(
            (pieces(&volume), content(&volume)),
            (256, shown.clone()),
            "the past is where it was"
        );
    }

    #[test]
    fn no_more_is_moved_than_the_share_of_what_was_written() {
        for (percent, moved) in [(0, 0), (24, 0), (25, 1), (74, 2), (100, 4)] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let store = store(folder.path(), percent);
            let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
            scatter(&volume);
            rest(&volume, 300);
            (0..5).for_each(|round| rest(&volume, 20_000 * (round + 1)));
            assert_eq!(
                pieces(&volume),
                (256 - moved * 64) + usize::from(moved > 0),
                "{percent} %"
            );
        }
    }

    #[test]
    fn a_block_that_is_written_meanwhile_stays_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(folder.path(), 100);
        let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
        scatter(&volume);
        volume.checkpoint(at(300)).expect("a checkpoint");
        let mut control = lock(&volume.control);
        let (plan, _) = volume.plan(&mut control, at(20_000)).expect("a plan");
        assert_eq!(plan.len(), 256);
        let moved = volume.append_moved(&plan, at(20_000)).expect("appended");
        fill(&volume, 70, 200, 20_001);
        volume.trim(80 * BLOCK, BLOCK, at(20_001)).expect("trimmed");
        volume
            .apply_change(&mut control, Change::Move(moved), at(20_001))
            .expect("a checkpoint");
        drop(control);
        let mut expected: Vec<u8> = (0..BLOCKS).map(|block| block as u8).collect();
        (expected[70], expected[80]) = (200, 0);
        assert_eq!((content(&volume), pieces(&volume)), (expected, 5));
    }

    #[test]
    fn a_damaged_block_stays_where_it_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(folder.path(), 100);
        let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
        scatter(&volume);
        volume.checkpoint(at(300)).expect("a checkpoint");
        let entries = read_lock(&volume.map)
            .partial(33, 1)
            .complete(&volume.nodes, Wait::Allowed)
            .expect("an entry");
        let place = entries[0].location();
        let file = std::fs::File::options()
            .write(true)
            .open(folder.path().join("disk").join(file_name(place.segment)));
        file.expect("the segment")
            .write_all_at(&[0xff; 8], place.slot.offset())
            .expect("written");
        rest(&volume, 20_000);
        let mut bytes = [0; BLOCK_BYTES];
        let read = |block: u64, bytes: &mut [u8]| volume.read(block * BLOCK, bytes, Wait::Allowed);
        assert!(matches!(
            read(33, &mut bytes),
            Err(Error::CorruptBlock { block: 33, .. })
        ));
        assert!(read(32, &mut bytes).is_ok() && read(34, &mut bytes).is_ok());
        assert_eq!(pieces(&volume), 3);
    }

    #[test]
    fn a_fork_leaves_what_it_shares_with_its_parent() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(folder.path(), 100);
        let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
        scatter(&volume);
        let fork = store
            .fork("disk", &Moment::After(volume.newest().sequence), "fork", at(300))
            .expect("forked");
        for step in 0..64 {
            fill(&fork, step * 77 % 64, step as u8, 301 + step);
        }
        for second in 0..200 {
            fill(&fork, 255, 3, 400 + second);
        }
        rest(&fork, 800);
        rest(&fork, 20_000);
        // The first leaf is the fork's own, of the last only the block that is written all the time.
        assert_eq!(pieces(&fork), 1 + 192);
    }
}
