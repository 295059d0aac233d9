//! The moment before what is suspected is kept: before the first suspicious write, once an episode, and not for ever.

use guard::{EventKind, Fence, StatusState};
use volume::{Clock, Device, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, TO_BOOKMARK, assert_clean, text};

fn bookmarks(bench: &Bench) -> usize {
    let pins = bench.volume.pins();
    pins.iter().filter(|pin| pin.name.starts_with("guard-")).count()
}

#[test]
fn a_bookmark_lies_before_the_first_suspicious_write_and_shows_the_old_bytes() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    assert_eq!(bench.guard.before_attack(), None);
    // Ordinary work until shortly before, which the bookmark should have.
    for _ in 0..20 {
        disk.write(&[WriteRequest {
            offset: 15 * BATCH * BLOCK,
            data: &text(15 * BATCH).0,
        }])
        .unwrap();
        bench.pass_seconds(1);
    }
    let began = bench.clocks.now();
    for batch in 0..TO_BOOKMARK {
        bench.encrypt(&disk, batch * BATCH).unwrap();
        bench.pass_seconds(3);
    }
    bench.pass_seconds(1);
    let status = bench.guard.status();
    assert_eq!(status.state, StatusState::Bookmarked);
    assert!((33..=34).contains(&status.suspicion_percent), "{status:?}");
    let point = bench.guard.before_attack().unwrap();
    assert!(point.is_current && point.pin.starts_with("guard-2027"), "{point:?}");
    assert_clean(&bench.volume, &point.pin);
    let before = bench
        .volume
        .pins()
        .into_iter()
        .find(|pin| pin.name == point.pin)
        .unwrap();
    assert!(
        began.since(before.time).as_secs() <= 7,
        "no older than needed: {before:?}"
    );
    let events = bench
        .events
        .find(|kind| matches!(kind, EventKind::Bookmarked { moved: false }));
    assert_eq!(events.len(), 1);
    assert!(!events[0].reasons.is_empty());
    let line = events[0].text();
    assert!(line.contains(&point.pin) && line.contains("% of what fences"), "{line}");
}

#[test]
fn an_episode_has_one_bookmark_however_long_it_goes_on() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for round in 0..8 {
        for batch in 0..TO_BOOKMARK {
            bench.encrypt(&disk, (2 * round + batch) * BATCH).unwrap();
        }
        bench.pass_seconds(1);
        assert_eq!(bench.guard.status().state, StatusState::Bookmarked);
        // Ordinary work in between, so that it isn't fenced.
        for batch in 0..12 {
            bench.write_text(&disk, (20 + 12 * round + batch) * BATCH).unwrap();
        }
        bench.pass_seconds(5);
    }
    assert_eq!(bookmarks(&bench), 1);
    assert_eq!(bench.guard.status().counts.bookmarks, 1);
    assert_clean(&bench.volume, &bench.guard.before_attack().unwrap().pin);
}

#[test]
fn an_episode_ends_after_ten_calm_minutes_and_its_bookmark_expires_after_a_week() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for batch in 0..TO_BOOKMARK {
        bench.encrypt(&disk, batch * BATCH).unwrap();
    }
    bench.pass_seconds(1);
    for batch in 0..10 {
        bench.write_text(&disk, (50 + batch) * BATCH).unwrap();
    }
    bench.pass_seconds(590);
    assert_eq!(bench.guard.status().state, StatusState::Bookmarked);
    bench.pass_seconds(30);
    assert_eq!(bench.guard.status().state, StatusState::Calm);
    assert_eq!(bench.events.find(|kind| *kind == EventKind::Calmed).len(), 1);
    assert_eq!(bench.guard.before_attack(), None, "nothing was fenced");
    bench.pass_hours(6 * 24 + 23);
    assert_eq!(bookmarks(&bench), 1);
    bench.pass_hours(2);
    assert_eq!((bookmarks(&bench), bench.guard.status().bookmarks_kept), (0, 0));
}

#[test]
fn no_more_than_32_bookmarks_are_kept_and_the_newest_stay() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for episode in 0..40 {
        for batch in 0..TO_BOOKMARK {
            bench.write_text(&disk, batch * BATCH).unwrap();
        }
        bench.pass_seconds(100);
        for batch in 0..TO_BOOKMARK {
            bench.encrypt(&disk, batch * BATCH).unwrap();
        }
        bench.pass_seconds(1);
        assert_eq!(bench.guard.status().state, StatusState::Bookmarked, "episode {episode}");
        bench.guard.release(guard::Release::Keep).unwrap();
        bench.pass_seconds(61);
    }
    assert_eq!(bookmarks(&bench), 32);
    let oldest = bench.volume.pins().into_iter().next().unwrap();
    assert!(oldest.time > crate::fixture::at(7200 + 7 * 100), "{oldest:?}");
}

#[test]
fn what_the_operator_unpins_is_not_missed() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    let point = bench.guard.before_attack().unwrap();
    bench.volume.unpin(&point.pin, crate::fixture::at(9000)).unwrap();
    bench.pass_seconds(61);
    assert_eq!(bench.guard.before_attack(), None);
    assert_eq!(bench.guard.status().bookmarks_kept, 0);
}

#[test]
fn a_bookmark_that_nobody_noted_before_a_kill_expires_all_the_same() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for batch in 0..TO_BOOKMARK {
        bench.encrypt(&disk, batch * BATCH).unwrap();
    }
    // Before the minute is over after which the guard saves.
    bench.pass_seconds(1);
    assert_eq!(bookmarks(&bench), 1);
    let pin = bench.volume.pins().remove(0);
    // The operator's own, which only look like it.
    for name in ["guard-20261123-101500", &format!("{}-x", pin.name), "guard-duty"] {
        bench.volume.pin(name, None, bench.clocks.now()).unwrap();
    }
    drop(disk);
    let bench = bench.crash();
    assert_eq!(bench.guard.status().bookmarks_kept, 1);
    bench.pass_hours(6 * 24);
    let bench = bench.restart();
    bench.pass_hours(23);
    assert_eq!((bookmarks(&bench), bench.guard.status().bookmarks_kept), (4, 1));
    bench.pass_hours(2);
    let left: Vec<String> = bench.volume.pins().into_iter().map(|pin| pin.name).collect();
    assert_eq!((left.len(), bench.guard.status().bookmarks_kept), (3, 0), "{left:?}");
    assert!(!left.contains(&pin.name));
}
