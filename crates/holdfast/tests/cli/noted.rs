//! Alerts, incidents and the ledger of a real daemon: from an attack to a closed incident, and through kills.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::guard::{ATTACK, nbd, serve};
use super::support::{Daemon, Place};

const CONFIG: &str = "[guard]\n[defaults]\nfence = \"refuse\"\n";

/// A daemon whose disk was attacked, and the incident that this is.
fn attacked(name: &str) -> (Place, Daemon) {
    let place = Place::new(name);
    let (daemon, _) = serve(&place, CONFIG, &[]);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped EPERM\n");
    wait_for(&place, &["incidents", "list", "--open"], "/incidents/0/title");
    (place, daemon)
}

/// Waits until what a command prints has something at a place.
fn wait_for(place: &Place, words: &[&str], pointer: &str) -> Value {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let all = place.json(words);
        if let Some(found) = all.pointer(pointer) {
            return found.clone();
        }
        assert!(Instant::now() < end, "{words:?}: {all}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn state(place: &Place) -> String {
    wait_for(place, &["incidents", "list"], "/incidents/0/state")
        .as_str()
        .unwrap()
        .to_owned()
}

/// Runs a program of the tests of this repository.
fn check(program: &str, input: Stdio, words: &[&str]) -> (bool, String) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(program);
    let output = Command::new(program).args(words).stdin(input).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// Changes the ledger's file behind the program's back.
fn tamper(place: &Place, sql: &str) {
    let edit = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\nd.execute('drop trigger record_is_final')\n\
                d.execute('drop trigger record_stays')\nd.execute(sys.argv[2])\nd.commit()";
    let ledger = place.path("data/respond/ledger.sqlite");
    super::support::tool("/usr/bin/python3", &["-c", edit, &ledger, sql]);
}

#[test]
fn an_attack_is_an_incident_that_is_explained_looked_after_and_closed() {
    let (place, daemon) = attacked("noted-attack");
    let status = place.ok(&["status"]);
    assert!(status.contains("1 open incident; the worst is 1 (score 6"), "{status}");
    let list = place.ok(&["alerts", "list", "--severity", "critical"]);
    assert!(list.contains("Encryption recognised, writes are stopped"), "{list}");
    let shown = place.ok(&["incidents", "show", "1"]);
    for text in [
        "incident 1: Encryption recognised, writes are stopped: `disk`\nopen, critical, score ",
        "   40  its worst alert is critical\n",
        "contained: the writes to `disk` are stopped\n",
        "`holdfast restore disk --before-attack`",
        "holdfast (respond): incident.opened\n",
    ] {
        assert!(shown.contains(text), "{shown}");
    }
    let alert = place.json(&["alerts", "list", "--severity", "critical"])["alerts"][0]["id"].to_string();
    let shown = place.ok(&["alerts", "show", &alert]);
    assert!(
        shown.contains("kind      fenced\n") && shown.contains("incident  1;"),
        "{shown}"
    );
    let acknowledged = place.ok(&["incidents", "acknowledge", "1"]);
    assert!(
        acknowledged.starts_with("incident 1 is acknowledged; "),
        "{acknowledged}"
    );
    place.ok(&["incidents", "note", "1", "the web server's account was stolen"]);
    place.ok(&["incidents", "assign", "1", "ann"]);
    place.ok(&["restore", "disk", "--before-attack"]);
    let end = Instant::now() + Duration::from_secs(5);
    while state(&place) != "recovered" {
        assert!(Instant::now() < end, "{}", place.ok(&["incidents", "show", "1"]));
        std::thread::sleep(Duration::from_millis(50));
    }
    place.ok(&["incidents", "close", "1", "account locked, disk restored"]);
    assert_eq!(state(&place), "closed");
    let (code, text) = place.fails(&["incidents", "acknowledge", "1"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("`holdfast incidents reopen 1`"), "{text}");
    let records = place.ok(&["ledger", "list", "--subject", "incident/1"]);
    for kind in ["opened", "acknowledged", "noted", "assigned", "recovered", "closed"] {
        assert!(records.contains(&format!("incident.{kind}")), "{records}");
    }
    assert_eq!(daemon.stop().0, 0);
    // The same without a daemon, as far as nothing has to be noticed.
    assert_eq!(state(&place), "closed");
    place.ok(&["incidents", "reopen", "1", "it wasn't all"]);
    assert!(place.ok(&["status"]).contains("1 open incident"));
}

#[test]
fn the_ledger_is_verified_exported_backed_up_and_an_edit_shows() {
    let (place, daemon) = attacked("noted-ledger");
    assert_eq!(daemon.stop().0, 0);
    let verified = place.ok(&["ledger", "verify"]);
    assert!(
        verified.contains(" signed heads agree\nnothing was edited"),
        "{verified}"
    );
    assert!(
        place.data().join("volumes/disk/ledger-head").exists(),
        "beside the segments"
    );
    let last = verified.lines().last().unwrap().rsplit(' ').next().unwrap().to_owned();
    place.ok(&["ledger", "verify", "--expect", &last]);
    place.ok(&["ledger", "export", "export.ndjson"]);
    let export = place.path("export.ndjson");
    let (is_well, text) = check("ledger/verify", Stdio::null(), &[&export, "--expect", &last]);
    assert!(is_well, "{text}");
    place.ok(&["ledger", "backup", "copy.sqlite"]);
    place.ok(&["ledger", "verify", "--file", "copy.sqlite", "--expect", &last]);
    let told_of = |sql: &str| {
        tamper(&place, sql);
        let done = place.run(&["ledger", "verify"]);
        assert_eq!(done.code, 5, "{done:?}");
        std::fs::copy(place.path("copy.sqlite"), place.path("data/respond/ledger.sqlite")).unwrap();
        done.stdout
    };
    let told = told_of("update record set body = replace(body, 'critical', 'low') where kind = 'incident.opened'");
    assert!(
        told.contains("doesn't fit its hash") && told.contains("Compare it with an export"),
        "{told}"
    );
    let told = told_of("delete from record where sequence >= (select max(sequence) from record)");
    assert!(told.contains("the end of the ledger was cut off"), "{told}");
    place.ok(&["ledger", "verify"]);
    let head = place.data().join("respond/ledger-head");
    std::fs::rename(&head, place.path("kept")).unwrap();
    let done = place.run(&["ledger", "verify"]);
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stdout.contains("there is none beside it"), "{done:?}");
    std::fs::rename(place.path("kept"), &head).unwrap();
    place.ok(&["ledger", "verify"]);
}

#[test]
fn a_head_that_cannot_be_kept_is_told_once_and_alerts_are_noted() {
    let (place, daemon) = attacked("noted-unsigned");
    assert_eq!(daemon.stop().0, 0);
    // The file by way of which a head is replaced can't be made.
    std::fs::create_dir(place.data().join("respond/ledger-head.new")).unwrap();
    let daemon = place.up(&[]);
    daemon.wait_for_log("no head of the ledger is signed");
    // A few rounds of the thread.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(daemon.log_lines("no head of the ledger is signed").len(), 1);
    assert!(!daemon.log().contains("written again"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_copy_is_no_cut_ledger_because_the_ledger_went_on() {
    let (place, daemon) = attacked("noted-copy");
    place.ok(&["ledger", "backup", "copy.sqlite"]);
    place.ok(&["incidents", "note", "1", "later than the copy"]);
    assert_eq!(daemon.stop().0, 0);
    place.ok(&["ledger", "verify"]);
    let verified = place.ok(&["ledger", "verify", "--file", "copy.sqlite"]);
    assert!(
        verified.contains("what came after this copy was made isn't in it"),
        "{verified}"
    );
}

#[test]
fn a_daemon_that_finds_its_ledger_cut_says_so_before_the_proof_is_replaced() {
    let (place, daemon) = attacked("noted-cut");
    assert_eq!(daemon.stop().0, 0);
    tamper(
        &place,
        "delete from record where sequence > (select max(sequence) / 2 from record)",
    );
    let daemon = place.up(&[]);
    let alert = wait_for(&place, &["alerts", "list", "--text", "was cut off"], "/alerts/0");
    assert_eq!(alert["kind"], "ledger-cut");
    assert!(alert["facts"]["head"]["signature"].is_string(), "{alert}");
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn other_programs_get_alerts_and_incidents_in_their_formats() {
    let (place, daemon) = attacked("noted-formats");
    place.ok(&["restore", "disk", "--before-attack"]);
    assert_eq!(daemon.stop().0, 0);
    let events = ["alerts", "incidents", "actions"].map(|what| place.ok(&[what, "list", "--format", "ocsf"]));
    let events = events.concat();
    let types: Vec<u64> = events
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["type_uid"]
                .as_u64()
                .unwrap()
        })
        .collect();
    for kind in [200_401, 100_110, 700_201, 700_203, 200_502, 700_199] {
        assert!(types.contains(&kind), "{kind}: {types:?}");
    }
    let file = place.folder.join("events.ndjson");
    std::fs::write(&file, &events).unwrap();
    // The schema comes from a package registry: where there is none, the check can't be made.
    if std::env::var_os("HOLDFAST_OCSF").is_some() {
        let (is_well, text) = check("ocsf/check", std::fs::File::open(&file).unwrap().into(), &[]);
        assert!(is_well, "{text}");
    }
    let ecs = place.ok(&["alerts", "list", "--format", "ecs"]);
    assert!(
        ecs.lines()
            .all(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["kind"].is_string())
    );
    let cef = place.ok(&["alerts", "list", "--format", "cef"]);
    assert!(
        cef.lines()
            .any(|line| line.starts_with("CEF:0|Holdfast|Holdfast|") && line.contains("|fenced|")),
        "{cef}"
    );
}

#[test]
fn a_fence_that_the_ledger_never_heard_of_is_told_at_the_next_start() {
    let place = Place::new("noted-missed");
    let (daemon, _) = serve(&place, CONFIG, &[]);
    let desk = respond::Desk::open(&place.data().join("respond")).unwrap();
    // While somebody else writes to the ledger, alerts wait in memory.
    let killed = desk.write(|_| {
        assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped EPERM\n");
        daemon.kill();
        Ok(())
    });
    killed.unwrap();
    let noticed = || place.json(&["alerts", "list"])["alerts"].as_array().unwrap().clone();
    assert!(
        noticed().iter().all(|alert| alert["kind"] != "fenced"),
        "it isn't lost: the test shows nothing"
    );
    for _ in 0..2 {
        let daemon = place.up(&[]);
        let since = place.json(&["guard", "status", "disk"])["guards"][0]["status"]["since"].clone();
        wait_for(&place, &["alerts", "list", "--text", "fenced"], "/alerts/1");
        assert_eq!(daemon.stop().0, 0);
        let told: Vec<Value> = noticed()
            .into_iter()
            .filter(|alert| alert["kind"] == "fenced")
            .collect();
        assert_eq!((told.len(), &told[0]["count"]), (1, &Value::from(1)), "{told:?}");
        let (time, since) = (told[0]["time"].as_str().unwrap(), since.as_str().unwrap());
        assert_eq!(time[..19], since[..19], "the time at which it went up");
        assert!(!told[0]["facts"]["reasons"].as_array().unwrap().is_empty(), "{told:?}");
    }
}

#[test]
fn a_ledger_that_cannot_be_used_stops_no_disk() {
    let place = Place::new("noted-broken");
    std::fs::create_dir_all(place.data().join("respond")).unwrap();
    for folder in [place.data(), place.data().join("respond")] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    std::fs::write(place.data().join("respond/ledger.sqlite"), [b'x'; 5000]).unwrap();
    let daemon = place.up(&["--create", "disk=16M"]);
    assert!(daemon.serves("disk"));
    daemon.wait_for_log("is no ledger of Holdfast's");
    assert_eq!(place.run(&["status", "--check"]).code, 1);
    assert!(place.ok(&["status"]).contains("nothing is noted: "));
    let (code, text) = place.fails(&["alerts", "list"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("Move it away"), "{text}");
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_drill_leaves_no_alert_about_its_fork() {
    let place = Place::new("noted-drill");
    let (daemon, _) = serve(&place, "[guard]\n", &[]);
    // There is no file system on the disk: the drill fails or has no result, and that is all that is told.
    let _ = place.run(&["drill", "run", "disk"]);
    assert_eq!(daemon.stop().0, 0);
    let alerts = place.json(&["alerts", "list"]);
    let alerts = alerts["alerts"].as_array().unwrap();
    assert!(
        alerts
            .iter()
            .all(|alert| alert["volume"] == "disk" || alert["volume"].is_null()),
        "{alerts:?}"
    );
    assert!(
        alerts
            .iter()
            .all(|alert| alert["kind"] != "fenced" && alert["kind"] != "diverted"),
        "{alerts:?}"
    );
}

#[test]
fn what_was_acknowledged_survives_any_kill() {
    let (place, mut daemon) = attacked("noted-kill");
    let mut noted = Vec::new();
    for round in 0..8_u64 {
        // Commands and the daemon write at once; all of them are killed in the middle of it.
        let mut writers: Vec<_> = (0..3)
            .map(|writer| {
                let script = format!(
                    "for i in $(seq 100); do \"$0\" incidents note 1 note-{round}-{writer}-$i >/dev/null && echo note-{round}-{writer}-$i; done"
                );
                let mut command = place.command(&[]);
                let mut shell = Command::new("sh");
                shell.args(["-c", &script, env!("CARGO_BIN_EXE_holdfast")]);
                shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
                let out = place.folder.join(format!("told-{round}-{writer}"));
                shell.stdout(std::fs::File::create(&out).unwrap()).stderr(Stdio::null());
                command.stdin(Stdio::null());
                (shell.spawn().unwrap(), out)
            })
            .collect();
        for change in 0..3 {
            let _ = place.run(&["guard", "announce", &format!("work {change}"), "--for", "1h"]);
        }
        std::thread::sleep(Duration::from_millis(150 + 37 * round));
        daemon.kill();
        for (shell, out) in &mut writers {
            shell.kill().unwrap();
            shell.wait().unwrap();
            noted.extend(std::fs::read_to_string(out).unwrap().lines().map(str::to_owned));
        }
        let verified = place.run(&["ledger", "verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        daemon = place.up(&[]);
    }
    assert!(noted.len() > 20, "{} notes", noted.len());
    let mut kept = String::new();
    let mut after = 0;
    loop {
        let words = [
            "ledger",
            "list",
            "--kind",
            "incident.noted",
            "--most",
            "1000",
            "--after",
            &after.to_string(),
        ];
        let page = place.json(&words);
        let records = page["records"].as_array().unwrap();
        let Some(last) = records.last() else { break };
        after = last["sequence"].as_i64().unwrap();
        kept.extend(
            records
                .iter()
                .map(|record| format!("{}\n", record["body"]["text"].as_str().unwrap())),
        );
    }
    let lost: Vec<&String> = noted
        .iter()
        .filter(|note| !kept.contains(&format!("{note}\n")))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(daemon.stop().0, 0);
    place.ok(&["ledger", "verify"]);
}
