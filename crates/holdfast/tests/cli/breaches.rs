//! Breaches are imported, people erased, and a process killed in between.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use exposure::accounts::Accounts;
use exposure::address::Identity;
use exposure::hash::HashKind;
use exposure::ledger::Ledger;
use exposure::passwords::Passwords;

use super::support::Place;

const ABOUT: &str = "name = 'Shop'\ntitle = 'Our shop'\nbreach_date = '2026-11-23'\n";

fn breaches_of(place: &Place, account: &str) -> usize {
    let accounts = Accounts::open(&place.data().join("exposure")).unwrap();
    accounts.breaches_of(Identity::of(account)).unwrap().len()
}

/// The files below a folder that have some bytes in them.
fn files_with(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(wanted.len())
            .any(|bytes| bytes == wanted)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Runs `erase` with an address sent to it.
fn erase(place: &Place, sent: &str) -> String {
    let mut command = place.command(&["exposure", "erase"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(sent.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_breach_is_imported_and_what_was_found_is_told() {
    let place = Place::new("breach");
    std::fs::write(place.path("about.toml"), ABOUT).unwrap();
    std::fs::write(
        place.path("a.csv"),
        "email,password\nann@example.com,hunter-of-tests\nben@example.org,hunter-of-tests\n",
    )
    .unwrap();
    std::fs::write(place.path("b.7z"), b"7z\xBC\xAF\x27\x1C").unwrap();
    let done = place.run(&["exposure", "import", "breach", "a.csv", "--about", "about.toml"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert_eq!(
        done.stdout,
        "`Shop` is loaded: 2 accounts, 2 of them mail addresses, from 2 records in 1 file\n\
         passwords: 2; only their hashes are kept\n",
        "without a webhook and without anybody who watches nothing is to be sent"
    );
    let passwords = Passwords::open(&place.data().join("exposure/passwords")).unwrap();
    for kind in HashKind::ALL {
        assert_eq!(
            passwords.count(kind, &kind.hash("hunter-of-tests")).unwrap(),
            2,
            "{kind:?}"
        );
    }
    let done = place.run(&[
        "--json",
        "exposure",
        "import",
        "breach",
        "a.csv",
        "b.7z",
        "--about",
        "about.toml",
        "--affected-list",
    ]);
    let object: serde_json::Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (done.code, &object["accounts"], &object["unreadable_count"]),
        (5, &2.into(), &1.into())
    );
    assert_eq!(object["breach"]["Title"], "Our shop");
    assert_eq!(
        object["unreadable"][0]["reason"],
        "7z archives are not read; unpack it first"
    );
    passwords.refresh().unwrap();
    assert_eq!(
        passwords
            .count(HashKind::Sha1, &HashKind::Sha1.hash("hunter-of-tests"))
            .unwrap(),
        0,
        "the list has no passwords"
    );
    assert_eq!(files_with(&place.data(), b"hunter-of-tests"), [""; 0]);
}

#[test]
fn an_import_tells_of_the_notice_to_a_webhook() {
    let place = Place::new("breach-webhook");
    std::fs::write(place.path("about.toml"), ABOUT).unwrap();
    std::fs::write(place.path("a.txt"), "ann@example.com\n").unwrap();
    std::fs::write(
        place.path("holdfast.toml"),
        "[exposure]\nwebhook = \"http://127.0.0.1:9/x\"\n",
    )
    .unwrap();
    let told = place.ok(&[
        "--config",
        "holdfast.toml",
        "exposure",
        "import",
        "breach",
        "a.txt",
        "--about",
        "about.toml",
    ]);
    assert!(told.contains("to be sent by a running server: 1 notice\n"), "{told}");
}

#[test]
fn what_is_wrong_with_an_import_is_told_and_nothing_is_loaded() {
    let place = Place::new("breach-wrong");
    std::fs::write(place.path("about.toml"), ABOUT).unwrap();
    std::fs::write(place.path("bad.toml"), "name = 'a b'").unwrap();
    std::fs::write(place.path("empty.txt"), "nobody is here\n").unwrap();
    let import = |path, about| place.fails(&["exposure", "import", "breach", path, "--about", about]);
    let (code, text) = import("empty.txt", "bad.toml");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("`name` is 1 to 57 letters"), "{text}");
    assert_eq!(import("empty.txt", "none.toml").0, 3);
    let nothing = "error: no account was found (files: 1, parts that could not be read: 0), so nothing was loaded\n";
    assert_eq!(import("empty.txt", "about.toml"), (3, nothing.to_owned()));
    let (code, text) = import("none.txt", "about.toml");
    assert_eq!(code, 3);
    assert!(text.contains("parts that could not be read: 1"), "{text}");
    let ledger = Ledger::open(&place.data().join("exposure")).unwrap();
    assert!(ledger.breaches().unwrap().is_empty());
}

#[test]
fn an_erased_person_is_in_no_file_and_does_not_come_back() {
    let place = Place::new("erase");
    std::fs::write(
        place.path("about.toml"),
        "name = 'Shop'\ntop_level_domains = ['test']\n",
    )
    .unwrap();
    std::fs::write(place.path("paste.toml"), "source = 'Pastebin'\nid = 'x'\n").unwrap();
    // Of each of the two the domain's only address, so that no shared beginning hides it from the search for its bytes.
    let logs =
        "https://shop.test/:leaving@gone.example.com:secret\nhttps://shop.test/:staying@kept.example.org:secret\n";
    std::fs::write(place.path("a.txt"), logs).unwrap();
    let load = || place.ok(&["exposure", "import", "breach", "a.txt", "--about", "about.toml"]);
    load();
    place.ok(&["exposure", "import", "paste", "a.txt", "--about", "paste.toml"]);
    assert_eq!(
        (
            breaches_of(&place, "leaving@gone.example.com"),
            breaches_of(&place, "staying@kept.example.org")
        ),
        (1, 1)
    );
    assert!(
        !files_with(&place.data(), b"gone.example.com\0leaving").is_empty(),
        "the search finds what is there"
    );
    let leaving = Identity::of("leaving@gone.example.com");
    Ledger::open(&place.data().join("exposure"))
        .unwrap()
        .opt_out(leaving, 1)
        .unwrap();
    let told = erase(&place, " Leaving@GONE.example.com \n");
    assert_eq!(
        told,
        "the person is erased: 5 rows of tables and 1 of the ledger were removed\n"
    );
    for again in [false, true] {
        if again {
            load();
        }
        assert_eq!(
            (
                breaches_of(&place, "leaving@gone.example.com"),
                breaches_of(&place, "staying@kept.example.org")
            ),
            (0, 1)
        );
        for wanted in ["leaving", "gone.example.com"] {
            assert_eq!(files_with(&place.data(), wanted.as_bytes()), [""; 0], "{wanted}");
        }
    }
    let accounts = Accounts::open(&place.data().join("exposure")).unwrap();
    assert_eq!(
        accounts.stealer_logs_by_website("shop.test").unwrap(),
        ["staying@kept.example.org"]
    );
    let ledger = Ledger::open(&place.data().join("exposure")).unwrap();
    assert!(
        ledger.is_opted_out(leaving).unwrap(),
        "that no mail is wanted is not forgotten"
    );
    assert!(ledger.pastes(leaving).unwrap().is_empty());
    let (code, text) = place.fails(&["exposure", "erase"]);
    assert_eq!(
        (code, text.lines().next()),
        (2, Some("error: nobody was named who is to be erased"))
    );
}

/// Killed at many moments of an import that replaces a breach: what was loaded before is whole, or what was to be loaded is.
#[test]
fn a_killed_import_leaves_the_breach_as_it_was_and_runs_again() {
    let place = Place::new("breach-killed");
    std::fs::write(place.path("about.toml"), ABOUT).unwrap();
    let list = |name: &str, count: u32| {
        let lines: String = (0..count)
            .map(|number| format!("{name}{number}@example.com:secret{number}\n"))
            .collect();
        std::fs::write(place.path(name), lines).unwrap();
    };
    list("first", 1000);
    list("second", 60_000);
    let import = ["exposure", "import", "breach", "second", "--about", "about.toml"];
    place.ok(&["exposure", "import", "breach", "first", "--about", "about.toml"]);
    let mut ended_by_itself = false;
    let mut wait = Duration::from_millis(2);
    while !ended_by_itself {
        let mut child = place
            .command(&import)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + wait;
        while !ended_by_itself && Instant::now() < end {
            ended_by_itself = child.try_wait().unwrap().is_some();
            std::thread::sleep(Duration::from_micros(500));
        }
        let _ = child.kill();
        child.wait().unwrap();
        wait = wait * 3 / 2;
        let accounts = Accounts::open(&place.data().join("exposure")).unwrap();
        let count = accounts.identities(&mut |_, _| ()).unwrap();
        let known = (
            breaches_of(&place, "first7@example.com"),
            breaches_of(&place, "second7@example.com"),
        );
        assert!(
            matches!((count, known), (1000, (1, 0)) | (60_000, (0, 1))),
            "{count} {known:?}"
        );
    }
    assert_eq!(breaches_of(&place, "second59999@example.com"), 1);
    assert!(!place.data().join("exposure/accounts/partial").exists());
    let passwords = Passwords::open(&place.data().join("exposure/passwords")).unwrap();
    let count = |password| passwords.count(HashKind::Sha1, &HashKind::Sha1.hash(password)).unwrap();
    assert_eq!(
        (count("secret7"), count("secret59999")),
        (1, 1),
        "no kill makes a password count twice"
    );
}
