//! Every file below a folder, once.

use std::collections::HashSet;

use crate::error::Error;
use crate::filesystem::{Entry, FileSystem, Flow, NodeId, NodeKind};

/// Entries of one folder that are held at a time, and shown in the order of their nodes: so that what the visitor asks of them is read
/// in the order in which it lies on the disk, also in a folder of a million files.
const ENTRIES_TOGETHER: usize = 1 << 16;
/// Folders within folders.
const DEPTH_MAX: usize = 2048;
/// Folders of one walk: each is remembered by eight bytes, so that none is walked twice.
const FOLDERS_MAX: usize = 1 << 24;
/// Bytes of names of folders that wait to be walked.
const WAITING_BYTES_MAX: usize = 256 << 20;

/// Something that a walk came upon.
#[derive(Debug)]
pub enum Step<'a> {
    /// A name.
    Found(Found<'a>),
    /// A folder, or the rest of it, can't be read; the walk goes on without.
    Unreadable {
        /// Its path.
        path: &'a [u8],
        /// Why.
        error: Error,
    },
}

/// A name that a walk came upon. A node with several names is shown as often.
#[derive(Debug)]
pub struct Found<'a> {
    /// The path, beginning with that of the start.
    pub path: &'a [u8],
    /// The path's last component.
    pub name: &'a [u8],
    /// What it leads to.
    pub node: NodeId,
    /// What that is.
    pub kind: NodeKind,
}

/// A step of a walk, or where it is.
#[derive(Debug)]
pub enum Tour<'a> {
    /// A folder is begun: what is found next is in it. The first is where the walk starts. With [`Onward::Past`] it isn't: nothing in it
    /// is shown, and it isn't left.
    Enter {
        /// The folder's path.
        path: &'a [u8],
        /// Its last component; empty for the start.
        name: &'a [u8],
    },
    /// Something was found in it.
    Step(Step<'a>),
    /// Everything in the folder that was entered last was shown, and it is left.
    Leave {
        /// The folder.
        folder: NodeId,
    },
}

/// Where a walk goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// On, into what was found if it is a folder.
    Into,
    /// On, but not into it.
    Past,
    /// Nowhere.
    Stop,
}

/// Walks everything below a folder, which is itself not shown. `path` is the folder's own, with which all paths begin.
///
/// A folder is shown before what is in it. Within a folder the order is that of the nodes. A folder that is met again, deeper than
/// 2048 folders, or that can't be read is shown as unreadable where it can't be entered.
///
/// # Errors
///
/// [`Error::Stopped`] if there are more folders than could be remembered. That the visitor stops is none.
pub fn walk(
    fs: &dyn FileSystem,
    start: NodeId,
    path: &[u8],
    visit: &mut dyn FnMut(Step<'_>) -> Onward,
) -> Result<(), Error> {
    tour(fs, start, path, &mut |at| match at {
        Tour::Step(step) => visit(step),
        Tour::Enter { .. } | Tour::Leave { .. } => Onward::Into,
    })
}

/// A [`walk`] that also shows where it is. What a folder has is shown before what the folders in it have: those are entered last.
///
/// # Errors
///
/// As those of [`walk`].
pub fn tour(
    fs: &dyn FileSystem,
    start: NodeId,
    path: &[u8],
    visit: &mut dyn FnMut(Tour<'_>) -> Onward,
) -> Result<(), Error> {
    let mut walk = Walk {
        fs,
        visit,
        path: path.to_vec(),
        seen: HashSet::from([start.0]),
        waiting_bytes: 0,
        stopped: false,
        limit: None,
    };
    let mut levels = vec![walk.folder(start, b"")];
    while let Some(level) = levels.last_mut() {
        if let Some(error) = walk.limit.take() {
            return Err(error);
        }
        if walk.stopped {
            break;
        }
        walk.path.truncate(level.path_bytes);
        let Some((node, name)) = level.folders.pop() else {
            if level.is_entered {
                walk.show(Tour::Leave { folder: level.node });
            }
            levels.pop();
            continue;
        };
        walk.waiting_bytes -= name.len();
        walk.enter(&name);
        if levels.len() >= DEPTH_MAX {
            walk.unreadable(Error::Stopped("folders are nested too deeply"));
        } else {
            levels.push(walk.folder(node, &name));
        }
    }
    Ok(())
}

/// A folder whose own entries were shown, and the folders in it that are still to be walked, last one first.
struct Level {
    node: NodeId,
    is_entered: bool,
    path_bytes: usize,
    folders: Vec<(NodeId, Vec<u8>)>,
}

struct Walk<'a> {
    fs: &'a dyn FileSystem,
    visit: &'a mut dyn FnMut(Tour<'_>) -> Onward,
    /// The folder that is being walked.
    path: Vec<u8>,
    /// Folders that were met.
    seen: HashSet<u64>,
    waiting_bytes: usize,
    stopped: bool,
    limit: Option<Error>,
}

impl Walk<'_> {
    fn enter(&mut self, name: &[u8]) {
        if self.path.last() != Some(&b'/') {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
    }

    /// Shows the entries of a folder, and returns the folders among them.
    fn folder(&mut self, node: NodeId, name: &[u8]) -> Level {
        let mut level = Level {
            node,
            is_entered: false,
            path_bytes: self.path.len(),
            folders: Vec::new(),
        };
        let path = &self.path;
        match (self.visit)(Tour::Enter { path, name }) {
            Onward::Into => level.is_entered = true,
            Onward::Past => return level,
            Onward::Stop => {
                self.stopped = true;
                return level;
            }
        }
        let fs = self.fs;
        let mut together = Vec::new();
        let result = fs.entries(node, &mut |entry| {
            together.push(entry);
            if together.len() < ENTRIES_TOGETHER {
                return Flow::Continue(());
            }
            self.show_all(&mut together, &mut level)
        });
        // What a list ends with is a matter of its visitor, too: it may have stopped.
        let _ = self.show_all(&mut together, &mut level);
        if let Err(error) = result
            && !self.stopped
        {
            self.unreadable(error);
        }
        level.folders.reverse();
        level
    }

    /// Shows entries of a folder in the order of their nodes.
    fn show_all(&mut self, entries: &mut Vec<Entry>, level: &mut Level) -> Flow {
        entries.sort_unstable_by(|a, b| (order(a.node), &a.name).cmp(&(order(b.node), &b.name)));
        for entry in entries.drain(..) {
            if self.stopped || self.limit.is_some() {
                return Flow::Break(());
            }
            self.entry(entry, level);
        }
        Flow::Continue(())
    }

    fn show(&mut self, at: Tour<'_>) {
        if (self.visit)(at) == Onward::Stop {
            self.stopped = true;
        }
    }

    fn entry(&mut self, entry: Entry, level: &mut Level) {
        self.enter(&entry.name);
        let kind = match entry.kind {
            Some(kind) => Ok(kind),
            None => self.fs.metadata(entry.node).map(|metadata| metadata.kind),
        };
        match kind {
            Ok(kind) => {
                let found = Found {
                    path: &self.path,
                    name: &entry.name,
                    node: entry.node,
                    kind,
                };
                match (self.visit)(Tour::Step(Step::Found(found))) {
                    Onward::Into if kind == NodeKind::Folder => self.remember(entry, level),
                    Onward::Into | Onward::Past => {}
                    Onward::Stop => self.stopped = true,
                }
            }
            Err(error) => self.unreadable(error),
        }
        self.path.truncate(level.path_bytes);
    }

    /// A folder that is to be walked, unless it was met before.
    fn remember(&mut self, entry: Entry, level: &mut Level) {
        if !self.seen.insert(entry.node.0) {
            self.unreadable(Error::Stopped("the folder is listed in another place too"));
            return;
        }
        self.waiting_bytes += entry.name.len();
        if self.seen.len() > FOLDERS_MAX || self.waiting_bytes > WAITING_BYTES_MAX {
            self.limit = Some(Error::Stopped("there are more folders than can be walked"));
            return;
        }
        level.folders.push((entry.node, entry.name));
    }

    /// Shows that the folder at the present path can't be read.
    fn unreadable(&mut self, error: Error) {
        let path = &self.path;
        if (self.visit)(Tour::Step(Step::Unreadable { path, error })) == Onward::Stop {
            self.stopped = true;
        }
    }
}

/// Sorts nodes by where they lie: NTFS has the number of the record in the lower 48 bits, and counts its uses above, which would come
/// first. Numbers of other file systems don't get there.
const fn order(node: NodeId) -> u64 {
    node.0.rotate_left(16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::FileSystemKind;
    use crate::memory::Memory;
    use crate::path::find;

    fn list(fs: &Memory, start: &str) -> Vec<String> {
        let node = find(fs, start.as_bytes()).unwrap();
        let mut shown = Vec::new();
        walk(fs, node, start.as_bytes(), &mut |step| {
            shown.push(match step {
                Step::Found(found) => String::from_utf8_lossy(found.path).into_owned(),
                Step::Unreadable { path, error } => format!("{}: {error}", String::from_utf8_lossy(path)),
            });
            Onward::Into
        })
        .unwrap();
        shown
    }

    fn tree() -> Memory {
        Memory::new(FileSystemKind::Ext4)
            .folder("/a")
            .file("/a/1", b"1")
            .folder("/a/b")
            .file("/a/b/2", b"2")
            .folder("/c")
            .file("/c/3", b"3")
            .file("/4", b"4")
    }

    #[test]
    fn everything_is_shown_once_folders_before_what_is_in_them() {
        let all = ["/a", "/c", "/4", "/a/1", "/a/b", "/a/b/2", "/c/3"];
        assert_eq!(list(&tree(), "/"), all);
        assert_eq!(list(&tree(), "/a"), ["/a/1", "/a/b", "/a/b/2"]);
    }

    #[test]
    fn a_damaged_folder_costs_no_other_and_shows_what_it_has() {
        let fs = tree().damage("/a");
        let damaged = "/a: damaged folder at byte 0: by a test";
        assert_eq!(
            list(&fs, "/"),
            ["/a", "/c", "/4", "/a/1", "/a/b", damaged, "/a/b/2", "/c/3"]
        );
    }

    #[test]
    fn a_folder_within_itself_is_walked_once() {
        let fs = tree();
        let root = fs.root();
        let b = find(&fs, b"/a/b").unwrap();
        let fs = fs.name("/a/b/again", b).name("/c/top", root);
        let shown = list(&fs, "/");
        assert_eq!(shown.iter().filter(|path| path.ends_with("/2")).count(), 1);
        let said: Vec<_> = shown.iter().filter(|path| path.contains("another place")).collect();
        assert_eq!(said.len(), 2, "{shown:?}");
    }

    #[test]
    fn a_walk_can_pass_by_folders_and_stop() {
        let fs = tree();
        let mut shown = 0;
        walk(&fs, fs.root(), b"/", &mut |_| {
            shown += 1;
            Onward::Past
        })
        .unwrap();
        assert_eq!(shown, 3);
        walk(&fs, fs.root(), b"/", &mut |_| {
            shown += 1;
            Onward::Stop
        })
        .unwrap();
        assert_eq!(shown, 4);
    }

    #[test]
    fn a_tour_says_where_it_is() {
        let fs = tree();
        let mut said = String::new();
        tour(&fs, fs.root(), b"/", &mut |at| {
            said += &match at {
                Tour::Enter { name, .. } => format!("{}(", String::from_utf8_lossy(name)),
                Tour::Step(Step::Found(found)) => format!("{} ", String::from_utf8_lossy(found.name)),
                Tour::Step(Step::Unreadable { .. }) => unreachable!(),
                Tour::Leave { .. } => ")".to_owned(),
            };
            Onward::Into
        })
        .unwrap();
        assert_eq!(said, "(a c 4 a(1 b b(2 ))c(3 ))");
        let mut left = 0;
        tour(&fs, fs.root(), b"/", &mut |at| match at {
            Tour::Enter { name: b"a", .. } => Onward::Past,
            Tour::Step(Step::Found(found)) => {
                assert!(!found.path.starts_with(b"/a/"), "a folder was passed by");
                Onward::Into
            }
            Tour::Leave { .. } => {
                left += 1;
                Onward::Into
            }
            _ => Onward::Into,
        })
        .unwrap();
        assert_eq!(left, 2);
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let mut fs = Memory::new(FileSystemKind::Ext4);
        let mut folder = fs.root();
        for _ in 0..DEPTH_MAX + 10 {
            folder = fs.child_folder(folder, "x");
        }
        let shown = list(&fs, "/");
        assert_eq!(shown.len(), DEPTH_MAX + 1);
        assert!(shown.last().unwrap().ends_with("nested too deeply"));
    }

    #[test]
    fn many_entries_of_one_folder_are_all_shown() {
        let mut fs = Memory::new(FileSystemKind::Ext4);
        let root = fs.root();
        for number in 0..ENTRIES_TOGETHER * 2 + 5 {
            fs.child_file(root, &number.to_string());
        }
        let shown = list(&fs, "/");
        let different: HashSet<_> = shown.iter().collect();
        assert_eq!(
            (shown.len(), different.len()),
            (ENTRIES_TOGETHER * 2 + 5, ENTRIES_TOGETHER * 2 + 5)
        );
    }
}
