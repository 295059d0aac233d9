//! File systems as the kernel leaves them in the middle of work: see `tests/images/make-ext`.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use files::ext::{Ext, open};
use files::{FileSystem, NodeId, NodeKind};

use crate::compare::{entries, find, read_all};

fn images() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

fn unpack(name: &str) -> Vec<u8> {
    let packed = fs::read(images().join(format!("{name}.zst"))).unwrap();
    zstd::decode_all(&*packed).unwrap()
}

/// A file's content is its own path, again and again.
fn content(path: &str, length: usize) -> Vec<u8> {
    path.bytes().cycle().take(length).collect()
}

fn target(path: &str) -> String {
    match path.rsplit_once("link").unwrap() {
        (_, "") => "/many/link to a place that is farther than sixty bytes away from here".to_owned(),
        (folder, index) => format!("/{folder}a name of some length {index}"),
    }
}

/// Kind, length and path of everything below a folder.
fn list(system: &Ext, folder: NodeId, prefix: &str, lines: &mut BTreeSet<String>) {
    for entry in entries(system, folder).into_values() {
        let path = format!("{prefix}{}", String::from_utf8(entry.name).unwrap());
        let known = system.metadata(entry.node).unwrap();
        let (kind, length) = match known.kind {
            NodeKind::Folder if path == "lost+found" => continue,
            NodeKind::Folder => ("folder", 0),
            NodeKind::Symlink => ("link", known.size_bytes),
            _ => ("file", known.size_bytes),
        };
        lines.insert(format!("{kind} {length} {path}"));
        if known.kind == NodeKind::Folder {
            list(system, entry.node, &format!("{path}/"), lines);
        }
    }
}

/// Everything is what the list beside the image says.
fn check(name: &str) -> Ext {
    let system = open(Arc::new(unpack(name))).unwrap();
    let replayed = system.replayed().unwrap();
    let transactions: usize = replayed.strip_suffix(" transactions").unwrap().parse().unwrap();
    assert!(transactions > 10, "{name}: {replayed}");
    let mut found = BTreeSet::new();
    list(&system, system.root(), "", &mut found);
    let expected = fs::read_to_string(images().join(format!("{name}.list"))).unwrap();
    assert_eq!(found, expected.lines().map(str::to_owned).collect(), "{name}");
    for line in expected.lines() {
        let [kind, length, path] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        let node = find(&system, path);
        let same = match kind {
            "file" if path == "sparse" => true,
            "file" => read_all(&system, node) == content(path, length.parse().unwrap()),
            "link" => system.link_target(node).unwrap() == target(path).as_bytes(),
            _ => true,
        };
        assert!(same, "{name}: {path}");
        if path.starts_with("few/") {
            assert_eq!(
                system.attributes(node).unwrap(),
                [("user.path".to_owned(), path.into())],
                "{name}"
            );
        }
    }
    system
}

#[test]
fn a_mounted_file_system_is_seen_as_after_recovery() {
    check("ext3-journalled-data");
    check("ext4-checksum-v1");
    let system = check("ext4-ordered");
    let mut kinds = BTreeSet::new();
    for name in ["few", "few/0", "few/1"] {
        let mut visit = |extent: files::Extent| {
            kinds.insert(format!("{name} {:?}", extent.kind));
            ControlFlow::Continue(())
        };
        system.extents(find(&system, name), &mut visit).unwrap();
    }
    assert_eq!(
        kinds,
        ["few Inline", "few/0 Inline", "few/1 Inline"].map(str::to_owned).into()
    );
}

#[test]
fn without_its_journal_a_file_system_is_older() {
    let mut bytes = unpack("ext3-journalled-data");
    // The feature `needs_recovery`.
    bytes[1024 + 0x60] &= !4;
    let system = open(Arc::new(bytes)).unwrap();
    assert_eq!(system.replayed(), None);
    let names = entries(&system, system.root());
    let recovered = check("ext3-journalled-data");
    assert!(entries(&recovered, recovered.root()).contains_key(&b"sparse"[..]));
    assert!(!names.contains_key(&b"sparse"[..]));
}
