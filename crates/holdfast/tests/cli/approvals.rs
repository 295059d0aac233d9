//! What is dangerous needs a second person: with a daemon, without one, and whatever the configuration says.

use std::path::PathBuf;

use respond::people::{self, NewAccount, NewToken, Role, SECRET_BYTES, Scope};
use respond::{Actor, Ledger, Time, approval};

use crate::support::Place;

/// A place with the volume `disk`, administrators `ann` and `bob`, and a token of each.
struct Site {
    place: Place,
}

impl Site {
    fn new(name: &str) -> Self {
        let place = Place::new(name);
        place.ok(&["volume", "create", "disk", "64M"]);
        let mut ledger = Ledger::open(&place.data().join("respond")).unwrap();
        for (index, name) in ["ann", "bob"].into_iter().enumerate() {
            let secret = ledger.write(|w| {
                let account = NewAccount {
                    name: name.to_owned(),
                    display_name: String::new(),
                    role: Role::Admin,
                    handle: [index as u8; 32],
                    provider: None,
                };
                let (now, root) = (Time::from_unix_millis(1), Actor::Local("root".to_owned()));
                people::add(w, now, &root, &account)?;
                let token = NewToken {
                    name: format!("{name}s"),
                    role: Role::Admin,
                    scopes: vec![Scope::Approvals],
                    expires: None,
                };
                let by = Actor::Person(name.to_owned());
                people::make_token(w, now, &by, &token, [index as u8; SECRET_BYTES])
            });
            std::fs::write(place.path(name), secret.unwrap().1.reveal()).unwrap();
        }
        Self { place }
    }

    /// Runs a command as somebody who holds a token: its exit code, and what it printed and said.
    fn by(&self, name: &str, words: &[&str]) -> (i32, String) {
        let token: PathBuf = self.place.path(name).into();
        let output = self
            .place
            .command(words)
            .env("HOLDFAST_TOKEN_FILE", token)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    }

    fn enable(&self) {
        let text = self.place.ok(&["approvals", "enable"]);
        assert!(text.contains("delete-volume"), "{text}");
        assert!(self.place.data().join("respond/approvals-on").exists());
    }

    /// Ask as ann, approve as bob.
    fn approved(&self, wanted: &[&str]) -> String {
        let words = [&["approvals", "ask"], wanted, &["--because", "because"]].concat();
        let (code, text) = self.by("ann", &words);
        assert_eq!(code, 0, "{text}");
        let number = text.split([' ', ':']).nth(1).unwrap().to_owned();
        let (code, own) = self.by("ann", &["approvals", "approve", &number]);
        assert_eq!(code, 4, "{own}");
        assert!(own.contains("is your own: somebody else has to approve it"), "{own}");
        let (code, text) = self.by("bob", &["approvals", "approve", &number, "--note", "fine"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("state    approved"), "{text}");
        number
    }
}

fn millis_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

#[test]
fn a_volume_is_deleted_only_once_somebody_else_agrees() {
    for with_daemon in [false, true] {
        let site = Site::new(&format!("approvals-{with_daemon}"));
        let place = &site.place;
        site.enable();
        let daemon = with_daemon.then(|| place.up(&["--empty"]));
        let (code, error) = place.fails(&["volume", "delete", "disk", "--yes"]);
        assert_eq!(
            (code, error.as_str()),
            (
                11,
                "error: deleting a volume with its history needs the approval of somebody else who may give it (whoever has the role \
                 `admin`)\nhint: ask for it with `holdfast approvals ask delete-volume disk --because '...'`; once it is approved, \
                 repeat the command\n"
            )
        );
        site.approved(&["delete-volume", "disk"]);
        place.ok(&["volume", "delete", "disk", "--yes"]);
        place.ok(&["volume", "create", "disk", "64M"]);
        assert_eq!(place.fails(&["volume", "delete", "disk", "--yes"]).0, 11, "once");
        drop(daemon);
    }
}

#[test]
fn what_a_kill_cut_off_is_told_once() {
    let site = Site::new("approvals-cut-off");
    let place = &site.place;
    site.enable();
    place.ok(&["pin", "disk", "monday"]);
    for (pin, is_killed) in [("monday", false), ("tuesday", true)] {
        let number = site.approved(&["delete-history", "disk", "--detail", pin]);
        if is_killed {
            // As the program does it before it gives the pin up; then it is killed.
            let wish = approval::Wish {
                operation: approval::Operation::DeleteHistory,
                subject: "disk".to_owned(),
                detail: pin.to_owned(),
                because: String::new(),
            };
            let mut ledger = Ledger::open(&place.data().join("respond")).unwrap();
            let now = Time::from_unix_millis(millis_now());
            let begun = ledger.write(|w| approval::begin(w, now, &Actor::Person("ann".to_owned()), &wish));
            assert_eq!(begun.unwrap().request.unwrap().to_string(), number);
        } else {
            assert_eq!(site.by("ann", &["unpin", "disk", pin]).0, 0);
        }
    }
    for _ in 0..2 {
        let daemon = place.up(&["--empty"]);
        assert_eq!(daemon.stop().0, 0);
        let alerts = place.json(&["alerts", "list", "--layer", "respond"]);
        let told: Vec<_> = alerts["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|alert| alert["kind"] == "approval-unknown")
            .collect();
        assert_eq!((told.len(), &told[0]["count"]), (1, &serde_json::json!(1)), "{alerts}");
        assert!(
            told[0]["title"].as_str().unwrap().ends_with("delete-history disk"),
            "{told:?}"
        );
    }
}

#[test]
fn pins_restores_and_guards_pass_the_gate_too() {
    let site = Site::new("approvals-gate");
    let place = &site.place;
    place.ok(&["pin", "disk", "monday"]);
    site.enable();
    let asks = [
        (
            vec!["unpin", "disk", "monday"],
            "holdfast approvals ask delete-history disk --detail monday",
        ),
        (
            vec!["volume", "resize", "disk", "32M", "--shrink"],
            "ask delete-history disk --detail 'shrink to 33554432'",
        ),
        (
            vec!["guard", "set", "disk", "--off"],
            "ask disarm-guard disk --detail off",
        ),
        (
            vec!["guard", "set", "disk", "--fence", "alert"],
            "ask disarm-guard disk --detail alert",
        ),
        (
            vec!["guard", "set", "disk", "--off", "--fence", "alert"],
            "ask disarm-guard disk --detail 'off, alert'",
        ),
        (
            vec!["guard", "announce", "backup", "--for", "2h"],
            "ask disarm-guard 'all volumes' --detail 'announce 7200 s'",
        ),
        (
            vec!["restore", "disk", "monday"],
            "holdfast approvals ask restore disk --detail '#",
        ),
    ];
    for (words, expected) in &asks {
        let (code, error) = place.fails(words);
        assert_eq!(code, 11, "{words:?}: {error}");
        assert!(error.contains(expected), "{error}");
    }
    // What protects more needs nobody.
    place.ok(&["guard", "set", "disk", "--fence", "refuse"]);
    place.ok(&["guard", "fence", "disk", "--because", "a call"]);
    let (code, error) = place.fails(&["guard", "release", "disk"]);
    assert_eq!(code, 11, "{error}");
    site.approved(&["release-fence", "disk"]);
    place.ok(&["guard", "release", "disk"]);
    site.approved(&["delete-history", "disk", "--detail", "monday"]);
    let (code, error) = place.fails(&["unpin", "disk", "sunday"]);
    assert_eq!(code, 11, "another pin: {error}");
    place.ok(&["unpin", "disk", "monday"]);
}

#[test]
fn nobody_makes_a_second_administrator_for_themselves() {
    let site = Site::new("approvals-link");
    let place = &site.place;
    let early = place.json(&["console", "link"])["link"].as_str().unwrap().to_owned();
    site.enable();
    let ledger = Ledger::open(&place.data().join("respond")).unwrap();
    let secret = early.rsplit('/').next().unwrap();
    let valid = people::link(&ledger, Time::from_unix_millis(1), secret).unwrap();
    assert_eq!(valid, None, "made before");
    for (words, expected) in [
        (
            vec!["console", "link"],
            "ask change-people 'new administrator' --detail 'make a link'",
        ),
        (
            vec!["console", "link", "--for", "Ann"],
            "ask change-people ann --detail 'make a link'",
        ),
    ] {
        let (code, error) = place.fails(&words);
        assert_eq!(code, 11, "{words:?}: {error}");
        assert!(error.contains(expected), "{error}");
    }
    place.ok(&["console", "people", "disable", "bob"]);
    assert_eq!(place.fails(&["console", "people", "enable", "bob"]).0, 11);
}

#[test]
fn a_way_in_is_made_once_others_agree() {
    let site = Site::new("approvals-way-in");
    let place = &site.place;
    site.enable();
    site.approved(&["change-people", "ann", "--detail", "make a link"]);
    place.ok(&["console", "link", "--for", "ann"]);
    assert_eq!(place.fails(&["console", "link", "--for", "ann"]).0, 11, "once");
}

#[test]
fn what_failed_may_be_tried_again_and_what_is_missing_needs_no_approval() {
    let site = Site::new("approvals-again");
    let place = &site.place;
    site.enable();
    let number = site.approved(&["delete-history", "disk", "--detail", "none"]);
    let (code, error) = place.fails(&["unpin", "disk", "none"]);
    assert_eq!(code, 3, "{error}");
    assert!(place.ok(&["approvals", "show", &number]).contains("state    approved"));
    assert_eq!(place.fails(&["restore", "disk", "nothing"]).0, 3);
}

#[test]
fn a_configuration_keeps_less_only_once_that_is_approved() {
    let site = Site::new("approvals-config");
    let place = &site.place;
    std::fs::write(place.path("h.toml"), "[defaults]\nretention = \"9d\"\n").unwrap();
    site.enable();
    let retention = || {
        let shown = place.json(&["volume", "show", "disk"]);
        shown
            .pointer("/settings/retention_seconds")
            .and_then(serde_json::Value::as_u64)
            .unwrap()
    };
    let daemon = place.up(&["--empty"]);
    assert_eq!(retention(), 9 * 86_400);
    std::fs::write(place.path("h.toml"), "[defaults]\nretention = \"2d\"\nguard = false\n").unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("`disk` goes on keeping 9 d of the past");
    daemon.wait_for_log("`disk` stays guarded");
    assert_eq!(retention(), 9 * 86_400);
    daemon.kill();
    // A restart doesn't get around it, nor does a command without a daemon.
    assert_eq!(retention(), 9 * 86_400);
    let daemon = place.up(&["--empty"]);
    daemon.wait_for_log("approvals ask shorten-retention disk --detail 'retention 172800 s, floor 86400 s, no budget'");
    assert_eq!(retention(), 9 * 86_400);
    site.approved(&[
        "shorten-retention",
        "disk",
        "--detail",
        "retention 172800 s, floor 86400 s, no budget",
    ]);
    daemon.signal("HUP");
    daemon.wait_for_log("the settings of the volumes");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while retention() != 2 * 86_400 {
        assert!(std::time::Instant::now() < end);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(
        place.json(&["guard", "status", "disk"])["guards"][0]["status"]["settings"]["enabled"],
        true
    );
}

#[test]
fn what_was_in_force_when_approvals_were_turned_on_is_held_back_too() {
    let site = Site::new("approvals-first");
    let place = &site.place;
    let write = |retention: &str| {
        let text = format!("[defaults]\nretention = \"{retention}\"\n");
        std::fs::write(place.path("h.toml"), text).unwrap();
    };
    write("9d");
    let daemon = place.up(&["--empty"]);
    site.enable();
    place.ok(&["volume", "create", "late", "64M"]);
    write("4d");
    daemon.signal("HUP");
    daemon.wait_for_log("`disk` goes on keeping 9 d of the past");
    daemon.wait_for_log("`late` goes on keeping 9 d of the past");
    place.ok(&["volume", "create", "later", "64M"]);
    // What it has is kept at once: a restart doesn't get around it.
    daemon.kill();
    write("2d");
    let daemon = place.up(&["--empty"]);
    daemon.wait_for_log("`later` goes on keeping 4 d of the past");
}

#[test]
fn approvals_are_turned_off_by_two_and_never_by_taking_the_ledger_away() {
    let site = Site::new("approvals-off");
    let place = &site.place;
    site.enable();
    assert_eq!(place.fails(&["approvals", "disable"]).0, 11);
    assert_eq!(place.fails(&["approvals", "seal"]).0, 11);
    assert_eq!(
        place
            .fails(&["approvals", "rules", "--operation", "restore", "--none"])
            .0,
        11
    );
    place.ok(&["approvals", "rules", "--operation", "send-letter", "--quorum", "1"]);
    let folder = place.data().join("respond");
    let away = place.path("away");
    std::fs::create_dir(&away).unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "approvals-on" {
            std::fs::rename(entry.path(), PathBuf::from(&away).join(entry.file_name())).unwrap();
        }
    }
    let (code, error) = place.fails(&["volume", "delete", "disk", "--yes"]);
    assert_eq!(code, 4);
    assert!(
        error.contains("approvals were turned on, and the ledger can't tell who approved this"),
        "{error}"
    );
    for entry in std::fs::read_dir(&away).unwrap() {
        let entry = entry.unwrap();
        std::fs::rename(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    site.approved(&["change-approvals", "off"]);
    place.ok(&["approvals", "disable"]);
    assert!(!folder.join("approvals-on").exists());
    place.ok(&["volume", "delete", "disk", "--yes"]);
}

#[test]
fn glass_is_broken_once_and_not_in_silence() {
    use std::io::Write;
    let site = Site::new("approvals-glass");
    let place = &site.place;
    let printed = place.ok(&["approvals", "seal", "--codes", "1"]);
    let code = printed.lines().last().unwrap().trim().to_owned();
    site.enable();
    let broken = |code: &str| {
        let words = [
            "approvals",
            "break-glass",
            "delete-volume",
            "disk",
            "--because",
            "nobody answers",
        ];
        let mut child = place
            .command(&words)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
        child.wait().unwrap().code().unwrap()
    };
    // Nor do policies that aren't right keep anybody from it.
    std::fs::create_dir_all(place.path("policies")).unwrap();
    std::fs::write(place.path("policies/own.toml"), "nonsense").unwrap();
    assert_eq!(broken("0000-0000"), 4);
    assert_eq!(broken(&code), 0);
    assert_eq!(broken(&code), 4, "once");
    let alerts = place.json(&["alerts", "list"]);
    assert_eq!(alerts["alerts"][0]["kind"], "glass-broken", "{alerts}");
    assert_eq!(alerts["alerts"][0]["severity"], "critical");
    place.ok(&["volume", "delete", "disk", "--yes"]);
    let verified = place.json(&["ledger", "verify"]);
    assert!(
        verified.to_string().contains("intact") || verified.get("error").is_none(),
        "{verified}"
    );
}
