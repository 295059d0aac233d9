//! Which files there are where logs are followed.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::checkpoint::FileKey;
use super::family::{family, stem};
use super::source::Source;
use crate::open::{self, Problem, find};

/// Folders one in the other that are followed.
const FOLDERS_DEEP_MAX: usize = 8;

/// A file that may be a log, or one time's part of it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) family: String,
    pub(super) file: FileKey,
    pub(super) seen: Seen,
    /// Whether it lies beside a file that was named, and has its name with something behind it.
    pub(super) is_rotated: bool,
    /// Whether rotation put something behind its name: it may be a copy that is being made.
    pub(super) may_be_copy: bool,
}

/// By what it shows that a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) bytes: u64,
    /// Seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    /// The same, when its name or rights were changed, too.
    pub(super) changed: (i64, i64),
}

impl Candidate {
    pub(super) fn open(&self) -> io::Result<Source> {
        Source::open(&self.path, self.file)
    }
}

/// The files that are followed now, the longest untouched first; and what can't be looked at.
pub(super) fn list(paths: &[PathBuf], logs_max: usize) -> (Vec<Candidate>, Vec<Problem>) {
    let limits = open::Limits {
        files_max: logs_max,
        folders_deep_max: FOLDERS_DEEP_MAX,
        ..open::Limits::default()
    };
    let (folders, files): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| path.is_dir());
    let (found, problems) = find(&folders, &limits);
    let mut candidates: Vec<_> = found
        .into_iter()
        .filter_map(|found| candidate(found.path, false))
        .collect();
    for file in &files {
        candidates.extend(rotations(file, logs_max));
    }
    let mut seen = HashSet::new();
    candidates.retain(|candidate| seen.insert(candidate.file));
    // At the same instant what was rotated is older: its name is the longer one.
    candidates.sort_by(|one, other| {
        one.seen
            .modified
            .cmp(&other.seen.modified)
            .then_with(|| other.path.cmp(&one.path))
    });
    (candidates, problems)
}

/// A file that was named, and those beside it that it once was. It may be missing: it will come, or is just being rotated.
fn rotations(file: &Path, files_max: usize) -> Vec<Candidate> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let other = entry.file_name();
            let other = other.to_str()?;
            let is_rotated = other != name;
            (!is_rotated || stem(other) == name).then(|| (folder.join(other), is_rotated))
        })
        .take(files_max)
        .filter_map(|(path, is_rotated)| candidate(path, is_rotated))
        .collect()
}

/// The file that lies there.
pub(super) fn candidate(path: PathBuf, is_rotated: bool) -> Option<Candidate> {
    let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    Some(Candidate {
        family: family(&path)?,
        may_be_copy: path.file_name()?.to_str().is_some_and(|name| stem(name) != name),
        path,
        file: FileKey::of(&metadata),
        seen: Seen {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        },
        is_rotated,
    })
}
