//! The daemon's life: start, status, lock, socket, stop, crash.

use std::os::unix::fs::PermissionsExt;

use super::support::{Place, ask_raw};

#[test]
fn up_makes_a_first_disk_and_says_how_to_use_it() {
    let place = Place::new("first");
    let daemon = place.up(&[]);
    let status = place.json(&["status"]);
    assert_eq!(status["volumes"][0]["name"], "disk");
    assert_eq!(status["volumes"][0]["size_bytes"], 10u64 << 30);
    assert_eq!(
        status["daemon"]["listening"][0],
        format!("unix:{}", daemon.socket.display())
    );
    let text = place.ok(&["status"]);
    assert!(
        text.starts_with("version 0.1.0 serves `FOLDER/data` since TIME (process N)\n"),
        "{text}"
    );
    let uri = daemon.uri("disk");
    let log = daemon.log();
    let (code, screen) = daemon.stop();
    assert_eq!(code, 0, "{log}");
    assert!(screen.contains(&format!("\n  nbdinfo '{uri}'\n")), "{screen}");
    assert!(screen.contains(" restore disk -5m\n"), "{screen}");
}

#[test]
fn sockets_are_their_owners_alone_and_gone_afterwards() {
    let place = Place::new("sockets");
    let daemon = place.up(&["--create", "a=1M", "--create", "b=2M"]);
    for name in ["nbd.sock", "holdfast.sock", "lock", ""] {
        let mode = std::fs::metadata(place.data().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    assert!(daemon.serves("a") && daemon.serves("b"));
    assert!(!daemon.serves(""), "there is no default among several");
    assert_eq!(daemon.stop().0, 0);
    assert!(!place.data().join("nbd.sock").exists() && !place.data().join("holdfast.sock").exists());
}

#[test]
fn a_second_daemon_is_refused() {
    let place = Place::new("second");
    let _daemon = place.up(&["--create", "disk=1M"]);
    let (code, text) = place.fails(&["up"]);
    assert_eq!(code, 4);
    assert_eq!(
        text,
        "error: the data folder `FOLDER/data` is in use by another process\nhint: a daemon or another command holds its \
         lock; `fuser` with `lock` in that folder tells which\n"
    );
}

/// What commands of every kind print, those that fail too, and their exit codes.
fn answers(place: &Place) -> Vec<(i32, String, String)> {
    let commands: [&[&str]; 24] = [
        &["volume", "create", "a", "1M"],
        &["volume", "create", "a", "1M"],
        &["pin", "a", "p"],
        &["pin", "a", "p"],
        &["volume", "resize", "a", "2M"],
        &["volume", "resize", "a", "1M"],
        &["fork", "a@p", "b"],
        &["volume", "delete", "a", "--yes"],
        &["restore", "a", "p"],
        &["restore", "a", "--undo"],
        &["restore", "a", "2001-01-01"],
        &["history", "a", "--since", "2001-01-01", "--bucket", "1d"],
        &["volume", "export", "a", "out.raw", "--force"],
        &["volume", "import", "c", "out.raw"],
        &["volume", "show", "c"],
        &["volume", "verify", "c"],
        &["volume", "repair", "c"],
        &["volume", "list"],
        &["unpin", "a", "p"],
        &["unpin", "a", "p"],
        &["volume", "delete", "b", "--yes"],
        &["volume", "delete", "a", "--yes"],
        &["volume", "delete", "c", "--yes"],
        &["volume", "show", "a"],
    ];
    let run = |words: &&[&str]| {
        let done = place.run(words);
        (done.code, without_numbers(&done.stdout), without_numbers(&done.stderr))
    };
    commands.iter().map(run).collect()
}

/// The numbers of batches and the sizes on disk depend on when things happened, and links on random identities.
fn without_numbers(text: &str) -> String {
    let word = |word: &str| match word {
        "B" | "KiB" | "MiB" => "UNIT".to_owned(),
        "B," | "KiB," | "MiB," => "UNIT,".to_owned(),
        "segments," => "segment,".to_owned(),
        link if link.len() >= 64 => "LINK".to_owned(),
        other => other.replace(|c: char| c.is_ascii_digit() || c == '.', ""),
    };
    let text = text.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    // A daemon opens a guard within a second, where a command finds none.
    text.replace("guard calm", "guard -").replace(" calm ok", " - ok")
}

#[test]
fn commands_work_the_same_with_and_without_a_daemon() {
    let place = Place::new("same");
    let without = answers(&place);
    let _daemon = place.up(&["--empty"]);
    let with = answers(&place);
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with, without);
    }
    let failed = without.iter().filter(|(code, ..)| *code != 0).count();
    assert_eq!(failed, 7, "{without:#?}");
}

#[test]
fn what_was_flushed_survives_a_kill() {
    let place = Place::new("kill");
    std::fs::write(place.folder.join("x.raw"), vec![9; 1 << 20]).unwrap();
    let daemon = place.up(&["--create", "disk=1M"]);
    daemon.write("disk", &place.folder.join("x.raw"));
    daemon.kill();
    let daemon = place.up(&[]);
    assert_eq!(daemon.read("disk"), vec![9; 1 << 20]);
}

#[test]
fn nonsense_on_the_control_socket_is_answered_and_harms_nobody() {
    let place = Place::new("nonsense");
    let daemon = place.up(&["--create", "disk=1M"]);
    let socket = place.data().join("holdfast.sock");
    assert!(ask_raw(&socket, "{hello\n").contains("the request isn't understood"));
    assert!(ask_raw(&socket, "{\"version\":9}\n").contains("the daemon speaks version `1`"));
    assert!(
        ask_raw(
            &socket,
            "{\"version\":1,\"request\":{\"import\":{\"name\":\"x\",\"format\":null}}}\n"
        )
        .contains("the request came without its image")
    );
    // What doesn't begin as a request of a command is taken for HTTP.
    assert!(ask_raw(&socket, "hello\r\n\r\n").starts_with("HTTP/1.1 400"));
    assert!(ask_raw(&socket, &"x".repeat(1 << 20)).starts_with("HTTP/1.1 431"));
    assert!(daemon.serves("disk"));
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn volumes_that_come_later_are_served_at_once() {
    let place = Place::new("later");
    let daemon = place.up(&["--create", "a=1M"]);
    place.ok(&["volume", "create", "b", "2M"]);
    assert!(daemon.serves("b"));
    place.ok(&["volume", "resize", "b", "4M"]);
    assert_eq!(daemon.read("b").len(), 4 << 20);
    place.ok(&["volume", "delete", "b", "--yes"]);
    assert!(!daemon.serves("b"));
}

#[test]
fn the_log_is_json_on_demand() {
    let place = Place::new("json-log");
    let daemon = place.up(&["--log-format", "json", "--create", "disk=1M"]);
    daemon.wait_for_log("serves disk");
    let first: serde_json::Value = serde_json::from_str(daemon.log().lines().next().unwrap()).unwrap();
    assert_eq!(
        (first["level"].as_str(), first["subject"].as_str()),
        (Some("info"), Some("disk"))
    );
    let (code, screen) = daemon.stop();
    assert_eq!((code, screen.as_str()), (0, ""));
}

#[test]
fn the_same_disk_is_served_over_tcp() {
    let place = Place::new("tcp");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let _daemon = place.up(&["--create", "disk=3M", "--listen", &format!("127.0.0.1:{port}")]);
    let size = super::support::tool("nbdinfo", &["--size", &format!("nbd://127.0.0.1:{port}/disk")]);
    assert_eq!(size, format!("{}\n", 3 << 20));
}

#[test]
fn a_busy_address_is_refused_with_advice() {
    let place = Place::new("busy");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = place.run(&["up", "--create", "disk=1M", "--listen", &address]);
    assert_eq!(done.code, 4);
    assert!(done.stderr.contains("hint: choose another with `--listen`"), "{done:?}");
}

#[test]
fn a_full_budget_is_told_and_gone_after_a_reload() {
    let place = Place::new("full");
    let config = place.folder.join("h.toml");
    std::fs::write(&config, "[defaults]\nbudget = \"32MiB\"\n").unwrap();
    std::fs::write(place.folder.join("x.raw"), vec![1; 64 << 20]).unwrap();
    let daemon = place.up(&["--create", "disk=64M"]);
    let words = ["--", &place.path("x.raw"), &daemon.uri("disk")];
    assert!(
        !std::process::Command::new("nbdcopy")
            .args(words)
            .status()
            .unwrap()
            .success()
    );
    daemon.wait_for_log(
        "error   disk: writes are refused (no space): history younger than the retention floor of 1 d fills",
    );
    let list = place.ok(&["volume", "list"]);
    assert!(list.contains("  no space\n"), "{list}");
    assert!(
        list.ends_with(
            "hint: raise `budget`, or lower `retention_floor`, and reload; if the writes are unwanted, `holdfast history \
             disk` shows when they began\n"
        ),
        "{list}"
    );
    assert_eq!(place.run(&["status", "--check"]).code, 6);
    std::fs::write(&config, "[defaults]\nbudget = \"1GiB\"\n").unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("read again");
    daemon.write("disk", &place.folder.join("x.raw"));
    assert!(place.ok(&["volume", "list"]).contains("  ok\n"));
}

#[test]
fn a_daemon_without_volumes_says_so() {
    let place = Place::new("no-volumes");
    let daemon = place.up(&["--empty"]);
    daemon.wait_for_log("serves no volume yet from `");
    let (code, screen) = daemon.stop();
    assert_eq!(code, 0);
    assert!(
        screen.contains(" serves no volume yet\non unix:") && screen.contains("\nMake one in another terminal:\n"),
        "{screen}"
    );
}

#[test]
fn status_has_an_exit_code_for_monitoring_on_demand() {
    let place = Place::new("check");
    place.ok(&["volume", "create", "disk", "1M"]);
    assert_eq!(place.run(&["status", "--check"]).code, 1, "no daemon runs");
    assert_eq!(place.run(&["status"]).code, 0);
    let daemon = place.up(&[]);
    let well = place.run(&["status", "--check"]);
    assert_eq!((well.code, well.stdout), (0, place.ok(&["status"])));
    assert_eq!(daemon.stop().0, 0);
    std::fs::write(place.data().join("volumes/disk/volume"), "nonsense").unwrap();
    let _daemon = place.up(&[]);
    assert_eq!(place.run(&["--json", "status", "--check"]).code, 5);
    assert_eq!(place.run(&["status"]).code, 0);
}
