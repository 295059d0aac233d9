//! Diverted writes: the volume stays clean, nothing is lost, and the operator decides.

use guard::{EventKind, Fence, Release, StatusState};
use volume::{Device, Error as DiskError, Hole, Moment, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, TO_FENCE, assert_clean, at, block_of, line_block, noise, text, zeros};

fn write_one(disk: &dyn Device, block: u64, seed: u64) -> Result<(), DiskError> {
    disk.write(&[WriteRequest {
        offset: block * BLOCK,
        data: &text(seed).0,
    }])
}

/// Diverted, and some work of the guest's on the fork: block 3000 written, block 0 zeroed, block 1 trimmed.
fn diverted() -> (Bench, guard::GuardedDisk) {
    let bench = Bench::new(Fence::Divert);
    let disk = bench.guard.attach();
    assert_eq!(bench.encrypt_until_fenced(&disk), TO_FENCE);
    write_one(&disk, 3000, 9).expect("the guest goes on");
    disk.zero(0, BLOCK, Hole::Refused).expect("the guest goes on");
    disk.trim(BLOCK, BLOCK).expect("the guest goes on");
    disk.flush().expect("the guest goes on");
    (bench, disk)
}

fn assert_sees_the_fork(disk: &dyn Device) {
    assert_eq!(block_of(disk, 3000), text(9));
    assert_eq!(block_of(disk, 0), zeros());
    assert_eq!(block_of(disk, 1), zeros());
    assert_eq!(block_of(disk, 2), noise(2));
}

#[test]
fn every_client_reads_and_writes_the_fork_and_the_volume_stays_clean() {
    let (bench, disk) = diverted();
    let other = bench.guard.attach();
    assert_sees_the_fork(&disk);
    assert_sees_the_fork(&other);
    for batch in 0..16 {
        bench.encrypt(&other, batch * BATCH).unwrap();
    }
    bench.pass_seconds(5);
    for block in 0..TO_FENCE * BATCH {
        assert_eq!(line_block(&bench.volume, block), noise(block), "as at the fence");
    }
    for block in TO_FENCE * BATCH..16 * BATCH {
        assert_eq!(line_block(&bench.volume, block), text(block));
    }
    assert_eq!(line_block(&bench.volume, 3000), zeros());
    let status = bench.guard.status();
    let fork = status.diverted.unwrap();
    assert_eq!((fork.fork.as_str(), fork.keep_begun), ("disk.diverted", false));
    assert!(fork.stored_bytes > 8 << 20, "{fork:?}");
    assert_clean(&bench.volume, &bench.guard.before_attack().unwrap().pin);
    let told = bench.events.find(|kind| matches!(kind, EventKind::Diverted { .. }));
    assert_eq!(told.len(), 1);
    assert!(
        told[0].text().contains("`holdfast guard release disk --keep`"),
        "{}",
        told[0].text()
    );
}

#[test]
fn keeping_brings_everything_into_the_volume_and_clients_go_on() {
    let (bench, disk) = diverted();
    let released = bench.guard.release(Release::Keep).unwrap();
    assert_eq!(released.fork.as_deref(), Some("disk.diverted"));
    assert!(released.copied_bytes >= BLOCK);
    assert_sees_the_fork(&disk);
    assert_eq!(line_block(&bench.volume, 3000), text(9));
    assert_eq!(line_block(&bench.volume, 0), zeros());
    assert_eq!(line_block(&bench.volume, 1), zeros());
    write_one(&disk, 3001, 10).unwrap();
    assert_eq!(line_block(&bench.volume, 3001), text(10));
    assert_eq!(bench.store.names().unwrap(), ["disk"], "the fork is gone");
    assert!(bench.volume.pins().iter().all(|pin| pin.fork.is_none()));
    let status = bench.guard.status();
    assert_eq!((status.state, status.diverted), (StatusState::Calm, None));
}

#[test]
fn dropping_leaves_the_volume_as_it_was_and_refuses_those_who_saw_the_fork() {
    let (bench, disk) = diverted();
    let newest = bench.volume.newest().sequence;
    bench.guard.release(Release::Drop).unwrap();
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::StaleEpoch)));
    assert!(matches!(disk.trim(0, BLOCK), Err(DiskError::StaleEpoch)));
    let new = bench.guard.attach();
    assert_eq!(block_of(&new, 3000), zeros());
    assert_eq!(block_of(&new, 0), noise(0));
    write_one(&new, 5, 5).unwrap();
    assert!(bench.volume.newest().sequence > newest);
    assert_eq!(bench.store.names().unwrap(), ["disk"]);
}

#[test]
fn a_fork_that_is_still_read_is_deleted_later() {
    let (bench, _disk) = diverted();
    let reader = bench.store.opened("disk.diverted").unwrap();
    bench.guard.release(Release::Drop).unwrap();
    assert_eq!(bench.store.names().unwrap(), ["disk", "disk.diverted"]);
    drop(reader);
    bench.pass_seconds(61);
    assert_eq!(bench.store.names().unwrap(), ["disk"]);
}

#[test]
fn a_restore_keeps_the_fork_and_refuses_those_who_saw_it() {
    let (bench, disk) = diverted();
    let pin = bench.guard.before_attack().unwrap().pin;
    bench.volume.rollback(&Moment::Pin(pin), at(8000)).unwrap();
    // From here on the guest's view is of a disk that is gone.
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::StaleEpoch)));
    let between = bench.guard.attach();
    bench.guard.rolled_back();
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::StaleEpoch)));
    assert!(
        matches!(write_one(&between, 5, 5), Err(DiskError::StaleEpoch)),
        "it was served the fork"
    );
    let new = bench.guard.attach();
    for block in 0..16 * BATCH {
        assert_eq!(block_of(&new, block), text(block));
    }
    write_one(&new, 5, 5).unwrap();
    let fork = bench.store.volume("disk.diverted", at(8001)).unwrap();
    assert_eq!(line_block(&fork, 3000), text(9));
    let told = bench
        .events
        .find(|kind| matches!(kind, EventKind::RolledBack { fork: Some(_) }));
    assert!(
        told[0].text().contains("`holdfast volume delete disk.diverted`"),
        "{}",
        told[0].text()
    );
}

#[test]
fn the_next_fork_has_another_name() {
    let (bench, _disk) = diverted();
    let pin = bench.guard.before_attack().unwrap().pin;
    bench.volume.rollback(&Moment::Pin(pin), at(8000)).unwrap();
    bench.guard.rolled_back();
    bench.pass_seconds(1000);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    assert_eq!(bench.guard.status().diverted.unwrap().fork, "disk.diverted-2");
}

#[test]
fn a_long_name_leaves_room_for_the_forks() {
    let name = "x".repeat(64);
    let bench = Bench::named(&name, Fence::Divert);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    let fork = bench.guard.status().diverted.expect("diverted").fork;
    assert!(
        fork.starts_with(&"x".repeat(44)) && fork.ends_with(".diverted"),
        "{fork}"
    );
    bench.guard.release(Release::Keep).unwrap();
    assert_eq!(bench.store.names().unwrap(), [name]);
}

#[test]
fn where_no_fork_can_be_made_writes_are_refused() {
    let bench = Bench::new(Fence::Divert);
    let folder = bench.folder.path();
    // A file where the fork's folder would be, for every name that it could have.
    std::fs::write(folder.join("disk.diverted"), "").unwrap();
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::Fenced)));
    assert_eq!(bench.guard.status().fence, Some(Fence::Refuse));
    assert_eq!(
        bench.events.find(|kind| matches!(kind, EventKind::Failed { .. })).len(),
        1
    );
    assert_clean(&bench.volume, &bench.guard.before_attack().unwrap().pin);
}

#[test]
fn where_the_switch_cannot_be_saved_writes_are_refused() {
    let bench = Bench::new(Fence::Divert);
    let disk = bench.guard.attach();
    // A folder in the place of the file that replaces the sidecar.
    let obstacle = bench.folder.path().join("disk/sidecar.new");
    std::fs::create_dir(&obstacle).unwrap();
    bench.encrypt_until_fenced(&disk);
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::Fenced)));
    assert_eq!(bench.guard.status().diverted, None);
    assert!(
        !bench
            .events
            .find(|kind| matches!(kind, EventKind::Failed { .. }))
            .is_empty()
    );
    std::fs::remove_dir(&obstacle).unwrap();
    disk.flush().unwrap();
    bench.pass_seconds(130);
    assert_eq!(
        bench.store.names().unwrap(),
        ["disk"],
        "the fork that nobody wrote to is gone"
    );
    drop(disk);
    let bench = bench.crash();
    assert_eq!(bench.guard.status().fence, Some(Fence::Refuse));
}

#[test]
fn what_grew_on_the_fork_is_kept_too() {
    let (bench, disk) = diverted();
    let fork = bench.store.opened("disk.diverted").unwrap();
    fork.resize(80 << 20, at(7900)).unwrap();
    drop(fork);
    assert_eq!(disk.size_bytes(), 80 << 20);
    write_one(&disk, (70 << 20) / BLOCK, 77).unwrap();
    bench.guard.release(Release::Keep).unwrap();
    assert_eq!(bench.volume.size_bytes(), 80 << 20);
    assert_eq!(line_block(&bench.volume, (70 << 20) / BLOCK), text(77));
}

#[test]
fn a_fork_that_was_returned_to_a_moment_refuses_those_attached_before() {
    let (bench, disk) = diverted();
    let fork = bench.store.opened("disk.diverted").unwrap();
    fork.rollback(&Moment::After(fork.oldest().sequence), at(7900)).unwrap();
    drop(fork);
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::StaleEpoch)));
    let new = bench.guard.attach();
    write_one(&new, 5, 5).unwrap();
    assert!(matches!(write_one(&disk, 5, 5), Err(DiskError::StaleEpoch)));
}
