//! What all stores of files need: names that are durable, folders that are private, and locks by which processes keep out of each other's way.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::Error;

/// Makes names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io("sync", folder))
}

/// Makes a folder, and those above it, for their owner only.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Error::io("make", folder))
}

/// Removes a folder with all that is in it; one that isn't there is removed already.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// Locks a file (`flock`) until what is returned is dropped; `None` if another process, or another part of this one, has it.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, Error> {
    let file = lock_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

/// Locks a file like [`try_lock`], and waits for whoever has it: only for locks that are held for moments.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = lock_file(path)?;
    file.lock().map_err(Error::io("lock", path))?;
    Ok(file)
}

fn lock_file(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("open", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = try_lock(&path).unwrap();
        assert!(held.is_some() && try_lock(&path).unwrap().is_none());
        drop(held);
        let waited = lock(&path).unwrap();
        assert!(try_lock(&path).unwrap().is_none());
        drop(waited);
    }

    #[test]
    fn a_folder_that_is_not_there_is_removed_already() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        make_folder(&inner).unwrap();
        make_folder(&inner).unwrap();
        remove_folder(&inner).unwrap();
        remove_folder(&inner).unwrap();
        sync_folder(folder.path()).unwrap();
    }
}
