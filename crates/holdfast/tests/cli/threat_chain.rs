//! `holdfast threat`: alerts are explained, watched and marked, and logs of the past are played through the whole chain.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Daemon, Place};

/// A correlation that tells of passwords that are tried out.
const RULES: &str = "\
title: A password was refused
id: 7d9a1f5e-8f53-4a0e-9d2c-6a3b1c0e4f11
name: refused
status: test
level: low
logsource: {product: linux}
detection: {words: ['Failed password'], condition: words}
---
title: Many passwords tried out
id: 1b0e5a52-6f0c-4c7b-8a3d-2f9d7e6c5b22
status: test
level: high
description: Somebody tries out passwords.
falsepositives: [A scanner of our own]
tags: [attack.credential-access, attack.t1110.001]
correlation: {type: event_count, rules: [refused], group-by: [host], timespan: 10m, condition: {gte: 5}}
holdfast: {stage: 16}
";

/// A program that takes the system over, as critical.
const GRAVE: &str = "\
title: The system was taken over
id: 2c0e5a52-6f0c-4c7b-8a3d-2f9d7e6c5b33
status: test
level: critical
logsource: {product: linux}
detection: {words: ['POSSIBLE BREAK-IN'], condition: words}
";

/// Six refused passwords within six minutes of an hour.
fn refused(hour: u32, host: &str) -> String {
    let line = |minute: u32| {
        format!(
            "2026-03-01T{hour:02}:{minute:02}:00Z {host} sshd[7]: Failed password for root from 10.0.0.9 port 22 ssh2\n"
        )
    };
    (0..6).map(line).collect()
}

/// A place whose daemon follows a folder of logs, by these rules.
fn place(name: &str, rules: &str) -> Place {
    let place = Place::new(name);
    for folder in ["rules", "logs"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    std::fs::write(place.path("rules/a.yml"), rules).unwrap();
    std::fs::write(place.path("logs/auth.log"), refused(10, "web1")).unwrap();
    let config = format!(
        "[threat]\nfollow = ['{}']\nfrom_beginning = true\nrules = ['{}']\nown_rules = false\nentities = '{}'\n[threat.machines]\nweb1 = ['files']\n",
        place.path("logs"),
        place.path("rules"),
        place.path("entities.csv")
    );
    std::fs::write(place.path("entities.csv"), "host,tier\ndc01,dc\n").unwrap();
    std::fs::write(place.path("h.toml"), config).unwrap();
    place
}

fn append(place: &Place, text: &str) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(place.path("logs/auth.log"))
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Waits until something is so.
fn until(what: &str, daemon: &Daemon, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Alerts of the logs about a machine, the newest first.
fn alerts(place: &Place, host: &str) -> Vec<Value> {
    let listed = place.json(&["alerts", "list", "--layer", "threat", "--host", host]);
    listed["alerts"].as_array().unwrap().clone()
}

fn number(alert: &Value) -> String {
    alert["id"].as_i64().unwrap().to_string()
}

/// Starts the daemon and waits for the first alert: its number.
fn first_alert(place: &Place) -> (Daemon, String) {
    let daemon = place.up(&["--create", "files=64M"]);
    until("an alert of web1", &daemon, || !alerts(place, "web1").is_empty());
    let alert = number(&alerts(place, "web1")[0]);
    (daemon, alert)
}

#[test]
fn an_alert_is_explained_from_its_rule_to_what_to_do_next() {
    let place = place("threat-explain", RULES);
    let (daemon, alert) = first_alert(&place);
    let text = place.ok(&["threat", "explain", &alert]);
    for part in [
        "Many passwords tried out (high)",
        "correlation   Many passwords tried out (1b0e5a52",
        "says          Somebody tries out passwords.",
        "  host          web1\n",
        "machine       web1",
        "disk          files",
        "stage         16 of 22: the directory's accounts",
        "tactic        Stealing credentials",
        "technique     T1110.001",
        "looks alike   A scanner of our own",
        "keep the newest moment of `files`",
        "what to do next\n  - ",
        "  title: Many passwords tried out",
    ] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
    let explained = place.json(&["threat", "explain", &alert]);
    assert_eq!(explained["rule"]["stage"], 16);
    assert_eq!(explained["matched"]["host"], "web1");
    let record = explained["records"][0].as_str().unwrap();
    assert!(record.contains("auth.log#"), "{explained}");
    let (code, _) = place.fails(&["threat", "explain", "999"]);
    assert_eq!(code, 3);
    daemon.stop();
}

/// Numbers of the marks that hold.
fn marks(place: &Place) -> Vec<u64> {
    let marks = place.json(&["threat", "marks"]);
    let marks = marks["marks"].as_array().unwrap();
    marks.iter().map(|mark| mark["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_mark_holds_back_survives_a_kill_and_is_taken_back() {
    let place = place("threat-marks", RULES);
    let (daemon, alert) = first_alert(&place);
    let because = ["--because", "a scanner", "--for", "30d"];
    let marked = place.json(&[&["threat", "mark", &alert, "--false-positive"][..], &because].concat());
    let entities = marked["marks"].as_array().unwrap().iter().map(|mark| &mark["entity"]);
    assert!(entities.clone().any(|entity| entity == "web1"), "{marked}");
    let count = entities.count();
    let before = alerts(&place, "web1").len();
    append(&place, &(refused(14, "web1") + &refused(15, "web2")));
    until("an alert of web2", &daemon, || !alerts(&place, "web2").is_empty());
    assert_eq!(alerts(&place, "web1").len(), before, "it is held back");
    let text = place.ok(&["threat", "marks"]);
    assert!(text.contains("a scanner") && text.contains("Many passwords"), "{text}");

    // It is known after a kill, and to a command without a daemon.
    daemon.kill();
    let kept = marks(&place);
    assert_eq!(kept.len(), count);
    let first = kept[0].to_string();
    let text = place.ok(&["threat", "unmark", &first]);
    assert!(
        text.starts_with(&format!("mark {first} is taken back: Many passwords")),
        "{text}"
    );
    // What is kept still says of which checkpoint it is: the daemon goes on from it.
    let memory = std::fs::read_to_string(place.data().join("threat/memory.json")).unwrap();
    let memory: Value = serde_json::from_str(&memory).unwrap();
    assert_ne!(memory["follows"], "");
    let daemon = place.up(&[]);
    assert_eq!(marks(&place), kept[1..]);
    append(&place, &refused(18, "web1"));
    until("an alert that isn't held back", &daemon, || {
        alerts(&place, "web1").len() > before
    });
    let (code, _) = place.fails(&["threat", "unmark", "999"]);
    assert_eq!(code, 3);
    daemon.stop();
    let records = place.json(&["ledger", "list", "--kind", "threat."]);
    let records = records["records"].as_array().unwrap();
    let kinds: Vec<&str> = records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    let mut expected = vec!["threat.marked"; count];
    expected.push("threat.unmarked");
    assert_eq!(kinds, expected);
}

#[test]
fn what_is_critical_on_a_domain_controller_is_marked_only_by_saying_so() {
    let place = place("threat-grave", GRAVE);
    let line = "2026-03-01T10:00:00Z dc01 sshd[7]: POSSIBLE BREAK-IN ATTEMPT of root from 10.0.0.9\n";
    std::fs::write(place.path("logs/auth.log"), line).unwrap();
    let daemon = place.up(&["--empty"]);
    until("an alert of dc01", &daemon, || !alerts(&place, "dc01").is_empty());
    let alert = number(&alerts(&place, "dc01")[0]);
    let mark = ["threat", "mark", &alert, "--false-positive"];
    let (code, text) = place.fails(&mark);
    assert_eq!(code, 4);
    assert!(
        text.contains("is of tier 0") && text.contains("--even-critical-on-tier-zero"),
        "{text}"
    );
    let done = place.ok(&[&mark[..], &["--even-critical-on-tier-zero"]].concat());
    assert!(done.contains("even critical on tier 0"), "{done}");
    daemon.stop();
}

#[test]
fn logs_are_played_to_what_policies_would_have_done_and_nothing_is_done() {
    let place = place("threat-replay", RULES);
    std::fs::write(place.path("logs/other.log"), refused(9, "web2")).unwrap();
    let played = place.json(&["threat", "replay", "logs"]);
    let told = played["told"].as_array().unwrap();
    let hosts: Vec<&str> = told.iter().map(|line| line["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["web2", "web1"], "in the order of times: {played}");
    assert_eq!(told[1]["volumes"], serde_json::json!(["files"]));
    assert_eq!(told[1]["stage"], 16);
    assert_eq!(played["summary"]["first_incident"]["host"], "web2");
    assert_eq!(played["summary"]["pinned"][0]["volume"], "files");
    assert_eq!(played["summary"]["pinned"][0]["time"], "2026-03-01T10:04:00Z");
    assert_eq!(
        (&played["summary"]["lines"], &played["records"]),
        (&2.into(), &12.into())
    );

    let text = place.ok(&["threat", "replay", "logs", "--from", "2026-03-01T09:30:00Z"]);
    for part in [
        "STAGE",
        "web1",
        "host-under-attack",
        "at once",
        "first incident: TIME, at stage 16 (the directory's accounts",
        "pinned: files at TIME by `host-under-attack`",
        "to read: 1 line (",
        "instead of 12 records\nnothing was done\n",
    ] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
    assert!(!text.contains("web2"), "{text}");
    assert!(!place.data().exists(), "nothing was made");
    let (code, text) = place.fails(&["threat", "replay", "missing"]);
    assert_eq!((code, text.contains("missing")), (3, true), "{text}");
}

#[test]
fn a_replay_at_a_speed_takes_its_time() {
    let place = place("threat-speed", RULES);
    let begun = Instant::now();
    // Five minutes at three hundred times their speed.
    place.ok(&["threat", "replay", "logs", "--speed", "300x"]);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let (code, _) = place.fails(&["threat", "replay", "logs", "--speed", "fast"]);
    assert_eq!(code, 2);
}

#[test]
fn what_the_daemon_tells_is_watched_until_somebody_ends_it() {
    let place = place("threat-watch", RULES);
    let (code, _) = place.fails(&["threat", "watch"]);
    assert_eq!(code, 3);
    let daemon = place.up(&["--create", "files=64M"]);
    until("an alert of web1", &daemon, || !alerts(&place, "web1").is_empty());
    let mut watching = place.command(&["--json", "threat", "watch"]);
    let mut watching = watching.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    // Until it follows, nothing of what comes is its.
    let told = std::thread::spawn(move || {
        lines
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|record| record["kind"] == "alert.noticed" && record["body"]["host"] == "web3")
    });
    std::thread::sleep(Duration::from_secs(2));
    append(&place, &refused(12, "web3"));
    let record = told.join().unwrap().unwrap();
    assert_eq!(record["body"]["title"], "Many passwords tried out");
    let pid = watching.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-s", "INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    daemon.stop();
}
