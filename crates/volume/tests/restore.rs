//! Restores in part, on real files: one promise a test.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use volume::{
    Clock, Device, Error, EventKind, Hole, Moment, OsDirectory, Piece, Sequence, Settings, Store, Timestamp, View,
    Volume, Wait, WriteRequest, os_random,
};

const BLOCK: u64 = 4096;
const MIB: u64 = 1 << 20;
/// Blocks of the disks here.
const BLOCKS: u64 = 4 * MIB / BLOCK;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + second)
}

/// A clock that stands still.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn small_segments() -> Settings {
    Settings {
        segment_bytes: 64 << 10,
        checkpoint_records: 40,
        retention: Duration::from_secs(1_000_000),
        retention_floor: Duration::ZERO,
        compress_after: Duration::from_secs(100),
        ..Settings::default()
    }
}

fn store_in(folder: &Path, settings: Settings) -> Arc<Store> {
    let directory = Arc::new(OsDirectory::open(folder).expect("the folder"));
    Store::open(directory, Box::new(move |_| settings.clone()), Box::new(os_random))
}

fn fill(volume: &Volume, block: u64, byte: u8, second: u64) -> Sequence {
    let data = [byte; BLOCK as usize];
    let write = WriteRequest {
        offset: block * BLOCK,
        data: &data,
    };
    volume.write(&[write], at(second)).expect("written")
}

fn piece(first_block: u64, blocks: u64, moment: Sequence) -> Piece {
    Piece {
        first_block,
        blocks,
        moment,
    }
}

/// The first byte of every block, and whether it is stored.
fn blocks_of(read: impl Fn(u64, &mut [u8]), extents: impl Fn(u64, u64) -> Vec<volume::Extent>) -> Vec<(u8, String)> {
    let mut data = [0; BLOCK as usize];
    let blocks = (0..BLOCKS).map(|block| {
        read(block * BLOCK, &mut data);
        assert!(data.iter().all(|byte| *byte == data[0]));
        let extent = extents(block * BLOCK, BLOCK).into_iter().next().expect("an extent");
        (data[0], format!("{:?} {:?}", extent.kind, extent.written))
    });
    blocks.collect()
}

fn live(volume: &Volume) -> Vec<(u8, String)> {
    blocks_of(
        |offset, data| volume.read(offset, data, Wait::Allowed).expect("read"),
        |offset, length| volume.extents(offset, length, 1).expect("described"),
    )
}

fn shown(view: &View) -> Vec<(u8, String)> {
    blocks_of(
        |offset, data| view.read(offset, data, Wait::Allowed).expect("read"),
        |offset, length| view.extents(offset, length, 1).expect("described"),
    )
}

/// A xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A volume with a varied past, and what it was right after some of its batches.
fn with_past(store: &Store, random: &mut Random) -> (Arc<Volume>, Vec<Sequence>) {
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let mut moments = Vec::new();
    for second in 1..=400 {
        let (block, length) = (random.below(BLOCKS), 1 + random.below(BLOCKS / 3));
        let length = length.min(BLOCKS - block);
        let sequence = match random.below(12) {
            0 => volume.trim(block * BLOCK, length * BLOCK, at(second)).expect("trimmed"),
            1 => volume
                .zero(block * BLOCK, length * BLOCK, Hole::Refused, at(second))
                .expect("zeroed"),
            _ => fill(&volume, block, second as u8 | 1, second),
        };
        if second > 20 && random.below(3) == 0 {
            moments.push(sequence);
        }
        if random.below(30) == 0 {
            volume.maintain(at(second), u64::MAX).expect("maintained");
        }
    }
    (volume, moments)
}

#[test]
fn every_piece_is_as_it_was_at_its_moment_and_all_else_as_it_is() {
    for seed in 1..12 {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store_in(folder.path(), small_segments());
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (volume, moments) = with_past(&store, &mut random);
        let mut expected = live(&volume);
        let (mut pieces, mut block) = (Vec::new(), random.below(5));
        while block < BLOCKS {
            let blocks = (1 + random.below([3, 200][(seed % 2) as usize])).min(BLOCKS - block);
            let moment = moments[random.below(moments.len() as u64) as usize];
            let then = shown(&volume.view(&Moment::After(moment)).expect("a view"));
            let range = block as usize..(block + blocks) as usize;
            expected[range.clone()].clone_from_slice(&then[range]);
            // In no particular order.
            pieces.insert(
                random.below(pieces.len() as u64 + 1) as usize,
                piece(block, blocks, moment),
            );
            block += blocks + random.below(9);
        }
        let before = live(&volume);
        let report = volume.restore_blocks(&pieces, at(500)).expect("restored");
        assert_eq!(report.blocks, pieces.iter().map(|piece| piece.blocks).sum::<u64>());
        assert_eq!(live(&volume), expected, "seed {seed}");
        let then = volume.view(&Moment::After(report.restored.sequence)).expect("a view");
        assert_eq!(shown(&then), expected, "the restore is a moment");
        let then = volume.view(&Moment::After(report.from.sequence)).expect("a view");
        assert_eq!(shown(&then), before, "so is what was before");
        // As if the process had been killed.
        drop((volume, then, store));
        let store = store_in(folder.path(), small_segments());
        let volume = store.volume("disk", at(600)).expect("opened");
        assert_eq!(live(&volume), expected, "opened again, seed {seed}");
        let undone = volume.undo_rollback(at(700)).expect("undone");
        assert_eq!(undone.to, report.from);
        assert_eq!(live(&volume), before, "undone, seed {seed}");
    }
}

#[test]
fn what_was_restored_outlives_the_moments_that_it_came_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        retention: Duration::from_secs(1000),
        compact_from_percent: 1,
        ..small_segments()
    };
    let store = store_in(folder.path(), settings);
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    for block in 0..100 {
        fill(&volume, block, 1 + (block % 100) as u8, 1);
    }
    let unpinned = Sequence(volume.newest().sequence.0 - 1);
    volume.pin("good", None, at(2)).expect("pinned");
    let pinned = volume.pins()[0].sequence;
    let churn = |from: u64| {
        for second in from..from + 3000 {
            fill(&volume, second % 200, 255, second);
            if second % 10 == 0 {
                while volume.maintain(at(second), u64::MAX).expect("maintained").more {}
            }
        }
    };
    churn(10);
    assert!(volume.oldest().sequence > pinned, "only the pin keeps it");
    let too_old = volume.restore_blocks(&[piece(3, 1, unpinned)], at(3010));
    assert!(matches!(too_old, Err(Error::MomentTooOld { .. })), "{too_old:?}");
    volume
        .restore_blocks(&[piece(40, 60, pinned)], at(3011))
        .expect("restored");
    let restored = volume.newest();
    volume.unpin("good", at(3012)).expect("unpinned");
    let check = |read: &dyn Fn(u64) -> u8| {
        for block in 40..100 {
            assert_eq!(read(block), 1 + block as u8, "block {block}");
        }
    };
    let byte_of = |device: &dyn Device, block: u64| {
        let mut data = [0; BLOCK as usize];
        device.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
        data[0]
    };
    check(&|block| byte_of(&volume.attach(Arc::new(At(at(3013)))), block));
    // Overwritten again: now only the moment of the restore shows it, until that expires too.
    churn(3020);
    let view = volume.view(&Moment::After(restored.sequence));
    assert!(matches!(view, Err(Error::MomentTooOld { .. })), "expired by now");
    volume
        .restore_blocks(&[piece(0, 1, volume.newest().sequence)], at(6030))
        .expect("a restore of what is");
    for second in 6100..6500 {
        fill(&volume, 199, 7, second);
        while volume.maintain(at(second), u64::MAX).expect("maintained").more {}
    }
    assert!(
        volume
            .verify(&mut |_| std::ops::ControlFlow::Continue(()))
            .expect("verified")
            .damage
            .is_empty()
    );
}

#[test]
fn blocks_that_only_a_restore_shows_are_kept_as_long_as_its_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        retention: Duration::from_secs(1000),
        compact_from_percent: 1,
        ..small_segments()
    };
    let store = store_in(folder.path(), settings);
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    for block in 0..100 {
        fill(&volume, block, 1 + block as u8, 1);
    }
    volume.pin("good", None, at(2)).expect("pinned");
    let pinned = volume.pins()[0].sequence;
    let churn = |seconds: std::ops::Range<u64>| {
        for second in seconds {
            fill(&volume, second % 200, 255, second);
            while volume.maintain(at(second), u64::MAX).expect("maintained").more {}
        }
    };
    churn(10..1800);
    let restored = volume
        .restore_blocks(&[piece(40, 60, pinned)], at(1801))
        .expect("restored")
        .restored;
    volume.unpin("good", at(1802)).expect("unpinned");
    churn(1803..2600);
    let view = volume.view(&Moment::After(restored.sequence)).expect("still kept");
    for block in 40..100 {
        let mut data = [0; BLOCK as usize];
        view.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
        assert_eq!(data[0], 1 + block as u8);
    }
}

#[test]
fn clients_that_write_during_a_restore_lose_no_acknowledged_block_outside_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), Settings::default());
    let volume = store.create("disk", 256 * MIB, at(0)).expect("created");
    let zeros = vec![1; MIB as usize];
    for offset in (0..128 * MIB).step_by(MIB as usize) {
        let write = WriteRequest { offset, data: &zeros };
        volume.write(&[write], at(1)).expect("written");
    }
    let good = volume.newest().sequence;
    // Odd blocks of the first half go back, even ones stay.
    let pieces: Vec<_> = (0..16384).map(|index| piece(2 * index + 1, 1, good)).collect();
    let acknowledged = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (disk, acknowledged) = (volume.attach(Arc::new(At(at(2)))), &acknowledged);
        scope.spawn(move || {
            for index in 0.. {
                let block = index * 7 % 32768;
                let data = [2; BLOCK as usize];
                let write = WriteRequest {
                    offset: block * BLOCK,
                    data: &data,
                };
                match disk.write(&[write]) {
                    Ok(()) => acknowledged.store(index + 1, Ordering::SeqCst),
                    Err(Error::StaleEpoch) => return,
                    Err(other) => panic!("{other}"),
                }
            }
        });
        while acknowledged.load(Ordering::SeqCst) < 100 {
            std::thread::yield_now();
        }
        volume.restore_blocks(&pieces, at(3)).expect("restored");
    });
    let written = acknowledged.into_inner();
    assert!(written >= 100, "the writer was there");
    let is_written = |block: u64| (0..written.min(32768)).any(|index| index * 7 % 32768 == block);
    for block in (0..400).chain(32300..32768) {
        let mut data = [0; BLOCK as usize];
        volume.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
        let expected = if block % 2 == 0 && is_written(block) { 2 } else { 1 };
        assert_eq!(data[0], expected, "block {block} of {written}");
    }
}

#[test]
fn an_attachment_from_before_a_restore_in_part_is_refused_writes_and_the_history_tells_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), small_segments());
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let good = fill(&volume, 5, 1, 1);
    fill(&volume, 5, 2, 2);
    let before = volume.attach(Arc::new(At(at(3))));
    let report = volume.restore_blocks(&[piece(5, 1, good)], at(4)).expect("restored");
    let data = [9; BLOCK as usize];
    let write = WriteRequest { offset: 0, data: &data };
    assert!(matches!(before.write(&[write]), Err(Error::StaleEpoch)));
    volume
        .attach(Arc::new(At(at(5))))
        .write(&[write])
        .expect("a new client writes");
    let history = volume
        .history(at(0), at(10), Duration::from_secs(1))
        .expect("a history");
    let told = history
        .events
        .iter()
        .find(|event| event.sequence == report.restored.sequence);
    let kind = told.map(|event| event.kind.clone());
    let from = report.from.sequence;
    assert_eq!(kind, Some(EventKind::RestoredInPart { from, blocks: 1 }));
}

#[test]
fn what_cannot_be_restored_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), small_segments());
    let volume = store.create("disk", 2 * MIB + 512, at(0)).expect("created");
    let small = fill(&volume, 3, 1, 1);
    volume.resize(4 * MIB, at(2)).expect("grown");
    let large = fill(&volume, 3, 2, 3);
    let before = (live(&volume), volume.epoch(), volume.newest());
    let refused = |pieces: &[Piece]| volume.restore_blocks(pieces, at(4)).expect_err("refused");
    assert!(matches!(refused(&[]), Error::NothingToRestore));
    assert!(matches!(refused(&[piece(3, 0, large)]), Error::NothingToRestore));
    let twice = [piece(0, 4, large), piece(3, 1, small)];
    assert!(matches!(refused(&twice), Error::PiecesOverlap { block: 3 }));
    for (first, blocks) in [(BLOCKS, 1), (BLOCKS - 1, 2), (u64::MAX, 1), (1, u64::MAX), (0, 1 << 34)] {
        assert!(matches!(
            refused(&[piece(first, blocks, large)]),
            Error::OutOfRange { .. }
        ));
    }
    let later = Sequence(large.0 + 1);
    assert!(matches!(refused(&[piece(0, 1, later)]), Error::MomentInFuture { .. }));
    assert_eq!((live(&volume), volume.epoch(), volume.newest()), before);
    // The block in which the smaller disk ended may hold what nobody could read then.
    for first in [2 * MIB / BLOCK, 3 * MIB / BLOCK] {
        assert!(matches!(refused(&[piece(first, 1, small)]), Error::OutOfRange { .. }));
    }
    assert_eq!((live(&volume), volume.epoch()), (before.0, before.1));
    volume
        .restore_blocks(&[piece(3, 1, small)], at(5))
        .expect("within both");
}

#[test]
fn the_last_block_of_a_disk_that_ends_within_it_can_be_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), small_segments());
    let volume = store.create("disk", 2 * MIB + 512, at(0)).expect("created");
    let tail = |byte: u8, second| {
        let write = WriteRequest {
            offset: 2 * MIB,
            data: &[byte; 512],
        };
        volume.write(&[write], at(second)).expect("written")
    };
    let good = tail(1, 1);
    tail(2, 2);
    volume
        .restore_blocks(&[piece(2 * MIB / BLOCK, 1, good)], at(3))
        .expect("restored");
    let mut data = [0; 512];
    volume.read(2 * MIB, &mut data, Wait::Allowed).expect("read");
    assert_eq!(data, [1; 512]);
}

#[test]
fn most_of_the_largest_disk_is_returned_to_nothing_in_a_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), Settings::default());
    let volume = store.create("disk", 64 << 40, at(0)).expect("created");
    let empty = volume.newest().sequence;
    for index in 0..1000 {
        fill(&volume, index * 17_000_000, 1, 1);
    }
    let started = std::time::Instant::now();
    volume
        .restore_blocks(&[piece(1, (1 << 34) - 2, empty)], at(2))
        .expect("restored");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let extents = volume.extents(0, 64 << 40, 10).expect("described");
    assert_eq!(extents[0].length, BLOCK, "the one block that stayed");
    assert_eq!(extents.len(), 2);
}

#[test]
fn programs_that_know_no_restore_in_part_refuse_a_volume_that_has_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let magics = || {
        let file = std::fs::read(folder.path().join("disk/volume")).expect("the volume file");
        [4, 4096 + 4].map(|start| String::from_utf8_lossy(&file[start..start + 8]).into_owned())
    };
    let store = store_in(folder.path(), small_segments());
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let good = fill(&volume, 5, 1, 1);
    assert_eq!(magics(), ["holdvol2", "holdvol2"]);
    fill(&volume, 5, 2, 2);
    volume.rollback(&Moment::After(good), at(3)).expect("rolled back");
    assert_eq!(magics(), ["holdvol2", "holdvol2"], "an older program knows rollbacks");
    volume.restore_blocks(&[piece(5, 1, good)], at(4)).expect("restored");
    assert_eq!(magics(), ["holdvol3", "holdvol3"]);
    drop((volume, store));
    let store = store_in(folder.path(), small_segments());
    store.volume("disk", at(5)).expect("opened");
    assert_eq!(magics(), ["holdvol3", "holdvol3"]);
}
