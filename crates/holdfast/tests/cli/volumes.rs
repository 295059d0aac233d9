//! Volumes without a daemon: create, list, show, resize, delete.

use super::support::Place;

#[test]
fn a_volume_is_made_listed_resized_and_deleted() {
    let place = Place::new("volumes");
    let made = place.ok(&["volume", "create", "disk", "1G"]);
    assert!(
        made.starts_with("volume     disk\nsize       1 GiB (1073741824 bytes)\n"),
        "{made}"
    );
    assert!(
        made.ends_with("no pins; `holdfast pin disk NAME` keeps a moment\n"),
        "{made}"
    );
    let grown = place.ok(&["volume", "resize", "disk", "2G"]);
    assert!(grown.contains("size       2 GiB (2147483648 bytes)\n"), "{grown}");
    assert_eq!(
        place.fails(&["volume", "resize", "disk", "512M"]),
        (
            4,
            "error: volume `disk` would shrink from `2 GiB` to `512 MiB`\nhint: shrink the file system in it first, then \
             add `--shrink`; what is cut off stays in the past\n"
                .to_owned()
        )
    );
    let shrunk = place.ok(&["volume", "resize", "disk", "512M", "--shrink"]);
    assert!(shrunk.contains("size       512 MiB (536870912 bytes)\n"), "{shrunk}");
    assert_eq!(place.json(&["volume", "list"])["volumes"].as_array().unwrap().len(), 1);
    assert_eq!(
        place.fails(&["volume", "delete", "disk"]),
        (
            4,
            "error: volume `disk` is not deleted without a confirmation\nhint: add `--yes`\n".to_owned()
        )
    );
    assert_eq!(
        place.ok(&["volume", "delete", "disk", "--yes"]),
        "deleted volume `disk` with its history\n"
    );
    assert_eq!(
        place.ok(&["volume", "list"]),
        "there are no volumes\nhint: `holdfast volume create NAME SIZE` makes one\n"
    );
}

#[test]
fn what_does_not_exist_has_code_3_and_what_is_taken_code_4() {
    let place = Place::new("codes");
    place.ok(&["volume", "create", "disk", "1M"]);
    let no_volume = "error: no volume is named `x`\nhint: `holdfast volume list` shows the volumes\n";
    for words in [
        &["volume", "show", "x"][..],
        &["volume", "resize", "x", "1G"],
        &["volume", "delete", "x", "--yes"],
        &["volume", "verify", "x"],
        &["history", "x"],
        &["pin", "x", "p"],
        &["fork", "x", "y"],
        &["restore", "x", "-1m"],
    ] {
        assert_eq!(place.fails(words), (3, no_volume.to_owned()), "{words:?}");
    }
    assert_eq!(
        place.fails(&["volume", "create", "disk", "1M"]),
        (
            4,
            "error: a volume named `disk` exists already\nhint: choose another name, or delete that one first\n"
                .to_owned()
        )
    );
}

#[test]
fn status_without_a_daemon_says_so() {
    let place = Place::new("status");
    place.ok(&["volume", "create", "disk", "1M"]);
    let text = place.ok(&["status"]);
    assert!(
        text.starts_with("no daemon runs; data in `FOLDER/data`\nhint: `holdfast up` serves the volumes\n\nVOLUME")
    );
    let status = place.json(&["status"]);
    assert!(status["daemon"].is_null());
    assert_eq!(status["volumes"][0]["name"], "disk");
    assert_eq!(status["volumes"][0]["size_bytes"], 1 << 20);
}

#[test]
fn verify_says_what_it_looked_at() {
    let place = Place::new("verify");
    place.ok(&["volume", "create", "disk", "1M"]);
    let text = place.ok(&["volume", "verify", "disk"]);
    assert!(text.starts_with("`disk` is intact: "), "{text}");
    let report = place.json(&["volume", "verify", "disk"]);
    assert_eq!(
        (&report["chain_intact"], report["damage"].as_array().unwrap().len()),
        (&true.into(), 0)
    );
}

#[test]
fn a_volume_that_is_damaged_beyond_repair_is_listed_and_can_be_deleted() {
    let place = Place::new("beyond");
    place.ok(&["volume", "create", "disk", "1M"]);
    place.ok(&["fork", "disk@now", "copy"]);
    std::fs::write(place.data().join("volumes/disk/volume"), [0; 8192]).unwrap();
    let list = place.ok(&["volume", "list"]);
    assert!(list.contains("disk") && list.contains("copy"), "{list}");
    let (code, text) = place.fails(&["volume", "show", "copy"]);
    assert_eq!(code, 5);
    assert!(
        text.starts_with("error: `disk`, from which it was forked, can't be opened: `disk/volume` is not usable"),
        "{text}"
    );
    assert_eq!(place.fails(&["volume", "repair", "disk"]).0, 5);
    assert_eq!(
        place.fails(&["volume", "delete", "disk", "--yes"]).0,
        4,
        "its fork goes first"
    );
    place.ok(&["volume", "delete", "copy", "--yes"]);
    place.ok(&["volume", "delete", "disk", "--yes"]);
    assert!(place.ok(&["volume", "list"]).starts_with("there are no volumes\n"));
}
