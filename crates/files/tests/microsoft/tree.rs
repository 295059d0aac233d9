//! All of a file system in memory, as it is read and as it was written, to compare them.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use files::{Disk, Extent, ExtentKind, FileSystem, NodeId, NodeKind};

/// What is compared of a file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: NodeKind,
    /// Content of files, target of links.
    pub(crate) content: Vec<u8>,
    pub(crate) links: u32,
    /// Nanoseconds since 1970.
    pub(crate) modified: i128,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = self
            .content
            .iter()
            .fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
        write!(
            formatter,
            "{:?} {} bytes (sum {sum:x}), {} links, modified {}",
            self.kind,
            self.content.len(),
            self.links,
            self.modified
        )
    }
}

/// Files by path, without a slash at the start.
pub(crate) type Tree = BTreeMap<Vec<u8>, Found>;

/// The mounted files, as another project's driver shows them.
pub(crate) fn mounted(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let kind = metadata.file_type();
            let (kind, content) = if kind.is_dir() {
                folders.push(path.clone());
                (NodeKind::Folder, Vec::new())
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                (NodeKind::Symlink, target.as_os_str().as_bytes().to_vec())
            } else if kind.is_fifo() {
                (NodeKind::Fifo, Vec::new())
            } else if kind.is_socket() {
                (NodeKind::Socket, Vec::new())
            } else if kind.is_char_device() {
                (NodeKind::CharacterDevice, Vec::new())
            } else {
                (NodeKind::File, fs::read(&path).unwrap())
            };
            let found = Found {
                kind,
                content,
                links: metadata.nlink() as u32,
                modified: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
            };
            let name = path.strip_prefix(folder).unwrap().as_os_str().as_bytes().to_vec();
            tree.insert(name, found);
        }
    }
    tree
}

/// The same, as it is read from the disk.
pub(crate) fn read(system: &dyn FileSystem) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![(Vec::new(), system.root())];
    while let Some((path, folder)) = folders.pop() {
        for (name, node) in entries(system, folder) {
            let path = if path.is_empty() {
                name
            } else {
                [&path[..], b"/", &name].concat()
            };
            let metadata = system.metadata(node).unwrap();
            let content = match metadata.kind {
                NodeKind::Folder => {
                    folders.push((path.clone(), node));
                    Vec::new()
                }
                NodeKind::File => content(system, node),
                NodeKind::Symlink => system.link_target(node).unwrap(),
                _ => Vec::new(),
            };
            let found = Found {
                kind: metadata.kind,
                content,
                links: metadata.links,
                modified: metadata.modified.unwrap_or_default().0,
            };
            let before = tree.insert(path.clone(), found);
            assert!(before.is_none(), "{} is there twice", String::from_utf8_lossy(&path));
        }
    }
    tree
}

pub(crate) fn entries(system: &dyn FileSystem, folder: NodeId) -> Vec<(Vec<u8>, NodeId)> {
    let mut entries = Vec::new();
    let shown = system.entries(folder, &mut |entry| {
        if let Some(kind) = entry.kind {
            assert_eq!(system.metadata(entry.node).unwrap().kind, kind, "{:?}", entry.name);
        }
        entries.push((entry.name, entry.node));
        ControlFlow::Continue(())
    });
    shown.unwrap();
    entries
}

/// The node at a path, which is there.
pub(crate) fn find(system: &dyn FileSystem, path: &str) -> NodeId {
    files::find(system, path.as_bytes()).unwrap()
}

/// All of a file, read in pieces of an odd length.
pub(crate) fn content(system: &dyn FileSystem, node: NodeId) -> Vec<u8> {
    let mut content = Vec::new();
    let mut buffer = vec![0xee; 99_991];
    loop {
        let length = system.read(node, content.len() as u64, &mut buffer).unwrap();
        content.extend_from_slice(&buffer[..length]);
        if length < buffer.len() {
            return content;
        }
    }
}

pub(crate) fn extents(system: &dyn FileSystem, node: NodeId) -> Vec<Extent> {
    let mut extents = Vec::new();
    let mut visit = |extent| {
        extents.push(extent);
        ControlFlow::Continue(())
    };
    system.extents(node, &mut visit).unwrap();
    extents
}

/// Checks that the extents of every file lead to its content, and that what they leave out is zeros.
pub(crate) fn check_extents(system: &dyn FileSystem, disk: &dyn Disk) {
    let mut folders = vec![system.root()];
    while let Some(folder) = folders.pop() {
        for (_, node) in entries(system, folder) {
            match system.metadata(node).unwrap().kind {
                NodeKind::Folder => folders.push(node),
                NodeKind::File => check_file(system, disk, node),
                _ => {}
            }
        }
    }
}

fn check_file(system: &dyn FileSystem, disk: &dyn Disk, node: NodeId) {
    let extents = extents(system, node);
    let mut content = content(system, node);
    let mut end = 0;
    for extent in &extents {
        assert!(
            extent.logical >= end && extent.length > 0,
            "extents overlap: {extents:?}"
        );
        end = extent.logical + extent.length;
        let range = extent.logical.min(content.len() as u64) as usize..end.min(content.len() as u64) as usize;
        let part = &mut content[range];
        if matches!(extent.kind, ExtentKind::Data | ExtentKind::Inline) {
            let mut stored = vec![0; part.len()];
            disk.read_at(extent.physical, &mut stored).unwrap();
            // In an MFT record the last two bytes of a sector are kept elsewhere.
            let differences = part.iter().zip(&stored).filter(|(read, stored)| read != stored).count();
            let allowed = if extent.kind == ExtentKind::Inline {
                2 * (part.len() / 512 + 1)
            } else {
                0
            };
            assert!(differences <= allowed, "{extent:?} of node {node} leads elsewhere");
        }
        if extent.kind == ExtentKind::Compressed {
            // A compressed unit stands for more than it takes on the disk: up to 16 clusters.
            let unit = 16 * u64::from(system.block_bytes());
            let unit_end = (extent.logical / unit + 1) * unit;
            let range = extent.logical.min(content.len() as u64) as usize..unit_end.min(content.len() as u64) as usize;
            content[range].fill(0);
        } else {
            part.fill(0);
        }
    }
    assert!(
        content.iter().all(|byte| *byte == 0),
        "node {node} has content outside of {extents:?}"
    );
}

/// Compares two trees, path by path.
pub(crate) fn assert_same(read: &Tree, expected: &Tree) {
    let paths: std::collections::BTreeSet<_> = read.keys().chain(expected.keys()).collect();
    let different: Vec<String> = paths
        .into_iter()
        .filter(|path| read.get(*path) != expected.get(*path))
        .map(|path| {
            let name = String::from_utf8_lossy(path);
            format!("{name}: read {:?}, expected {:?}", read.get(path), expected.get(path))
        })
        .collect();
    let first = different[..different.len().min(20)].join("\n");
    assert!(different.is_empty(), "{} files differ:\n{first}", different.len());
}
