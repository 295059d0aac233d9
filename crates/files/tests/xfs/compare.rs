//! Compares all that a reader says with what the kernel says of the same file system.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;

use files::{Entry, ExtentKind, FileSystem, NodeId, NodeKind, Time};

use crate::image::run;

/// Place in the file, place on the disk, length, kind.
type Piece = (u64, u64, u64, ExtentKind);

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) nodes: u64,
    pub(crate) bytes: u64,
    pub(crate) attributes: u64,
    pub(crate) extents: u64,
}

/// Compares two trees from a folder on. Panics where they differ.
pub(crate) fn compare(fs: &dyn FileSystem, node: NodeId, path: &Path, counts: &mut Counts) {
    let expected = fs::symlink_metadata(path).unwrap();
    compare_metadata(fs, node, path, &expected);
    compare_attributes(fs, node, path, counts);
    counts.nodes += 1;
    if expected.is_dir() {
        let entries = entries(fs, node, path);
        let names: BTreeSet<Vec<u8>> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_vec())
            .collect();
        let found: BTreeSet<Vec<u8>> = entries.keys().cloned().collect();
        assert_eq!(found, names, "names in {path:?}");
        for (name, entry) in entries {
            compare(fs, entry.node, &path.join(OsStr::from_bytes(&name)), counts);
        }
    } else if expected.is_symlink() {
        let target = fs.link_target(node).unwrap();
        assert_eq!(
            target,
            fs::read_link(path).unwrap().into_os_string().into_vec(),
            "target of {path:?}"
        );
    } else if expected.is_file() {
        compare_content(fs, node, path, counts);
        compare_extents(fs, node, path, counts);
    }
}

fn entries(fs: &dyn FileSystem, folder: NodeId, path: &Path) -> BTreeMap<Vec<u8>, Entry> {
    let mut found = BTreeMap::new();
    fs.entries(folder, &mut |entry| {
        assert!(
            found.insert(entry.name.clone(), entry).is_none(),
            "a name twice in {path:?}"
        );
        ControlFlow::Continue(())
    })
    .unwrap_or_else(|error| panic!("{path:?}: {error}"));
    for entry in found.values() {
        let kind = fs
            .metadata(entry.node)
            .unwrap_or_else(|error| panic!("{path:?}: {entry:?}: {error}"))
            .kind;
        assert!(
            entry.kind.is_none_or(|told| told == kind),
            "{path:?}: {entry:?} is {kind:?}"
        );
    }
    found
}

fn compare_metadata(fs: &dyn FileSystem, node: NodeId, path: &Path, expected: &Metadata) {
    let found = fs.metadata(node).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let time =
        |seconds: i64, nanoseconds: i64| Some(Time(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)));
    let device = rustix::fs::Dev::from(expected.rdev());
    let is_device = expected.file_type().is_block_device() || expected.file_type().is_char_device();
    assert_eq!(node.0, expected.ino(), "{path:?}");
    assert_eq!(found.kind, kind(expected), "{path:?}");
    if expected.is_file() || expected.is_symlink() {
        assert_eq!(found.size_bytes, expected.len(), "{path:?}");
    }
    assert_eq!(found.mode.map(u32::from), Some(expected.mode() & 0o7777), "{path:?}");
    assert_eq!(
        (found.owner, found.group),
        (Some(expected.uid()), Some(expected.gid())),
        "{path:?}"
    );
    assert_eq!(u64::from(found.links), expected.nlink(), "{path:?}");
    assert_eq!(
        found.modified,
        time(expected.mtime(), expected.mtime_nsec()),
        "{path:?}"
    );
    assert_eq!(found.changed, time(expected.ctime(), expected.ctime_nsec()), "{path:?}");
    assert_eq!(
        found.accessed,
        time(expected.atime(), expected.atime_nsec()),
        "{path:?}"
    );
    let numbers = is_device.then(|| (rustix::fs::major(device), rustix::fs::minor(device)));
    assert_eq!(found.device.filter(|_| is_device), numbers, "{path:?}");
}

fn kind(metadata: &Metadata) -> NodeKind {
    let kind = metadata.file_type();
    match () {
        () if kind.is_dir() => NodeKind::Folder,
        () if kind.is_symlink() => NodeKind::Symlink,
        () if kind.is_fifo() => NodeKind::Fifo,
        () if kind.is_socket() => NodeKind::Socket,
        () if kind.is_char_device() => NodeKind::CharacterDevice,
        () if kind.is_block_device() => NodeKind::BlockDevice,
        () => NodeKind::File,
    }
}

fn compare_attributes(fs: &dyn FileSystem, node: NodeId, path: &Path, counts: &mut Counts) {
    let mut list = vec![0_u8; 64 * 1024];
    let length = rustix::fs::llistxattr(path, &mut list[..]).unwrap();
    let mut expected = BTreeMap::new();
    for name in list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8(name.to_vec()).unwrap();
        // Access control lists are listed twice: as the file system stores them, and as everybody else knows them.
        if name.starts_with("trusted.SGI_ACL") {
            continue;
        }
        let mut value = vec![0_u8; 64 * 1024];
        let length = rustix::fs::lgetxattr(path, name.as_str(), &mut value[..]).unwrap();
        value.truncate(length);
        expected.insert(name, value);
    }
    let found: BTreeMap<_, _> = fs.attributes(node).unwrap().into_iter().collect();
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "attributes of {path:?}"
    );
    assert!(found == expected, "values of attributes of {path:?}");
    counts.attributes += found.len() as u64;
}

/// Reads in pieces that begin and end anywhere.
fn compare_content(fs: &dyn FileSystem, node: NodeId, path: &Path, counts: &mut Counts) {
    let file = File::open(path).unwrap();
    let size = file.metadata().unwrap().len();
    let mut offset = 0;
    for piece in (0..).map(|round: u64| 1 + round * 77_777 % 300_001) {
        let length = usize::try_from(piece).unwrap();
        let (mut found, mut expected) = (vec![1; length], vec![2; length]);
        let count = fs.read(node, offset, &mut found).unwrap();
        assert_eq!(count as u64, piece.min(size - offset), "{path:?} at {offset}");
        file.read_exact_at(&mut expected[..count], offset).unwrap();
        assert!(found[..count] == expected[..count], "content of {path:?} at {offset}");
        offset += count as u64;
        if count < length {
            break;
        }
    }
    counts.bytes += size;
}

/// `xfs_io -c 'fiemap -v'` tells the kernel's extents in sectors, unwritten ones by a flag.
fn compare_extents(fs: &dyn FileSystem, node: NodeId, path: &Path, counts: &mut Counts) {
    let size = fs::metadata(path)
        .unwrap()
        .len()
        .next_multiple_of(u64::from(fs.block_bytes()));
    if size == 0 {
        return;
    }
    let mut found = Vec::new();
    fs.extents(node, &mut |extent| {
        found.push((extent.logical, extent.physical, extent.length, extent.kind));
        ControlFlow::Continue(())
    })
    .unwrap();
    let said = run("xfs_io", &["-r", "-c", "fiemap -v", path.to_str().unwrap()]);
    let mut expected = Vec::new();
    for line in said.lines().skip(2) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, logical, physical, _, flags] = words[..] else {
            continue;
        };
        let (first, last) = range(logical.trim_matches(['[', ']', ':']));
        let (start, _) = range(physical);
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap();
        let kind = if flags & 0x800 == 0 {
            ExtentKind::Data
        } else {
            ExtentKind::Unwritten
        };
        let length = ((last + 1) * 512).min(size).saturating_sub(first * 512);
        if length > 0 {
            expected.push((first * 512, start * 512, length, kind));
        }
    }
    assert_eq!(merged(&found), merged(&expected), "extents of {path:?}");
    counts.extents += found.len() as u64;
}

/// The kernel cuts extents where they begin to be shared.
fn merged(extents: &[Piece]) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::new();
    for &(logical, physical, length, kind) in extents {
        match merged.last_mut() {
            Some(last) if (last.0 + last.2, last.1 + last.2, last.3) == (logical, physical, kind) => last.2 += length,
            _ => merged.push((logical, physical, length, kind)),
        }
    }
    merged
}

fn range(text: &str) -> (u64, u64) {
    let (first, last) = text.split_once("..").unwrap();
    (first.parse().unwrap(), last.parse().unwrap())
}
