//! What survives: restarts in mid-attack and under a fence, crashes at any time, files that were damaged.

use guard::{EventKind, Fence, Release, StatusState};
use volume::{Device, Error as DiskError, Moment, WriteRequest};

use crate::fixture::{
    BATCH, BLOCK, Bench, TO_BOOKMARK, TO_FENCE, assert_clean, at, block_of, line_block, noise, text, zeros,
};

fn write_one(disk: &dyn Device, block: u64, seed: u64) -> Result<(), DiskError> {
    disk.write(&[WriteRequest {
        offset: block * BLOCK,
        data: &text(seed).0,
    }])
}

#[test]
fn an_attack_over_a_restart_is_fenced_as_soon_as_without_it() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for batch in 0..TO_BOOKMARK {
        bench.encrypt(&disk, batch * BATCH).unwrap();
    }
    bench.guard.tick();
    let point = bench.guard.before_attack().unwrap();
    drop(disk);
    let bench = bench.restart();
    assert_eq!(bench.guard.status().state, StatusState::Bookmarked);
    assert!(bench.guard.status().suspicion_percent >= 33);
    bench.pass_seconds(30);
    let disk = bench.guard.attach();
    for batch in TO_BOOKMARK..TO_FENCE {
        assert_eq!(bench.guard.status().fence, None);
        bench.encrypt(&disk, batch * BATCH).unwrap();
    }
    assert_eq!(bench.guard.status().fence, Some(Fence::Refuse));
    assert_eq!(bench.guard.before_attack(), Some(point.clone()));
    assert_clean(&bench.volume, &point.pin);
}

#[test]
fn an_attack_that_was_not_yet_bookmarked_before_a_restart_is_bookmarked_from_its_beginning() {
    for years_ahead in [0, 10] {
        let bench = Bench::new(Fence::Refuse);
        let disk = bench.guard.attach();
        bench.encrypt(&disk, 0).unwrap();
        drop(disk);
        assert_eq!(bench.guard.before_attack(), None);
        bench.guard.close();
        bench.clocks.set_wall(at(8000 + years_ahead * 365 * 86_400));
        let bench = bench.crash();
        bench.pass_seconds(20);
        let disk = bench.guard.attach();
        bench.encrypt(&disk, BATCH).unwrap();
        bench.pass_seconds(1);
        assert_clean(&bench.volume, &bench.guard.before_attack().unwrap().pin);
    }
}

#[test]
fn a_fence_survives_a_crash_and_its_release_too() {
    for (fence, error) in [(Fence::Refuse, "refused"), (Fence::Pause, "no space")] {
        let bench = Bench::new(fence);
        let disk = bench.guard.attach();
        bench.encrypt_until_fenced(&disk);
        let first = bench.events.find(|kind| matches!(kind, EventKind::Fenced { .. }));
        let before = bench.guard.before_attack();
        drop(disk);
        let bench = bench.crash();
        let as_told = bench.guard.fence_as_told().unwrap();
        assert_eq!(as_told.kind, EventKind::Fenced { fence });
        assert_eq!(
            (as_told.time, as_told.pin, as_told.reasons),
            (first[0].time, first[0].pin.clone(), first[0].reasons.clone())
        );
        let told = bench.events.find(|kind| matches!(kind, EventKind::StillFenced { .. }));
        assert!(told[0].text().contains("holdfast guard release"), "{}", told[0].text());
        let disk = bench.guard.attach();
        let refused = write_one(&disk, 5, 5).unwrap_err();
        assert!(refused.to_string().contains(error), "{refused}");
        assert_eq!(bench.guard.before_attack(), before);
        bench.guard.release(Release::Keep).unwrap();
        assert_eq!(bench.guard.fence_as_told(), None);
        drop(disk);
        let bench = bench.crash();
        write_one(&bench.guard.attach(), 5, 5).unwrap();
    }
}

#[test]
fn diverted_writes_survive_crashes() {
    let bench = Bench::new(Fence::Divert);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    write_one(&disk, 3000, 9).unwrap();
    drop(disk);
    let bench = bench.crash();
    let disk = bench.guard.attach();
    assert_eq!(block_of(&disk, 3000), text(9));
    write_one(&disk, 3001, 10).unwrap();
    assert_eq!(line_block(&bench.volume, 3001), zeros());
    drop(disk);
    let bench = bench.restart();
    let disk = bench.guard.attach();
    bench.guard.release(Release::Keep).unwrap();
    assert_eq!(line_block(&bench.volume, 3000), text(9));
    assert_eq!(line_block(&bench.volume, 3001), text(10));
    drop(disk);
    let bench = bench.crash();
    assert_eq!(bench.guard.status().state, StatusState::Calm);
    assert_eq!(bench.store.names().unwrap(), ["disk"]);
}

#[test]
fn a_damaged_sidecar_is_told_and_the_disk_is_served() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    drop(disk);
    bench.guard.close();
    bench.store.write_sidecar("disk", b"HFGS and then nonsense").unwrap();
    let bench = bench.crash();
    let told = bench.events.find(|kind| matches!(kind, EventKind::Forgotten { .. }));
    assert_eq!(told.len(), 1);
    assert_eq!(bench.guard.status().state, StatusState::Calm);
    let disk = bench.guard.attach();
    write_one(&disk, 5, 5).unwrap();
    // It is written anew, and understood.
    drop(disk);
    let bench = bench.restart();
    assert_eq!(bench.events.all(), []);
}

#[test]
fn a_damaged_sidecar_does_not_lose_diverted_writes() {
    let bench = Bench::new(Fence::Divert);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    write_one(&disk, 3000, 9).unwrap();
    drop(disk);
    bench.guard.close();
    bench.store.write_sidecar("disk", b"").unwrap();
    let bench = bench.crash();
    assert_eq!(block_of(&bench.guard.attach(), 3000), text(9));
    assert_eq!(bench.guard.status().diverted.unwrap().fork, "disk.diverted");
}

#[test]
fn a_fork_that_is_gone_leaves_writes_refused_until_the_operator_decides() {
    let bench = Bench::new(Fence::Divert);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    drop(disk);
    let folder = bench.folder.path().join("disk.diverted");
    bench.guard.close();
    std::fs::remove_dir_all(folder).unwrap();
    let bench = bench.crash();
    assert_eq!(
        bench.events.find(|kind| matches!(kind, EventKind::Failed { .. })).len(),
        1
    );
    let disk = bench.guard.attach();
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::Fenced)));
    assert!(bench.guard.release(Release::Keep).is_err(), "there is nothing to keep");
    bench.guard.release(Release::Drop).unwrap();
    write_one(&bench.guard.attach(), 5, 5).unwrap();
}

/// Turns a bit of what a fork stores for a block, or turns it back.
fn turn_a_bit_of(bench: &Bench, fork: &str, block: &[u8]) {
    // All but the byte that may be turned.
    let rest = block.get(1..).unwrap_or_default();
    for file in std::fs::read_dir(bench.folder.path().join(fork)).expect("the fork's folder") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).expect("its bytes");
        let found = bytes.windows(rest.len()).position(|window| window == rest);
        if let Some(place) = found.and_then(|found| found.checked_sub(1)) {
            let turned = [bytes.get(place).copied().unwrap_or(0) ^ 1];
            let file = std::fs::File::options().write(true).open(&path).expect("opened");
            std::os::unix::fs::FileExt::write_all_at(&file, &turned, place as u64).expect("written");
            return;
        }
    }
    panic!("not found in {fork}");
}

#[test]
fn keeping_that_was_cut_off_can_be_finished_or_taken_back() {
    for how in [Release::Keep, Release::Drop] {
        let bench = Bench::new(Fence::Divert);
        let disk = bench.guard.attach();
        bench.encrypt_until_fenced(&disk);
        write_one(&disk, 100, 8).unwrap();
        write_one(&disk, 3000, 9).unwrap();
        disk.flush().unwrap();
        turn_a_bit_of(&bench, "disk.diverted", &text(9).0);
        assert!(bench.guard.release(Release::Keep).is_err());
        assert_eq!(line_block(&bench.volume, 100), text(8), "it has begun");
        assert!(bench.guard.status().diverted.unwrap().keep_begun);
        assert_eq!(block_of(&disk, 100), text(8), "the guest goes on");
        write_one(&disk, 101, 10).unwrap();
        turn_a_bit_of(&bench, "disk.diverted", &text(9).0);
        drop(disk);
        let bench = bench.crash();
        assert!(bench.guard.status().diverted.unwrap().keep_begun);
        bench.guard.release(how).unwrap();
        let disk = bench.guard.attach();
        let expected = match how {
            Release::Keep => [text(8), text(10), text(9)],
            Release::Drop => [noise(100), noise(101), zeros()],
        };
        assert_eq!([100, 101, 3000].map(|block| block_of(&disk, block)), expected);
        write_one(&disk, 5, 5).unwrap();
    }
}

#[test]
fn what_was_written_before_a_stop_is_in_the_bookmark_of_an_attack_right_after_the_start() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    // The trail has a mark every other second: the second write comes too soon for one.
    for block in [16 * BATCH, 16 * BATCH + 1] {
        write_one(&disk, block, block).unwrap();
        bench.clocks.advance_millis(200);
    }
    drop(disk);
    bench.guard.close();
    bench.clocks.advance_millis(10_000);
    let bench = bench.crash();
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    let pin = bench.guard.before_attack().unwrap().pin;
    assert_clean(&bench.volume, &pin);
    let view = bench.volume.view(&Moment::Pin(pin)).unwrap();
    assert!(block_of(&view, 16 * BATCH + 1) == text(16 * BATCH + 1));
}
