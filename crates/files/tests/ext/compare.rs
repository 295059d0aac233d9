//! A file system read by us beside the folder it was made from.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use files::{Disk, Entry, ExtentKind, FileSystem, NodeId, NodeKind};

pub(crate) fn entries(system: &dyn FileSystem, folder: NodeId) -> BTreeMap<Vec<u8>, Entry> {
    let mut found = BTreeMap::new();
    let mut visit = |entry: Entry| {
        assert!(
            found.insert(entry.name.clone(), entry).is_none(),
            "a name is shown twice"
        );
        ControlFlow::Continue(())
    };
    system.entries(folder, &mut visit).unwrap();
    found
}

/// The node at a path from the root, which is there.
pub(crate) fn find(system: &dyn FileSystem, path: &str) -> NodeId {
    files::find(system, path.as_bytes()).unwrap()
}

pub(crate) fn read_all(system: &dyn FileSystem, file: NodeId) -> Vec<u8> {
    let size = usize::try_from(system.metadata(file).unwrap().size_bytes).unwrap();
    let mut bytes = vec![0xee; size + 10];
    assert_eq!(system.read(file, 0, &mut bytes).unwrap(), size);
    bytes.truncate(size);
    bytes
}

/// Puts a file together from where its extents say that it is.
pub(crate) fn from_extents(system: &dyn FileSystem, disk: &dyn Disk, node: NodeId) -> Vec<u8> {
    let size = usize::try_from(system.metadata(node).unwrap().size_bytes).unwrap();
    let mut bytes = vec![0; size];
    let mut end = 0;
    let mut visit = |extent: files::Extent| {
        assert!(extent.logical >= end && extent.length > 0, "extents don't ascend");
        end = extent.logical + extent.length;
        if extent.kind != ExtentKind::Unwritten {
            let start = usize::try_from(extent.logical).unwrap().min(size);
            let until = usize::try_from(end).unwrap().min(size);
            disk.read_at(extent.physical, &mut bytes[start..until]).unwrap();
        }
        ControlFlow::Continue(())
    };
    system.extents(node, &mut visit).unwrap();
    bytes
}

/// Compares names, kinds, sizes, modes, links and content, all the way down, and what is on the disk where extents say that content is.
/// Returns how many nodes were compared.
pub(crate) fn compare(system: &dyn FileSystem, disk: Option<&dyn Disk>, folder: NodeId, expected: &Path) -> usize {
    let mut found = entries(system, folder);
    if folder == system.root() {
        found.remove(&b"lost+found"[..]);
    }
    let mut compared = 0;
    for entry in fs::read_dir(expected).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().as_bytes();
        let entry = found
            .remove(name)
            .unwrap_or_else(|| panic!("{} is missing", path.display()));
        compared += 1 + compare_node(system, disk, &entry, &path);
    }
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        Vec::<&Vec<u8>>::new(),
        "more than in {}",
        expected.display()
    );
    compared
}

fn compare_node(system: &dyn FileSystem, disk: Option<&dyn Disk>, entry: &Entry, path: &Path) -> usize {
    let expected = fs::symlink_metadata(path).unwrap();
    let known = system.metadata(entry.node).unwrap();
    assert!(entry.kind.is_none_or(|kind| kind == known.kind), "{}", path.display());
    assert_eq!(
        known.mode,
        Some((expected.mode() & 0o7777) as u16),
        "mode of {}",
        path.display()
    );
    assert_eq!(known.owner, Some(expected.uid()), "{}", path.display());
    assert_eq!(
        known.modified.unwrap().0 / 1_000_000_000,
        i128::from(expected.mtime()),
        "{}",
        path.display()
    );
    match known.kind {
        NodeKind::Folder => {
            assert!(expected.is_dir());
            return compare(system, disk, entry.node, path);
        }
        NodeKind::Symlink => {
            let target = fs::read_link(path).unwrap();
            assert_eq!(system.link_target(entry.node).unwrap(), target.as_os_str().as_bytes());
            if let Some(disk) = disk {
                let found = from_extents(system, disk, entry.node);
                assert_eq!(found, target.as_os_str().as_bytes(), "{}", path.display());
            }
        }
        NodeKind::File => {
            assert_eq!(u64::from(known.links), expected.nlink(), "{}", path.display());
            compare_content(system, disk, entry.node, path);
        }
        kind => panic!("{kind:?} was not made"),
    }
    0
}

fn compare_content(system: &dyn FileSystem, disk: Option<&dyn Disk>, file: NodeId, path: &Path) {
    let expected = fs::read(path).unwrap();
    assert!(
        read_all(system, file) == expected,
        "content of {} differs",
        path.display()
    );
    if let Some(disk) = disk {
        let found = from_extents(system, disk, file);
        assert!(found == expected, "extents of {} lead elsewhere", path.display());
    }
    let original = fs::File::open(path).unwrap();
    for (offset, length) in [
        (1, 10),
        (4095, 2),
        (20_479, 5000),
        (expected.len().saturating_sub(3) as u64, 9),
        (90_000_000, 1),
    ] {
        let (mut ours, mut theirs) = (vec![1; length], vec![1; length]);
        let read = original.read_at(&mut theirs, offset).unwrap();
        assert_eq!(
            system.read(file, offset, &mut ours).unwrap(),
            read,
            "{} at {offset}",
            path.display()
        );
        assert!(
            ours[..read] == theirs[..read],
            "{length} bytes at {offset} of {} differ",
            path.display()
        );
    }
}
