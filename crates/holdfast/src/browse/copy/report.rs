//! What was copied, and what wasn't.

use files::NodeKind;
use serde::Serialize;

use super::Put;
use crate::browse::text::PathText;
use crate::browse::text::printable;

/// Problems that are listed one by one; more are counted.
const LISTED_MAX: usize = 10_000;

/// Something that wasn't copied as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its path.
    #[serde(flatten)]
    pub path: PathText,
    /// Why.
    pub reason: String,
}

/// What was copied, and what wasn't.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// Files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Further names of files that were copied under another.
    pub links: u64,
    /// Device nodes and the like.
    pub others: u64,
    /// Bytes of content; holes aren't counted.
    pub bytes: u64,
    /// Whether it was broken off.
    pub interrupted: bool,
    /// How many couldn't be copied.
    pub failed_count: u64,
    /// Those, as far as they are listed.
    pub failed: Vec<Problem>,
    /// What was copied without all that belongs to it.
    pub incomplete: Vec<Problem>,
    /// What isn't copied unless asked for.
    pub left_out: Vec<Problem>,
    /// What got another name, since its own can't be given here.
    pub renamed: Vec<Problem>,
}

impl CopyReport {
    pub(super) fn count(&mut self, kind: NodeKind, put: &Put) {
        if matches!(put, Put::LeftOut(_)) {
            return;
        }
        match kind {
            NodeKind::File => self.files += 1,
            NodeKind::Folder => self.folders += 1,
            NodeKind::Symlink => self.symlinks += 1,
            _ => self.others += 1,
        }
    }

    pub(super) fn failed(&mut self, path: &[u8], reason: String) {
        self.failed_count += 1;
        push(&mut self.failed, path, reason);
    }

    pub(super) fn incomplete(&mut self, path: &[u8], missing: String) {
        push(&mut self.incomplete, path, missing);
    }

    pub(super) fn left_out(&mut self, path: &[u8], why: &str) {
        push(&mut self.left_out, path, why.to_owned());
    }

    pub(super) fn renamed(&mut self, path: &[u8], name: &[u8]) {
        push(&mut self.renamed, path, format!("is named `{}` here", printable(name)));
    }

    /// Whether everything that was to be copied was, whole.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.failed_count == 0 && !self.interrupted
    }
}

fn push(list: &mut Vec<Problem>, path: &[u8], reason: String) {
    if list.len() < LISTED_MAX {
        let path = PathText::new(path);
        list.push(Problem { path, reason });
    }
}
