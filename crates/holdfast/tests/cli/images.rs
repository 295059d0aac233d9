//! Import and export, with and without a daemon.

use super::support::{Place, tool};

const MIB: usize = 1 << 20;

/// A sparse disk of 64 MiB with some data.
fn disk_image(place: &Place) {
    let mut bytes = vec![0; 64 * MIB];
    for at in [0, 5 * MIB + 100, 63 * MIB] {
        bytes
            .get_mut(at..at + 70_000)
            .unwrap()
            .fill(u8::try_from(at % 251).unwrap() | 1);
    }
    std::fs::write(place.folder.join("disk.raw"), bytes).unwrap();
}

fn there_and_back(place: &Place) {
    disk_image(place);
    tool(
        "qemu-img",
        &[
            "convert",
            "-c",
            "-O",
            "qcow2",
            &place.path("disk.raw"),
            &place.path("disk.qcow2"),
        ],
    );
    let said = place.ok(&["volume", "import", "a", "disk.raw"]);
    assert_eq!(
        said,
        "imported `a` from a raw image: 216 KiB of data on a disk of 64 MiB\n"
    );
    let said = place.ok(&["volume", "import", "b", "disk.qcow2"]);
    assert_eq!(
        said,
        "imported `b` from a qcow2 image: 216 KiB of data on a disk of 64 MiB\n"
    );
    let said = place.ok(&["volume", "export", "a", "a.qcow2"]);
    assert!(
        said.starts_with("exported `a` as of TIME (#")
            && said.ends_with(") to a qcow2 image: 216 KiB of data on a disk of 64 MiB\n"),
        "{said}"
    );
    place.ok(&["volume", "export", "b", "b.img"]);
    assert!(tool("qemu-img", &["check", &place.path("a.qcow2")]).starts_with("No errors"));
    for (image, format) in [("a.qcow2", "qcow2"), ("b.img", "raw")] {
        let words = [
            "compare",
            "-f",
            "raw",
            "-F",
            format,
            &place.path("disk.raw"),
            &place.path(image),
        ];
        assert!(tool("qemu-img", &words).contains("identical"));
    }
    let left: Vec<_> = std::fs::read_dir(&place.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left.iter().any(|name| name.to_str().unwrap().contains("partial")),
        "{left:?}"
    );
}

#[test]
fn images_go_there_and_back_without_a_daemon() {
    there_and_back(&Place::new("images"));
}

#[test]
fn images_go_there_and_back_through_the_daemon() {
    let place = Place::new("images-daemon");
    let _daemon = place.up(&["--create", "other=1M"]);
    there_and_back(&place);
}

#[test]
fn a_moment_is_exported_while_the_disk_goes_on() {
    let place = Place::new("export-moment");
    disk_image(&place);
    let daemon = place.up(&["--create", "disk=64M"]);
    daemon.write("disk", &place.folder.join("disk.raw"));
    place.ok(&["pin", "disk", "before"]);
    std::fs::write(place.folder.join("noise"), vec![255; MIB]).unwrap();
    daemon.write("disk", &place.folder.join("noise"));
    place.ok(&["volume", "export", "disk@before", "before.raw"]);
    tool("cmp", &[&place.path("disk.raw"), &place.path("before.raw")]);
}

#[test]
fn a_name_that_stands_for_another_format_is_not_taken_for_raw() {
    let place = Place::new("extension");
    place.ok(&["volume", "create", "disk", "1M"]);
    assert_eq!(
        place.fails(&["volume", "export", "disk", "x.vmdk"]),
        (
            2,
            "error: `x.vmdk` doesn't tell a format that can be written\nhint: add `--format raw` or `--format qcow2`; \
             `qemu-img convert` makes other formats of these\n"
                .to_owned()
        )
    );
    assert!(!place.folder.join("x.vmdk").exists());
    place.ok(&["volume", "export", "disk", "x.vmdk", "--format", "raw"]);
    place.ok(&["volume", "export", "disk", "plain"]);
}

#[test]
fn files_that_exist_are_not_replaced() {
    let place = Place::new("exists");
    place.ok(&["volume", "create", "disk", "1M"]);
    std::fs::write(place.folder.join("x.raw"), "precious").unwrap();
    assert_eq!(
        place.fails(&["volume", "export", "disk", "x.raw"]),
        (
            4,
            "error: `x.raw` exists already\nhint: `--force` replaces it\n".to_owned()
        )
    );
    assert_eq!(std::fs::read(place.folder.join("x.raw")).unwrap(), b"precious");
    place.ok(&["volume", "export", "disk", "x.raw", "--force"]);
    assert_eq!(std::fs::metadata(place.folder.join("x.raw")).unwrap().len(), 1 << 20);
}

#[test]
fn images_that_cannot_be_used_leave_no_volume_behind() {
    let place = Place::new("unusable");
    tool(
        "qemu-img",
        &["create", "-q", "-f", "qcow2", &place.path("base.qcow2"), "10M"],
    );
    tool(
        "qemu-img",
        &[
            "create",
            "-q",
            "-f",
            "qcow2",
            "-b",
            "base.qcow2",
            "-F",
            "qcow2",
            &place.path("top.qcow2"),
        ],
    );
    assert_eq!(
        place.fails(&["volume", "import", "disk", "top.qcow2"]),
        (
            4,
            "error: the image has a backing file (flatten it with `qemu-img convert`), which isn't supported\nhint: \
             `qemu-img convert -O raw IMAGE disk.raw` makes one that is\n"
                .to_owned()
        )
    );
    // A damaged cluster is met only after the volume was made.
    disk_image(&place);
    tool(
        "qemu-img",
        &[
            "convert",
            "-c",
            "-O",
            "qcow2",
            &place.path("disk.raw"),
            &place.path("bad.qcow2"),
        ],
    );
    let mut bytes = std::fs::read(place.folder.join("bad.qcow2")).unwrap();
    let clusters = bytes.get_mut(0x5_0000..).unwrap();
    clusters.fill(0xff);
    std::fs::write(place.folder.join("bad.qcow2"), bytes).unwrap();
    assert_eq!(place.fails(&["volume", "import", "disk", "bad.qcow2"]).0, 5);
    assert!(place.ok(&["volume", "list"]).starts_with("there are no volumes\n"));
    assert_eq!(place.fails(&["volume", "import", "disk", "none.raw"]).0, 3);
    assert_eq!(
        place.fails(&["volume", "import", "disk", "/dev/null"]),
        (4, "error: the image is neither a file nor a block device\n".to_owned())
    );
}

#[test]
fn json_ends_with_the_result() {
    let place = Place::new("json-copy");
    disk_image(&place);
    let report = place.json(&["volume", "import", "disk", "disk.raw"]);
    assert_eq!(
        report.to_string(),
        r#"{"volume":"disk","format":"raw","size_bytes":67108864,"data_bytes":221184}"#
    );
}

/// Kills an import in the middle: volume `imp` of 512 MiB is half-filled.
fn cut_off(place: &Place) {
    let image = std::fs::File::create(place.folder.join("big.raw")).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(1), 512 << 20), &mut &image).unwrap();
    let mut import = place.command(&["volume", "import", "imp", "big.raw"]).spawn().unwrap();
    let stored = || {
        let files = std::fs::read_dir(place.data().join("volumes/imp"));
        let sizes = files.map(|files| files.map(|file| file.unwrap().metadata().map_or(0, |data| data.len())));
        sizes.map_or(0, Iterator::sum::<u64>)
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while stored() < 80 << 20 {
        assert!(std::time::Instant::now() < end);
    }
    import.kill().unwrap();
    assert_eq!(import.wait().unwrap().code(), None, "the import wasn't done");
}

#[test]
fn an_import_that_was_cut_off_can_only_be_looked_at_and_deleted() {
    let place = Place::new("cut-off");
    place.ok(&["volume", "create", "whole", "1M"]);
    cut_off(&place);
    let why = "the import that filled volume `imp` was cut off, so the disk isn't whole";
    let hint = "hint: `holdfast volume delete imp`, then import it again\n";
    let list = place.ok(&["volume", "list"]);
    assert!(
        list.contains("  unfinished import\n") && list.contains("  ok\n"),
        "{list}"
    );
    assert!(
        list.ends_with(&format!("\n`imp` can't be used: {why}\n{hint}")),
        "{list}"
    );
    let show = place.run(&["volume", "show", "imp"]);
    assert_eq!(show.code, 4);
    assert!(
        show.stdout.ends_with(&format!("\n`imp` can't be used: {why}\n{hint}")),
        "{show:?}"
    );
    assert_eq!(place.json(&["volume", "show", "imp"])["import"], "unfinished");
    for words in [
        &["restore", "imp", "#1"][..],
        &["restore", "imp", "--undo"],
        &["fork", "imp", "copy"],
        &["pin", "imp", "p"],
        &["unpin", "imp", "import-unfinished"],
        &["volume", "resize", "imp", "1G"],
        &["volume", "export", "imp", "x.raw"],
    ] {
        assert_eq!(place.fails(words), (4, format!("error: {why}\n{hint}")), "{words:?}");
    }
    let history = place.ok(&["history", "imp"]);
    assert!(
        history.contains("* created") && !history.contains("import-unfinished"),
        "{history}"
    );

    let daemon = place.up(&[]);
    assert!(daemon.serves("whole"));
    assert_eq!(
        daemon.refusal("imp"),
        format!("{why}; `holdfast volume delete imp`, then import it again")
    );
    let line = format!("TIME warning imp: isn't served: {why}; `holdfast volume delete imp`, then import it again");
    assert_eq!(daemon.log_lines("isn't served"), [line]);
    assert_eq!(daemon.log_lines("serves whole from").len(), 1);
    let exports = tool("nbdinfo", &["--list", "--json", &daemon.uri("")]);
    assert!(exports.contains("whole") && !exports.contains("imp"), "{exports}");
    place.ok(&["volume", "delete", "imp", "--yes"]);
}

#[test]
fn an_import_leaves_no_trace_of_its_bookkeeping() {
    let place = Place::new("no-trace");
    disk_image(&place);
    place.ok(&["volume", "import", "disk", "disk.raw"]);
    let events = place.json(&["history", "disk"])["events"].clone();
    let kinds: Vec<&str> = events
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["created"]);
    assert_eq!(
        place.fails(&["pin", "disk", "import-unfinished"]),
        (
            2,
            "error: `import-unfinished` is the mark of a volume that is being imported\nhint: choose another name\n"
                .to_owned()
        )
    );
}

#[test]
fn an_import_that_is_interrupted_leaves_nothing_behind() {
    let place = Place::new("interrupted");
    let image = std::fs::File::create(place.folder.join("big.raw")).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(1), 2 << 30), &mut &image).unwrap();
    let interrupt = || {
        let mut import = place
            .command(&["--json", "volume", "import", "disk", "big.raw"])
            .spawn()
            .unwrap();
        // In its midst: a fast disk takes the whole image in a second.
        while !place.data().join("volumes/disk").exists() {
            assert!(import.try_wait().unwrap().is_none(), "the import ended before it began");
        }
        tool("kill", &["-s", "INT", &import.id().to_string()]);
        assert_eq!(import.wait().unwrap().code(), Some(1));
    };
    interrupt();
    assert!(place.ok(&["volume", "list"]).starts_with("there are no volumes"));
    let daemon = place.up(&["--create", "other=1M"]);
    interrupt();
    // The daemon notices when it next tells how far it is.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while place.ok(&["volume", "list"]).contains("disk") {
        assert!(std::time::Instant::now() < end);
    }
    assert_eq!(daemon.stop().0, 0);
}
