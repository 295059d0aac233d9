//! Leaked passwords on the command line: import, check, what it is told in the end.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use super::support::{Done, Place};

const PASSWORD: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";

fn write(place: &Place, name: &str, text: &str) -> String {
    let path = place.path(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs a command with something at its standard input.
fn fed(place: &Place, words: &[&str], input: &str) -> Done {
    let mut command = place.command(words);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Done {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

#[test]
fn a_leaked_password_is_found_and_never_printed() {
    let place = Place::new("passwords");
    let (code, text) = place.fails(&["exposure", "check"]);
    assert_eq!(
        (code, text.as_str()),
        (
            3,
            "error: no leaked passwords are loaded\nhint: `holdfast exposure import passwords` loads them\n"
        )
    );
    let list = write(&place, "list.txt", "password\npassword\nhunter2\n");
    assert_eq!(
        place.ok(&["exposure", "import", "passwords", &list]),
        "`list` has 2 sha1 hashes, seen 3 times in all\n`list` has 2 ntlm hashes, seen 3 times in all\n"
    );
    let done = fed(&place, &["exposure", "check"], "password\n");
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (10, "leaked: this password was seen 2 times; use it nowhere any more\n")
    );
    let done = fed(&place, &["exposure", "check"], "Password\n");
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (
            0,
            "not found: this password is in none of the corpora that are loaded\n"
        )
    );
    let done = fed(
        &place,
        &["exposure", "check", "--hash"],
        &format!("{PASSWORD}\n8846F7EAEE8FB117AD06BDD830B7586C\n{}\n", "0".repeat(40)),
    );
    assert_eq!(
        done.stdout,
        "SEEN  LINE  USER\n   2  1\n   2  2\n2 of 3 passwords are leaked\n"
    );
    assert_eq!(fed(&place, &["exposure", "check", "--hash"], "password\n").code, 2);
    let csv = write(
        &place,
        "export.csv",
        "name,url,username,password,note\nshop,,eva,hunter2,\nbank,,eva,better,\n",
    );
    let done = place.run(&["exposure", "check", &csv]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (10, "SEEN  NAME  USER\n   1  shop  eva\n1 of 2 passwords are leaked\n")
    );
    let json = place.json(&["exposure", "check", &csv]);
    assert_eq!(
        json.to_string(),
        r#"{"checked":2,"form":"CSV","leaked":[{"name":"shop","user":"eva","count":1}]}"#
    );
}

#[test]
fn malformed_lines_are_told_and_the_rest_is_loaded() {
    let place = Place::new("malformed");
    let file = write(
        &place,
        "hashes",
        &format!("{PASSWORD}:7\nsecret\n{}:2\n", PASSWORD.replace('5', "6")),
    );
    let done = place.run(&["exposure", "import", "passwords", &file]);
    assert_eq!(done.code, 5);
    assert_eq!(
        done.stdout,
        "`pwned-passwords` has 2 sha1 hashes, seen 9 times in all\n"
    );
    assert_eq!(
        done.stderr,
        "warning: 1 of 3 lines could not be read and were left out\nwarning: line 2: not a hash in hexadecimal digits\n"
    );
    let (code, text) = place.fails(&["exposure", "import", "passwords", &file, "--memory", "1M"]);
    assert_eq!(code, 2, "{text}");
    let few = write(&place, "few", &format!("{PASSWORD}:7\n").repeat(3));
    place.ok(&["exposure", "import", "passwords", &few, "--source", "police"]);
    let stats = place.json(&["exposure", "stats"]);
    let sources: Vec<_> = stats["passwords"]
        .as_array()
        .unwrap()
        .iter()
        .map(|corpus| corpus["source"].as_str().unwrap())
        .collect();
    assert_eq!(sources, ["pwned-passwords", "police"]);
    assert_eq!(
        fed(&place, &["exposure", "check"], "password\n").stdout,
        "leaked: this password was seen 28 times; use it nowhere any more\n"
    );
    assert_eq!(
        place.ok(&["exposure", "import", "passwords", "--remove", "police"]),
        "`police` with 1 hashes is removed\n"
    );
}

#[test]
fn an_import_that_is_killed_goes_on_and_loses_nothing() {
    const LINES: u64 = 4_000_000;
    let place = Place::new("killed");
    let mut text = String::new();
    for number in 0..LINES {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(text, "{mixed:016X}{number:024X}:{}", number % 9 + 1).unwrap();
    }
    let file = write(&place, "hashes", &text);
    drop(text);
    let words = ["exposure", "import", "passwords", &file, "--memory", "64M"];
    let store = place.data().join("exposure/passwords");
    let (work, mut kills) = (store.join("import-pwned-passwords"), 0);
    for run in ["000001.run", "000002.run"] {
        let mut child = place.command(&words).stdout(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(120);
        while !work.join(run).exists() && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end);
            std::thread::sleep(Duration::from_millis(5));
        }
        kills += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(kills > 0, "the import was too fast to be killed");
    let report = place.json(&words);
    assert_eq!(report["resumed"], kills > 0);
    assert_eq!(report["read"]["taken"], LINES);
    assert_eq!(report["sources"][0]["hashes"], LINES);
    assert_eq!(
        report["sources"][0]["occurrences"],
        (0..LINES).map(|number| number % 9 + 1).sum::<u64>()
    );
    assert!(!work.exists());
}
