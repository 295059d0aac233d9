//! Defragmentation of real volumes in temporary folders.

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

/// Copies a volume as a kill would leave it.
fn killed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(copy.path().join("disk")).expect("a folder");
    for entry in std::fs::read_dir(folder.join("disk")).expect("files") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, copy.path().join("disk").join(name)).expect("copied");
    }
    copy
}

#[test]
fn what_was_earned_outlives_restarts_and_kills_and_what_was_spent_does_too() {
    for is_killed in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = store(folder.path(), 25);
        let volume = first.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
        let order = (0..BLOCKS).map(|step| step * 77 % BLOCKS);
        for (step, block) in order.enumerate() {
            fill(&volume, block, block as u8, step as u64);
            if step == 100 {
                volume.checkpoint(at(100)).expect("a checkpoint");
            }
        }
        let mut folder = folder;
        let mut store_before = first;
        drop(volume);
        // A quarter of what was written, over all restarts.
        for (round, pieces_expected) in [(0, 192 + 1), (1, 192 + 1), (2, 192 + 1)] {
            if is_killed {
                folder = killed(folder.path());
            } else {
                store_before.close(at(300 + round)).expect("closed");
            }
            drop(store_before);
            store_before = store(folder.path(), 25);
            let volume = store_before.volume("disk", at(310 + round)).expect("opened");
            (0..3).for_each(|step| rest(&volume, 20_000 * (3 * round + step + 1)));
            assert_eq!(pieces(&volume), pieces_expected, "killed: {is_killed}, restart {round}");
        }
    }
}

#[test]
fn what_was_moved_before_a_kill_and_not_taken_in_is_paid_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = store(folder.path(), 100);
    let volume = first.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
    scatter(&volume);
    volume.checkpoint(at(300)).expect("a checkpoint");
    let mut control = lock(&volume.control);
    assert_eq!(control.sweep.round.affordable(), 256);
    let (leaves, _) = volume.plan(&mut control, at(10_000));
    let (plan, bytes) = volume.read_leaves(leaves);
    let moved = volume.append_moved(&plan, &bytes, at(20_000)).expect("appended");
    drop(control);
    assert_eq!(moved.len(), 256);
    let copy = killed(folder.path());
    let again = store(copy.path(), 100);
    let volume = again.volume("disk", at(20_001)).expect("opened");
    assert_eq!(lock(&volume.control).sweep.round.affordable(), 0);
}

#[test]
fn nothing_is_moved_once_it_is_turned_off_or_while_space_is_short() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store(folder.path(), 100);
    let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
    scatter(&volume);
    rest(&volume, 300);
    let with = |percent, budget_bytes| Settings {
        defragment_percent: percent,
        budget_bytes,
        ..volume.settings()
    };
    let capacity = u64::from(volume.log.peek().capacity());
    volume.set_settings(with(100, Some(10 * capacity)));
    rest(&volume, 20_000);
    assert_eq!(
        pieces(&volume),
        256,
        "a quarter of the budget and eight segments aren't to spare"
    );
    volume.set_settings(with(0, None));
    rest(&volume, 40_000);
    volume.set_settings(with(100, None));
    rest(&volume, 60_000);
    assert_eq!(pieces(&volume), 256, "what might have been moved was forgotten");
}

#[test]
fn trims_earn_nothing_and_what_was_written_long_ago_little() {
    let disk_bytes = 1 << 40;
    let mut round = Round::default();
    round.earn(0, 100, disk_bytes, at(1));
    assert_eq!(round.affordable(), 0);
    (0..100).for_each(|_| round.earn(1 << 20, 50, disk_bytes, at(2)));
    assert_eq!(round.affordable(), 1 << 22, "a 64th of the disk");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store(folder.path(), 100);
    let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
    fill(&volume, 1, 1, 1);
    for block in 0..BLOCKS {
        volume.trim(block * BLOCK, BLOCK, at(2)).expect("trimmed");
    }
    volume.checkpoint(at(3)).expect("a checkpoint");
    assert_eq!(lock(&volume.control).sweep.round.affordable(), 1);
}

#[test]
fn a_block_that_is_written_meanwhile_stays_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store(folder.path(), 100);
    let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
    scatter(&volume);
    volume.checkpoint(at(300)).expect("a checkpoint");
    let mut control = lock(&volume.control);
    let mut leaves = Vec::new();
    while leaves.len() < 4 {
        leaves.extend(volume.plan(&mut control, at(10_000)).0);
    }
    let (plan, bytes) = volume.read_leaves(leaves);
    assert_eq!(plan.len(), 256);
    let moved = volume.append_moved(&plan, &bytes, at(20_000)).expect("appended");
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
    assert_eq!(pieces(&volume), 64 + 1, "its leaf is left as it is");
}

/// Damages what a block of the present disk is stored as, and tells when that was written and moved as `verify` tells it.
fn told_of_damage(folder: &Path, volume: &Volume, block: u64) -> (Timestamp, Option<Timestamp>, Option<u64>) {
    let partial = read_lock(&volume.map).partial(block, 1);
    let place = partial.complete(&volume.nodes, Wait::Allowed).expect("an entry")[0].location();
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(folder.join("disk").join(file_name(place.segment)))
        .expect("the segment");
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, place.slot.offset()).expect("read");
    let damaged = bytes.map(|byte| !byte);
    file.write_all_at(&damaged, place.slot.offset()).expect("written");
    let report = volume.verify(&mut |_| ControlFlow::Continue(())).expect("verified");
    file.write_all_at(&bytes, place.slot.offset()).expect("written");
    let [damage] = &report.damage[..] else {
        panic!("one damage: {report:?}");
    };
    assert_eq!((damage.block, damage.segment), (Some(block), place.segment.0));
    let intact = damage.newest_intact.map(|info| info.sequence.0);
    (damage.written, damage.moved, intact)
}

#[test]
fn verify_tells_when_the_client_wrote_what_was_moved() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store(folder.path(), 100);
    let volume = store.create("disk", BLOCKS * BLOCK, at(0)).expect("created");
    let moments = scatter(&volume);
    rest(&volume, 300);
    // Step 3 wrote block 231.
    assert_eq!(
        told_of_damage(folder.path(), &volume, 231),
        (at(3), None, Some(moments[2].0))
    );
    rest(&volume, 20_000);
    let (written, moved, intact) = told_of_damage(folder.path(), &volume, 231);
    assert_eq!((written, moved), (at(3), Some(at(20_000))));
    assert!(
        intact >= Some(moments[255].0),
        "it still is intact where it was: {intact:?}"
    );

    // Overwritten since: only the past has it.
    let partial = read_lock(&volume.map).partial(231, 1);
    let place = partial.complete(&volume.nodes, Wait::Allowed).expect("an entry")[0].location();
    fill(&volume, 231, 9, 20_010);
    volume.checkpoint(at(20_020)).expect("a checkpoint");
    let records = volume.log.records(&volume.segments, place.segment).expect("records");
    let logged = records
        .iter()
        .find(|logged| logged.location == place)
        .expect("the record");
    assert_eq!(volume.written_before_moved(logged), Some(at(3)));
    // Something else that was there when it was moved isn't taken for it.
    let mut other = *logged;
    other.record.crc ^= 1;
    other.location.slot.0 += 1;
    assert_eq!(volume.written_before_moved(&other), None);
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
