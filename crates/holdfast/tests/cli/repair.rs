//! `volume repair`: what it did, in words and numbers.

use super::support::{Place, tool};

/// A disk whose first block was written three times; the log's header of the second write is damaged.
fn damaged_log(place: &Place) {
    place.ok(&["volume", "create", "disk", "1M"]);
    let daemon = place.up(&[]);
    for byte in [1, 2, 3] {
        let file = place.folder.join(format!("{byte}.raw"));
        // The third write is beside the others.
        let content = if byte == 3 {
            [vec![1; 4096], vec![3; 4096]].concat()
        } else {
            vec![byte; 4096]
        };
        std::fs::write(&file, content).unwrap();
        tool(
            "nbdcopy",
            &["--flush", "--", file.to_str().unwrap(), &daemon.uri("disk")],
        );
    }
    daemon.kill();
    let folder = place.data().join("volumes/disk");
    let mut damaged = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let payload = bytes
            .windows(4096)
            .position(|window| window.iter().all(|byte| *byte == 2));
        if let Some(at) = payload {
            *bytes.get_mut(at - 20).unwrap() ^= 1;
            std::fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
}

#[test]
fn a_repair_says_what_was_passed_over_and_what_to_do() {
    let place = Place::new("repair");
    damaged_log(&place);
    let list = place.ok(&["volume", "list"]);
    assert!(list.contains("  unusable\n"), "{list}");
    assert!(
        list.contains(
            "hint: check the disk below; then `holdfast volume repair disk` goes on without what is damaged\n"
        ),
        "{list}"
    );
    assert_eq!(place.fails(&["restore", "disk", "#1"]).0, 5);
    let text = place.ok(&["volume", "repair", "disk"]);
    assert_eq!(
        text,
        "`disk` is usable again, without 1 batch of writes that can't be read:\n  \
         1 batch of writes between TIME (#2) and TIME (#4)\n\
         blocks that were written in them read as they were before: files written then may be damaged\n\
         hint: check the file system, and the files that were written then; or return to before it: holdfast restore \
         disk '#2'\n\
         hint: check the disk below; `holdfast volume verify disk` looks for more damage\n"
    );
    let history = place.ok(&["history", "disk"]);
    assert!(history.contains("damage in the log was passed over"), "{history}");
    assert!(place.ok(&["restore", "disk", "#2"]).starts_with("restored: "));
}

#[test]
fn a_repair_of_what_is_whole_says_so() {
    let place = Place::new("no-repair");
    place.ok(&["volume", "create", "disk", "1M"]);
    assert_eq!(
        place.ok(&["volume", "repair", "disk"]),
        "`disk` is usable: there was nothing to repair\n\
         hint: `holdfast volume verify disk` checks everything that is stored\n"
    );
    let report = place.json(&["volume", "repair", "disk"]);
    assert_eq!(
        (
            &report["repaired"],
            &report["name"],
            report["lost"].as_array().unwrap().len()
        ),
        (&false.into(), &"disk".into(), 0)
    );
    assert_eq!(place.fails(&["volume", "repair", "none"]).0, 3);
}

#[test]
fn a_repair_counts_what_was_lost_for_programs() {
    let place = Place::new("json-repair");
    damaged_log(&place);
    let report = place.json(&["volume", "repair", "disk"]);
    assert_eq!(report["repaired"], true);
    let lost = &report["lost"][0];
    assert_eq!(
        (
            &lost["batches"],
            &lost["after"]["sequence"],
            &lost["before"]["sequence"]
        ),
        (&1.into(), &2.into(), &4.into())
    );
    assert!(report["size_bytes"].is_u64(), "the volume's own fields stay: {report}");
}
