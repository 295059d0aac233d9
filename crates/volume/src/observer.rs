//! What a guard needs of a volume: to look at every block on its way in, and to be told what was there before.
//!
//! The former version is told by the map, without reading it: its content class and the second of its writing. Walking the map's tree takes
//! as long as all else that a guard adds to a small write, so whoever observes says when: after the client has its reply.

use std::sync::Arc;

use crate::device::WriteRequest;
use crate::error::Error;
use crate::format::{BLOCK_BYTES, Entry, EntryKind, Location, NodeAddress, Record, SLOT_BYTES};
use crate::locks::read_lock;
use crate::log::Appended;
use crate::map::{Base, Nodes, position};
use crate::reader::read_blocks;
use crate::segment::Segments;
use crate::storage::Wait;
use crate::time::Timestamp;
use crate::volume::Volume;

/// Most extents that are counted for [`Volume::stored_blocks`].
const EXTENTS_MAX: usize = 256;

/// What the map knew of a block before it was overwritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Former {
    /// The content class it was stored with, 0 (unknown) to 15.
    pub class: u8,
    /// Whether it held stored bytes, not zeros or nothing.
    pub is_stored: bool,
    /// Whether what is written over it has the same CRC-32C: hardly by chance, but on purpose easily. [`Before::is_same`] makes sure.
    pub seems_same: bool,
    /// When it was written, zeroed or trimmed, to the second; `None` if never, or if the map's node can't be read.
    pub written: Option<Timestamp>,
}

impl From<&Entry> for Former {
    fn from(entry: &Entry) -> Self {
        Self {
            class: entry.class(),
            is_stored: matches!(entry.kind(), EntryKind::Data | EntryKind::Lost),
            seems_same: false,
            written: entry.written(),
        }
    }
}

/// Sees a write's blocks.
pub trait Observer {
    /// The content class (0 to 15) that a block's bytes are stored with. Called once for every block, in order; bytes
    /// of a block that is written in part are those of the whole block.
    fn classify(&mut self, block: &[u8]) -> u8;

    /// The blocks classified since the last call were written at `now`, over what `before` tells. Called once for every batch, after it is on
    /// the disk.
    fn written(&mut self, before: Before, now: Timestamp);
}

/// What was where a batch was written.
#[derive(Debug)]
pub struct Before {
    nodes: Arc<Nodes>,
    segments: Arc<Segments>,
    root: Entry,
    blocks: Vec<Block>,
    /// Where the first block of the batch is now, and since when; the others follow it.
    written: Option<(Location, Timestamp)>,
}

/// A block of a batch.
#[derive(Debug)]
struct Block {
    number: u64,
    /// Of what is written.
    crc: u32,
    /// What was known in memory of what it held.
    known: Option<Entry>,
}

impl Before {
    /// Tells the number of each block, in the order of [`Observer::classify`], and what was there. What can't be found out is unknown: nobody's
    /// write must fail for it. That is rare: a node of the tree can't be read, or is gone because this was asked long after the write.
    pub fn look_up(&self, tell: &mut dyn FnMut(u64, Former)) {
        let mut leaf = Leaf::default();
        for block in &self.blocks {
            let former = match self.entry(block, &mut leaf) {
                Some(entry) => Former {
                    seems_same: entry.kind() == EntryKind::Data && entry.crc == block.crc,
                    ..(&entry).into()
                },
                None => Former {
                    is_stored: true,
                    ..Former::default()
                },
            };
            tell(block.number, former);
        }
    }

    /// Whether `count` blocks of the batch, from the one with index `first` on, hold the very bytes that they held before. Reads both from the
    /// disk below; `None` where they can't be read, or are no longer there because this was asked long after the write.
    #[must_use]
    pub fn is_same(&self, first: usize, count: usize) -> Option<bool> {
        let blocks = self.blocks.get(first..).and_then(|rest| rest.get(..count));
        let (Some(blocks), Some((location, time))) = (blocks, self.written) else {
            return Some(false);
        };
        let (mut then, mut now) = (Vec::new(), Vec::new());
        let mut leaf = Leaf::default();
        for (index, block) in (first..).zip(blocks) {
            let mut location = location;
            location.slot.0 += (index as u64 * BLOCK_BYTES as u64 / SLOT_BYTES) as u32;
            now.push(Entry::data(location, 0, block.crc, time));
            then.push(self.entry(block, &mut leaf)?);
        }
        if then.iter().any(|entry| entry.kind() != EntryKind::Data) {
            return Some(false);
        }
        let read = |entries: &[Entry]| {
            let mut buffer = vec![0; entries.len() * BLOCK_BYTES];
            let offset = blocks.first().map_or(0, |block| block.number) * BLOCK_BYTES as u64;
            let read = read_blocks(&self.segments, entries, offset, &mut buffer, Wait::Allowed);
            read.is_ok().then_some(buffer)
        };
        Some(read(&then)? == read(&now)?)
    }

    /// What was there before, if that can be found out.
    fn entry(&self, block: &Block, leaf: &mut Leaf) -> Option<Entry> {
        if block.known.is_some() {
            return block.known;
        }
        let address = NodeAddress::leaf_of(block.number);
        if leaf.as_ref().is_none_or(|(found, _)| *found != address.index) {
            *leaf = Some((address.index, self.nodes.find(&self.root, address, Wait::Allowed).ok()));
        }
        match leaf.as_ref()?.1.as_ref()? {
            Base::Uniform(entry) => Some(*entry),
            Base::Node(node) => Some(node.entry(position(block.number))),
        }
    }

    /// The batch is on the disk.
    pub(crate) const fn note(&mut self, appended: &Appended) {
        self.written = Some((appended.payload, appended.time));
    }
}

/// The number of the leaf that was looked for last, and what was found: a failing disk isn't asked again for each of its blocks.
type Leaf = Option<(u64, Option<Base>)>;

impl crate::attachment::Attachment {
    /// [`crate::Device::write`], shown to an observer.
    pub fn write_observed(&self, writes: &[WriteRequest<'_>], observer: &mut dyn Observer) -> Result<(), Error> {
        let (volume, now) = (self.volume(), self.now());
        volume
            .write_in_epoch(writes, now, Some(self.epoch()), Some(observer))
            .map(|_| ())
    }
}

impl Volume {
    /// About how many blocks of a range hold stored bytes. A range in more than a few hundred pieces is counted from its
    /// start as far as those reach.
    pub fn stored_blocks(&self, offset: u64, length: u64) -> Result<u64, Error> {
        let extents = self.extents(offset, length, EXTENTS_MAX)?;
        let stored = extents.iter().filter(|extent| extent.kind == crate::ExtentKind::Data);
        Ok(stored.map(|extent| extent.length.div_ceil(BLOCK_BYTES as u64)).sum())
    }

    /// What is where `records` are about to be written.
    pub(crate) fn before(&self, records: &[Record]) -> Before {
        let map = read_lock(&self.map);
        let blocks = records.iter().map(|record| Block {
            number: record.address,
            crc: record.crc,
            known: map.newest(record.address),
        });
        Before {
            blocks: blocks.collect(),
            root: map.root,
            nodes: Arc::clone(&self.nodes),
            segments: Arc::clone(&self.segments),
            written: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Clock, Device, Hole, OsDirectory, Settings, Store, WriteRequest};

    /// A clock that stands still.
    struct At(u64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_seconds(self.0)
        }
    }

    /// Classifies by the first byte, and notes what it is told.
    #[derive(Default)]
    struct Noting {
        classified: Vec<u8>,
        befores: Vec<Before>,
    }

    impl Noting {
        fn told(&self) -> Vec<(u64, Former)> {
            let mut told = Vec::new();
            for before in &self.befores {
                before.look_up(&mut |block, former| told.push((block, former)));
            }
            told
        }
    }

    impl Observer for Noting {
        fn classify(&mut self, block: &[u8]) -> u8 {
            let class = block.first().copied().unwrap_or(0);
            self.classified.push(class);
            class
        }

        fn written(&mut self, before: Before, _now: Timestamp) {
            self.befores.push(before);
        }
    }

    fn stored(class: u8, second: u64) -> Former {
        Former {
            class,
            is_stored: true,
            seems_same: false,
            written: Some(Timestamp::from_unix_seconds(second)),
        }
    }

    #[test]
    fn whether_a_block_stays_the_same_is_told_by_its_checksum_and_found_out_from_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let store = Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random));
        let volume = store.create("disk", 1 << 20, Timestamp::from_unix_seconds(1)).unwrap();
        // What differs by the CRC's polynomial, 0x1_1edc_6f41, has the same CRC. Its bits go from the lowest of a byte to the highest.
        let mut forged = [3; 4096];
        for (byte, difference) in forged.iter_mut().rev().zip([0x41, 0x6f, 0xdc, 0x1e, 0x01]) {
            *byte ^= u8::reverse_bits(difference);
        }
        let other = [4; 4096];
        let write = |second, blocks: [&[u8; 4096]; 4]| {
            let mut observer = Noting::default();
            let disk = volume.attach(Arc::new(At(second)));
            disk.write_observed(
                &[WriteRequest {
                    offset: 8192,
                    data: blocks.map(|block| *block).as_flattened(),
                }],
                &mut observer,
            )
            .unwrap();
            observer
        };
        let original = [3; 4096];
        let seems = |seen: &Noting| {
            let told = seen.told().into_iter();
            told.map(|(_, former)| former.seems_same).collect::<Vec<_>>()
        };
        let first = write(10, [&original; 4]);
        assert_eq!(seems(&first), [false; 4]);
        assert!(!first.befores[0].is_same(0, 1).unwrap(), "nothing was there");
        for second in [20, 30] {
            // Known from changes in memory, then from the tree.
            let seen = write(second, [&original, &forged, &other, &original]);
            assert_eq!(seems(&seen), [true, true, false, true], "{second}");
            let before = &seen.befores[0];
            let same = [(0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (4, 1), (3, 2)];
            let same = same.map(|(first, count)| before.is_same(first, count).unwrap());
            assert_eq!(same, [true, false, false, true, false, false, false], "{second}");
            write(second + 5, [&original; 4]);
            volume.checkpoint(Timestamp::from_unix_seconds(second + 6)).unwrap();
            // Later, too.
            assert!(before.is_same(0, 1).unwrap() && !before.is_same(1, 1).unwrap());
        }
    }

    #[test]
    fn an_observer_is_told_what_was_there_before_whoever_knows_it() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let store = Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random));
        let volume = store.create("disk", 1 << 20, Timestamp::from_unix_seconds(1)).unwrap();
        let disk = |second| volume.attach(Arc::new(At(second)));
        let write = |second, offset: u64, data: &[u8]| {
            let mut observer = Noting::default();
            disk(second)
                .write_observed(&[WriteRequest { offset, data }], &mut observer)
                .unwrap();
            observer
        };
        let never = Former::default();
        assert_eq!(write(10, 4096, &[5; 8192]).told(), [(1, never), (2, never)]);
        // From changes in memory, then from the tree.
        assert_eq!(write(20, 4096, &[6; 4096]).told(), [(1, stored(5, 10))]);
        volume.checkpoint(Timestamp::from_unix_seconds(25)).unwrap();
        disk(30).zero(8192, 4096, Hole::Allowed).unwrap();
        let hole = Former {
            written: Some(Timestamp::from_unix_seconds(30)),
            ..never
        };
        let seen = write(40, 0, &[7; 16384]);
        let formers = [(0, never), (1, stored(6, 20)), (2, hole), (3, never)];
        assert_eq!(seen.told(), formers);
        assert_eq!(seen.classified, [7; 4]);
        // A part of a block is looked at as the whole block that it becomes.
        let part = write(50, 100, &[1; 10]);
        assert_eq!((part.told(), part.classified), (vec![(0, stored(7, 40))], vec![7]));
        // The same later: what was written since, and checkpoints, change nothing.
        for second in 60..63 {
            write(second, 0, &[9; 16384]);
            volume.checkpoint(Timestamp::from_unix_seconds(second)).unwrap();
        }
        assert_eq!(seen.told(), formers);
        assert_eq!(volume.stored_blocks(0, 1 << 20).unwrap(), 4);
        // Not told of what was refused.
        let mut observer = Noting::default();
        let beyond = WriteRequest {
            offset: 1 << 20,
            data: &[1; 4096],
        };
        assert!(disk(60).write_observed(&[beyond], &mut observer).is_err());
        assert_eq!(observer.told(), []);
    }
}
