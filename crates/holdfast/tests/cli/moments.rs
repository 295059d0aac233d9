//! Travelling in time, through a daemon that serves the disk.

use super::support::Place;

/// A disk of 1 MiB that was all `1`, then pinned as `ones`, then all `2`.
fn two_states(name: &str) -> (Place, super::support::Daemon) {
    let place = Place::new(name);
    for byte in [1, 2] {
        std::fs::write(place.folder.join(format!("{byte}.raw")), vec![byte; 1 << 20]).unwrap();
    }
    let daemon = place.up(&["--create", "disk=1M"]);
    daemon.write("disk", &place.folder.join("1.raw"));
    place.ok(&["pin", "disk", "ones"]);
    daemon.write("disk", &place.folder.join("2.raw"));
    (place, daemon)
}

fn is_all(bytes: &[u8], value: u8) -> bool {
    bytes.len() == 1 << 20 && bytes.iter().all(|byte| *byte == value)
}

#[test]
fn moments_are_exports_and_restores_can_be_undone() {
    let (place, daemon) = two_states("moments");
    assert!(is_all(&daemon.read("disk"), 2));
    assert!(is_all(&daemon.read(""), 2));
    assert!(is_all(&daemon.read("disk@ones"), 1));
    assert!(is_all(&daemon.read("@ones"), 1));
    assert!(is_all(&daemon.read("disk@now"), 2));
    assert!(is_all(&daemon.read("disk@-0s"), 2));
    assert!(is_all(&daemon.read("disk@%231"), 0));
    let text = place.ok(&["restore", "disk", "ones"]);
    assert!(text.starts_with("restored: `disk` is as of TIME (#"), "{text}");
    assert!(text.ends_with("to undo this: holdfast restore disk --undo\n"), "{text}");
    assert!(is_all(&daemon.read("disk"), 1));
    assert!(
        place
            .ok(&["restore", "disk", "--undo"])
            .starts_with("took the restore back: `disk` is as of TIME (#")
    );
    let before = place.json(&["volume", "show", "disk"])["newest"]["sequence"]
        .as_u64()
        .unwrap();
    let again = place.ok(&["restore", "disk", "--undo"]);
    assert!(is_all(&daemon.read("disk"), 1), "a second undo takes the first back");
    assert!(
        again.starts_with("took the restore back: ")
            && again.ends_with(&format!(
                "before this it was as of TIME (#{before}); nothing in between is lost\nto have the restore again: holdfast \
                 restore disk --undo\n"
            )),
        "{again}"
    );
    place.ok(&["restore", "disk", "--undo"]);
    assert!(is_all(&daemon.read("disk"), 2));
    for export in ["disk@none", "disk@", "other", "disk@2001-01-01", "disk@25:00"] {
        assert!(!daemon.serves(export), "{export}");
    }
}

#[test]
fn a_fork_is_written_to_without_changing_its_origin() {
    let (place, daemon) = two_states("forks");
    let text = place.ok(&["fork", "disk@ones", "copy"]);
    assert!(text.starts_with("`copy` (1 MiB) starts at TIME (#"), "{text}");
    assert!(is_all(&daemon.read("copy"), 1));
    daemon.write("copy", &place.folder.join("2.raw"));
    assert!(is_all(&daemon.read("disk@ones"), 1));
    assert_eq!(place.fails(&["volume", "delete", "disk", "--yes"]).0, 4);
    assert_eq!(
        place.ok(&["volume", "delete", "copy", "--yes"]),
        "deleted volume `copy` with its history\n"
    );
    assert_eq!(
        place.ok(&["volume", "delete", "disk", "--yes"]),
        "deleted volume `disk` with its history\n"
    );
}

#[test]
fn history_shows_what_was_written_and_done() {
    let (place, daemon) = two_states("history");
    place.ok(&["restore", "disk", "ones"]);
    let text = place.ok(&["history", "disk", "--bucket", "1h"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.first().unwrap().ends_with(", rows of 1 h"), "{text}");
    for expected in [
        "  TRIMMED  MOMENT\n",
        "      #1  * created\n",
        "  * pinned `ones`\n",
        "  * restored to TIME (#",
        " 2 MiB ",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let json = place.json(&["history", "disk"]);
    let kinds: Vec<&str> = json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["created", "pinned", "restored"]);
    let written: u64 = json["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["bytes_written"].as_u64().unwrap())
        .sum();
    assert_eq!(written, 2 << 20);
    drop(daemon);
}

#[test]
fn an_empty_history_is_explained() {
    let place = Place::new("empty-history");
    place.ok(&["volume", "create", "disk", "1M"]);
    let text = place.ok(&["history", "disk", "--since", "2001-01-01", "--until", "2001-01-02"]);
    assert!(
        text.ends_with("\nnothing is kept from that time: the oldest moment is TIME (#1)\n"),
        "{text}"
    );
}

#[test]
fn moments_that_cannot_be_are_refused_with_the_reason() {
    let (place, _daemon) = two_states("refused");
    let (code, text) = place.fails(&["restore", "disk", "2001-01-01"]);
    assert_eq!(code, 3);
    assert!(
        text.starts_with("error: that moment is older than the oldest one kept, `TIME +00:00`\n"),
        "{text}"
    );
    let (code, text) = place.fails(&["restore", "disk", "2199-01-01"]);
    assert_eq!(code, 4);
    assert!(
        text.starts_with("error: `TIME +00:00` is in the future\nhint: it is `TIME +00:00` now\n"),
        "{text}"
    );
    let newest = &place.json(&["volume", "show", "disk"])["newest"]["sequence"];
    assert_eq!(
        place.fails(&["restore", "disk", "#999999"]),
        (
            4,
            format!(
                "error: moment `#999999` hasn't happened yet; the newest is `#{newest}`\nhint: `holdfast history disk` \
                 shows the newest moment\n"
            )
        )
    );
    assert_eq!(
        place.fails(&["restore", "disk", "--undo"]),
        (
            3,
            "error: there is no restore to take back\nhint: `holdfast history disk` shows the restores within the \
             history kept\n"
                .to_owned()
        )
    );
    let forms = "hint: name a moment like `-15m`, `10:15`, `2026-11-23 10:15`, `2026-11-23T10:15:00Z`, `#1234` (a sequence \
                 number) or by a pin's name\n";
    for text in ["2026-13-01", "2026-02-30 10:15"] {
        assert_eq!(
            place.fails(&["restore", "disk", text]),
            (2, format!("error: `{text}` is no date or time that there is\n{forms}"))
        );
    }
    assert_eq!(
        place.fails(&["history", "disk", "--since", "2026-01-02", "--until", "2026-01-01"]),
        (
            2,
            "error: `TIME` is after `TIME`\nhint: `--since` is the earlier one; without `--until` it is now\n"
                .to_owned()
        )
    );
    assert_eq!(
        place.fails(&["history", "disk", "--bucket", "0s"]),
        (
            2,
            "error: a row of `0s` would be empty\nhint: write it like `10s`, `5m` or `1h`\n".to_owned()
        )
    );
    assert_eq!(
        place.fails(&["pin", "disk", "ones"]),
        (
            4,
            "error: a pin named `ones` exists already\nhint: choose another name, or `holdfast unpin disk ones` first\n"
                .to_owned()
        )
    );
    assert_eq!(
        place.ok(&["unpin", "disk", "ones"]),
        "removed pin `ones`; its moment is kept as long as any other of its age\n"
    );
}

#[test]
fn a_client_from_before_a_restore_is_counted_and_refused() {
    use std::io::{BufRead, BufReader, Read, Write};
    let (place, daemon) = two_states("stale");
    let mut client = std::process::Command::new("qemu-io")
        .args(["-f", "raw", "-n", &daemon.uri("disk")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = client.stdin.take().unwrap();
    let mut from = BufReader::new(client.stdout.take().unwrap());
    writeln!(to, "write -P 3 0 4k").unwrap();
    let mut line = String::new();
    while !line.contains("wrote 4096/4096") {
        assert_ne!(from.read_line(&mut line).unwrap(), 0, "{line}");
    }
    let text = place.ok(&["restore", "disk", "ones"]);
    assert!(
        text.contains("\n1 connected client is refused writes until reconnected: "),
        "{text}"
    );
    writeln!(to, "write -P 4 0 4k").unwrap();
    drop(to);
    let mut rest = String::new();
    from.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("write failed: Operation not permitted"), "{rest}");
    assert!(!client.wait().unwrap().success());
    daemon.wait_for_log("the disk was restored after this client connected");
    assert!(is_all(&daemon.read("disk"), 1));
}
