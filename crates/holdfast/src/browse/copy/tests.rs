//! Copies from a file system that says whatever an attacker wants: names that are paths, a link and a folder of one name.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use answers::PastMoment;
use files::{
    Area, Entry, Error, Extent, ExtentKind, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind, Piece, Time,
};
use volume::{Sequence, Timestamp};

use super::{Archive, CopyReport, Folder, FolderOptions, copy};
use crate::browse::opened::Inside;

/// A node: its name, the folder that has it, and what it is.
struct Node(Vec<u8>, u64, Content);

enum Content {
    Folder,
    File(&'static [u8]),
    Link(Vec<u8>),
    /// A file with content at one place in a hole.
    Sparse(u64),
    /// A file that can't be read.
    Damaged,
}

/// Nodes by their numbers, from 1 on; 0 is the root.
struct Hostile(Vec<Node>);

impl Hostile {
    fn node(&self, node: NodeId) -> Option<&Node> {
        self.0.get((node.0 as usize).checked_sub(1)?)
    }

    fn kind_of(&self, node: NodeId) -> NodeKind {
        match self.node(node).map(|node| &node.2) {
            None | Some(Content::Folder) => NodeKind::Folder,
            Some(Content::Link(_)) => NodeKind::Symlink,
            Some(_) => NodeKind::File,
        }
    }
}

const STORED: &[u8] = b"stored";

impl FileSystem for Hostile {
    fn kind(&self) -> FileSystemKind {
        FileSystemKind::Ext4
    }

    fn label(&self) -> String {
        String::new()
    }

    fn block_bytes(&self) -> u32 {
        4096
    }

    fn size_bytes(&self) -> u64 {
        1 << 20
    }

    fn root(&self) -> NodeId {
        NodeId(0)
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, Error> {
        let size_bytes = match self.node(node).map(|node| &node.2) {
            Some(Content::File(content)) => content.len() as u64,
            Some(Content::Sparse(size)) => *size,
            Some(Content::Damaged) => 100,
            _ => 0,
        };
        Ok(Metadata {
            size_bytes,
            mode: Some(0o4755),
            modified: Some(Time(1_000_000_000)),
            ..Metadata::of(self.kind_of(node))
        })
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
        for (index, Node(name, parent, _)) in self.0.iter().enumerate() {
            let node = NodeId(index as u64 + 1);
            let entry = Entry {
                name: name.clone(),
                node,
                kind: Some(self.kind_of(node)),
            };
            if *parent == folder.0 && visit(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        let (logical, length) = match self.node(node).map(|node| &node.2) {
            Some(Content::File(content)) => (0, content.len() as u64),
            Some(Content::Sparse(_)) => (1 << 20, STORED.len() as u64),
            Some(Content::Damaged) => (0, 100),
            _ => return Ok(()),
        };
        let kind = ExtentKind::Data;
        let physical = 0;
        let _ = visit(Extent {
            logical,
            physical,
            length,
            kind,
        });
        Ok(())
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let (content, start) = match self.node(file).map(|node| &node.2) {
            Some(Content::File(content)) => (*content, 0),
            Some(Content::Sparse(_)) => (STORED, 1 << 20),
            _ => return Err(Error::Unreadable(file, "damaged by a test")),
        };
        let from = content.get((offset - start) as usize..).unwrap_or_default();
        let length = from.len().min(buffer.len());
        buffer[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        match self.node(link).map(|node| &node.2) {
            Some(Content::Link(target)) => Ok(target.clone()),
            _ => Err(Error::NotA(link, "symbolic link")),
        }
    }
}

fn inside(nodes: Vec<Node>) -> Inside {
    let (logical, physical, length) = (0, 0, 1 << 20);
    Inside {
        moment: PastMoment {
            sequence: Sequence(1),
            time: Timestamp::ZERO,
            disk: Arc::new(Vec::<u8>::new()),
        },
        area: Area {
            name: String::new(),
            description: String::new(),
            pieces: vec![Piece {
                logical,
                physical,
                length,
            }],
            content: None,
            unsupported: None,
        },
        fs: Box::new(Hostile(nodes)),
        path: b"/".to_vec(),
    }
}

fn into_folder(inside: &Inside, to: &Path, overwrite: bool) -> CopyReport {
    let options = FolderOptions {
        overwrite,
        privileged: false,
        interrupted: Arc::new(AtomicBool::new(false)),
    };
    let mut folder = Folder::open(to, options).unwrap();
    copy(inside, None, &mut folder, &AtomicBool::new(false), &mut |_| {}).unwrap()
}

/// Everything below a folder that isn't a folder, with its content; links aren't followed.
fn list(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            found.extend(list(&path));
        } else {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
    found
}

fn file(name: &str, parent: u64) -> Node {
    Node(name.as_bytes().to_vec(), parent, Content::File(b"escaped"))
}

#[test]
fn nothing_is_written_outside_whatever_names_and_links_say() {
    let scratch = tempfile::tempdir().unwrap();
    let outside = scratch.path().join("outside");
    let to = scratch.path().join("to");
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir(&to).unwrap();
    let target = || outside.to_str().unwrap().as_bytes().to_vec();
    let nodes = || {
        vec![
            Node(b"trap".to_vec(), 0, Content::Link(target())),
            Node(b"trap".to_vec(), 0, Content::Folder),
            file("through-the-link", 2),
            file("../outside/a", 0),
            file(&format!("{}/b", outside.display()), 0),
            Node(b"..".to_vec(), 0, Content::Folder),
            file("c", 6),
            // A file where a link already is that leads out.
            Node(
                b"written-through".to_vec(),
                0,
                Content::Link([&target()[..], b"/d"].concat()),
            ),
            file("written-through", 0),
            file("", 0),
        ]
    };
    for overwrite in [false, true] {
        let report = into_folder(&inside(nodes()), &to, overwrite);
        assert_eq!(list(&outside), Vec::<String>::new(), "overwrite: {overwrite}");
        assert!(
            list(scratch.path())
                .iter()
                .all(|path| path.starts_with(to.to_str().unwrap()))
        );
        assert!(
            report.failed_count > 0,
            "the folder of the link's name can't be made: {report:?}"
        );
        assert_eq!(report.renamed.len(), 4, "{report:?}");
    }
    assert_eq!(std::fs::read(to.join("..%2Foutside%2Fa")).unwrap(), b"escaped");
    assert_eq!(std::fs::read(to.join("%2E%2E/c")).unwrap(), b"escaped");
}

#[test]
fn an_archive_has_no_path_that_leads_out() {
    let nodes = vec![
        file("../a", 0),
        file("/b", 0),
        Node(b"..".to_vec(), 0, Content::Folder),
        file("c", 3),
    ];
    let mut archive = Archive::new(Vec::new(), Arc::new(AtomicBool::new(false)));
    copy(&inside(nodes), None, &mut archive, &AtomicBool::new(false), &mut |_| {}).unwrap();
    let bytes = archive.into_inner().unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let names: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().into_owned())
        .collect();
    assert_eq!(
        names,
        ["..%2Fa", "%2Fb", "%2E%2E/", "%2E%2E/c"].map(std::path::PathBuf::from)
    );
}

#[test]
fn holes_stay_holes_and_what_gives_rights_stays_behind() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let scratch = tempfile::tempdir().unwrap();
    let report = into_folder(
        &inside(vec![Node(b"sparse".to_vec(), 0, Content::Sparse(64 << 20))]),
        scratch.path(),
        false,
    );
    assert_eq!((report.files, report.bytes), (1, STORED.len() as u64));
    let made = scratch.path().join("sparse").metadata().unwrap();
    assert_eq!((made.len(), made.permissions().mode() & 0o7777), (64 << 20, 0o755));
    assert!(made.blocks() * 512 < 1 << 20, "{} blocks", made.blocks());
    assert_eq!(made.mtime(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let nodes = || vec![Node(b"bad".to_vec(), 0, Content::Damaged), file("good", 0)];
    let report = into_folder(&inside(nodes()), scratch.path(), false);
    assert_eq!((report.failed_count, report.files), (1, 1));
    assert!(report.failed[0].reason.contains("damaged by a test") && !report.is_whole());
    assert!(!scratch.path().join("bad").exists());
    assert_eq!(std::fs::read(scratch.path().join("good")).unwrap(), b"escaped");
}

#[test]
fn what_exists_is_left_alone_unless_it_is_to_be_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("a"), "mine").unwrap();
    let report = into_folder(&inside(vec![file("a", 0)]), scratch.path(), false);
    assert_eq!(report.failed_count, 1);
    assert_eq!(std::fs::read(scratch.path().join("a")).unwrap(), b"mine");
    let report = into_folder(&inside(vec![file("a", 0)]), scratch.path(), true);
    assert_eq!((report.failed_count, report.files), (0, 1));
    assert_eq!(std::fs::read(scratch.path().join("a")).unwrap(), b"escaped");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
}
