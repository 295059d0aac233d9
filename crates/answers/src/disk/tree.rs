//! All files of a file system at one moment, in about a hundred bytes each and their names.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use files::{Entry, Flow, Metadata, NodeId, NodeKind};
use rustc_hash::{FxHashMap, FxHashSet};

use super::changed::{Changed, Stamp};
use super::reads::{ReadOf, Reads};
use super::side::Side;
use crate::error::Error;
use crate::progress::Progress;

/// Folders within folders: deeper ones aren't followed.
const DEPTH_MAX: u16 = 256;
/// Files and folders of one file system that are looked at.
const NODES_MAX: usize = 64 << 20;
/// Entries between two reports of progress.
const REPORT_EVERY: usize = 4096;

/// The index of a node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Index(u32);

/// A file or folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    name_start: u64,
    name_length: u32,
    /// The folder that it is in; itself for the root.
    pub(crate) folder: Index,
    pub(crate) id: NodeId,
    pub(crate) generation: u64,
    pub(crate) size_bytes: u64,
    /// Content last changed, in nanoseconds since the Unix epoch; 0 if unknown.
    pub(crate) modified: i64,
    pub(crate) changed: i64,
    pub(crate) owner: Option<u32>,
    pub(crate) is_folder: bool,
    /// Blocks of its content, and how many of them were changed.
    pub(crate) blocks: u32,
    pub(crate) changed_blocks: u32,
    /// How clients read it, in a tree that was walked with what is known of that.
    pub(crate) read: ReadOf,
    /// When its content's blocks were changed first and last.
    pub(crate) first: Stamp,
    pub(crate) last: Stamp,
    path_hash: u64,
}

/// What is the same file at two moments: the node's number, and which use of that number it is.
pub(crate) type Identity = (NodeId, u64);

impl Node {
    pub(crate) const fn identity(&self) -> Identity {
        (self.id, self.generation)
    }

    /// Whether the file system recorded nothing between one and the other: size and times are the same.
    pub(crate) fn has_record_of(&self, other: &Self) -> bool {
        (self.modified, self.changed, self.size_bytes) == (other.modified, other.changed, other.size_bytes)
    }

    pub(crate) const fn is_touched(&self) -> bool {
        self.changed_blocks > 0
    }
}

/// What is noted of each file: how much of it lies in these blocks.
#[derive(Clone, Copy)]
pub(crate) struct Noted<'a> {
    pub(crate) changed: &'a Changed,
    /// What clients read, where that is asked for.
    pub(crate) reads: Option<&'a Reads>,
}

/// All files of a file system.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    names: Vec<u8>,
    by_identity: FxHashMap<Identity, Index>,
    by_path: FxHashMap<u64, Index>,
    /// Folders and files that couldn't be read, and which the first was, with the reason.
    pub(crate) unreadable: usize,
    pub(crate) unreadable_example: Option<String>,
    /// The paths of those.
    unreadable_paths: FxHashSet<u64>,
}

impl Tree {
    /// Walks a file system. `keys` makes hashes of paths: those of trees that are compared must be made alike.
    pub(crate) fn walk(
        side: &Side,
        noted: Noted<'_>,
        keys: &RandomState,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        let mut tree = Self::default();
        let root = side.file_system.root();
        let mut seen = FxHashSet::default();
        seen.insert(root);
        let metadata = side.file_system.metadata(root).ok();
        let top = tree.push(b"", Index(0), root, metadata.as_ref(), 0)?;
        let mut waiting = vec![(top, 0_u16)];
        while let Some((folder, depth)) = waiting.pop() {
            for entry in tree.entries(side, folder) {
                tree.enter(side, noted, keys, folder, &entry, (&mut waiting, &mut seen, depth))?;
                if tree.nodes.len().is_multiple_of(REPORT_EVERY) {
                    progress.walked(tree.nodes.len() as u64)?;
                }
            }
        }
        Ok(tree)
    }

    fn entries(&mut self, side: &Side, folder: Index) -> Vec<Entry> {
        let mut entries = Vec::new();
        let Some(node) = self.node(folder).map(|node| node.id) else {
            return entries;
        };
        let result = side.file_system.entries(node, &mut |entry| {
            entries.push(entry);
            if entries.len() < NODES_MAX {
                Flow::Continue(())
            } else {
                Flow::Break(())
            }
        });
        if let Err(error) = result {
            let hash = self.node(folder).map_or(0, |node| node.path_hash);
            self.note_unreadable(hash, &self.path(folder), &error);
        }
        entries
    }

    fn enter(
        &mut self,
        side: &Side,
        noted: Noted<'_>,
        keys: &RandomState,
        folder: Index,
        entry: &Entry,
        (waiting, seen, depth): (&mut Vec<(Index, u16)>, &mut FxHashSet<NodeId>, u16),
    ) -> Result<(), Error> {
        let above = self.node(folder).map_or(0, |node| node.path_hash);
        let hash = keys.hash_one((above, &entry.name));
        let metadata = match side.file_system.metadata(entry.node) {
            Ok(metadata) => metadata,
            Err(error) => {
                let mut path = self.path(folder);
                if path != b"/" {
                    path.push(b'/');
                }
                path.extend_from_slice(&entry.name);
                self.note_unreadable(hash, &path, &error);
                return Ok(());
            }
        };
        if !matches!(metadata.kind, NodeKind::File | NodeKind::Folder) {
            return Ok(());
        }
        let index = self.push(&entry.name, folder, entry.node, Some(&metadata), hash)?;
        if metadata.kind == NodeKind::Folder {
            if depth < DEPTH_MAX && seen.insert(entry.node) {
                waiting.push((index, depth + 1));
            }
            return Ok(());
        }
        self.touch(side, noted, index, entry.node);
        Ok(())
    }

    fn note_unreadable(&mut self, path_hash: u64, path: &[u8], error: &files::Error) {
        self.unreadable += 1;
        self.unreadable_paths.insert(path_hash);
        if self.unreadable_example.is_none() {
            self.unreadable_example = Some(format!("`{}` ({error})", String::from_utf8_lossy(path)));
        }
    }

    fn push(
        &mut self,
        name: &[u8],
        folder: Index,
        id: NodeId,
        metadata: Option<&Metadata>,
        path_hash: u64,
    ) -> Result<Index, Error> {
        if self.nodes.len() >= NODES_MAX {
            return Err(Error::TooManyFiles { most: NODES_MAX as u64 });
        }
        let index = Index(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let nanos = |time: Option<files::Time>| time.map_or(0, |time| i64::try_from(time.0).unwrap_or(0));
        let node = Node {
            name_start: self.names.len() as u64,
            name_length: u32::try_from(name.len()).unwrap_or(0),
            folder,
            id,
            generation: metadata.map_or(0, |metadata| metadata.generation),
            size_bytes: metadata.map_or(0, |metadata| metadata.size_bytes),
            modified: nanos(metadata.and_then(|metadata| metadata.modified)),
            changed: nanos(metadata.and_then(|metadata| metadata.changed)),
            owner: metadata.and_then(|metadata| metadata.owner),
            is_folder: metadata.is_none_or(|metadata| metadata.kind == NodeKind::Folder),
            blocks: 0,
            changed_blocks: 0,
            read: ReadOf::default(),
            first: Stamp::default(),
            last: Stamp::default(),
            path_hash,
        };
        self.names.extend_from_slice(name);
        self.nodes.push(node);
        // Of several names of one file the first stands for it.
        self.by_identity.entry(node.identity()).or_insert(index);
        self.by_path.insert(path_hash, index);
        Ok(index)
    }

    /// Notes how much of a file was changed and read.
    fn touch(&mut self, side: &Side, noted: Noted<'_>, index: Index, id: NodeId) {
        let (mut blocks, mut touched) = (0_u64, 0_u64);
        let mut times: Option<(Stamp, Stamp)> = None;
        let places = side.places(id);
        for place in &places {
            let (start, end) = place.blocks();
            blocks += end - start;
            for (from, to, run) in noted.changed.within(start, end) {
                touched += to - from;
                times = Some(times.map_or((run.first, run.last), |(first, last)| {
                    (first.min(run.first), last.max(run.last))
                }));
            }
        }
        let Some(node) = self.nodes.get_mut(index.0 as usize) else {
            return;
        };
        node.blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        node.changed_blocks = u32::try_from(touched).unwrap_or(u32::MAX);
        node.read = noted
            .reads
            .map_or_else(ReadOf::default, |reads| ReadOf::of(reads, &places));
        if let Some((first, last)) = times {
            (node.first, node.last) = (first, last);
        }
    }

    pub(crate) fn node(&self, index: Index) -> Option<&Node> {
        self.nodes.get(index.0 as usize)
    }

    /// All files, in the order of the walk.
    pub(crate) fn files(&self) -> impl Iterator<Item = (Index, &Node)> {
        let all = self.nodes.iter().enumerate();
        all.filter(|(_, node)| !node.is_folder)
            .map(|(index, node)| (Index(u32::try_from(index).unwrap_or(u32::MAX)), node))
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn name(&self, node: &Node) -> &[u8] {
        let start = usize::try_from(node.name_start).unwrap_or(usize::MAX);
        let end = start.saturating_add(node.name_length as usize);
        self.names.get(start..end).unwrap_or_default()
    }

    /// The path from the root.
    pub(crate) fn path(&self, index: Index) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = index;
        while let Some(node) = self.node(at).filter(|node| node.folder != at) {
            names.push(self.name(node));
            at = node.folder;
            if names.len() > usize::from(DEPTH_MAX) + 1 {
                break;
            }
        }
        if names.is_empty() {
            return b"/".to_vec();
        }
        names
            .iter()
            .rev()
            .flat_map(|name| [b"/", *name])
            .flatten()
            .copied()
            .collect()
    }

    pub(crate) fn by_identity(&self, identity: Identity) -> Option<(Index, &Node)> {
        let index = *self.by_identity.get(&identity)?;
        Some((index, self.node(index)?))
    }

    /// What has the path that a node of another tree has.
    pub(crate) fn by_path_of(&self, node: &Node) -> Option<(Index, &Node)> {
        let index = *self.by_path.get(&node.path_hash)?;
        Some((index, self.node(index)?))
    }

    /// Whether what has the path of another tree's node couldn't be read.
    pub(crate) fn is_unreadable(&self, node: &Node) -> bool {
        self.unreadable_paths.contains(&node.path_hash)
    }

    /// The files of every folder of which one is asked for.
    pub(crate) fn by_folder(&self, wanted: impl Iterator<Item = Index>) -> HashMap<u64, Vec<Index>> {
        let mut folders: HashMap<u64, Vec<Index>> = HashMap::new();
        for index in wanted {
            if let Some(folder) = self.node(index).and_then(|node| self.node(node.folder)) {
                folders.entry(folder.path_hash).or_default().push(index);
            }
        }
        folders
    }

    /// The folder that a node is in; the node itself for the root.
    pub(crate) fn folder<'t>(&'t self, node: &'t Node) -> &'t Node {
        self.node(node.folder).unwrap_or(node)
    }

    /// What names a folder across trees.
    pub(crate) fn folder_key(&self, node: &Node) -> u64 {
        self.node(node.folder).map_or(0, |folder| folder.path_hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{BLOCKS_EACH, Fake};

    #[test]
    fn paths_have_the_bytes_of_their_names() {
        let mut fake = Fake::new();
        let folder = fake.folder(NodeId(0), b"b\xfe");
        fake.file(folder, b"a\xff", b"text");
        let noted = Noted {
            changed: &Changed::default(),
            reads: None,
        };
        let tree = Tree::walk(&fake.side(), noted, &RandomState::new(), &mut ()).unwrap();
        let (index, _) = tree.files().next().unwrap();
        assert_eq!(tree.path(index), b"/b\xfe/a\xff");
        assert_eq!(tree.path(Index(0)), b"/");
    }
    #[test]
    fn files_know_how_much_of_them_was_changed_and_read() {
        let mut fake = Fake::new();
        let file = fake.file(NodeId(0), b"a", &[1; 3 * 4096]);
        let start = file.0 * BLOCKS_EACH;
        let (mut changed, mut reads) = (Changed::default(), Reads::default());
        changed.note(Stamp::default(), start + 2, 8);
        reads.note(Stamp::default(), start - 1, 3, 1);
        let noted = Noted {
            changed: &changed,
            reads: Some(&reads),
        };
        let tree = Tree::walk(&fake.side(), noted, &RandomState::new(), &mut ()).unwrap();
        let (_, node) = tree.files().next().unwrap();
        assert_eq!((node.blocks, node.changed_blocks, node.read.blocks), (3, 1, 2));
    }
}
