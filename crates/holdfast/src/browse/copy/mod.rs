//! `holdfast files cp`: files of any moment, copied into a folder or an archive of this machine.
//!
//! What is copied is foreign, so nothing of it decides where something is written. A name is one component, whatever is in it (`name`);
//! a folder is opened by its name in a folder that is open already, never through a link; and a link that is copied is never followed
//! (`folder`).

mod archive;
mod folder;
mod name;
mod report;
mod source;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use files::{FileSystem, Metadata, NodeId, NodeKind, Onward, Step, Tour, tour};

use super::failures::{failure, reason};
use super::opened::Inside;
use super::text::printable;
use crate::failure::Failure;

pub use archive::Archive;
pub use folder::{Folder, FolderOptions};
pub use report::{CopyReport, Problem};

/// Bytes of paths of files with several names whose first copy is remembered; beyond that a further name becomes a copy of its own.
const LINKED_BYTES_MAX: usize = 256 << 20;

/// What is copied: a node with what is known of it.
pub struct Item<'a> {
    /// The file system.
    pub fs: &'a dyn FileSystem,
    /// The node.
    pub node: NodeId,
    /// What is known of it.
    pub metadata: &'a Metadata,
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was copied.
    Copied {
        /// Bytes that were written; holes aren't.
        bytes: u64,
    },
    /// It was copied, but not all that belongs to it.
    Incomplete {
        /// Bytes that were written.
        bytes: u64,
        /// What is missing.
        missing: String,
    },
    /// It was left out on purpose.
    LeftOut(&'static str),
}

/// Why a node couldn't be copied.
#[derive(Debug)]
pub enum NotPut {
    /// This one alone.
    Problem(String),
    /// Nothing more can be copied.
    Fatal(Failure),
}

/// Where copies go. Names given to it are single components.
pub trait Sink {
    /// Makes a folder in the present one.
    fn make_folder(&mut self, name: &[u8], item: &Item<'_>) -> Result<(), NotPut>;

    /// Enters a folder that was made.
    fn enter(&mut self, name: &[u8]) -> Result<(), NotPut>;

    /// Completes the present folder, and returns to the one that has it. Tells what couldn't be kept.
    fn leave(&mut self, item: &Item<'_>) -> Result<Option<String>, NotPut>;

    /// Copies what isn't a folder.
    fn put(&mut self, name: &[u8], item: &Item<'_>) -> Result<Put, NotPut>;

    /// Gives what was copied before another name. The path begins where everything begins.
    fn link(&mut self, name: &[u8], first: &[Vec<u8>]) -> Result<(), NotPut>;

    /// Ends it.
    fn finish(&mut self) -> Result<(), Failure>;
}

/// Is told what has been done, now and then.
pub type Progress<'a> = &'a mut dyn FnMut(&CopyReport);

/// Copies what is at a path. With a name it gets that name where the sink begins; without, what is in the folder goes there.
pub fn copy(
    inside: &Inside,
    name: Option<&[u8]>,
    sink: &mut dyn Sink,
    interrupted: &AtomicBool,
    progress: Progress<'_>,
) -> Result<CopyReport, Failure> {
    let node = inside.node()?;
    let fs = inside.fs.as_ref();
    let failed = |error| failure(&inside.path, error);
    let metadata = fs.metadata(node).map_err(failed)?;
    let mut copier = Copier {
        fs,
        sink,
        interrupted,
        progress,
        report: CopyReport::default(),
        at: Vec::new(),
        linked: HashMap::new(),
        linked_bytes: 0,
        fatal: None,
    };
    if metadata.kind == NodeKind::Folder {
        if let Some(name) = name
            && !copier.folder(&inside.path, name, node)
        {
            return copier.end();
        }
        let start = name.map(<[u8]>::to_vec);
        tour(fs, node, &inside.path, &mut |at| copier.step(at, start.as_deref())).map_err(failed)?;
    } else {
        let name = name.unwrap_or_else(|| inside.name());
        copier.leaf(&inside.path, name, node);
    }
    copier.end()
}

struct Copier<'a> {
    fs: &'a dyn FileSystem,
    sink: &'a mut dyn Sink,
    interrupted: &'a AtomicBool,
    progress: Progress<'a>,
    report: CopyReport,
    /// The names of the folders that are entered, as they were given.
    at: Vec<Vec<u8>>,
    /// Where files with several names were copied to first.
    linked: HashMap<u64, Vec<Vec<u8>>>,
    linked_bytes: usize,
    fatal: Option<Failure>,
}

impl Copier<'_> {
    /// A step of the walk. `start` is the name that the start has in the sink, if it has one.
    fn step(&mut self, at: Tour<'_>, start: Option<&[u8]>) -> Onward {
        let mut onward = Onward::Into;
        match at {
            Tour::Enter { path, name, .. } => {
                let is_start = name.is_empty() && self.at.is_empty();
                let name = if is_start { start } else { Some(name) };
                if let Some(name) = name
                    && !self.enter(path, name)
                {
                    onward = Onward::Past;
                }
            }
            Tour::Step(Step::Found(found)) if found.kind == NodeKind::Folder => {
                if !self.folder(found.path, found.name, found.node) {
                    onward = Onward::Past;
                }
            }
            Tour::Step(Step::Found(found)) => self.leaf(found.path, found.name, found.node),
            Tour::Step(Step::Unreadable { path, error, .. }) => self.problem(path, reason(error)),
            Tour::Leave { folder } => self.leave(folder),
        }
        if self.interrupted.load(Ordering::Relaxed) {
            self.report.interrupted = true;
        }
        if self.fatal.is_some() || self.report.interrupted {
            return Onward::Stop;
        }
        onward
    }

    /// Makes a folder; false if it can't be made.
    fn folder(&mut self, path: &[u8], name: &[u8], node: NodeId) -> bool {
        let made = self.safely(path, name).and_then(|name| {
            let metadata = self.metadata(node)?;
            let item = Item {
                fs: self.fs,
                node,
                metadata: &metadata,
            };
            self.sink.make_folder(&name, &item)
        });
        match made {
            Ok(()) => {
                self.report.folders += 1;
                true
            }
            Err(why) => {
                self.not_put(path, why);
                false
            }
        }
    }

    fn enter(&mut self, path: &[u8], name: &[u8]) -> bool {
        let name = name::single(name).name;
        match self.sink.enter(&name) {
            Ok(()) => {
                self.at.push(name);
                true
            }
            Err(why) => {
                self.not_put(path, why);
                false
            }
        }
    }

    fn leave(&mut self, folder: NodeId) {
        // The start, where it has no name, is the folder of whoever copies.
        let Some(name) = self.at.pop() else { return };
        let left = self.metadata(folder).and_then(|metadata| {
            let item = Item {
                fs: self.fs,
                node: folder,
                metadata: &metadata,
            };
            self.sink.leave(&item)
        });
        let path = self
            .at
            .iter()
            .chain([&name])
            .fold(Vec::new(), |path, part| [&path, &b"/"[..], part].concat());
        match left {
            Ok(None) => {}
            Ok(Some(missing)) => self.report.incomplete(&path, missing),
            Err(why) => self.not_put(&path, why),
        }
    }

    /// Copies what isn't a folder.
    fn leaf(&mut self, path: &[u8], name: &[u8], node: NodeId) {
        (self.progress)(&self.report);
        let put = self.safely(path, name).and_then(|name| self.put(&name, node));
        match put {
            Ok(Put::Copied { bytes }) => self.report.bytes += bytes,
            Ok(Put::Incomplete { bytes, missing }) => {
                self.report.bytes += bytes;
                self.report.incomplete(path, missing);
            }
            Ok(Put::LeftOut(why)) => self.report.left_out(path, why),
            Err(why) => self.not_put(path, why),
        }
    }

    fn put(&mut self, name: &[u8], node: NodeId) -> Result<Put, NotPut> {
        let metadata = self.metadata(node)?;
        let may_have_names = metadata.kind == NodeKind::File && metadata.links > 1;
        if may_have_names && let Some(first) = self.linked.get(&node.0) {
            self.sink.link(name, first)?;
            self.report.links += 1;
            return Ok(Put::Copied { bytes: 0 });
        }
        let item = Item {
            fs: self.fs,
            node,
            metadata: &metadata,
        };
        let put = self.sink.put(name, &item)?;
        self.report.count(metadata.kind, &put);
        if may_have_names {
            self.remember(node, name);
        }
        Ok(put)
    }

    /// Where a file with several names was copied to.
    fn remember(&mut self, node: NodeId, name: &[u8]) {
        let path: Vec<Vec<u8>> = self.at.iter().cloned().chain([name.to_vec()]).collect();
        let bytes: usize = path.iter().map(|part| part.len() + size_of::<Vec<u8>>()).sum();
        if self.linked_bytes + bytes <= LINKED_BYTES_MAX {
            self.linked_bytes += bytes;
            self.linked.insert(node.0, path);
        }
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, NotPut> {
        self.fs.metadata(node).map_err(|error| NotPut::Problem(reason(error)))
    }

    /// A name that can be given here, which is noted if it isn't the name it had.
    fn safely(&mut self, path: &[u8], name: &[u8]) -> Result<Vec<u8>, NotPut> {
        let single = name::single(name);
        if single.name.len() > name::NAME_BYTES_MAX {
            return Err(NotPut::Problem("its name is too long here".to_owned()));
        }
        if single.is_changed {
            self.report.renamed(path, &single.name);
        }
        Ok(single.name)
    }

    fn not_put(&mut self, path: &[u8], why: NotPut) {
        match why {
            NotPut::Problem(reason) => self.problem(path, reason),
            NotPut::Fatal(failure) => {
                let message = format!("`{}` can't be written: {}", printable(path), failure.message);
                self.fatal.get_or_insert(Failure { message, ..failure });
            }
        }
    }

    fn problem(&mut self, path: &[u8], reason: String) {
        self.report.failed(path, reason);
    }

    fn end(self) -> Result<CopyReport, Failure> {
        if let Some(failure) = self.fatal {
            return Err(failure);
        }
        self.sink.finish()?;
        Ok(self.report)
    }
}
