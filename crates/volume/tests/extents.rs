//! Descriptions of a disk's ranges: true to the block, and cheap however large the disk is.

use std::collections::BTreeMap;
use std::sync::Arc;

use volume::{
    Device, Extent, ExtentKind, Hole, Moment, OsDirectory, Settings, Store, Timestamp, Volume, WriteRequest, os_random,
};

const BLOCK: u64 = 4096;
const DISK: u64 = 64 << 40;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + second)
}

/// What was done last to each range: first block -> one past the last, kind, second.
#[derive(Clone, Default)]
struct Model(BTreeMap<u64, (u64, ExtentKind, u64)>);

impl Model {
    fn set(&mut self, first: u64, end: u64, kind: ExtentKind, second: u64) {
        let touched: Vec<_> = self
            .0
            .range(..end)
            .filter(|(_, (until, ..))| *until > first)
            .map(|(start, range)| (*start, *range))
            .collect();
        for (start, (until, kind, second)) in touched {
            self.0.remove(&start);
            if start < first {
                self.0.insert(start, (first, kind, second));
            }
            if until > end {
                self.0.insert(end, (until, kind, second));
            }
        }
        self.0.insert(first, (end, kind, second));
    }

    /// Neighbours that are alike joined, and what was never touched in between.
    fn extents(&self) -> Vec<Extent> {
        let mut extents: Vec<Extent> = Vec::new();
        let mut push = |blocks: u64, kind, second: Option<u64>| {
            let written = second.map(at);
            match extents.last_mut() {
                Some(last) if last.kind == kind && last.written == written => last.length += blocks * BLOCK,
                _ if blocks == 0 => {}
                _ => extents.push(Extent {
                    length: blocks * BLOCK,
                    kind,
                    written,
                }),
            }
        };
        let mut position = 0;
        for (first, (end, kind, second)) in &self.0 {
            push(first - position, ExtentKind::Hole, None);
            push(end - first, *kind, Some(*second));
            position = *end;
        }
        push(DISK / BLOCK - position, ExtentKind::Hole, None);
        extents
    }
}

/// The whole disk's description, put together from as many calls of `extents` as it takes, and their number.
fn describe(extents: impl Fn(u64, u64) -> Result<Vec<Extent>, volume::Error>) -> (Vec<Extent>, usize) {
    let mut all: Vec<Extent> = Vec::new();
    let (mut position, mut calls) = (0, 0);
    while position < DISK {
        let some = extents(position, DISK - position).expect("described");
        assert!(!some.is_empty());
        calls += 1;
        for extent in some {
            position += extent.length;
            match all.last_mut() {
                Some(last) if last.kind == extent.kind && last.written == extent.written => {
                    last.length += extent.length
                }
                _ => all.push(extent),
            }
        }
    }
    (all, calls)
}

fn change(volume: &Volume, model: &mut Model, second: u64, random: &mut u64) {
    let mut next = || {
        *random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        *random >> 33
    };
    let first = (next() << 20 | next()) % (DISK / BLOCK);
    let room = DISK / BLOCK - first;
    let blocks = match next() % 4 {
        0 => 1 + next() % 100,
        1 => 1 << (next() % 33),
        _ => 1 + next() % 4,
    }
    .min(room);
    match next() % 3 {
        0 => volume.trim(first * BLOCK, blocks * BLOCK, at(second)).map(|_| {
            model.set(first, first + blocks, ExtentKind::Hole, second);
        }),
        1 => volume
            .zero(first * BLOCK, blocks * BLOCK, Hole::Refused, at(second))
            .map(|_| model.set(first, first + blocks, ExtentKind::Zero, second)),
        _ => {
            let blocks = blocks.min(16);
            let data = vec![7; (blocks * BLOCK) as usize];
            let write = WriteRequest {
                offset: first * BLOCK,
                data: &data,
            };
            volume
                .write(&[write], at(second))
                .map(|_| model.set(first, first + blocks, ExtentKind::Data, second))
        }
    }
    .expect("changed");
}

#[test]
fn descriptions_of_the_largest_disk_are_true_and_take_few_calls() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = Arc::new(OsDirectory::open(folder.path()).expect("the folder"));
    let settings = |_: &str| Settings::default();
    let store = Store::open(directory, Box::new(settings), Box::new(os_random));
    let volume = store.create("disk", DISK, at(0)).expect("created");
    let mut model = Model::default();
    let mut random = 7;
    let mut past = Vec::new();
    for second in 1..=600 {
        change(&volume, &mut model, second, &mut random);
        if second % 100 == 50 {
            volume.checkpoint(at(second)).expect("a checkpoint");
        }
        if second % 150 == 0 {
            let view = volume.view(&Moment::At(at(second))).expect("a view");
            past.push((view, model.extents()));
            for limit in [1, 7, 100_000] {
                let (live, _) = describe(|offset, length| volume.extents(offset, length, limit));
                assert_eq!(live, model.extents(), "after {second} changes, {limit} at a time");
            }
        }
    }
    for (view, expected) in &past {
        let (extents, calls) = describe(|offset, length| view.extents(offset, length, 100_000));
        assert_eq!(&extents, expected);
        assert!(calls < 200, "{calls} calls for {} extents", extents.len());
    }
}
