//! Space: what budgets, floors and commands do to it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{Daemon, Place, tool};

/// Writes a file to the start of a disk until that succeeds, for as long as the floor may keep it from succeeding.
fn write_patiently(daemon: &Daemon, file: &str, patience: Duration) {
    let since = Instant::now();
    loop {
        let mut copy = Command::new("nbdcopy");
        copy.args(["--", file, &daemon.uri("disk")]).stderr(Stdio::null());
        if copy.status().unwrap().success() {
            return;
        }
        assert!(
            since.elapsed() < patience,
            "refused for {:?}:\n{}",
            since.elapsed(),
            daemon.log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn an_idle_volume_that_then_fills_its_budget_drops_what_is_older_than_the_floor() {
    let place = Place::new("idle");
    let config = "[defaults]\nbudget = \"48MiB\"\nretention = \"1h\"\nretention_floor = \"1s\"\n";
    std::fs::write(place.folder.join("h.toml"), config).unwrap();
    std::fs::write(place.folder.join("x.raw"), vec![1; 8 << 20]).unwrap();
    let daemon = place.up(&["--create", "disk=8M"]);
    std::thread::sleep(Duration::from_secs(8));
    for _ in 0..20 {
        write_patiently(&daemon, &place.path("x.raw"), Duration::from_secs(10));
    }
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_budget_smaller_than_the_checkpoint_interval_works() {
    let place = Place::new("small-budget");
    let config = "[defaults]\nbudget = \"40MiB\"\nretention = \"3s\"\nretention_floor = \"3s\"\n";
    std::fs::write(place.folder.join("h.toml"), config).unwrap();
    std::fs::write(place.folder.join("x.raw"), vec![1; 16 << 20]).unwrap();
    let daemon = place.up(&["--create", "disk=16M"]);
    for _ in 0..6 {
        write_patiently(&daemon, &place.path("x.raw"), Duration::from_secs(20));
    }
    assert_eq!(daemon.stop().0, 0);
}

/// An image with a file system that holds one letter.
fn letter(place: &Place, content: &str) -> String {
    let folder = place.folder.join("content");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("letter.txt"), content).unwrap();
    let image = place.path(&format!("{content}.raw"));
    tool(
        "mkfs.ext4",
        &["-q", "-F", "-d", folder.to_str().unwrap(), &image, "16M"],
    );
    image
}

#[test]
fn two_moments_are_compared_although_the_log_between_them_is_gone() {
    let place = Place::new("log-gone");
    let config = "[defaults]\nbudget = \"64MiB\"\nretention = \"3s\"\nretention_floor = \"3s\"\n";
    std::fs::write(place.folder.join("h.toml"), config).unwrap();
    let (before, after) = (letter(&place, "before"), letter(&place, "changed"));
    std::fs::write(place.folder.join("x.raw"), vec![1; 16 << 20]).unwrap();
    let daemon = place.up(&["--create", "disk=16M"]);
    write_patiently(&daemon, &before, Duration::from_secs(20));
    place.ok(&["pin", "disk", "first"]);
    let shown = || place.json(&["volume", "show", "disk"]);
    let pinned = shown()["newest"]["sequence"].as_u64();
    let since = Instant::now();
    while shown()["oldest"]["sequence"].as_u64() <= pinned {
        assert!(since.elapsed() < Duration::from_secs(60), "history stays");
        write_patiently(&daemon, &place.path("x.raw"), Duration::from_secs(20));
    }
    write_patiently(&daemon, &after, Duration::from_secs(20));
    let diff = ["files", "diff", "disk@first:/", "disk:/"];
    let told = place.ok(&[&diff[..], &["--json"]].concat());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["by_log"], false);
    let paths: Vec<_> = told["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["path"])
        .collect();
    assert!(paths.contains(&&serde_json::json!("/letter.txt")), "{told}");
    let done = place.run(&diff);
    assert_eq!(done.code, 0);
    assert!(done.stderr.contains("isn't kept whole any more"), "{}", done.stderr);
    assert_eq!(daemon.stop().0, 0);
}

/// Bytes that the files of a folder occupy, with those in folders within it.
fn occupied(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let bytes = entries.map(|entry| {
        let data = entry.metadata().unwrap();
        if data.is_dir() {
            occupied(&entry.path())
        } else {
            data.blocks() * 512
        }
    });
    bytes.sum()
}

#[test]
fn looking_at_volumes_without_a_daemon_takes_no_space() {
    let place = Place::new("looking");
    std::fs::write(place.folder.join("x.raw"), vec![1; 1 << 20]).unwrap();
    place.ok(&["volume", "create", "other", "1G"]);
    let daemon = place.up(&["--create", "disk=1G"]);
    daemon.write("disk", &place.folder.join("x.raw"));
    daemon.kill();
    // The first command after a crash finds the end of the log.
    place.ok(&["status"]);
    let before = occupied(&place.data());
    // Two reserves, and what was written.
    assert!(
        before < (2 * 64 + 8) << 20,
        "{before} bytes although no segment is being written"
    );
    let look = || {
        for words in [
            &["status"][..],
            &["volume", "list"],
            &["volume", "show", "disk"],
            &["history", "disk"],
            &["volume", "verify", "disk"],
        ] {
            place.ok(words);
            assert_eq!(occupied(&place.data()), before, "{words:?}");
        }
    };
    look();
    for pin in ["a", "b", "c", "d"] {
        place.ok(&["pin", "disk", pin]);
    }
    let grown = occupied(&place.data()).saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes for four pins");
}

#[test]
fn history_does_not_expire_because_a_daemon_starts_with_the_clock_ahead() {
    let place = Place::new("ahead");
    let config = "[defaults]\nretention = \"6s\"\nretention_floor = \"6s\"\n";
    std::fs::write(place.folder.join("h.toml"), config).unwrap();
    std::fs::write(place.folder.join("x.raw"), vec![1; 16 << 20]).unwrap();
    let daemon = place.up(&["--create", "disk=16M"]);
    daemon.write("disk", &place.folder.join("x.raw"));
    assert_eq!(daemon.stop().0, 0);
    let oldest = || place.json(&["volume", "show", "disk"])["oldest"]["sequence"].clone();
    let before = oldest();
    // To the daemon this is the same as a clock that is years ahead now.
    let served = place.data().join("served");
    assert!(std::fs::read_to_string(&served).unwrap().starts_with("{\"until\":"));
    std::fs::write(&served, "{\"until\":\"2016-11-23T10:15:00Z\",\"pauses\":[]}").unwrap();
    std::thread::sleep(Duration::from_secs(7));
    let started = Instant::now();
    let daemon = place.up(&[]);
    daemon.wait_for_log("warning clock: by the system's clock, nothing was served for ");
    while started.elapsed() < Duration::from_secs(4) {
        assert_eq!(oldest(), before, "after {:?}", started.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
    while oldest() == before {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "it must age while it is served"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(daemon.stop().0, 0);
    assert!(
        std::fs::read_to_string(&served)
            .unwrap()
            .contains("[\"2016-11-23T10:15:00")
    );
}
