//! A file system in memory, for tests.

use std::sync::Arc;

use files::{Entry, Error, Extent, ExtentKind, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind, Piece};
use volume::{Sequence, Timestamp};

use crate::disk::{Changed, Side};
use crate::investigate::Opened;
use crate::past::PastMoment;

/// Blocks between the beginnings of two files.
pub(crate) const BLOCKS_EACH: u64 = 16;

/// Files and folders; a node's number is its place, and the root is the first.
#[derive(Clone)]
pub(crate) struct Fake {
    kind: FileSystemKind,
    nodes: Vec<Node>,
}

#[derive(Clone)]
struct Node {
    name: Vec<u8>,
    folder: NodeId,
    kind: NodeKind,
    content: Vec<u8>,
    is_readable: bool,
    is_in_use: bool,
    is_listed: bool,
    is_inline: bool,
    accessed: Option<files::Time>,
}

impl Fake {
    /// With the root alone.
    pub(crate) fn new() -> Self {
        let mut fake = Self {
            kind: FileSystemKind::Ext4,
            nodes: Vec::new(),
        };
        fake.add(NodeId(u64::MAX), b"", NodeKind::Folder, b"");
        fake
    }

    pub(crate) fn folder(&mut self, folder: NodeId, name: &[u8]) -> NodeId {
        self.add(folder, name, NodeKind::Folder, b"")
    }

    pub(crate) fn file(&mut self, folder: NodeId, name: &[u8], content: &[u8]) -> NodeId {
        self.add(folder, name, NodeKind::File, content)
    }

    fn add(&mut self, folder: NodeId, name: &[u8], kind: NodeKind, content: &[u8]) -> NodeId {
        self.nodes.push(Node {
            name: name.to_vec(),
            folder,
            kind,
            content: content.to_vec(),
            is_readable: true,
            is_in_use: true,
            is_listed: true,
            is_inline: false,
            accessed: None,
        });
        NodeId(self.nodes.len() as u64 - 1)
    }

    /// Makes a node one that can't be read any more.
    pub(crate) fn damage(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(node.0 as usize) {
            node.is_readable = false;
        }
    }

    /// Makes it one of another kind.
    pub(crate) fn pass_for(&mut self, kind: FileSystemKind) {
        self.kind = kind;
    }

    /// Deletes a node: its number is free, and its folder has no name for it.
    pub(crate) fn delete(&mut self, node: NodeId) {
        self.unlist(node);
        self.free(node);
    }

    /// Takes a node's name from its folder.
    pub(crate) fn unlist(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(node.0 as usize) {
            node.is_listed = false;
        }
    }

    /// Makes a node's number a free one.
    pub(crate) fn free(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(node.0 as usize) {
            node.is_in_use = false;
        }
    }

    /// Puts a file's content into the file system's structures.
    pub(crate) fn put_inline(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(node.0 as usize) {
            node.is_inline = true;
        }
    }

    /// Notes that a file was read at a time.
    pub(crate) fn access(&mut self, node: NodeId, seconds: i128) {
        if let Some(node) = self.nodes.get_mut(node.0 as usize) {
            node.accessed = Some(files::Time(seconds * 1_000_000_000));
        }
    }

    /// The file system as a side that lies on a disk from its beginning.
    pub(crate) fn side(self) -> Side {
        Side {
            name: String::new(),
            file_system: Arc::new(self),
            pieces: vec![Piece {
                logical: 0,
                physical: 0,
                length: 1 << 40,
            }],
        }
    }

    fn node(&self, node: NodeId) -> Result<&Node, Error> {
        match self.nodes.get(node.0 as usize) {
            Some(found) if !found.is_in_use => Err(Error::NotInUse(node)),
            Some(found) if found.is_readable => Ok(found),
            _ => Err(Error::Damaged {
                structure: "node",
                offset: node.0,
                detail: "a test says so",
            }),
        }
    }
}

impl FileSystem for Fake {
    fn kind(&self) -> FileSystemKind {
        self.kind
    }

    fn label(&self) -> String {
        String::new()
    }

    fn block_bytes(&self) -> u32 {
        4096
    }

    fn size_bytes(&self) -> u64 {
        1 << 40
    }

    fn root(&self) -> NodeId {
        NodeId(0)
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, Error> {
        let node = self.node(node)?;
        Ok(Metadata {
            size_bytes: node.content.len() as u64,
            generation: 1,
            accessed: node.accessed,
            ..Metadata::of(node.kind)
        })
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
        self.node(folder)?;
        let nodes = self.nodes.iter().enumerate();
        for (number, node) in nodes.filter(|(_, node)| node.folder == folder && node.is_listed) {
            let entry = Entry {
                name: node.name.clone(),
                node: NodeId(number as u64),
                kind: Some(node.kind),
            };
            if visit(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        let found = self.node(node)?;
        let length = found.content.len() as u64;
        if length > 0 {
            let _ = visit(Extent {
                logical: 0,
                physical: node.0 * BLOCKS_EACH * 4096,
                length,
                kind: if found.is_inline {
                    ExtentKind::Inline
                } else {
                    ExtentKind::Data
                },
            });
        }
        Ok(())
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let content = &self.node(file)?.content;
        let rest = content.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        Err(Error::NotA(link, "link"))
    }
}

/// Bytes that look encrypted.
pub(crate) fn random(size_bytes: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..size_bytes).map(|_| next()).collect()
}

/// Both moments of a window of one part, with one file system each.
pub(crate) fn opened(before: Side, after: Side) -> Opened {
    let moment = |sequence| PastMoment {
        sequence: Sequence(sequence),
        time: Timestamp::from_unix_seconds(sequence),
        disk: Arc::new(Vec::new()),
    };
    Opened {
        before: moment(1),
        after: moment(2),
        before_sides: vec![before],
        after_sides: vec![Some(after)],
        parts: 1,
        changed: Changed::default(),
    }
}
