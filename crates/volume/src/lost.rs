//! Blocks that can't be found any more: a map node that alone knew their places was damaged. The node that took its
//! place says so ([`EntryKind::Lost`]), also when the damaged one was dropped long ago.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::format::{Entry, EntryKind, FANOUT_BITS, LEAF_BITS, LEVELS, Location, Node, NodeAddress};
use crate::locks::read_lock;
use crate::map::Nodes;
use crate::storage::Wait;
use crate::time::Timestamp;
use crate::volume::Volume;

/// Blocks whose entries are looked up together.
const LOOKUP_BLOCKS: u64 = 1024;

/// Blocks that follow each other and were lost with the same node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LostRun {
    /// The node that was damaged.
    pub(crate) node: Location,
    pub(crate) first: u64,
    /// One past the last block.
    pub(crate) end: u64,
    /// When a map first said so.
    pub(crate) since: Timestamp,
}

/// What the nodes of all maps, present and past, say is lost.
///
/// A node is looked at where it stands in the log, once, however many maps share it. Memory is bounded by how many nodes
/// were damaged, each of which has at most 128 entries.
#[derive(Debug, Default)]
pub(crate) struct LostBlocks {
    /// Damaged node and first block -> one past the last block, and since when. Runs of one node don't overlap.
    runs: BTreeMap<(Location, u64), (u64, Timestamp)>,
}

impl LostBlocks {
    /// Takes in what a node says, which was written at `time`.
    pub(crate) fn add(&mut self, address: NodeAddress, node: &Node, time: Timestamp) {
        for (position, entry) in node.iter().filter(|(_, entry)| entry.kind() == EntryKind::Lost) {
            if let Some((first, end)) = blocks_of(address, position) {
                self.add_run(entry.location(), first, end, time);
            }
        }
    }

    fn add_run(&mut self, node: Location, mut first: u64, mut end: u64, mut since: Timestamp) {
        // Later versions of a node say the same again, of fewer blocks or in other pieces.
        while let Some((&(_, start), &(stop, known))) = self
            .runs
            .range((node, 0)..=(node, end))
            .next_back()
            .filter(|(_, (stop, _))| *stop >= first)
        {
            self.runs.remove(&(node, start));
            (first, end, since) = (first.min(start), end.max(stop), since.min(known));
        }
        self.runs.insert((node, first), (end, since));
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = LostRun> {
        self.runs.iter().map(|(&(node, first), &(end, since))| LostRun {
            node,
            first,
            end,
            since,
        })
    }
}

/// Bits of the block number that an entry of a node of `level` leaves open.
fn open_bits(level: u8) -> u32 {
    match level.checked_sub(1) {
        None => 0,
        Some(below) => LEAF_BITS + FANOUT_BITS * u32::from(below),
    }
}

/// The blocks that an entry of a node speaks for: the first, and one past the last. `None` where there are no blocks.
fn blocks_of(address: NodeAddress, position: u32) -> Option<(u64, u64)> {
    let bits = open_bits(address.level);
    if address.level >= LEVELS
        || position >= address.fanout()
        || address.index >> (34 - open_bits(address.level + 1)) > 0
    {
        return None;
    }
    let entries_before = address.index * u64::from(address.fanout()) + u64::from(position);
    Some((entries_before << bits, (entries_before + 1) << bits))
}

impl Nodes {
    /// The first block of `first..end` that a subtree says is lost. What can't be read says nothing.
    fn first_lost(&self, entry: &Entry, address: NodeAddress, first: u64, end: u64) -> Option<u64> {
        let node = self.load(entry, address, Wait::Allowed).ok()?;
        node.iter().find_map(|(position, child)| {
            let (start, stop) = blocks_of(address, position).filter(|(start, stop)| *start < end && *stop > first)?;
            match child.kind() {
                EntryKind::Lost => Some(start.max(first)),
                EntryKind::Node => {
                    let below = NodeAddress {
                        level: address.level.checked_sub(1)?,
                        index: start >> open_bits(address.level),
                    };
                    self.first_lost(&child, below, first, end.min(stop))
                }
                _ => None,
            }
        })
    }
}

impl Volume {
    /// Whether the live disk still lacks a block of `first..end`.
    pub(crate) fn is_any_lost(&self, mut first: u64, end: u64) -> Result<bool, Error> {
        loop {
            let root = read_lock(&self.map).root;
            let lost = match root.kind() {
                EntryKind::Node => self.nodes.first_lost(&root, NodeAddress::ROOT, first, end),
                EntryKind::Lost => Some(first),
                _ => None,
            };
            let Some(block) = lost.filter(|block| *block < end) else {
                return Ok(false);
            };
            // Written again since the newest checkpoint, perhaps.
            let count = LOOKUP_BLOCKS.min(end - block);
            let partial = read_lock(&self.map).partial(block, count);
            let entries = partial.complete(&self.nodes, Wait::Allowed)?;
            if entries.iter().any(|entry| entry.kind() == EntryKind::Lost) {
                return Ok(true);
            }
            first = block + count;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;

    use super::*;
    use crate::format::BLOCK_BYTES;
    use crate::segment::file_name;
    use crate::{Damage, Error, OsDirectory, Settings, Store, WriteRequest, os_random};

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + second)
    }

    fn store(path: &std::path::Path) -> Arc<Store> {
        let settings = Settings {
            segment_bytes: 64 << 10,
            retention: std::time::Duration::from_secs(100),
            retention_floor: std::time::Duration::ZERO,
            compact_from_percent: 1,
            ..Settings::default()
        };
        let directory = Arc::new(OsDirectory::open(path).expect("the folder"));
        Store::open(directory, Box::new(move |_| settings.clone()), Box::new(os_random))
    }

    fn fill(volume: &Volume, blocks: std::ops::Range<u64>, second: u64) {
        for block in blocks {
            let data = [block as u8 ^ second as u8; BLOCK_BYTES];
            let offset = block * BLOCK_BYTES as u64;
            volume
                .write(&[WriteRequest { offset, data: &data }], at(second))
                .expect("written");
        }
    }

    fn is_readable(volume: &Volume, block: u64) -> bool {
        let mut data = [0; BLOCK_BYTES];
        match volume.read(block * BLOCK_BYTES as u64, &mut data, Wait::Allowed) {
            Ok(()) => true,
            Err(Error::CorruptStructure { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn damage(volume: &Volume) -> Vec<Damage> {
        volume
            .verify(&mut |_| ControlFlow::Continue(()))
            .expect("verified")
            .damage
    }

    fn lost(volume: &Volume) -> Vec<(u64, u64, bool)> {
        let lost = damage(volume)
            .into_iter()
            .filter(|damage| damage.structure == "lost blocks");
        lost.map(|damage| (damage.block.expect("a block"), damage.blocks, damage.current))
            .collect()
    }

    /// Makes the leaf of block 64 rot on the disk.
    fn spoil_leaf(path: &std::path::Path, volume: &Volume) {
        let root = read_lock(&volume.map).root;
        let leaf = NodeAddress { level: 0, index: 1 };
        let place = volume.nodes.locate(&root, leaf).expect("a leaf").location();
        let file = std::fs::File::options()
            .write(true)
            .open(path.join("disk").join(file_name(place.segment)))
            .expect("the segment");
        file.write_all_at(&[0xff; 8], place.slot.offset() + 40)
            .expect("written");
    }

    #[test]
    fn verify_names_blocks_lost_with_a_map_node_until_they_are_written_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let before = store(folder.path());
        let volume = before.create("disk", 8 << 20, at(0)).expect("created");
        fill(&volume, 0..200, 1);
        before.close(at(2)).expect("closed");
        spoil_leaf(folder.path(), &volume);
        drop((volume, before));

        // A client's write needs a new version of the leaf, and the others' places are lost.
        let store = store(folder.path());
        let volume = store.volume("disk", at(10)).expect("opened");
        fill(&volume, 80..81, 11);
        volume.checkpoint(at(12)).expect("a checkpoint");
        assert!(is_readable(&volume, 80) && !is_readable(&volume, 81));
        assert_eq!(lost(&volume), [(64, 16, true), (81, 47, true)]);

        // Later versions say it again, and the damaged one goes.
        fill(&volume, 90..91, 13);
        fill(&volume, 0..60, 13);
        volume.checkpoint(at(14)).expect("a checkpoint");
        fill(&volume, 0..60, 400);
        volume.checkpoint(at(400)).expect("a checkpoint");
        for second in 0..400 {
            volume.maintain(at(1000 + second), 1 << 30).expect("maintained");
        }
        assert!(
            damage(&volume).iter().all(|damage| damage.structure == "lost blocks"),
            "the damaged leaf was dropped: {:?}",
            damage(&volume)
        );
        let found = lost(&volume);
        assert!(!is_readable(&volume, 64) && !is_readable(&volume, 127) && is_readable(&volume, 128));
        for block in (64..128).filter(|block| ![80, 90].contains(block)) {
            let names =
                |(first, count, current): &(u64, u64, bool)| *current && (*first..first + count).contains(&block);
            assert!(found.iter().any(names), "{block} is not in {found:?}");
        }

        // As long as a moment lacks them they are reported, but the live disk doesn't.
        fill(&volume, 64..128, 1500);
        assert!(lost(&volume).iter().all(|(_, _, current)| !current));
        volume.checkpoint(at(1500)).expect("a checkpoint");
        assert!(!lost(&volume).is_empty());
        for second in 0..400 {
            fill(&volume, 0..1, 2000 + second);
            volume.maintain(at(2000 + second), 1 << 30).expect("maintained");
        }
        assert_eq!(damage(&volume), []);
    }

    #[test]
    fn entries_of_every_level_speak_for_their_blocks() {
        let address = |level, index| NodeAddress { level, index };
        assert_eq!(blocks_of(address(0, 2), 3), Some((131, 132)));
        assert_eq!(blocks_of(address(1, 1), 0), Some((8192, 8256)));
        assert_eq!(blocks_of(address(4, 0), 127), Some((127 << 27, 1 << 34)));
        assert_eq!(blocks_of(address(4, 1), 0), None);
        assert_eq!(blocks_of(address(200, 0), 0), None);
        assert_eq!(blocks_of(address(0, u64::MAX >> 8), 0), None);
    }
}
