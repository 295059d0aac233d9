//! Fences that somebody puts up, and guards that somebody makes more suspicious.

use std::time::Duration;

use guard::{Error, EventKind, Fence, Release, StatusState};
use volume::{Device, Error as DiskError, Moment, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, TO_FENCE, assert_clean, block_of, noise, text};

const HOUR: Duration = Duration::from_secs(3600);

fn write_one(disk: &dyn Device, block: u64) -> Result<(), DiskError> {
    disk.write(&[WriteRequest {
        offset: block * BLOCK,
        data: &noise(block).0,
    }])
}

#[test]
fn a_fence_by_hand_stops_writes_keeps_the_moment_before_and_survives() {
    for how in [Fence::Refuse, Fence::Pause] {
        let bench = Bench::new(Fence::Alert);
        let disk = bench.guard.attach();
        write_one(&disk, 5000).unwrap();
        bench.guard.fence_by_hand(how, "policy p: two disks").unwrap();
        let expected = if how == Fence::Pause { "Paused" } else { "Fenced" };
        assert_eq!(format!("{:?}", write_one(&disk, 0).unwrap_err()), expected);
        let status = bench.guard.status();
        assert_eq!((status.state, status.fence), (StatusState::Fenced, Some(how)));
        assert_eq!(status.reasons, ["policy p: two disks"]);
        let point = bench.guard.before_attack().unwrap();
        let view = bench.volume.view(&Moment::Pin(point.pin.clone())).unwrap();
        assert_eq!(block_of(&view, 5000), noise(5000), "what was written before it is kept");
        assert_clean(&bench.volume, &point.pin);
        let told = bench.events.find(|kind| matches!(kind, EventKind::FencedByHand { .. }));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].text().starts_with("fenced (policy p: two disks): writes "),
            "{}",
            told[0].text()
        );
        assert!(
            bench
                .events
                .find(|kind| matches!(kind, EventKind::Fenced { .. }))
                .is_empty(),
            "nothing was recognised"
        );
        assert!(matches!(
            bench.guard.fence_by_hand(Fence::Divert, "again"),
            Err(Error::Fenced(_))
        ));
        let bench = bench.crash();
        let disk = bench.guard.attach();
        assert!(write_one(&disk, 0).is_err());
        bench.guard.release(Release::Keep).unwrap();
        write_one(&disk, 0).unwrap();
    }
}

#[test]
fn a_disk_that_is_diverted_by_hand_goes_on_in_a_fork() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    bench.guard.fence_by_hand(Fence::Divert, "by hand").unwrap();
    write_one(&disk, 0).unwrap();
    assert_eq!(block_of(&disk, 0), noise(0));
    assert_eq!(bench.guard.status().diverted.unwrap().fork, "disk.diverted");
    let bench = bench.crash();
    assert_eq!(bench.guard.status().reasons, ["by hand"]);
    bench.guard.release(Release::Drop).unwrap();
    assert_eq!(block_of(&bench.guard.attach(), 0), text(0));
}

#[test]
fn a_fence_by_hand_needs_a_reason_and_has_to_stop_something() {
    let bench = Bench::new(Fence::Refuse);
    assert!(matches!(
        bench.guard.fence_by_hand(Fence::Alert, "x"),
        Err(Error::StopsNothing)
    ));
    for because in ["", "  ", &"x".repeat(201)] {
        assert!(matches!(
            bench.guard.fence_by_hand(Fence::Refuse, because),
            Err(Error::BadReason { .. })
        ));
    }
    assert_eq!(bench.guard.status().fence, None);
}

#[test]
fn a_more_suspicious_guard_fences_sooner_and_only_for_a_while() {
    let bench = Bench::new(Fence::Refuse);
    bench.guard.raise_sensitivity(50, HOUR).unwrap();
    let bench = bench.crash();
    assert_eq!(bench.guard.status().sensitive.unwrap().percent, 50, "over a restart");
    let disk = bench.guard.attach();
    assert_eq!(bench.encrypt_until_fenced(&disk), TO_FENCE / 2);
    assert_clean(&bench.volume, &bench.guard.before_attack().unwrap().pin);
    bench.guard.release(Release::Keep).unwrap();
    bench.pass_hours(2);
    assert_eq!(bench.guard.status().sensitive, None);
    let ended = bench.events.find(|kind| *kind == EventKind::SensitivityEnded);
    assert_eq!(ended.len(), 1);
    let mut batches = 0;
    for batch in 16..32 {
        bench.encrypt(&disk, batch * BATCH).unwrap_or_default();
        batches += 1;
        if bench.guard.status().fence.is_some() {
            break;
        }
    }
    assert!(batches >= TO_FENCE, "{batches}");
}

#[test]
fn a_sensitivity_is_within_bounds_and_can_be_ended() {
    let bench = Bench::new(Fence::Refuse);
    for percent in [0, 9, 101, u32::MAX] {
        let refused = bench.guard.raise_sensitivity(percent, HOUR);
        assert!(matches!(refused, Err(Error::BadSensitivity { .. })), "{percent}");
    }
    for duration in [Duration::ZERO, 200 * HOUR] {
        let refused = bench.guard.raise_sensitivity(50, duration);
        assert!(matches!(refused, Err(Error::BadDuration { .. })), "{duration:?}");
    }
    bench.guard.raise_sensitivity(10, HOUR).unwrap();
    bench.pass_seconds(60);
    assert_eq!(
        bench.guard.status().state,
        StatusState::Calm,
        "nothing is suspected of nothing"
    );
    bench.guard.raise_sensitivity(100, Duration::ZERO).unwrap();
    assert_eq!(bench.guard.status().sensitive, None);
}
