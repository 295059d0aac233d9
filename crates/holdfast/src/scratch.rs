//! The folder that holds everything the demo makes. It goes with the demo, however that ends.

use crate::hex::hex;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use volume::os_random;

/// A folder of its own, for its owner only; removed with all it holds when dropped.
#[derive(Debug)]
pub(super) struct ScratchFolder {
    path: PathBuf,
}

impl ScratchFolder {
    /// Thinks of a folder within `place`, under a name that nobody can guess. It isn't made yet, so that whoever has to
    /// remove it can get ready first.
    pub(super) fn within(place: &Path) -> Self {
        let random = os_random();
        let random = hex(random.get(..6).unwrap_or_default());
        Self {
            path: place.join(format!("holdfast-demo-{random}")),
        }
    }

    /// Makes the folder.
    pub(super) fn make(&self) -> io::Result<()> {
        std::fs::DirBuilder::new().mode(0o700).create(&self.path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder, and says whether that worked.
    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.path)
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // After `remove`, or before `make`, there is nothing to remove.
        let _ = self.remove();
    }
}
