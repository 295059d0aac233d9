//! Help, usage errors, completions and manual pages.

use super::support::Place;

#[test]
fn the_long_help_tells_what_to_do_after_an_attack() {
    let place = Place::new("help");
    let long = place.ok(&["--help"]);
    assert!(
        long.starts_with("Disks that forget nothing: every second of the past is one command away\n\nUsage: holdfast")
    );
    for text in [
        "I was hit by ransomware. What now?",
        "holdfast restore disk -2h",
        "Exit codes:",
    ] {
        assert!(long.contains(text), "{long}");
    }
    let short = place.ok(&["-h"]);
    assert!(
        short.contains("Travel in time:") && !short.contains("Exit codes:"),
        "{short}"
    );
}

#[test]
fn without_a_command_the_overview_is_shown() {
    let (code, text) = Place::new("bare").fails(&[]);
    assert_eq!(code, 2);
    assert!(text.contains("Serve disks:"), "{text}");
}

#[test]
fn usage_errors_have_code_2() {
    let place = Place::new("usage");
    for words in [
        &["dance"][..],
        &["volume", "create", "disk"],
        &["volume", "create", "disk", "5"],
        &["restore", "disk"],
        &["restore", "disk", "-15m", "--undo"],
        &["history", "disk", "--bucket", "x"],
        &["pin", "disk", "10:15"],
    ] {
        let (code, text) = place.fails(words);
        assert_eq!(code, 2, "{words:?}: {text}");
        assert!(text.starts_with("error: "), "{words:?}: {text}");
    }
}

#[test]
fn errors_are_objects_with_json() {
    let place = Place::new("json-errors");
    let done = place.run(&["--json", "restore", "disk", "25:00"]);
    assert_eq!(done.code, 2);
    assert_eq!(
        done.stdout,
        "{\"error\":{\"code\":\"usage\",\"message\":\"`25:00` names no moment\",\"hint\":\"name a moment like `-15m`, `10:15`, \
         `2026-11-23 10:15`, `2026-11-23T10:15:00Z`, `#1234` (a sequence number) or by a pin's name\"}}\n"
    );
    let done = place.run(&["dance", "--json"]);
    assert_eq!(done.code, 2);
    assert_eq!(
        done.stdout,
        "{\"error\":{\"code\":\"usage\",\"message\":\"unrecognized subcommand 'dance'\",\"hint\":\"`holdfast --help`\"}}\n"
    );
}

#[test]
fn completions_and_manual_pages_are_made() {
    let place = Place::new("manual");
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.ok(&["completions", shell]).contains("restore"));
    }
    let title = format!(
        ".TH holdfast 1 \"\" \"holdfast {0}\" Holdfast\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(place.ok(&["man"]).starts_with(&title), "{}", place.ok(&["man"]));
    assert_eq!(
        place.ok(&["man", "--dir", "pages"]),
        "wrote 186 manual pages into `pages`\n"
    );
    assert!(place.folder.join("pages/holdfast-volume-create.1").exists());
    let page = std::fs::read_to_string(place.folder.join("pages/holdfast-restore.1")).unwrap();
    assert!(page.contains(".TH holdfast-restore 1 \"\" \"holdfast "), "{page}");
    assert!(
        page.contains(".SH SYNOPSIS\n.nf\nholdfast restore [OPTIONS] <VOLUME> [MOMENT]\n.fi\n"),
        "{page}"
    );
    assert!(page.contains("\\-\\-data\\fR \\fI<DIR>\\fR"), "{page}");
    assert!(page.contains(".SH NOTES\n.nf\nNothing is lost"), "{page}");
    assert!(!page.contains("EXTRA"), "{page}");
    let page = std::fs::read_to_string(place.folder.join("pages/holdfast-pin.1")).unwrap();
    assert!(
        page.contains(".SH EXAMPLES\n.nf\n  holdfast pin disk before\\-update "),
        "{page}"
    );
}

#[test]
fn texts_are_objects_with_json_too() {
    let place = Place::new("json-texts");
    for words in [&["config", "default"][..], &["completions", "bash"], &["man"]] {
        assert_eq!(place.json(words)["text"], place.ok(words), "{words:?}");
    }
    assert_eq!(
        place.json(&["man", "--dir", "pages"]).to_string(),
        "{\"folder\":\"pages\",\"pages\":186}"
    );
}

#[test]
fn what_up_cannot_do_is_an_object_with_json() {
    let place = Place::new("json-up");
    let done = place.run(&["--json", "up", "--listen", "nowhere"]);
    assert_eq!((done.code, done.stderr.as_str()), (2, ""));
    assert!(done.stdout.starts_with("{\"error\":{\"code\":\"usage\","), "{done:?}");
}

#[test]
fn a_data_folder_that_does_not_exist_is_named() {
    let (code, text) = Place::new("no-data").fails(&["status"]);
    assert_eq!(code, 3);
    assert_eq!(
        text,
        "error: there is no data folder at `FOLDER/data`\nhint: `holdfast up` makes one; `--data DIR` names another\n"
    );
}

#[test]
fn a_data_folder_that_others_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("open-data");
    std::fs::create_dir(place.data()).unwrap();
    std::fs::set_permissions(place.data(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (code, text) = place.fails(&["volume", "create", "disk", "1G"]);
    assert_eq!(code, 4);
    assert_eq!(
        text,
        "error: others may write to the data folder `FOLDER/data`\nhint: `chmod 700 FOLDER/data`\n"
    );
}
