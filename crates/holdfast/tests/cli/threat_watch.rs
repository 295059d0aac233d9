//! Logs that attackers write to, and a daemon that reads them: nothing is hidden, forgotten or lost by what they write.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Daemon, Place};

const RULES: &str = "\
title: Remote-control tool
id: 7d9a1f5e-8f53-4a0e-9d2c-6a3b1c0e4f11
status: test
level: high
logsource: {product: linux}
detection: {words: ['remote tool'], condition: words}
---
title: Backups deleted
id: 7d9a1f5e-8f53-4a0e-9d2c-6a3b1c0e4f12
status: test
level: high
logsource: {product: linux}
detection: {words: ['backups deleted'], condition: words}
";

/// A folder of logs that is followed from its beginning, and what else the configuration says.
fn place(name: &str, more: &str) -> Place {
    let place = Place::new(name);
    for folder in ["rules", "logs"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    std::fs::write(place.path("rules/rules.yml"), RULES).unwrap();
    let (logs, rules) = (place.path("logs"), place.path("rules"));
    let config =
        format!("[threat]\nfollow = [{logs:?}]\nrules = [{rules:?}]\nown_rules = false\nfrom_beginning = true\n{more}");
    std::fs::write(place.path("h.toml"), config).unwrap();
    place
}

/// A line of syslog of now.
fn line(host: &str, words: &str) -> String {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("{now} {host} app[7]: {words}\n")
}

fn append(place: &Place, log: &str, text: &str) {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(place.path(log)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Titles, machines and counts of what was told, the newest first, once there are so many.
fn told(place: &Place, count: usize) -> Vec<(String, String, u64)> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let all = place.json(&["alerts", "list", "--layer", "threat"]);
        let alerts = all.get("alerts").and_then(Value::as_array).unwrap();
        if alerts.len() >= count {
            let text =
                |alert: &Value, name: &str| alert.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let of = |alert: &Value| {
                let count = alert.get("count").and_then(Value::as_u64).unwrap();
                (text(alert, "title"), text(alert, "host"), count)
            };
            return alerts.iter().map(of).collect();
        }
        assert!(Instant::now() < end, "{all}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn titles(place: &Place, count: usize) -> Vec<(String, String)> {
    told(place, count)
        .into_iter()
        .map(|(title, host, _)| (title, host))
        .collect()
}

fn pair(title: &str, host: &str) -> (String, String) {
    (title.to_owned(), host.to_owned())
}

fn up(place: &Place) -> Daemon {
    place.up(&[])
}

#[test]
fn one_finding_hides_no_other_on_the_same_machine() {
    let place = place("watch-hidden", "");
    append(
        &place,
        "logs/a.log",
        &(line("srv1", "remote tool") + &line("srv1", "backups deleted")),
    );
    let daemon = up(&place);
    assert_eq!(
        titles(&place, 2),
        [pair("Backups deleted", "srv1"), pair("Remote-control tool", "srv1")]
    );
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn logs_of_a_checkpoint_that_was_begun_anew_are_read() {
    let place = place("watch-anew", "");
    append(&place, "logs/a.log", &line("srv1", "remote tool"));
    append(&place, "logs/a.log", &line("srv1", "nothing at all").repeat(200));
    let daemon = up(&place);
    told(&place, 1);
    assert_eq!(daemon.stop().0, 0);
    std::fs::remove_file(place.path("logs/a.log")).unwrap();
    std::fs::remove_file(place.data().join("threat/followed")).unwrap();
    append(&place, "logs/b.log", &line("srv9", "backups deleted"));
    let daemon = up(&place);
    assert_eq!(titles(&place, 2)[0], pair("Backups deleted", "srv9"));
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn records_of_the_next_century_make_nobody_forgotten() {
    let place = place("watch-future", "");
    append(&place, "h.toml", &format!("entities = {:?}\n", place.path("list.csv")));
    std::fs::write(place.path("list.csv"), "host,tier\ndc01,domain-controller\n").unwrap();
    append(&place, "logs/a.log", &line("srv1", "remote tool"));
    let daemon = up(&place);
    told(&place, 1);
    for second in 0..9 {
        let made_up = format!("2099-01-01T00:00:0{second}Z evil app[7]: hello\n");
        append(&place, "logs/a.log", &made_up);
    }
    append(&place, "logs/a.log", &line("srv2", "remote tool"));
    told(&place, 2);
    assert_eq!(daemon.stop().0, 0);
    let all = place.json(&["threat", "entities"]);
    let entities = all["entities"].as_array().unwrap();
    let names: Vec<_> = entities
        .iter()
        .filter_map(|entity| entity["names"][0]["name"].as_str())
        .collect();
    assert!(names.contains(&"dc01") && names.contains(&"srv1"), "{names:?}");
}

#[test]
fn a_name_commands_no_terminal_and_takes_little_room() {
    let place = place("watch-names", "");
    append(&place, "logs/a.log", &line("srv\u{1b}[31m1", "remote tool"));
    append(&place, "logs/a.log", &line(&"x".repeat(900_000), "backups deleted"));
    let daemon = up(&place);
    told(&place, 2);
    assert_eq!(daemon.stop().0, 0);
    let all = place.json(&["threat", "stories", "--all"]);
    for story in all["stories"].as_array().unwrap() {
        let text = place.ok(&["threat", "stories", &story["id"].to_string()]);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    let memory = std::fs::metadata(place.data().join("threat/memory.json")).unwrap();
    assert!(memory.len() < 100_000, "{}", memory.len());
}

#[test]
fn what_was_received_before_a_stop_is_judged() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let place = place("watch-stop", &format!("syslog = \"{port}\"\n"));
    let daemon = up(&place);
    let mut sender = TcpStream::connect(port).unwrap();
    let filler = format!("<13>{}", line("srv1", &"nothing ".repeat(40)));
    sender.write_all(filler.repeat(1_500).as_bytes()).unwrap();
    let last = format!("<13>{}", line("srv1", "backups deleted"));
    sender.write_all(last.as_bytes()).unwrap();
    drop(sender);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(daemon.stop().0, 0);
    let daemon = up(&place);
    assert_eq!(titles(&place, 1), [pair("Backups deleted", "srv1")]);
    assert_eq!(daemon.stop().0, 0);
}
