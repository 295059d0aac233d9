//! Which files there are: those that were named, and those in folders, in the order of their names.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Limits, Problem};

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// How large it is, in bytes.
    pub bytes: u64,
}

struct Search<'a> {
    limits: &'a Limits,
    found: Vec<Found>,
    problems: Vec<Problem>,
    /// Device and inode of what was found: a file that is named twice is read once.
    seen: HashSet<(u64, u64)>,
}

/// The files among `paths` and in the folders among them, without what is hidden in folders and without symbolic links in them. Paths that
/// are named may be links. What can't be read is told.
#[must_use]
pub fn find(paths: &[PathBuf], limits: &Limits) -> (Vec<Found>, Vec<Problem>) {
    let mut search = Search {
        limits,
        found: Vec::new(),
        problems: Vec::new(),
        seen: HashSet::new(),
    };
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => search.folder(path),
            Ok(metadata) if metadata.is_file() => search.file(path.clone(), &metadata),
            Ok(_) => search.problem(path, "it is neither a file nor a folder"),
            Err(error) => search.problem(path, &error.to_string()),
        }
    }
    (search.found, search.problems)
}

impl Search<'_> {
    fn problem(&mut self, path: &Path, reason: &str) {
        self.problems.push(Problem {
            name: path.display().to_string(),
            reason: reason.to_owned(),
        });
    }

    fn file(&mut self, path: PathBuf, metadata: &fs::Metadata) {
        if self.seen.insert((metadata.dev(), metadata.ino())) {
            self.found.push(Found {
                path,
                bytes: metadata.len(),
            });
        }
    }

    /// Goes through a folder and those in it, without recursion.
    fn folder(&mut self, top: &Path) {
        let mut waiting = vec![(top.to_owned(), 1)];
        while let Some((folder, deep)) = waiting.pop() {
            let names = match names(&folder) {
                Ok(names) => names,
                Err(error) => {
                    self.problem(&folder, &error.to_string());
                    continue;
                }
            };
            let mut folders = Vec::new();
            for path in names {
                if self.found.len() >= self.limits.files_max {
                    self.problem(
                        top,
                        &format!(
                            "it has more than {} files; the others are not read",
                            self.limits.files_max
                        ),
                    );
                    return;
                }
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_dir() => folders.push(path),
                    Ok(metadata) if metadata.is_file() => self.file(path, &metadata),
                    Ok(_) => {}
                    Err(error) => self.problem(&path, &error.to_string()),
                }
            }
            if deep < self.limits.folders_deep_max {
                // The last one is looked at first.
                waiting.extend(folders.into_iter().rev().map(|folder| (folder, deep + 1)));
            } else if let Some(first) = folders.first() {
                self.problem(first, "it is too deep in other folders");
            }
        }
    }
}

/// What is in a folder and not hidden, in the order of names.
fn names(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            names.push(entry.path());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_gone_through_in_order_and_nothing_is_found_twice() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir_all(top.join("b/deep")).unwrap();
        for name in ["b/deep/2.log", "b/1.log", "a.log", ".hidden"] {
            fs::write(top.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(top, top.join("b/circle")).unwrap();
        let paths = [top.join("b/1.log"), top.to_owned(), top.join("missing")];
        let (found, problems) = find(&paths, &Limits::default());
        let names: Vec<_> = found
            .iter()
            .map(|found| found.path.strip_prefix(top).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["b/1.log", "a.log", "b/deep/2.log"]);
        assert_eq!(found[0].bytes, 7);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].name.ends_with("missing"), "{problems:?}");
    }

    #[test]
    fn folders_are_bounded_in_depth_and_in_number_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("1/2/3");
        fs::create_dir_all(&deep).unwrap();
        for number in 0..5 {
            fs::write(deep.join(number.to_string()), "").unwrap();
        }
        let paths = [folder.path().to_owned()];
        let few = Limits {
            files_max: 3,
            ..Limits::default()
        };
        let (found, problems) = find(&paths, &few);
        assert_eq!((found.len(), problems.len()), (3, 1));
        let shallow = Limits {
            folders_deep_max: 3,
            ..Limits::default()
        };
        let (found, problems) = find(&paths, &shallow);
        assert_eq!((found.len(), problems.len()), (0, 1), "{problems:?}");
    }
}
