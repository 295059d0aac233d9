//! A file system in memory, for tests of what works on any file system.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::filesystem::{Entry, Extent, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind, Time};

struct Node {
    kind: NodeKind,
    content: Vec<u8>,
    children: Vec<(Vec<u8>, u64)>,
    damaged: bool,
}

/// Built by naming paths, parents first.
pub(crate) struct Memory {
    kind: FileSystemKind,
    nodes: BTreeMap<u64, Node>,
}

impl Memory {
    pub(crate) fn new(kind: FileSystemKind) -> Self {
        let nodes = BTreeMap::new();
        let mut fs = Self { kind, nodes };
        fs.add(NodeKind::Folder, b"");
        fs
    }

    pub(crate) fn folder(self, path: &str) -> Self {
        self.with(path, NodeKind::Folder, b"")
    }

    pub(crate) fn file(self, path: &str, content: &[u8]) -> Self {
        self.with(path, NodeKind::File, content)
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.with(path, NodeKind::Symlink, target.as_bytes())
    }

    /// A folder in a folder that is known by its node.
    pub(crate) fn child_folder(&mut self, folder: NodeId, name: &str) -> NodeId {
        self.child(folder, name, NodeKind::Folder)
    }

    /// An empty file in a folder that is known by its node.
    pub(crate) fn child_file(&mut self, folder: NodeId, name: &str) -> NodeId {
        self.child(folder, name, NodeKind::File)
    }

    fn child(&mut self, folder: NodeId, name: &str, kind: NodeKind) -> NodeId {
        let node = self.add(kind, b"");
        let folder = self.nodes.get_mut(&folder.0).unwrap();
        folder.children.push((name.as_bytes().to_vec(), node));
        NodeId(node)
    }

    /// Another name for a node: a hard link, or a folder within itself.
    pub(crate) fn name(mut self, path: &str, node: NodeId) -> Self {
        self.enter(path, node.0);
        self
    }

    /// Makes a folder or file unreadable after what it holds.
    pub(crate) fn damage(mut self, path: &str) -> Self {
        let node = crate::path::find(&self, path.as_bytes()).unwrap();
        self.nodes.get_mut(&node.0).unwrap().damaged = true;
        self
    }

    fn with(mut self, path: &str, kind: NodeKind, content: &[u8]) -> Self {
        let node = self.add(kind, content);
        self.enter(path, node);
        self
    }

    fn add(&mut self, kind: NodeKind, content: &[u8]) -> u64 {
        let node = self.nodes.len() as u64 + 2;
        self.nodes.insert(
            node,
            Node {
                kind,
                content: content.to_vec(),
                children: Vec::new(),
                damaged: false,
            },
        );
        node
    }

    fn enter(&mut self, path: &str, node: u64) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        let folder = crate::path::find(self, folder.as_bytes()).unwrap();
        let folder = self.nodes.get_mut(&folder.0).unwrap();
        folder.children.push((name.as_bytes().to_vec(), node));
    }

    fn node(&self, node: NodeId) -> &Node {
        self.nodes.get(&node.0).unwrap()
    }
}

impl FileSystem for Memory {
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
        1 << 30
    }

    fn root(&self) -> NodeId {
        NodeId(2)
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, Error> {
        let found = self.node(node);
        Ok(Metadata {
            size_bytes: found.content.len() as u64,
            mode: Some(0o644),
            owner: Some(0),
            group: Some(0),
            modified: Some(Time(0)),
            ..Metadata::of(found.kind)
        })
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
        let found = self.node(folder);
        if found.kind != NodeKind::Folder {
            return Err(Error::NotA(folder, "folder"));
        }
        for (name, node) in &found.children {
            let entry = Entry {
                name: name.clone(),
                node: NodeId(*node),
                // Like file systems that don't tell.
                kind: (node % 2 == 0).then(|| self.node(NodeId(*node)).kind),
            };
            if visit(entry).is_break() {
                return Ok(());
            }
        }
        damage_of(found)
    }

    fn extents(&self, node: NodeId, _visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        damage_of(self.node(node))
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let content = self.node(file).content.get(offset as usize..).unwrap_or_default();
        let length = content.len().min(buffer.len());
        buffer[..length].copy_from_slice(&content[..length]);
        Ok(length)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        Ok(self.node(link).content.clone())
    }
}

fn damage_of(node: &Node) -> Result<(), Error> {
    if !node.damaged {
        return Ok(());
    }
    Err(Error::Damaged {
        structure: "folder",
        offset: 0,
        detail: "by a test",
    })
}
