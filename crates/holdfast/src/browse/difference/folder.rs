//! Two folders: what was added, removed, renamed and changed.

use std::collections::HashMap;

use files::{Error, FileSystem, Metadata, NodeId, NodeKind, Onward, Step, walk};
use serde::Serialize;

use super::{Between, Side, content_difference};
use crate::browse::failures::{failure, reason};
use crate::browse::text::PathText;
use crate::failure::Failure;

/// Names of one side that are compared: some 200 bytes each.
const NAMES_MAX: usize = 4 << 20;

/// What became of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum FolderDifference {
    /// It is new.
    Added {
        /// The path.
        #[serde(flatten)]
        path: PathText,
        /// Whether it is a folder.
        folder: bool,
    },
    /// It is gone.
    Removed {
        /// The path.
        #[serde(flatten)]
        path: PathText,
        /// Whether it was a folder.
        folder: bool,
    },
    /// It has another name.
    Renamed {
        /// Its new path.
        #[serde(flatten)]
        path: PathText,
        /// Its old path.
        from: PathText,
        /// What is different beside.
        changes: Changes,
    },
    /// It is different.
    Changed {
        /// The path.
        #[serde(flatten)]
        path: PathText,
        /// What is different.
        changes: Changes,
    },
    /// It can't be compared.
    Unreadable {
        /// The path.
        #[serde(flatten)]
        path: PathText,
        /// Why.
        reason: String,
    },
}

/// What is different about a name that is on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Another file has the name now.
    pub replaced: bool,
    /// What it is: a file, a folder, a link.
    pub kind: bool,
    /// Its content.
    pub content: bool,
    /// Its size, before and after.
    pub size_bytes: Option<(u64, u64)>,
    /// Permissions.
    pub mode: bool,
    /// Owner or group.
    pub owner: bool,
    /// The time of its last change.
    pub modified: bool,
}

impl Changes {
    /// Whether something is different.
    #[must_use]
    pub fn is_some(&self) -> bool {
        *self != Self::default()
    }
}

/// A name with what is compared of it.
struct Known {
    path: Vec<u8>,
    node: NodeId,
    kind: NodeKind,
    metadata: Option<Box<Metadata>>,
}

/// Shows how two folders differ, in the order of their paths; renames at the end. The visitor says whether to go on.
pub fn compare_folders(
    old: &Side<'_>,
    new: &Side<'_>,
    between: &Between,
    visit: &mut dyn FnMut(FolderDifference) -> bool,
) -> Result<(), Failure> {
    let mut comparison = Comparison {
        old,
        new,
        between,
        visit,
        goes_on: true,
        added: Vec::new(),
        removed: Vec::new(),
    };
    let before = comparison.names(old)?;
    let after = comparison.names(new)?;
    comparison.join(before, after);
    comparison.pair();
    Ok(())
}

struct Comparison<'a> {
    old: &'a Side<'a>,
    new: &'a Side<'a>,
    between: &'a Between,
    visit: &'a mut dyn FnMut(FolderDifference) -> bool,
    goes_on: bool,
    added: Vec<Known>,
    removed: Vec<Known>,
}

impl Comparison<'_> {
    /// Every name below a side, sorted by path; paths begin at the side.
    fn names(&mut self, side: &Side<'_>) -> Result<Vec<Known>, Failure> {
        let fs = side.fs();
        let mut names = Vec::new();
        walk(fs, side.node, b"", &mut |step| {
            match step {
                Step::Found(found) => names.push(Known {
                    path: found.path.to_vec(),
                    node: found.node,
                    kind: found.kind,
                    metadata: fs.metadata(found.node).ok().map(Box::new),
                }),
                Step::Unreadable { path, error, .. } => self.unreadable(path, error),
            }
            if names.len() <= NAMES_MAX && self.goes_on {
                Onward::Into
            } else {
                Onward::Stop
            }
        })
        .map_err(|error| failure(&side.inside.path, error))?;
        if names.len() > NAMES_MAX {
            return Err(Failure::refused(format!(
                "there are more than {NAMES_MAX} names below `{}`",
                side.inside.shown()
            ))
            .hint("compare a folder in it"));
        }
        names.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(names)
    }

    fn join(&mut self, old: Vec<Known>, new: Vec<Known>) {
        let mut old = old.into_iter().peekable();
        let mut new = new.into_iter().peekable();
        while self.goes_on {
            match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some(before), Some(after)) if before.path == after.path => {
                    if let (Some(before), Some(after)) = (old.next(), new.next()) {
                        self.both(&before, &after);
                    }
                }
                (Some(before), after) if after.is_none_or(|after| before.path < after.path) => {
                    self.removed.extend(old.next())
                }
                _ => self.added.extend(new.next()),
            }
        }
    }

    fn both(&mut self, before: &Known, after: &Known) {
        match self.changes(before, after) {
            Ok(changes) if changes.is_some() => {
                let path = PathText::new(&after.path);
                self.say(FolderDifference::Changed { path, changes });
            }
            Ok(_) => {}
            Err(error) => self.unreadable(&after.path, error),
        }
    }

    fn changes(&self, before: &Known, after: &Known) -> Result<Changes, Error> {
        let mut changes = Changes::default();
        let (Some(old), Some(new)) = (&before.metadata, &after.metadata) else {
            return Err(Error::Unreadable(after.node, "what is known of it can't be read"));
        };
        changes.kind = old.kind != new.kind;
        changes.replaced = !is_same_node(before, after)
            && self.old.inside.fs.kind() == self.new.inside.fs.kind()
            && old.kind != NodeKind::Folder;
        changes.mode = old.mode != new.mode;
        changes.owner = (old.owner, old.group) != (new.owner, new.group);
        changes.modified = old.modified != new.modified;
        match (old.kind, new.kind) {
            (NodeKind::File, NodeKind::File) => {
                if old.size_bytes != new.size_bytes {
                    changes.size_bytes = Some((old.size_bytes, new.size_bytes));
                    changes.content = true;
                } else {
                    changes.content = self.content_differs(before, after, old.size_bytes)?;
                }
            }
            (NodeKind::Symlink, NodeKind::Symlink) => {
                let target = |fs: &dyn FileSystem, node| fs.link_target(node);
                changes.content = target(self.old.fs(), before.node)? != target(self.new.fs(), after.node)?;
            }
            // What is in a folder is told by itself.
            (NodeKind::Folder, NodeKind::Folder) => changes.modified = false,
            _ => {}
        }
        // Another inode with the same in it is how editors save, and nobody's question, unless something else is different.
        changes.replaced &= changes.content || changes.kind;
        Ok(changes)
    }

    fn content_differs(&self, before: &Known, after: &Known, size: u64) -> Result<bool, Error> {
        let old = Side {
            inside: self.old.inside,
            node: before.node,
        };
        let new = Side {
            inside: self.new.inside,
            node: after.node,
        };
        if size == 0 || self.between.says_same(&old, &new) {
            return Ok(false);
        }
        content_difference(&old, &new, size)
    }

    /// Finds out which of what was added is what was removed.
    fn pair(&mut self) {
        let removed = std::mem::take(&mut self.removed);
        let added = std::mem::take(&mut self.added);
        let mut by_node: HashMap<NodeId, usize> = HashMap::new();
        for (index, known) in removed.iter().enumerate() {
            by_node.entry(known.node).or_insert(index);
        }
        let mut is_paired = vec![false; removed.len()];
        // Where folders are now that were renamed: what is in them has moved along.
        let mut moved: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        for after in added {
            let index = by_node.get(&after.node).copied();
            let before = index.and_then(|index| Some((index, removed.get(index)?)));
            let Some((index, before)) = before.filter(|(_, before)| is_same_node(before, &after)) else {
                self.say(FolderDifference::Added {
                    path: PathText::new(&after.path),
                    folder: after.kind == NodeKind::Folder,
                });
                continue;
            };
            if let Some(paired) = is_paired.get_mut(index) {
                *paired = true;
            }
            self.renamed(before, &after, &mut moved);
        }
        for (known, _) in removed.iter().zip(&is_paired).filter(|(_, paired)| !**paired) {
            self.say(FolderDifference::Removed {
                path: PathText::new(&known.path),
                folder: known.kind == NodeKind::Folder,
            });
        }
    }

    fn renamed(&mut self, before: &Known, after: &Known, moved: &mut HashMap<Vec<u8>, Vec<u8>>) {
        let changes = match self.changes(before, after) {
            Ok(changes) => changes,
            Err(error) => return self.unreadable(&after.path, error),
        };
        if after.kind == NodeKind::Folder {
            moved.insert(after.path.clone(), before.path.clone());
        }
        let (folder, name) = split(&after.path);
        let (old_folder, old_name) = split(&before.path);
        let moved_along = name == old_name && moved.get(folder).is_some_and(|from| from == old_folder);
        if moved_along && !changes.is_some() {
            return;
        }
        self.say(FolderDifference::Renamed {
            path: PathText::new(&after.path),
            from: PathText::new(&before.path),
            changes,
        });
    }

    fn unreadable(&mut self, path: &[u8], error: Error) {
        let path = PathText::new(path);
        let reason = reason(error);
        self.say(FolderDifference::Unreadable { path, reason });
    }

    fn say(&mut self, difference: FolderDifference) {
        self.goes_on = self.goes_on && (self.visit)(difference);
    }
}

/// Whether two names lead to one file, and not to one that has its number after it.
fn is_same_node(before: &Known, after: &Known) -> bool {
    let generation = |known: &Known| known.metadata.as_ref().map(|metadata| metadata.generation);
    before.node == after.node && before.kind == after.kind && generation(before) == generation(after)
}

/// A path's folder and its last component.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let at = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    let (folder, name) = path.split_at_checked(at).unwrap_or((path, &[]));
    (folder, name.get(1..).unwrap_or_default())
}
