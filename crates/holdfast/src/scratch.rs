//! A folder for what is made on the way, such as all that the demo makes. It goes with whoever made it.

use crate::failure::Failure;
use crate::hex::hex;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use volume::os_random;

/// A folder of its own, for its owner only; removed with all it holds when dropped.
#[derive(Debug)]
pub(crate) struct ScratchFolder {
    path: PathBuf,
}

impl ScratchFolder {
    /// Thinks of a folder for `what` within `place`, under a name that nobody can guess. It isn't made yet, so that whoever has to
    /// remove it can get ready first.
    pub(crate) fn within(place: &Path, what: &str) -> Self {
        let random = os_random();
        let random = hex(random.get(..6).unwrap_or_default());
        Self {
            path: place.join(format!("holdfast-{what}-{random}")),
        }
    }

    /// A folder for `what` among temporary files, which is there.
    pub(crate) fn made(what: &str) -> Result<Self, Failure> {
        let folder = Self::within(&std::env::temp_dir(), what);
        let made = folder.make();
        made.map_err(|error| Failure::io(format!("make the folder `{}`", folder.path.display()), &error))?;
        Ok(folder)
    }

    /// Makes the folder.
    pub(crate) fn make(&self) -> io::Result<()> {
        std::fs::DirBuilder::new().mode(0o700).create(&self.path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder, and says whether that worked.
    pub(crate) fn remove(&self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.path)
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // After `remove`, or before `make`, there is nothing to remove.
        let _ = self.remove();
    }
}
