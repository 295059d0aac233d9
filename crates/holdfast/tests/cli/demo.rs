//! The demo: as a program sees it, as a person sees it, and when it is interrupted. That nothing stays behind is part of
//! each test.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::support::Place;

/// The demo in a temporary folder of its own.
fn demo(place: &Place, words: &[&str]) -> Command {
    let folder = place.folder.join("tmp");
    std::fs::create_dir(&folder).unwrap();
    let mut command = place.command(&[&["demo"], words].concat());
    command.env("TMPDIR", folder);
    command
}

/// What is in the demo's temporary folder.
fn left_behind(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.folder.join("tmp")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", "INT", &pid])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn the_demo_ends_with_every_file_as_it_was() {
    let place = Place::new("demo");
    let output = demo(&place, &["--json", "--fast"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<_> = lines.iter().filter_map(|line| line["step"].as_str()).collect();
    assert_eq!(
        steps,
        ["filled", "worked", "attacked", "damaged", "restored", "compared"],
        "{text}"
    );
    let end = lines.last().unwrap();
    assert_eq!(
        (&end["ok"], &end["problems"]),
        (&true.into(), &serde_json::json!([])),
        "{text}"
    );
    assert_eq!(end["identical"], end["files"], "{text}");
    assert!(end["files"].as_u64().unwrap() >= 200, "{text}");
    assert!(
        end["damaged_files"].as_u64().unwrap() > 0,
        "an attack without damage shows nothing: {text}"
    );
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(left_behind(&place), [""; 0]);
}

#[test]
fn without_a_terminal_the_demo_tells_what_happens_in_lines() {
    let place = Place::new("demo-lines");
    let output = demo(&place, &[]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("\n1. A scratch disk"), "{text}");
    assert!(
        text.contains("FENCED after ") && text.contains("files are identical"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours: {text}");
    assert_eq!(left_behind(&place), [""; 0]);
}

#[test]
fn on_a_terminal_the_demo_draws_and_an_interrupt_ends_it() {
    let place = Place::new("demo-terminal");
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let side = File::options().read(true).write(true).open(name).unwrap();
    let mut command = demo(&place, &[]);
    command
        .env("TERM", "xterm")
        .stdout(side.try_clone().unwrap())
        .stderr(side);
    let mut child = command.spawn().unwrap();
    // The command holds the terminal's other side, whose end must be seen.
    drop(command);
    let mut terminal = File::from(terminal);
    let mut shown = String::new();
    let mut is_interrupted = false;
    let mut buffer = [0; 4096];
    loop {
        let count = match terminal.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // So does a terminal end whose other side is closed.
            Err(_) => break,
        };
        shown += &String::from_utf8_lossy(&buffer[..count]);
        if !is_interrupted && shown.contains("suspicion") {
            assert_eq!(left_behind(&place).len(), 1);
            interrupt(&child);
            is_interrupted = true;
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130), "{shown}");
    assert!(is_interrupted, "{shown}");
    let hidden = shown.rfind("\u{1b}[?25l").unwrap();
    assert!(shown[hidden..].contains("\u{1b}[?25h"), "the cursor is back: {shown}");
    assert_eq!(left_behind(&place), [""; 0]);
}

#[test]
fn a_reader_that_goes_away_ends_the_demo() {
    let place = Place::new("demo-reader");
    let mut child = demo(&place, &["--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("filled"), "{line}");
    drop(output);
    assert_eq!(child.wait().unwrap().code(), Some(141));
    assert_eq!(left_behind(&place), [""; 0]);
}

#[test]
fn a_temporary_folder_that_cannot_be_used_is_named() {
    let place = Place::new("demo-nowhere");
    let output = demo(&place, &["--fast"])
        .env("TMPDIR", "/proc/nowhere")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(
        text.starts_with("error: make the scratch folder `/proc/nowhere/holdfast-demo-"),
        "{text}"
    );
    assert!(
        text.contains("hint: `TMPDIR=DIR holdfast demo` uses another place"),
        "{text}"
    );
}
