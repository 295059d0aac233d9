//! Space: what budgets, floors and commands do to it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{Daemon, Place};

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
