//! Stored blocks that rot: how `verify`, `status` and clients tell of it.

use super::support::{Place, tool};

/// A disk of 8 MiB, all `7`, of which blocks 1 and 2 have rotted.
fn rotten(place: &Place) {
    std::fs::write(place.folder.join("x.raw"), vec![7; 8 << 20]).unwrap();
    place.ok(&["volume", "import", "disk", "x.raw"]);
    // The daemon takes the first segment, which is full, into the hash chain.
    let daemon = place.up(&[]);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while place
        .ok(&["volume", "verify", "disk"])
        .contains("no segment is sealed yet")
    {
        assert!(std::time::Instant::now() < end);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(daemon.stop().0, 0);
    let path = place.data().join("volumes/disk").join(first_segment(place));
    let mut bytes = std::fs::read(&path).unwrap();
    let is_payload = |window: &[u8]| window.iter().all(|byte| *byte == 7);
    let at = bytes.windows(4096).position(is_payload).unwrap();
    for offset in [5000, 9000] {
        *bytes.get_mut(at + offset).unwrap() ^= 1;
    }
    std::fs::write(&path, bytes).unwrap();
}

fn first_segment(place: &Place) -> String {
    let files = std::fs::read_dir(place.data().join("volumes/disk")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_hexdigit()));
    names.sort();
    names.swap_remove(0)
}

#[test]
fn verify_tells_rot_from_tampering_and_what_to_do() {
    let place = Place::new("damage");
    rotten(&place);
    let done = place.run(&["volume", "verify", "disk"]);
    assert_eq!(done.code, 5, "{done:?}");
    let (found, rest) = done.stdout.split_once('\n').unwrap();
    assert!(found.starts_with("`disk` is damaged: 2 faults found in "), "{found}");
    let places: String = rest.chars().filter(|c| !c.is_ascii_digit()).collect();
    assert_eq!(
        places,
        "the hash chain is broken in segment : changed since sealed, with the faults below; that is how rot looks, and \
         careless tampering\n  to tell which: rot shows in `dmesg` and `smartctl`, and elsewhere on that disk; a copy of the \
         folder shows which bytes differ\n  \
         segment  at offset : block  (byte ) written TIME; concerns the live disk\n    \
         it had never been written before: there is no older version\n  \
         segment  at offset : block  (byte ) written TIME; concerns the live disk\n    \
         it had never been written before: there is no older version\n\
         hint: reading what is damaged gives an I/O error, all else is served; check the disk below, then restore or copy \
         back what is named intact\n"
    );
    assert!(
        rest.contains(": block 1 (byte 4096) ") && rest.contains(": block 2 (byte 8192) "),
        "{rest}"
    );
    let report = place.json(&["volume", "verify", "disk"]);
    assert_eq!(report["damage"][0]["is_first"], true);
    assert_eq!(place.fails(&["volume", "export", "disk", "y.raw"]).0, 5);
    assert!(!place.folder.join("y.raw").exists());
}

#[test]
fn an_older_version_of_a_damaged_block_is_offered_by_its_moment() {
    let place = Place::new("older");
    rotten(&place);
    let before = place.json(&["volume", "show", "disk"])["newest"]["sequence"].clone();
    std::fs::write(place.folder.join("y.raw"), vec![8; 4096]).unwrap();
    let daemon = place.up(&[]);
    daemon.write("disk", &place.folder.join("y.raw"));
    daemon.write("disk", &place.folder.join("y.raw"));
    assert_eq!(daemon.stop().0, 0);
    for entry in std::fs::read_dir(place.data().join("volumes/disk")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(at) = bytes
            .windows(4096)
            .position(|window| window.iter().all(|byte| *byte == 8))
        {
            *bytes.get_mut(at).unwrap() ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let text = place.run(&["volume", "verify", "disk"]).stdout;
    let (_, block_0) = text
        .split_once(": block 0 (byte 0) written TIME; concerns the past only\n")
        .unwrap();
    let offered = block_0.lines().next().unwrap();
    assert!(
        offered.starts_with("    intact as of TIME (#") && offered.contains(": export `disk@#"),
        "{offered}"
    );
    let sequence = offered.rsplit('#').next().unwrap().trim_end_matches('`');
    assert!(
        sequence.parse::<u64>().unwrap() >= before.as_u64().unwrap(),
        "{offered}"
    );
}

#[test]
fn a_volume_of_which_something_damaged_was_read_says_so_until_it_is_verified() {
    let place = Place::new("state-damaged");
    rotten(&place);
    let daemon = place.up(&[]);
    assert!(place.ok(&["status"]).contains("  ok\n"));
    let read = std::process::Command::new("nbdcopy")
        .args(["--", &daemon.uri("disk"), "null:"])
        .output()
        .unwrap();
    assert!(!read.status.success());
    daemon.wait_for_log("met a damaged block");
    let damaged = "\n`disk` is damaged: reading what is damaged gives an I/O error, all else is served\nhint: check the disk \
                   below; `holdfast volume verify disk` tells what is damaged, and what is intact instead\n";
    let list = place.ok(&["volume", "list"]);
    assert!(list.contains("  damaged\n") && list.ends_with(damaged), "{list}");
    assert!(place.ok(&["volume", "show", "disk"]).contains(damaged));
    assert_eq!(place.json(&["volume", "show", "disk"])["damaged"], true);
    assert_eq!(place.run(&["volume", "verify", "disk"]).code, 5);
    assert!(place.ok(&["status"]).contains("  damaged\n"));
    // A disk whose damage is gone is well again.
    place.ok(&["volume", "delete", "disk", "--yes"]);
    place.ok(&["volume", "create", "disk", "1M"]);
    assert!(place.ok(&["status"]).contains("  ok\n"));
    tool("nbdinfo", &[&daemon.uri("disk")]);
}
