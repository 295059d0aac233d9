//! What was changed between two moments, on real files.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use volume::{
    BLOCK_BYTES, Before, Change, ChangeKind, Clock, Error, Hole, Moment, Observer, OsDirectory, Piece, Sequence,
    Settings, Store, Timestamp, Volume, WriteRequest, os_random,
};

const BLOCK: u64 = BLOCK_BYTES as u64;
const MIB: u64 = 1 << 20;

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

/// Classifies a block by its first byte.
struct FirstByte;

impl Observer for FirstByte {
    fn classify(&mut self, block: &[u8]) -> u8 {
        block.first().map_or(0, |byte| byte % 16)
    }

    fn written(&mut self, _before: Before, _now: Timestamp) {}
}

fn settings() -> Settings {
    Settings {
        segment_bytes: 64 << 10,
        checkpoint_records: 40,
        retention: Duration::from_secs(1_000_000),
        retention_floor: Duration::ZERO,
        compress_after: Duration::ZERO,
        compact_from_percent: 1,
        ..Settings::default()
    }
}

fn store_in(folder: &Path, settings: Settings) -> Arc<Store> {
    let directory = Arc::new(OsDirectory::open(folder).expect("the folder"));
    Store::open(directory, Box::new(move |_| settings.clone()), Box::new(os_random))
}

/// Writes blocks from `first` on, each filled with its byte, as one batch.
fn write(volume: &Arc<Volume>, first: u64, bytes: &[u8], second: u64) {
    let data: Vec<u8> = bytes.iter().flat_map(|byte| [*byte; BLOCK_BYTES]).collect();
    let write = WriteRequest {
        offset: first * BLOCK,
        data: &data,
    };
    let disk = volume.attach(Arc::new(At(at(second))));
    disk.write_observed(&[write], &mut FirstByte).expect("written");
}

fn maintain(volume: &Volume, second: u64) {
    while volume.maintain(at(second), u64::MAX).expect("maintained").more {}
}

fn changes(volume: &Volume, from: Sequence, to: Sequence) -> Result<Vec<Change>, Error> {
    let mut found = Vec::new();
    volume.changes(from, to, &mut |change| {
        found.push(*change);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Blocks, times and kinds, without batch numbers.
fn told(volume: &Volume, from: Sequence) -> Vec<(u64, u64, u64, ChangeKind)> {
    let found = changes(volume, from, volume.newest().sequence).expect("told");
    let seconds = |change: &Change| (change.time.as_unix_nanos() - at(0).as_unix_nanos()) / 1_000_000_000;
    found
        .iter()
        .map(|change| (seconds(change), change.first_block, change.blocks, change.kind))
        .collect()
}

const fn written(class: u8) -> ChangeKind {
    ChangeKind::Written { class }
}

#[test]
fn runs_of_one_batch_and_class_are_one_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), settings());
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let start = volume.newest().sequence;
    write(&volume, 3, &[1, 1, 2, 1], 1);
    write(&volume, 7, &[1], 2);
    volume.trim(100 * BLOCK, 300 * BLOCK, at(3)).expect("trimmed");
    volume
        .zero(50 * BLOCK + 100, 2 * BLOCK, Hole::Refused, at(4))
        .expect("zeroed");
    let expected = [
        (1, 3, 2, written(1)),
        (1, 5, 1, written(2)),
        (1, 6, 1, written(1)),
        (2, 7, 1, written(1)),
        (3, 100, 300, ChangeKind::Trimmed),
        // The ends are parts of blocks: they are written.
        (4, 50, 1, written(0)),
        (4, 51, 1, ChangeKind::Zeroed),
        (4, 52, 1, written(0)),
    ];
    assert_eq!(told(&volume, start), expected);
    let all = changes(&volume, start, volume.newest().sequence).expect("told");
    // Any span tells what lies in it, its end included and its start not.
    for from in start.0..=volume.newest().sequence.0 {
        for to in from..=volume.newest().sequence.0 {
            let part: Vec<Change> = all
                .iter()
                .filter(|change| (from + 1..=to).contains(&change.sequence.0))
                .copied()
                .collect();
            assert_eq!(changes(&volume, Sequence(from), Sequence(to)).expect("told"), part);
        }
    }
    let mut seen = 0;
    let stop = &mut |_: &Change| {
        seen += 1;
        ControlFlow::Break(())
    };
    volume.changes(start, Sequence(u64::MAX), stop).expect("told");
    assert_eq!(seen, 1, "whoever has seen enough can stop");
}

#[test]
fn compression_rotation_rollbacks_and_restarts_change_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), settings());
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let start = volume.newest().sequence;
    let mut expected = Vec::new();
    for second in 1..=300u64 {
        let (block, class) = (second % 40, (1 + second % 5) as u8);
        write(&volume, block, &[class], second);
        expected.push((second, block, 1, written(class)));
        if second == 150 {
            volume.rollback(&Moment::At(at(100)), at(150)).expect("rolled back");
        }
        if second == 160 {
            let piece = Piece {
                first_block: 3,
                blocks: 5,
                moment: start,
            };
            volume.restore_blocks(&[piece], at(160)).expect("restored");
        }
    }
    assert_eq!(told(&volume, start), expected);
    let before = std::fs::metadata(folder.path().join("disk/00000001.segment"))
        .expect("a segment")
        .len();
    maintain(&volume, 400_000);
    let after = std::fs::metadata(folder.path().join("disk/00000001.segment"))
        .expect("a segment")
        .len();
    assert!(after < before, "compressed, so that this tests something");
    assert_eq!(told(&volume, start), expected, "compressed");
    drop((volume, store));
    let store = store_in(folder.path(), settings());
    let volume = store.volume("disk", at(400_000)).expect("opened");
    assert_eq!(told(&volume, start), expected, "opened again");
}

#[test]
fn a_name_that_is_too_long_for_a_fork_is_refused_as_that() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), settings());
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let newest = Moment::After(volume.newest().sequence);
    let refused = store
        .fork("disk", &newest, &"x".repeat(60), at(1))
        .expect_err("refused");
    assert!(refused.to_string().contains("59 letters at most"), "{refused}");
    store.fork("disk", &newest, &"x".repeat(59), at(1)).expect("forked");
}

#[test]
fn a_fork_tells_its_own_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), settings());
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    write(&volume, 1, &[1], 1);
    let newest = Moment::After(volume.newest().sequence);
    let fork = store.fork("disk", &newest, "copy", at(2)).expect("forked");
    let start = fork.newest().sequence;
    write(&fork, 2, &[2], 3);
    write(&volume, 3, &[3], 4);
    assert_eq!(told(&fork, Sequence(start.0)), [(3, 2, 1, written(2))]);
    assert_eq!(
        told(&volume, Sequence(1)),
        [(1, 1, 1, written(1)), (4, 3, 1, written(3))]
    );
}

#[test]
fn history_that_is_not_kept_whole_is_not_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        retention: Duration::from_secs(100),
        ..settings()
    };
    let store = store_in(folder.path(), settings);
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let start = volume.newest().sequence;
    for second in 1..=500 {
        write(&volume, second % 7, &[1], second);
        maintain(&volume, second);
    }
    let oldest = volume.oldest().sequence;
    assert!(oldest > start);
    for from in [start, Sequence(oldest.0 - 1)] {
        let refused = changes(&volume, from, volume.newest().sequence);
        assert!(matches!(refused, Err(Error::MomentTooOld { .. })), "{refused:?}");
    }
    let kept = told(&volume, oldest);
    assert_eq!(kept.last(), Some(&(500, 500 % 7, 1, written(1))));
    let seconds: Vec<u64> = kept.iter().map(|change| change.0).collect();
    assert!(seconds.windows(2).all(|pair| pair[0] + 1 == pair[1]), "without a gap");
}

#[test]
fn history_that_is_dropped_while_it_is_being_told_is_an_error_and_not_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        retention: Duration::from_secs(100),
        ..settings()
    };
    let store = store_in(folder.path(), settings);
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let start = volume.newest().sequence;
    for second in 1..=200 {
        write(&volume, second % 7, &[1], 1);
    }
    let mut seen = 0;
    let result = volume.changes(start, volume.newest().sequence, &mut |_| {
        seen += 1;
        if seen == 1 {
            write(&volume, 1, &[2], 10_000);
            volume.checkpoint(at(10_000)).expect("a checkpoint");
            write(&volume, 1, &[2], 20_000);
            maintain(&volume, 20_000);
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(result, Err(Error::MomentTooOld { .. })), "{result:?}");
    assert!(seen < 200);
}

fn damage(path: &PathBuf, from: usize) {
    let mut bytes = std::fs::read(path).expect("a segment");
    for byte in bytes.iter_mut().skip(from) {
        *byte ^= 0x5a;
    }
    std::fs::write(path, bytes).expect("written");
}

#[test]
fn a_damaged_segment_is_an_error_for_spans_that_need_it_and_for_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_in(folder.path(), settings());
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    let start = volume.newest().sequence;
    let mut marks = vec![start];
    for second in 1..=100 {
        write(&volume, second % 40, &[1], second);
        marks.push(volume.newest().sequence);
    }
    store.close(at(101)).expect("closed");
    drop((volume, store));
    // Index, trailer and the batches themselves.
    damage(&folder.path().join("disk/00000002.segment"), 8192);
    let store = store_in(folder.path(), settings());
    let volume = store.volume("disk", at(102)).expect("opened");
    let newest = volume.newest().sequence;
    let whole = changes(&volume, start, newest);
    assert!(whole.as_ref().is_err_and(Error::is_damage), "{whole:?}");
    assert!(changes(&volume, marks[90], newest).is_ok_and(|found| found.len() == 10));
    assert!(changes(&volume, start, marks[5]).is_ok_and(|found| found.len() == 5));
}
