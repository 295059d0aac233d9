//! Guards in the real daemon: an attack on a disk, each fence, release, restore, announced work, the webhook.
//!
//! The model used here suspects blocks that turn random and nothing else, so that what is tested is the program around the
//! detector, and not how good that is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::signed_model::{self, write_model};
use super::support::{Daemon, Place, tool};

/// Bytes of text on the disk that is attacked.
const TEXT_BYTES: usize = 8 << 20;
/// A restore point lies some seconds before what was seen of an attack: what was written so long before it is in it.
const BEFORE: Duration = Duration::from_secs(9);

/// A daemon with a disk of text that was there for a while.
pub(crate) fn serve(place: &Place, config: &str, more: &[&str]) -> (Daemon, Vec<u8>) {
    write_model(&place.folder.join("test.model"), 7);
    let config = config.replace("[guard]", &guard_section(place));
    std::fs::write(place.folder.join("h.toml"), config).unwrap();
    let daemon = place.up(&[&["--create", "disk=64M"], more].concat());
    let text: Vec<u8> = (0..TEXT_BYTES / 64)
        .flat_map(|line| format!("{line:020}: what was written in the minutes of our meeting.\n\n").into_bytes())
        .take(TEXT_BYTES)
        .collect();
    std::fs::write(place.folder.join("text"), &text).unwrap();
    daemon.write("disk", &place.folder.join("text"));
    std::thread::sleep(BEFORE);
    (daemon, text)
}

fn guard_section(place: &Place) -> String {
    let key = signed_model::key();
    format!(
        "[guard]\nmodel = \"{}\"\nmodel_key = \"{key}\"",
        place.path("test.model")
    )
}

/// Reads and overwrites blocks of the scratch disk with random bytes until that fails or all is done. Tells how the last
/// write ended.
pub(crate) const ATTACK: &str = "
import os
for offset in range(0, 8 << 20, 64 << 10):
    h.pread(64 << 10, offset)
    try:
        h.pwrite(os.urandom(64 << 10), offset)
    except nbd.Error as error:
        print('stopped', error.errno)
        break
else:
    print('done')
";

/// Runs a Python program with a connection `h` of libnbd.
pub(crate) fn nbd(daemon: &Daemon, export: &str, program: &str) -> String {
    let connected = format!(
        "import nbd\nh = nbd.NBD()\nh.connect_uri({:?})\n{program}",
        daemon.uri(export)
    );
    tool("/usr/bin/python3", &["-c", &connected])
}

fn start(daemon: &Daemon, export: &str) -> Vec<u8> {
    let mut bytes = daemon.read(export);
    bytes.truncate(TEXT_BYTES);
    bytes
}

fn state(place: &Place) -> String {
    let status = place.json(&["guard", "status", "disk"]);
    status
        .pointer("/guards/0/status/state")
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn an_attack_is_refused_explained_and_undone() {
    let place = Place::new("guard-refuse");
    let (daemon, text) = serve(&place, "[guard]\n[defaults]\nfence = \"refuse\"\n", &[]);
    assert_eq!(place.run(&["status", "--check"]).code, 0);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped EPERM\n");
    assert!(
        start(&daemon, "disk") != text,
        "reads go on, and show what the attack did"
    );
    daemon.wait_for_log("critical disk: encryption recognised");
    let told = daemon.log_lines("critical disk:").concat();
    assert!(told.contains("writes are refused (EPERM)"), "{told}");
    assert!(told.contains("`holdfast restore disk --before-attack`"), "{told}");
    assert_eq!(place.run(&["status", "--check"]).code, 8);
    let status = place.ok(&["status"]);
    assert!(status.contains("  fenced (refuse)  ok\n"), "{status}");
    assert!(
        status.ends_with(
            "\n`disk` is fenced: an attack was recognised\n\
             hint: if it is one: shut the machine down, then `holdfast restore disk --before-attack`\n\
             hint: if it is a false alarm: `holdfast guard release disk`\n"
        ),
        "{status}"
    );
    let details = place.ok(&["guard", "status", "disk"]);
    for line in [
        "state      fenced since TIME\n",
        "fence      refuse, in force: writes are refused (EPERM), reads go on\n",
        "because    ",
        "before it  pin `guard-",
    ] {
        assert!(details.contains(line), "{details}");
    }
    // The fence outlives the daemon.
    assert_eq!(daemon.stop().0, 0);
    assert_eq!(state(&place), "fenced");
    let daemon = place.up(&[]);
    daemon.wait_for_log("critical disk: the fence of before the restart is in force");
    assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped EPERM\n");
    let restored = place.ok(&["restore", "disk", "--before-attack"]);
    let lines: Vec<&str> = restored.lines().collect();
    assert!(lines[0].starts_with("restored: `disk` is as of TIME (#"), "{restored}");
    assert!(lines[2].starts_with("pin `guard-"), "{restored}");
    assert!(
        lines[2].ends_with(" were written since then, by the attack and by everything else"),
        "{restored}"
    );
    assert_eq!(lines[3], "to undo this: holdfast restore disk --undo");
    assert!(start(&daemon, "disk") == text, "{}", daemon.log());
    assert_eq!(state(&place), "calm");
    assert_eq!(place.run(&["status", "--check"]).code, 0);
    // It can be taken back, and be had again.
    place.ok(&["restore", "disk", "--undo"]);
    assert!(start(&daemon, "disk") != text);
    place.ok(&["restore", "disk", "--before-attack"]);
    assert!(start(&daemon, "disk") == text, "{}", daemon.log());
}

#[test]
fn a_paused_disk_goes_on_after_the_release() {
    let place = Place::new("guard-pause");
    let (daemon, _) = serve(&place, "[guard]\n[volume.disk]\nfence = \"pause\"\n", &[]);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped ENOSPC\n");
    let (code, said) = place.fails(&["guard", "release", "disk", "--drop"]);
    assert_eq!(code, 4, "{said}");
    let released = place.ok(&["guard", "release", "disk"]);
    assert!(
        released.starts_with("released: writes to `disk` go on, and the guard watches on\npin `guard-"),
        "{released}"
    );
    let write = "h.pwrite(b'x' * 4096, 0)\nprint(h.pread(4, 0))";
    assert_eq!(nbd(&daemon, "disk", write), "bytearray(b'xxxx')\n");
    assert_eq!(
        place.fails(&["guard", "release", "disk"]).0,
        4,
        "there is no fence any more"
    );
}

#[test]
fn diverted_writes_are_dropped_or_kept() {
    let place = Place::new("guard-divert");
    let (daemon, _) = serve(&place, "[guard]\n", &["--create", "other=64M"]);
    daemon.write("other", &place.folder.join("text"));
    std::thread::sleep(BEFORE);
    for disk in ["disk", "other"] {
        assert_eq!(nbd(&daemon, disk, ATTACK), "done\n", "the guest notices nothing");
        daemon.wait_for_log(&format!("critical {disk}: encryption recognised"));
    }
    let (code, said) = place.fails(&["guard", "release", "disk"]);
    assert_eq!(code, 4);
    assert!(
        said.starts_with(
            "error: writes to `disk` went to the fork `disk.diverted` since the fence went up: what shall become of them?\n"
        ),
        "{said}"
    );
    let attacked = start(&daemon, "other");
    let protected = nbd(&daemon, "other@now", "print(len(h.pread(1 << 20, 7 << 20)))");
    assert_eq!(protected, "1048576\n");
    let dropped = place.ok(&["guard", "release", "disk", "--drop"]);
    assert!(
        dropped.starts_with("released: `disk` is as it was when the fence went up"),
        "{dropped}"
    );
    let kept = place.ok(&["guard", "release", "other", "--keep"]);
    assert!(
        kept.starts_with("released: `other` took over what was diverted to `other.diverted`"),
        "{kept}"
    );
    assert!(
        start(&daemon, "other") == attacked,
        "what the guest sees is what it wrote"
    );
    assert!(start(&daemon, "disk") != attacked);
    let end = Instant::now() + Duration::from_secs(90);
    while place.json(&["volume", "list"])["volumes"].as_array().unwrap().len() > 2 {
        assert!(Instant::now() < end, "{}", place.ok(&["volume", "list"]));
        std::thread::sleep(Duration::from_millis(200));
    }
    place.ok(&["volume", "delete", "other", "--yes"]);
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_diverted_disk_is_restored_and_its_fork_kept_as_evidence() {
    let place = Place::new("guard-evidence");
    let (daemon, text) = serve(&place, "[guard]\n", &[]);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "done\n");
    let listed = place.ok(&["guard", "status", "disk"]);
    assert!(listed.contains("diverted   to the fork `disk.diverted`, "), "{listed}");
    let attacked = start(&daemon, "disk");
    for words in [
        &["volume", "delete", "disk.diverted", "--yes"][..],
        &["volume", "delete", "disk", "--yes"],
        &["volume", "resize", "disk", "128M"],
    ] {
        let (code, said) = place.fails(words);
        assert_eq!(code, 4, "{words:?}: {said}");
        assert!(
            said.contains("hint: `holdfast guard release disk` or "),
            "{words:?}: {said}"
        );
    }
    // What the guest was served is served again after a restart.
    assert_eq!(daemon.stop().0, 0);
    assert_eq!(place.fails(&["volume", "delete", "disk.diverted", "--yes"]).0, 4);
    let daemon = place.up(&[]);
    assert!(start(&daemon, "disk") == attacked);
    let report = place.json(&["restore", "disk", "--before-attack"]);
    assert_eq!(report["after"]["diverted_to"], "disk.diverted");
    let bytes = report["after"]["bytes_written"].as_u64().unwrap();
    assert!((TEXT_BYTES as u64..3 * TEXT_BYTES as u64).contains(&bytes), "{report}");
    assert!(start(&daemon, "disk") == text, "{}", daemon.log());
    assert!(start(&daemon, "disk.diverted") != text);
    assert_eq!(place.run(&["status", "--check"]).code, 0);
    place.ok(&["volume", "delete", "disk.diverted", "--yes"]);
}

#[test]
fn announced_work_is_not_fenced_and_still_bookmarked() {
    let place = Place::new("guard-announce");
    let more = ["--create", "other=1M"];
    let (daemon, text) = serve(&place, "[guard]\n[defaults]\nfence = \"refuse\"\n", &more);
    let announced = place.ok(&["guard", "announce", "enabling BitLocker", "--for", "2h"]);
    let what = "\"enabling BitLocker\" until TIME: nothing is fenced, restore points are made\n";
    for disk in ["disk", "other"] {
        let line = format!("\nannounced on `{disk}`: {what}");
        assert!(announced.contains(&line), "{announced}");
    }
    let status = place.ok(&["guard", "status", "disk"]);
    assert!(status.contains(&format!("announced  {what}")), "{status}");
    daemon.wait_for_log("notice  disk: announced work (\"enabling BitLocker\")");
    assert_eq!(nbd(&daemon, "disk", ATTACK), "done\n");
    daemon.wait_for_log("warning disk: encryption recognised");
    assert_eq!(state(&place), "bookmarked");
    place.ok(&["guard", "announce", "--end", "--name", "disk"]);
    assert_eq!(place.fails(&["guard", "announce", "--end", "--name", "disk"]).0, 4);
    place.ok(&["restore", "disk", "--before-attack"]);
    assert!(start(&daemon, "disk") == text, "{}", daemon.log());
    for (words, code) in [
        (vec!["guard", "announce", "x", "--for", "0s"], 2),
        (vec!["guard", "announce", "x", "--for", "8d"], 2),
        (vec!["guard", "announce", "x", "--for", "1h", "--name", "none"], 3),
    ] {
        assert_eq!(place.fails(&words).0, code, "{words:?}");
    }
}

#[test]
fn settings_follow_the_configuration_and_the_command() {
    let place = Place::new("guard-settings");
    let (daemon, _) = serve(&place, "[guard]\n[defaults]\nfence = \"alert\"\n", &[]);
    let set = place.ok(&["guard", "set", "disk", "--fence", "pause"]);
    assert!(set.contains("fence      pause, set by command\n"), "{set}");
    place.ok(&["guard", "set", "disk", "--off"]);
    assert_eq!(state(&place), "off");
    assert_eq!(nbd(&daemon, "disk", ATTACK), "done\n");
    assert_eq!(state(&place), "off");
    let (code, said) = place.fails(&["restore", "disk", "--before-attack"]);
    assert_eq!(code, 3);
    assert!(
        said.starts_with("error: the guard of `disk` has seen nothing suspicious, so there is no moment before it\n"),
        "{said}"
    );
    let config = guard_section(&place) + "\n[volume.disk]\nfence = \"refuse\"\n";
    std::fs::write(place.folder.join("h.toml"), config).unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("guarded with fence `refuse`");
    assert_eq!(state(&place), "calm");
}

#[test]
fn a_disk_that_is_only_watched_raises_the_alarm() {
    let place = Place::new("guard-alert");
    let (daemon, _) = serve(&place, "[guard]\n[defaults]\nfence = \"alert\"\n", &[]);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "done\n");
    daemon.wait_for_log("critical disk: encryption recognised");
    assert_eq!(place.run(&["status", "--check"]).code, 8);
    place.ok(&["guard", "release", "disk"]);
    assert_eq!(place.run(&["status", "--check"]).code, 0);
}

#[test]
fn guards_are_seen_and_released_without_a_daemon() {
    let place = Place::new("guard-offline");
    let (daemon, text) = serve(&place, "[guard]\n[defaults]\nfence = \"refuse\"\n", &[]);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped EPERM\n");
    assert_eq!(daemon.stop().0, 0);
    let sidecar = place.data().join("volumes/disk/sidecar");
    let before = std::fs::read(&sidecar).unwrap();
    let status = place.ok(&["guard", "status", "disk"]);
    assert!(
        status
            .ends_with("nothing is watched: no daemon runs\nhint: `holdfast up` serves the volumes and watches them\n"),
        "{status}"
    );
    assert_eq!(
        place.run(&["status", "--check"]).code,
        8,
        "a fence is worse than a daemon that is off"
    );
    assert_eq!(std::fs::read(&sidecar).unwrap(), before, "looking changes nothing");
    place.ok(&["guard", "release", "disk"]);
    assert_eq!(state(&place), "calm");
    place.ok(&["restore", "disk", "--before-attack"]);
    let daemon = place.up(&[]);
    assert!(start(&daemon, "disk") == text, "{}", daemon.log());
}

/// A message's headers, in small letters, and its body.
type Taken = (String, serde_json::Value);

/// A web server that takes messages.
fn listen() -> (String, Arc<Mutex<Vec<Taken>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let taken = Arc::<Mutex<Vec<_>>>::default();
    let taking = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let request = take(&stream.unwrap());
            taking.lock().unwrap().push(request);
        }
    });
    (url, taken)
}

fn take(mut stream: &TcpStream) -> Taken {
    let mut reader = BufReader::new(stream);
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut headers).unwrap() > 0, "{headers}");
    }
    let headers = headers.to_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .unwrap();
    (headers, serde_json::from_slice(&body).unwrap())
}

#[test]
fn every_event_reaches_the_webhook_signed() {
    let place = Place::new("guard-webhook");
    let (url, taken) = listen();
    std::fs::write(place.folder.join("secret"), "s3cret\n").unwrap();
    let config = format!(
        "[guard]\nwebhook = \"{url}\"\nwebhook_secret_file = \"{}\"\n[defaults]\nfence = \"refuse\"\n",
        place.path("secret")
    );
    let (daemon, _) = serve(&place, &config, &["--log-format", "json"]);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped EPERM\n");
    place.ok(&["guard", "release", "disk"]);
    assert_eq!(daemon.stop().0, 0);
    let taken = taken.lock().unwrap();
    let kinds: Vec<&str> = taken.iter().map(|(_, body)| body["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["bookmarked", "fenced", "released"]);
    for (headers, body) in taken.iter() {
        assert!(headers.starts_with("post /hook http/1.1\r\n"), "{headers}");
        assert!(headers.contains("\r\ncontent-type: application/json\r\n"), "{headers}");
        assert!(headers.contains("\r\nholdfast-signature: sha256="), "{headers}");
        assert_eq!(
            (body["version"].as_u64(), body["volume"].as_str()),
            (Some(1), Some("disk"))
        );
    }
    let (_, fenced) = &taken[1];
    assert_eq!(
        (&fenced["severity"], &fenced["fence"]),
        (&"critical".into(), &"refuse".into())
    );
    assert!(!fenced["reasons"].as_array().unwrap().is_empty(), "{fenced}");
    // The log has the same facts, one by one.
    let log = std::fs::read_to_string(place.folder.join("log")).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("\"level\":\"critical\""))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["event"]["pin"], fenced["pin"]);
}

#[test]
fn a_webhook_that_is_not_there_is_told_once_and_holds_nothing_up() {
    let place = Place::new("guard-no-webhook");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let config = format!("[guard]\nwebhook = \"http://{address}\"\n[defaults]\nfence = \"refuse\"\n");
    let (daemon, _) = serve(&place, &config, &[]);
    assert_eq!(nbd(&daemon, "disk", ATTACK), "stopped EPERM\n");
    daemon.wait_for_log("warning webhook: `http://127.0.0.1:");
    place.ok(&["guard", "release", "disk"]);
    assert_eq!(daemon.log_lines("warning webhook:").len(), 1);
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_model_whose_signature_does_not_fit_is_not_used() {
    let place = Place::new("guard-model");
    let (daemon, _) = serve(&place, "[guard]\n", &[]);
    daemon.wait_for_log("info    guard: model 7 from `");
    let version =
        |place: &Place| place.json(&["guard", "status", "disk"])["guards"][0]["status"]["model_version"].clone();
    assert_eq!(version(&place), 7);
    let file = place.folder.join("test.model");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8] = 8;
    std::fs::write(&file, &bytes).unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("error   guard: model 7 stays in use: [guard] model: the signature of `");
    let (code, said) = place.fails(&["config", "check"]);
    assert_eq!(code, 7);
    assert!(
        said.starts_with("error: [guard] model: the signature of `FOLDER/test.model` doesn't fit"),
        "{said}"
    );
    assert_eq!(version(&place), 7);
    write_model(&file, 9);
    daemon.signal("HUP");
    daemon.wait_for_log("notice  disk: model 9 judges what is written from now on, instead of model 7");
    assert_eq!(daemon.stop().0, 0);
    // At a start the model that is built in is what stays.
    std::fs::remove_file(place.folder.join("test.model.minisig")).unwrap();
    let daemon = place.up(&[]);
    daemon.wait_for_log("stays in use: [guard] model: can't read `");
    daemon.wait_for_log("serves disk");
}
