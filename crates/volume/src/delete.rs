//! Deleting a volume, also one that can't be opened any more.
//!
//! Order of effects: the file that makes the directory a volume is removed, durably; then all other files and the
//! directory; then, if it was a fork, the pin that kept its start. A deletion that is cut off after the first of these is
//! finished by the next start.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::folder::{VOLUME_FILE, clear, no_volume, read_volume_file};
use crate::format::Pin;
use crate::locks::lock;
use crate::segment::file_error;
use crate::store::{FORK_DEPTH_MAX, Store};
use crate::time::Timestamp;
use crate::volume::Volume;

impl Store {
    /// Deletes a volume with all its history. Refused while it is used, and while forks need its segments. One that is
    /// damaged too badly to be opened can be deleted like any other.
    pub fn delete(&self, name: &str, now: Timestamp) -> Result<(), Error> {
        let mut open = lock(&self.open);
        let volume = match self.open_locked(&mut open, name, now, FORK_DEPTH_MAX) {
            Err(error) if error.is_damage() => {
                self.check_no_fork_names(name)?;
                return self.remove(&open, name, now);
            }
            opened => opened?,
        };
        if let Some(fork) = volume.pins().into_iter().find_map(|pin| pin.fork) {
            return Err(Error::HasForks {
                volume: name.to_owned(),
                fork,
            });
        }
        // One in the table and one here; every attachment, view and fork holds another.
        if Arc::strong_count(&volume) > 2 {
            return Err(Error::VolumeInUse(name.to_owned()));
        }
        open.remove(name);
        drop(volume);
        self.remove(&open, name, now)
    }

    /// Forks of a volume that can't be opened are known by their own files only. One whose file is lost as well can't
    /// be asked, and has nothing to lose.
    fn check_no_fork_names(&self, volume: &str) -> Result<(), Error> {
        for fork in self.names()? {
            let directory = self.directory.subdirectory(&fork);
            let directory = directory.map_err(|source| no_volume(&fork, source))?;
            match read_volume_file(&*directory, &fork) {
                Ok(file) if file.parent.as_ref().is_some_and(|parent| parent.name == volume) => {
                    let volume = volume.to_owned();
                    return Err(Error::HasForks { volume, fork });
                }
                Err(error) if !error.is_damage() => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Removes a volume's files, the one that makes it a volume first, and then the pin that kept its start if it was a
    /// fork. A parent that isn't open lets the pin go when it is opened.
    fn remove(&self, open: &BTreeMap<String, Arc<Volume>>, name: &str, now: Timestamp) -> Result<(), Error> {
        let error = |source| file_error("delete", name, source);
        let directory = self
            .directory
            .subdirectory(name)
            .map_err(|source| no_volume(name, source))?;
        directory.remove(VOLUME_FILE).map_err(error)?;
        directory.sync().map_err(error)?;
        clear(&*directory)?;
        self.directory.remove_subdirectory(name).map_err(error)?;
        self.directory.sync().map_err(error)?;
        let keeps = |pin: &Pin| pin.fork.as_deref() == Some(name);
        let parent = open.values().find(|volume| volume.pins().iter().any(keeps));
        parent.map_or(Ok(()), |parent| parent.release_fork(name, now))
    }
}
