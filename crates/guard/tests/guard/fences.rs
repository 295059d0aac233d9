//! What a fence does, and how it ends.

use guard::{Error, EventKind, Fence, Release, StatusState, Unfenced};
use volume::{Device, Error as DiskError, Hole, Moment, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, TO_FENCE, assert_clean, at, block_of, noise, text};

fn write_one(disk: &dyn Device, block: u64) -> Result<(), DiskError> {
    disk.write(&[WriteRequest {
        offset: block * BLOCK,
        data: &text(block).0,
    }])
}

#[test]
fn refusing_stops_every_kind_of_write_of_every_client_and_no_read() {
    let bench = Bench::new(Fence::Refuse);
    let (disk, other) = (bench.guard.attach(), bench.guard.attach());
    assert_eq!(bench.encrypt_until_fenced(&disk), TO_FENCE);
    let new = bench.guard.attach();
    let newest = bench.volume.newest();
    for disk in [&disk, &other, &new] {
        assert!(matches!(write_one(disk, 5000), Err(DiskError::Fenced)));
        assert!(matches!(disk.zero(0, BLOCK, Hole::Allowed), Err(DiskError::Fenced)));
        assert!(matches!(disk.trim(0, BLOCK), Err(DiskError::Fenced)));
        disk.flush().unwrap();
        assert_eq!(block_of(disk, 0), noise(0));
    }
    assert_eq!(bench.volume.newest(), newest, "nothing got through");
    let status = bench.guard.status();
    assert_eq!((status.state, status.fence), (StatusState::Fenced, Some(Fence::Refuse)));
    assert_eq!(status.suspicion_percent, 100);
    let point = bench.guard.before_attack().unwrap();
    assert_clean(&bench.volume, &point.pin);
    let told = bench.events.find(|kind| matches!(kind, EventKind::Fenced { .. }));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].pin, Some(point.pin.clone()));
    assert!(told[0].onset.is_some_and(|onset| onset < told[0].time));
    for part in [
        "EPERM",
        &point.pin,
        "holdfast restore disk --before-attack",
        "holdfast guard release disk",
    ] {
        assert!(told[0].text().contains(part), "{part} in {}", told[0].text());
    }
    let json = serde_json::to_string(&told[0]).unwrap();
    assert_eq!(serde_json::from_str::<guard::Event>(&json).unwrap(), told[0]);
    let json = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<guard::Status>(&json).unwrap(), status);
}

#[test]
fn pausing_looks_like_a_full_disk() {
    let bench = Bench::new(Fence::Pause);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    assert!(matches!(write_one(&disk, 5000), Err(DiskError::Paused)));
    assert!(matches!(
        bench.guard.release(Release::Drop),
        Err(Error::NothingDiverted(_))
    ));
    bench.guard.release(Release::Keep).unwrap();
    write_one(&disk, 5000).unwrap();
    assert_eq!(bench.guard.status().state, StatusState::Calm);
    assert_eq!(bench.guard.status().suspicion_percent, 0);
    assert!(
        !bench.guard.before_attack().unwrap().is_current,
        "still known after a release by mistake"
    );
    assert!(matches!(bench.guard.release(Release::Keep), Err(Error::NotFenced(_))));
}

#[test]
fn an_alert_stops_nothing_and_is_told_once() {
    let bench = Bench::new(Fence::Alert);
    let disk = bench.guard.attach();
    for batch in 0..16 {
        bench.encrypt(&disk, batch * BATCH).unwrap();
        bench.guard.tick();
    }
    let because = Unfenced::Alert;
    let told = bench.events.find(|kind| *kind == EventKind::WouldFence { because });
    assert_eq!(told.len(), 1);
    assert_clean(&bench.volume, told[0].pin.as_ref().unwrap());
    assert_eq!(bench.guard.status().fence, Some(Fence::Alert));
    // It ends by itself.
    for batch in 0..40 {
        bench.write_text(&disk, (20 + batch) * BATCH).unwrap();
    }
    bench.pass_seconds(700);
    assert_eq!(bench.guard.status().state, StatusState::Calm);
}

#[test]
fn ordinary_writes_are_not_suspected() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for batch in 0..60 {
        let data: Vec<u8> = (0..BATCH).flat_map(|block| text(batch * BATCH + block).0).collect();
        let offset = (batch + 1) % 16 * BATCH * BLOCK;
        disk.write(&[WriteRequest { offset, data: &data }]).unwrap();
        bench.clocks.advance_millis(1000);
    }
    let status = bench.guard.status();
    assert!(status.counts.assessments >= 60, "{status:?}");
    assert_eq!((status.state, status.suspicion_percent), (StatusState::Calm, 0));
}

#[test]
fn a_verdict_comes_from_an_idle_volume_too() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    // Too little at a time for an assessment to be due while writing.
    for piece in 0..100 {
        disk.write(&[WriteRequest {
            offset: piece * 16 * BLOCK,
            data: &(0..16)
                .flat_map(|block| noise(piece * 16 + block).0)
                .collect::<Vec<_>>(),
        }])
        .unwrap();
        bench.pass_seconds(2);
        if bench.guard.status().fence.is_some() {
            return;
        }
    }
    panic!("never fenced: {:?}", bench.guard.status());
}

#[test]
fn after_a_release_or_a_restore_ordinary_writes_are_not_held_to_account() {
    for is_restored in [false, true] {
        let bench = Bench::new(Fence::Refuse);
        bench.encrypt_until_fenced(&bench.guard.attach());
        if is_restored {
            let point = bench.guard.before_attack().unwrap();
            bench.volume.rollback(&Moment::Pin(point.pin), at(8000)).unwrap();
            bench.guard.rolled_back();
        } else {
            bench.guard.release(Release::Keep).unwrap();
        }
        let disk = bench.guard.attach();
        for batch in 0..60 {
            bench.write_text(&disk, (16 + batch) * BATCH).unwrap();
            assert_eq!(bench.guard.status().suspicion_percent, 0);
        }
    }
}

#[test]
fn after_a_restore_old_clients_are_refused_and_new_ones_write() {
    let bench = Bench::new(Fence::Refuse);
    let old = bench.guard.attach();
    bench.encrypt_until_fenced(&old);
    let point = bench.guard.before_attack().unwrap();
    bench.volume.rollback(&Moment::Pin(point.pin), at(8000)).unwrap();
    bench.guard.rolled_back();
    assert!(matches!(write_one(&old, 1), Err(DiskError::StaleEpoch)));
    let new = bench.guard.attach();
    assert_eq!(block_of(&new, 0), text(0));
    write_one(&new, 1).unwrap();
    let status = bench.guard.status();
    assert_eq!((status.state, status.suspicion_percent), (StatusState::Calm, 0));
    assert_eq!(
        bench
            .events
            .find(|kind| matches!(kind, EventKind::RolledBack { fork: None }))
            .len(),
        1
    );
    // The next attack is met like the first, and its bookmark doesn't reach back behind the restore.
    bench.pass_seconds(100);
    bench.encrypt_until_fenced(&new);
    let again = bench.guard.before_attack().unwrap();
    assert!(again.time >= at(7900), "{again:?}");
    assert_clean(&bench.volume, &again.pin);
}

#[test]
fn a_short_read_or_a_refused_one_is_not_shown_to_the_sentinel() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let size = disk.size_bytes();
    assert!(disk.read(size, &mut [0; 512], volume::Wait::Allowed).is_err());
    assert!(write_one(&disk, size / BLOCK).is_err());
    assert!(disk.trim(size - BLOCK, 2 * BLOCK).is_err());
    assert!(disk.zero(u64::MAX - 5, 10, Hole::Allowed).is_err());
    disk.read(0, &mut [], volume::Wait::Allowed).unwrap();
    disk.trim(0, 0).unwrap();
    assert_eq!(bench.guard.status().suspicion_percent, 0);
}
