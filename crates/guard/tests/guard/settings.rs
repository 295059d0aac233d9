//! Settings that change, work that is announced, models that are replaced: all while clients write.

use std::time::Duration;

use guard::{Error, EventKind, Fence, Release, Settings, StatusState, Unfenced};

use crate::fixture::{BATCH, Bench, TO_BOOKMARK, TO_FENCE, assert_clean, model_bytes};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_guard_that_is_off_sees_nothing_and_one_that_is_on_again_does() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let off = Settings {
        enabled: false,
        fence: Fence::Pause,
    };
    bench.guard.set(off).unwrap();
    let assessments = bench.guard.status().counts.assessments;
    for batch in 0..8 {
        bench.encrypt(&disk, batch * BATCH).unwrap();
        bench.guard.tick();
    }
    let status = bench.guard.status();
    assert_eq!(
        (status.state, status.counts.assessments),
        (StatusState::Off, assessments)
    );
    bench.guard.set(Settings { enabled: true, ..off }).unwrap();
    for batch in 8..8 + TO_FENCE {
        bench.encrypt(&disk, batch * BATCH).unwrap();
    }
    assert_eq!(bench.guard.status().fence, Some(Fence::Pause), "the new fence");
    assert!(matches!(bench.guard.set(off), Err(Error::FenceInForce(_))));
    assert_eq!(
        bench
            .events
            .find(|kind| matches!(kind, EventKind::SettingsChanged { .. }))
            .len(),
        2
    );
}

#[test]
fn a_choice_made_while_running_stays_until_the_configuration_changes() {
    let bench = Bench::new(Fence::Refuse);
    let chosen = Settings {
        enabled: true,
        fence: Fence::Alert,
    };
    bench.guard.set(chosen).unwrap();
    let bench = bench.restart();
    assert_eq!(bench.guard.status().settings, chosen);
    let other = Settings {
        enabled: true,
        fence: Fence::Divert,
    };
    let bench = bench.restart_with(other);
    assert_eq!(bench.guard.status().settings, other);
    bench.guard.set(chosen).unwrap();
    bench.guard.configure(other);
    assert_eq!(
        bench.guard.status().settings,
        chosen,
        "the configuration says what it said"
    );
    bench.guard.configure(Settings::default());
    assert_eq!(bench.guard.status().settings, Settings::default());
}

#[test]
fn a_configuration_that_turns_the_guard_off_does_not_open_a_fence() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    bench.encrypt_until_fenced(&disk);
    bench.guard.configure(Settings {
        enabled: false,
        ..Settings::default()
    });
    assert!(bench.encrypt(&disk, 0).is_err());
    bench.guard.release(Release::Keep).unwrap();
    assert_eq!(bench.guard.status().state, StatusState::Off);
    bench.encrypt(&disk, 0).unwrap();
}

#[test]
fn announced_work_is_bookmarked_and_not_fenced_until_it_ends() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    bench.guard.announce("enabling BitLocker", 2 * HOUR).unwrap();
    let told = bench.events.find(|kind| matches!(kind, EventKind::Announced { .. }));
    assert!(told[0].text().contains("enabling BitLocker"));
    for batch in 0..12 {
        bench.encrypt(&disk, batch * BATCH).unwrap();
        bench.guard.tick();
    }
    let because = Unfenced::Announced;
    let would = bench.events.find(|kind| *kind == EventKind::WouldFence { because });
    assert_eq!(would.len(), 1, "told once");
    assert_clean(&bench.volume, would[0].pin.as_ref().unwrap());
    assert_eq!(bench.guard.status().counts.would_fence, 1);
    // It is still announced after a restart, for the rest of its time.
    drop(disk);
    let bench = bench.restart();
    let disk = bench.guard.attach();
    assert_eq!(bench.guard.status().announced.unwrap().reason, "enabling BitLocker");
    bench.pass_seconds(2 * 3600 - 60);
    assert!(bench.guard.status().announced.is_some());
    bench.pass_seconds(65);
    assert_eq!(bench.guard.status().announced, None);
    assert_eq!(
        bench
            .events
            .find(|kind| matches!(kind, EventKind::AnnouncementEnded { .. }))
            .len(),
        1
    );
    assert_eq!(bench.guard.status().suspicion_percent, 0);
    // What goes on after it is fenced.
    for batch in 20..36 {
        bench.write_text(&disk, batch * BATCH).unwrap();
    }
    bench.pass_seconds(100);
    for batch in 20..20 + 2 * TO_FENCE {
        let _ = bench.encrypt(&disk, batch * BATCH);
    }
    assert_eq!(bench.guard.status().fence, Some(Fence::Refuse));
}

#[test]
fn announcements_have_a_reason_and_an_end() {
    let bench = Bench::new(Fence::Refuse);
    for (reason, duration) in [
        ("", HOUR),
        ("x", Duration::ZERO),
        ("x", 200 * HOUR),
        (&"x".repeat(201), HOUR),
    ] {
        assert!(bench.guard.announce(reason, duration).is_err());
    }
    assert!(matches!(bench.guard.end_announcement(), Err(Error::NotAnnounced(_))));
    bench.guard.announce("x", HOUR).unwrap();
    bench.guard.end_announcement().unwrap();
    let disk = bench.guard.attach();
    assert_eq!(bench.encrypt_until_fenced(&disk), TO_FENCE);
}

#[test]
fn another_model_judges_from_the_next_tick_on() {
    let bench = Bench::new(Fence::Refuse);
    let mut bytes = model_bytes(8);
    // It fences at once.
    bytes[24..28].copy_from_slice(&1_i32.to_le_bytes());
    bench.model.replace(sentinel::Model::parse(bytes.into()).unwrap());
    bench.guard.tick();
    assert_eq!(
        bench
            .events
            .find(|kind| *kind == EventKind::ModelChanged { from: 7, to: 8 })
            .len(),
        1
    );
    assert_eq!(bench.guard.status().model_version, 8);
    let disk = bench.guard.attach();
    assert_eq!(bench.encrypt_until_fenced(&disk), 1);
}

#[test]
fn a_release_explains_what_was_suspected() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for batch in 0..TO_BOOKMARK {
        bench.encrypt(&disk, batch * BATCH).unwrap();
    }
    bench.guard.tick();
    bench.guard.release(Release::Keep).unwrap();
    let status = bench.guard.status();
    assert_eq!((status.state, status.suspicion_percent), (StatusState::Calm, 0));
    assert_eq!(status.bookmarks_kept, 1);
}
