//! Changes which files count: one process at a time, and all at once.
//!
//! Three locks, taken in this order. `lock` is held by an import or a removal from its beginning to its end, `lock-merge` by a merge. Both go on
//! beside each other; `lock-files` is held for moments only, while the manifest is read or replaced and while files get the names or lose
//! the names that it knows. What is made of files that somebody took away meanwhile isn't published.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::manifest::{self, Manifest};
use crate::Error;
use crate::files::{lock, make_folder, sync_folder, try_lock};

const IMPORT_LOCK_NAME: &str = "lock";
const MERGE_LOCK_NAME: &str = "lock-merge";
const FILES_LOCK_NAME: &str = "lock-files";

/// The right to import or remove, held by one process.
#[derive(Debug)]
pub(super) struct Importing {
    _lock: File,
    folder: PathBuf,
}

impl Importing {
    /// Makes the folder if it is missing, for its owner only, and takes the right.
    pub(super) fn begin(folder: &Path) -> Result<Self, Error> {
        make_folder(folder)?;
        let lock = try_lock(&folder.join(IMPORT_LOCK_NAME))?.ok_or_else(|| busy(folder))?;
        Ok(Self {
            _lock: lock,
            folder: folder.to_owned(),
        })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The right to merge, held by one process.
#[derive(Debug)]
pub(super) struct Merging {
    _lock: File,
}

impl Merging {
    /// Takes the right.
    pub(super) fn begin(folder: &Path) -> Result<Self, Error> {
        let lock = try_lock(&folder.join(MERGE_LOCK_NAME))?.ok_or_else(|| busy(folder))?;
        Ok(Self { _lock: lock })
    }
}

fn busy(folder: &Path) -> Error {
    Error::Busy {
        path: folder.to_owned(),
    }
}

/// The manifest, about to be replaced: nobody else changes which files count until this is dropped.
#[derive(Debug)]
pub(super) struct Publication {
    _lock: File,
    folder: PathBuf,
    pub(super) manifest: Manifest,
}

impl Publication {
    /// Waits for others, reads the manifest, and removes files that it doesn't name: what interrupted changes left behind.
    pub(super) fn begin(folder: &Path) -> Result<Self, Error> {
        let lock = lock(&folder.join(FILES_LOCK_NAME))?;
        let publication = Self {
            _lock: lock,
            folder: folder.to_owned(),
            manifest: Manifest::read(folder)?,
        };
        publication.clean()?;
        Ok(publication)
    }

    /// Numbers for so many files, the first of them; no number is given twice, whatever is interrupted.
    pub(super) fn reserve(&mut self, files: u64) -> Result<u64, Error> {
        let first = self.manifest.next_file;
        self.manifest.next_file += files;
        self.manifest.write(&self.folder)?;
        Ok(first)
    }

    /// Gives a finished file its name in the folder; it counts only after [`Publication::publish`].
    pub(super) fn adopt(&self, file: &Path, name: &str) -> Result<(), Error> {
        fs::rename(file, self.folder.join(name)).map_err(Error::io("rename", file))
    }

    /// Makes the manifest valid as it is now, and removes what it names no more.
    pub(super) fn publish(self) -> Result<(), Error> {
        sync_folder(&self.folder)?;
        self.manifest.write(&self.folder)?;
        self.clean()
    }

    fn clean(&self) -> Result<(), Error> {
        let entries = fs::read_dir(&self.folder).map_err(Error::io("read", &self.folder))?;
        for entry in entries {
            let entry = entry.map_err(Error::io("read", &self.folder))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_ours = [".range", ".counts", manifest::NEW]
                .iter()
                .any(|ending| name.ends_with(ending));
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_ours && is_file && !self.manifest.names(name) {
                fs::remove_file(entry.path()).map_err(Error::io("remove", &entry.path()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_imports_and_one_merges_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let importing = Importing::begin(folder.path()).unwrap();
        let merging = Merging::begin(folder.path()).unwrap();
        assert!(matches!(Importing::begin(folder.path()), Err(Error::Busy { .. })));
        assert!(matches!(Merging::begin(folder.path()), Err(Error::Busy { .. })));
        drop((importing, merging));
        Importing::begin(folder.path()).unwrap();
        Merging::begin(folder.path()).unwrap();
    }

    #[test]
    fn numbers_are_given_once_and_unknown_files_go() {
        let folder = tempfile::tempdir().unwrap();
        let left = ["00000007.range", "00000008.counts", "MANIFEST.new"].map(|name| folder.path().join(name));
        left.iter().for_each(|path| fs::write(path, b"cut off").unwrap());
        let mut first = Publication::begin(folder.path()).unwrap();
        assert!(left.iter().all(|path| !path.exists()));
        assert_eq!(first.reserve(3).unwrap(), 1);
        drop(first);
        assert_eq!(Publication::begin(folder.path()).unwrap().reserve(1).unwrap(), 4);
    }
}
