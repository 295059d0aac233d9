//! Folders of rules and logs that tests are pointed at.

#![expect(clippy::unwrap_used, reason = "what can't be read fails the test")]

use std::path::{Path, PathBuf};

/// The files of a folder and of those within it that have one of these endings, in the order of their paths.
pub(crate) fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let has_one = |ending: &std::ffi::OsStr| endings.iter().any(|known| ending.eq_ignore_ascii_case(known));
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if path.extension().is_some_and(has_one) {
            found.push(path);
        }
    }
    found.sort();
    found
}
