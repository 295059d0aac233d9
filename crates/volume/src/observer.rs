//! What a guard needs of a volume: to look at every block on its way in, and to be told what was there before.
//!
//! The former version is told by the map, without reading it: its content class and the second of its writing.

use crate::device::WriteRequest;
use crate::error::Error;
use crate::format::{Entry, EntryKind, LEAF_BITS, NodeAddress, Record, RecordKind};
use crate::locks::read_lock;
use crate::map::{Base, position};
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
    /// When it was written, zeroed or trimmed, to the second; `None` if never, or if the map's node can't be read.
    pub written: Option<Timestamp>,
}

impl From<&Entry> for Former {
    fn from(entry: &Entry) -> Self {
        Self {
            class: entry.class(),
            is_stored: matches!(entry.kind(), EntryKind::Data | EntryKind::Lost),
            written: entry.written(),
        }
    }
}

/// Sees a write's blocks.
pub trait Observer {
    /// The content class (0 to 15) that a block's bytes are stored with. Called once for every block, in order; bytes
    /// of a block that is written in part are those of the whole block.
    fn classify(&mut self, block: &[u8]) -> u8;

    /// Blocks from `first` on were written at `now`, over what `former` says. Called once for every run of consecutive
    /// blocks, in the order of [`Observer::classify`], after they are on the disk.
    fn written(&mut self, first: u64, former: &[Former], now: Timestamp);
}

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
        Ok(stored
            .map(|extent| extent.length.div_ceil(crate::BLOCK_BYTES as u64))
            .sum())
    }

    /// What was where `records` are about to be written. What can't be found out is unknown: the write must not fail for
    /// it.
    pub(crate) fn formers(&self, records: &[Record], formers: &mut Vec<Former>) {
        let mut known: Vec<Option<Entry>> = Vec::with_capacity(records.len());
        let map = read_lock(&self.map);
        let root = map.root;
        known.extend(records.iter().map(|record| map.newest(record.address)));
        drop(map);
        let mut leaf: Option<(u64, Option<Base>)> = None;
        formers.clear();
        formers.extend(records.iter().zip(&known).map(|(record, known)| {
            if let Some(entry) = known {
                return entry.into();
            }
            let index = record.address >> LEAF_BITS;
            if leaf.as_ref().is_none_or(|(found, _)| *found != index) {
                let address = NodeAddress { level: 0, index };
                leaf = Some((index, self.nodes.find(&root, address, Wait::Allowed).ok()));
            }
            match leaf.as_ref().and_then(|(_, base)| base.as_ref()) {
                Some(Base::Uniform(entry)) => entry.into(),
                Some(Base::Node(node)) => (&node.entry(position(record.address))).into(),
                None => Former {
                    is_stored: true,
                    ..Former::default()
                },
            }
        }));
    }
}

/// Tells an observer of the runs of consecutive blocks.
pub(crate) fn tell(observer: &mut dyn Observer, records: &[Record], formers: &[Former], now: Timestamp) {
    let mut start = 0;
    while let Some(first) = records.get(start).filter(|record| record.kind == RecordKind::Write) {
        let follows = |(index, record): &(u64, &Record)| record.address == first.address + index;
        let rest = records.get(start..).unwrap_or_default();
        let length = (0..).zip(rest).take_while(follows).count();
        let run = formers.get(start..start + length).unwrap_or_default();
        observer.written(first.address, run, now);
        start += length;
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
        told: Vec<(u64, Vec<Former>)>,
    }

    impl Observer for Noting {
        fn classify(&mut self, block: &[u8]) -> u8 {
            let class = block.first().copied().unwrap_or(0);
            self.classified.push(class);
            class
        }

        fn written(&mut self, first: u64, former: &[Former], _now: Timestamp) {
            self.told.push((first, former.to_vec()));
        }
    }

    fn stored(class: u8, second: u64) -> Former {
        Former {
            class,
            is_stored: true,
            written: Some(Timestamp::from_unix_seconds(second)),
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
        assert_eq!(write(10, 4096, &[5; 8192]).told, [(1, vec![never; 2])]);
        // From changes in memory, then from the tree.
        assert_eq!(write(20, 4096, &[6; 4096]).told, [(1, vec![stored(5, 10)])]);
        volume.checkpoint(Timestamp::from_unix_seconds(25)).unwrap();
        disk(30).zero(8192, 4096, Hole::Allowed).unwrap();
        let hole = Former {
            written: Some(Timestamp::from_unix_seconds(30)),
            ..never
        };
        let seen = write(40, 0, &[7; 16384]);
        assert_eq!(seen.told, [(0, vec![never, stored(6, 20), hole, never])]);
        assert_eq!(seen.classified, [7; 4]);
        // A part of a block is looked at as the whole block that it becomes.
        let seen = write(50, 100, &[1; 10]);
        assert_eq!((seen.classified, seen.told), (vec![7], vec![(0, vec![stored(7, 40)])]));
        assert_eq!(volume.stored_blocks(0, 1 << 20).unwrap(), 4);
        // Not told of what was refused.
        let mut observer = Noting::default();
        let beyond = WriteRequest {
            offset: 1 << 20,
            data: &[1; 4096],
        };
        assert!(disk(60).write_observed(&[beyond], &mut observer).is_err());
        assert_eq!(observer.told, []);
    }

    #[test]
    fn runs_are_told_apart_in_a_batch() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let store = Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random));
        let volume = store.create("disk", 1 << 20, Timestamp::from_unix_seconds(1)).unwrap();
        let mut observer = Noting::default();
        let writes = [(0, [1; 8192]), (8192, [2; 8192]), (40960, [3; 8192])];
        let writes: Vec<_> = writes
            .iter()
            .map(|(offset, data)| WriteRequest { offset: *offset, data })
            .collect();
        volume
            .attach(Arc::new(At(9)))
            .write_observed(&writes, &mut observer)
            .unwrap();
        let runs: Vec<_> = observer
            .told
            .iter()
            .map(|(first, former)| (*first, former.len()))
            .collect();
        assert_eq!(runs, [(0, 4), (10, 2)]);
    }
}
