//! The files below a path.

use std::fs;
use std::path::{Path, PathBuf};

use crate::ingest::problems::{Problem, Problems};

/// How many folders are entered one in the other.
const DEPTH_MAX: u32 = 64;

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// What it is called in messages.
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// The files at or below a path, in order of their names. Links are followed only where they were named themselves; sockets, devices and
/// pipes below a folder are passed over.
pub(crate) fn walk(path: &Path, problems: &mut Problems) -> Vec<Found> {
    let mut found = Vec::new();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => folder(path, 0, &mut found, problems),
        Ok(metadata) => found.push(Found {
            path: path.to_owned(),
            name: path.display().to_string(),
            bytes: metadata.len(),
        }),
        Err(error) => problems.add(problem(path, error.to_string())),
    }
    found.sort();
    found
}

fn folder(path: &Path, depth: u32, found: &mut Vec<Found>, problems: &mut Problems) {
    if depth == DEPTH_MAX {
        return problems.add(problem(path, format!("{DEPTH_MAX} folders are one in the other")));
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return problems.add(problem(path, error.to_string())),
    };
    for entry in entries {
        let entry = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)));
        match entry {
            Ok((path, metadata)) if metadata.is_dir() => folder(&path, depth + 1, found, problems),
            Ok((path, metadata)) if metadata.is_file() => {
                found.push(Found {
                    name: path.display().to_string(),
                    path,
                    bytes: metadata.len(),
                });
            }
            Ok(_) => {}
            Err(error) => problems.add(problem(path, error.to_string())),
        }
    }
}

fn problem(path: &Path, reason: String) -> Problem {
    Problem {
        file: path.display().to_string(),
        line: None,
        byte: None,
        reason,
    }
}
