//! `holdfast threat`: logs are searched, rules listed, checked, tried and explained.

use super::support::Place;

/// A rule of one event and a correlation of it.
const RULES: &str = "\
title: A password was refused
id: 7d9a1f5e-8f53-4a0e-9d2c-6a3b1c0e4f11
name: refused
status: test
level: medium
description: A sign-in was tried with a wrong password.
logsource: {product: linux}
detection: {words: ['Failed password'], condition: words}
tags: [attack.credential-access, attack.t1110.001]
---
title: Many passwords tried out
id: 1b0e5a52-6f0c-4c7b-8a3d-2f9d7e6c5b22
status: test
level: high
tags: [attack.credential-access, attack.t1110.001]
correlation: {type: event_count, rules: [refused], timespan: 10m, condition: {gte: 5}, generate: true}
";

const EXAMPLES: &str = "\
rule: 7d9a1f5e-8f53-4a0e-9d2c-6a3b1c0e4f11
examples:
  - says: A wrong password of root
    fires: true
    records:
      - line: '<38>Jan  5 12:00:00 web1 sshd[7]: Failed password for root from 10.0.0.9 port 22 ssh2'
  - says: A right one
    fires: false
    records:
      - line: '<38>Jan  5 12:00:00 web1 sshd[7]: Accepted password for root from 10.0.0.9 port 22 ssh2'
";

/// A place with a folder of rules and one of logs.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    for folder in ["rules", "logs", "quiet"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    std::fs::write(place.path("rules/ssh.yml"), RULES).unwrap();
    std::fs::write(place.path("rules/ssh.examples.yml"), EXAMPLES).unwrap();
    let line = |minute: u32, words: &str| {
        format!("2026-03-01T10:{minute:02}:00Z web1 sshd[7]: {words} for root from 10.0.0.9 port 22 ssh2\n")
    };
    let mut text: String = (0..6).map(|minute| line(minute, "Failed password")).collect();
    text += "<script>alert(1)</script> of no log\n";
    std::fs::write(place.path("logs/auth.log"), text).unwrap();
    std::fs::write(place.path("quiet/auth.log"), line(0, "Accepted password")).unwrap();
    place
}

const ONLY: [&str; 3] = ["--rules", "rules", "--without-own"];

#[test]
fn what_fires_is_shown_with_machines_people_and_records() {
    let place = place("threat-scan");
    let text = place.ok(&[&["threat", "scan", "logs"][..], &ONLY].concat());
    for part in [
        "LEVEL",
        "high",
        "Many passwords tried out",
        "medium",
        "A password was refused",
        "web1",
        "root",
        "logs/auth.log#1",
        "TIMEZ  high    Many passwords tried out",
        "of 2 rules in 7 records, 1 file",
        "logs: linux",
    ] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
    let high = place.ok(&[&["threat", "scan", "logs", "--level", "high"][..], &ONLY].concat());
    assert!(
        high.contains("Many passwords") && !high.contains("A password was refused"),
        "{high}"
    );
}

#[test]
fn an_empty_result_says_what_was_read_and_how_many_rules_could_have_fired() {
    let place = place("threat-quiet");
    let text = place.ok(&[&["threat", "scan", "quiet"][..], &ONLY].concat());
    assert!(
        text.starts_with("no rule fired: 1 record of 1 file were read and understood as 1 event\n2 of the 2 rules at this level could have fired on them\n"),
        "{text}"
    );
    let (code, text) = place.fails(&["threat", "scan", "missing"]);
    assert_eq!(
        (code, text.starts_with("error: `missing` can't be read")),
        (3, true),
        "{text}"
    );
}

#[test]
fn results_are_written_as_json_csv_page_and_layer() {
    let place = place("threat-forms");
    let json = place.json(&[&["threat", "scan", "logs"][..], &ONLY].concat());
    assert_eq!(json["read"]["records"], 7);
    assert_eq!(json["fired"][0]["title"], "Many passwords tried out");
    assert_eq!(json["alerts"][0]["evidence"][0]["source"], "logs/auth.log");
    let csv = place.ok(&[&["threat", "scan", "logs", "--format", "csv"][..], &ONLY].concat());
    assert!(csv.starts_with("time,level,title,"), "{csv}");
    let said = place.ok(&[
        &[
            "threat",
            "scan",
            "logs",
            "--format",
            "html",
            "--output",
            "page.html",
            "--navigator",
            "layer.json",
        ][..],
        &ONLY,
    ]
    .concat());
    assert!(said.ends_with("wrote `page.html`\n"), "{said}");
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("class=\"lane\"") && !page.contains("<script"), "{page}");
    let layer: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("layer.json")).unwrap()).unwrap();
    assert_eq!(layer["techniques"][0]["techniqueID"], "T1110.001");
}

#[test]
fn files_that_cannot_be_read_are_told_and_the_rest_is_searched() {
    let place = place("threat-damaged");
    std::fs::write(place.path("logs/cut.gz"), [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1]).unwrap();
    let done = place.run(&[&["threat", "scan", "logs"][..], &ONLY].concat());
    assert_eq!(done.code, 5, "{done:?}");
    assert!(
        done.stdout.contains("Many passwords") && done.stdout.contains("not read: `logs/cut.gz`"),
        "{done:?}"
    );
}

#[test]
fn own_rules_are_there_without_any_folder() {
    let place = place("threat-own");
    let listed = place.json(&["threat", "rules", "list"]);
    assert!(listed["rules"].as_array().unwrap().len() > 50);
    assert_eq!(listed["refused"].as_array().unwrap().len(), 0);
    let unable = place.ok(&[&["threat", "rules", "list", "--on", "quiet"][..], &ONLY].concat());
    assert!(unable.ends_with("0 of 2 rules can't fire\n"), "{unable}");
}

#[test]
fn rules_are_checked_tried_and_explained() {
    let place = place("threat-rules");
    assert_eq!(place.ok(&["threat", "rules", "check", "rules"]), "0 errors in 1 file\n");
    std::fs::write(
        place.path("rules/bad.yml"),
        "title: x\nlogsource: {product: linux}\ndetection: {condition: missing}\n",
    )
    .unwrap();
    let done = place.run(&["threat", "rules", "check", "rules"]);
    assert_eq!(done.code, 7);
    assert!(
        done.stdout.contains("rules/bad.yml:") && done.stdout.ends_with("1 error in 2 files\n"),
        "{done:?}"
    );
    std::fs::remove_file(place.path("rules/bad.yml")).unwrap();

    let test = [&["threat", "rules", "test"][..], &ONLY].concat();
    assert_eq!(place.ok(&test), "2 examples tried, 0 failed\n");
    std::fs::write(
        place.path("rules/ssh.examples.yml"),
        EXAMPLES.replace("fires: false", "fires: true"),
    )
    .unwrap();
    let done = place.run(&test);
    assert_eq!(done.code, 7);
    assert!(done.stdout.contains("A right one"), "{done:?}");

    let explained = place.ok(&[
        &["threat", "rules", "explain", "A password", "--on", "logs/auth.log"][..],
        &ONLY,
    ]
    .concat());
    assert!(
        explained.contains("it fires on logs/auth.log#1") && explained.contains("+ `words`"),
        "{explained}"
    );
    let explained = place.ok(&[
        &["threat", "rules", "explain", "A password", "--on", "quiet/auth.log"][..],
        &ONLY,
    ]
    .concat());
    assert!(explained.contains("it doesn't fire on quiet/auth.log#1"), "{explained}");
    let (code, _) = place.fails(&["threat", "rules", "explain", "no such rule"]);
    assert_eq!(code, 3);
}

#[test]
fn tokens_are_shown_once_and_need_an_endpoint() {
    let place = Place::new("threat-tokens");
    let config = place.path("h.toml");
    std::fs::write(&config, "[threat]\nsyslog = '127.0.0.1:5514'\n").unwrap();
    let tokens = |words: &[&'static str]| [&["threat", "tokens"][..], words].concat();
    let (_, text) = place.fails(&tokens(&["list"]));
    assert!(text.contains("there is no [threat.http]"), "{text}");
    std::fs::write(config, "[threat]\nhttp = { listen = '127.0.0.1:8088' }\n").unwrap();
    assert!(place.ok(&tokens(&["list"])).starts_with("there is no token yet"));
    let made = place.json(&tokens(&["add", "fluent"]));
    let token = made["token"].as_str().unwrap();
    assert_eq!(token.len(), 36, "{made}");
    let (_, text) = place.fails(&tokens(&["add", "fluent"]));
    assert!(text.contains("there is a token `fluent` already"), "{text}");
    let (_, text) = place.fails(&tokens(&["add", "a b"]));
    assert!(text.contains("can't be a token's name"), "{text}");
    let listed = place.ok(&tokens(&["list"]));
    assert!(listed.contains("fluent") && !listed.contains(token), "{listed}");
    place.ok(&tokens(&["remove", "fluent"]));
    let (_, text) = place.fails(&tokens(&["remove", "fluent"]));
    assert!(text.contains("there is no token `fluent`"), "{text}");
    let (_, text) = place.fails(&["threat", "status"]);
    assert!(text.contains("no logs have been read yet"), "{text}");
}

#[test]
fn an_export_of_entras_portal_is_searched() {
    let place = place("threat-csv");
    let rule = "title: A sign-in that failed\nid: 5d1f3c0a-1d7c-4f2c-9b52-1d7d5f0a9c33\nlogsource: {product: azure, service: signinlogs}\n\
                detection: {selection: {ResultType: '50126'}, condition: selection}\nlevel: medium\n";
    std::fs::write(place.path("rules/azure.yml"), rule).unwrap();
    let table = "\u{feff}\"Date (UTC)\",\"Request ID\",\"Username\",\"IP address\",\"Status\",\"Sign-in error code\"\r\n\
                 \"2026-03-01T10:00:00Z\",\"a1\",\"anna@acme.example\",\"198.51.100.7\",\"Failure\",\"50126\"\r\n";
    std::fs::write(place.path("quiet/sign-ins.csv"), table).unwrap();
    let json = place.json(&[&["threat", "scan", "quiet/sign-ins.csv"][..], &ONLY].concat());
    assert_eq!(json["alerts"][0]["title"], "A sign-in that failed", "{json}");
    assert_eq!(json["alerts"][0]["evidence"][0]["record"], 2);
}

/// Databases of addresses with London, New York and their networks.
const GEO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../threat/tests/geo");

#[test]
fn sign_ins_that_are_too_far_apart_are_found_with_a_database_of_addresses() {
    let place = place("threat-geo");
    std::fs::create_dir(place.path("far")).unwrap();
    let line = |minute: u32, address: &str| {
        format!("2026-03-01T10:{minute:02}:00Z web1 sshd[7]: Accepted password for anna from {address} port 22 ssh2\n")
    };
    // The later one is in the first file: times count, not files.
    std::fs::write(place.path("far/a.log"), line(50, "198.51.100.7")).unwrap();
    std::fs::write(place.path("far/b.log"), line(10, "203.0.113.7")).unwrap();
    let city = format!("{GEO}/city.mmdb");
    let scan = ["threat", "scan", "far"];
    let text = place.ok(&[&scan[..], &["--geo", &city], &ONLY].concat());
    assert!(text.contains("Sign-ins from places too far apart"), "{text}");
    let json = place.json(&[&scan[..], &["--geo", &city], &ONLY].concat());
    let words = json["alerts"][0]["words"].as_str().unwrap();
    assert!(
        words.contains("from New York, US 40 minutes after London, GB: 5570 km"),
        "{words}"
    );
    assert_eq!(json["alerts"][0]["evidence"][0]["source"], "far/a.log");
    // Below the level that is shown, and without a database: nothing.
    for more in [&["--geo", &city, "--level", "high"][..], &[]] {
        let text = place.ok(&[&scan[..], more, &ONLY].concat());
        assert!(text.starts_with("no rule fired"), "{text}");
    }
}

#[test]
fn a_database_that_cannot_be_used_is_named_and_the_search_goes_on() {
    let place = place("threat-geo-broken");
    std::fs::write(place.path("broken.mmdb"), "no database").unwrap();
    let city = format!("{GEO}/city.mmdb");
    let done = place.run(
        &[
            &["threat", "scan", "logs", "--geo", "broken.mmdb", "--geo", &city][..],
            &ONLY,
        ]
        .concat(),
    );
    assert_eq!(done.code, 5);
    assert!(done.stdout.contains("Many passwords tried out"), "{done:?}");
    assert!(
        done.stderr.contains(
            "warning: `broken.mmdb` can't be used: it is no database in MaxMind's format (.mmdb), or damaged"
        ),
        "{done:?}"
    );
}

#[test]
fn a_directory_is_never_asked_in_clear_and_its_address_is_checked() {
    let place = Place::new("threat-import");
    let import = ["threat", "entities", "import", "--ldap"];
    for (url, expected, said) in [
        ("ldap://dc01.corp.example", 4, "in clear"),
        ("dc01.corp.example", 2, "no address of a directory"),
    ] {
        let (code, text) = place.fails(&[&import[..], &[url]].concat());
        assert_eq!((code, text.contains(said)), (expected, true), "{text}");
    }
    let (code, text) = place.fails(&[&import[..], &["ldaps://dc01", "--tier", "x=king"]].concat());
    assert_eq!((code, text.contains("help-desk")), (2, true), "{text}");
}
