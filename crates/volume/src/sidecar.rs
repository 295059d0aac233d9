//! A small file beside a volume's segments, for what belongs to the volume and isn't the volume's: the guard's state.
//!
//! Replaced as a whole, atomically and durably; deleted with the volume. Not part of the log: going back in time doesn't
//! take it back.

use std::io::{self, IoSlice};

use crate::error::Error;
use crate::folder::no_volume;
use crate::segment::file_error;
use crate::storage::{Directory, Wait};
use crate::store::Store;

/// The file, and the one that replaces it.
pub(crate) const SIDECAR_FILE: &str = "sidecar";
pub(crate) const SIDECAR_FILE_NEW: &str = "sidecar.new";
/// The largest sidecar, in bytes: 4 MiB.
pub const SIDECAR_BYTES_MAX: usize = 4 << 20;

impl Store {
    /// What was written beside a volume last; `None` if nothing was.
    pub fn read_sidecar(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let directory = self.directory_of(name)?;
        let error = |source| file_error("read", SIDECAR_FILE, source);
        let file = match directory.open(SIDECAR_FILE) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(error)?,
        };
        let length = usize::try_from(file.length().map_err(error)?).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(SIDECAR_BYTES_MAX)];
        file.read_at(0, &mut bytes, Wait::Allowed).map_err(error)?;
        Ok(Some(bytes))
    }

    /// Replaces what is written beside a volume.
    ///
    /// # Panics
    /// If it is longer than [`SIDECAR_BYTES_MAX`].
    pub fn write_sidecar(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write_sidecar_in(&*self.directory_of(name)?, bytes)
    }

    fn directory_of(&self, name: &str) -> Result<std::sync::Arc<dyn Directory>, Error> {
        if !self.is_volume(name) {
            return Err(Error::NoSuchVolume(name.to_owned()));
        }
        let directory = self.directory.subdirectory(name);
        directory.map_err(|source| no_volume(name, source))
    }
}

/// Replaces the sidecar in a volume's directory, durably.
pub(crate) fn write_sidecar_in(directory: &dyn Directory, bytes: &[u8]) -> Result<(), Error> {
    assert!(bytes.len() <= SIDECAR_BYTES_MAX, "a sidecar of {} bytes", bytes.len());
    let error = |source| file_error("write", SIDECAR_FILE, source);
    // What an earlier attempt left.
    let _ = directory.remove(SIDECAR_FILE_NEW);
    let file = directory.create(SIDECAR_FILE_NEW).map_err(error)?;
    file.write_at(0, &mut [IoSlice::new(bytes)]).map_err(error)?;
    file.sync().map_err(error)?;
    directory.rename(SIDECAR_FILE_NEW, SIDECAR_FILE).map_err(error)?;
    directory.sync().map_err(error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{OsDirectory, Settings, Timestamp};

    #[test]
    fn a_sidecar_is_replaced_as_a_whole_and_goes_with_its_volume() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
            Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random))
        };
        let store = open();
        assert!(store.write_sidecar("disk", b"x").is_err(), "no such volume");
        store.create("disk", 1 << 20, Timestamp::from_unix_seconds(1)).unwrap();
        assert_eq!(store.read_sidecar("disk").unwrap(), None);
        store.write_sidecar("disk", b"a longer state").unwrap();
        store.write_sidecar("disk", b"state").unwrap();
        store.close(Timestamp::from_unix_seconds(2)).unwrap();
        // Cut off while it was written.
        std::fs::write(folder.path().join("disk").join(SIDECAR_FILE_NEW), "half").unwrap();
        let store = open();
        assert_eq!(store.read_sidecar("disk").unwrap(), Some(b"state".to_vec()));
        store.write_sidecar("disk", b"next").unwrap();
        assert_eq!(store.read_sidecar("disk").unwrap(), Some(b"next".to_vec()));
        store.delete("disk", Timestamp::from_unix_seconds(3)).unwrap();
        assert!(!folder.path().join("disk").exists());
        // A deletion that was cut off is finished by the next start, sidecar and all.
        std::fs::create_dir(folder.path().join("gone")).unwrap();
        std::fs::write(folder.path().join("gone").join(SIDECAR_FILE), "left").unwrap();
        drop(store);
        let _ = open();
        assert!(!folder.path().join("gone").exists());
    }

    #[test]
    fn a_fork_can_come_into_being_with_its_sidecar() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let store = Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random));
        let now = Timestamp::from_unix_seconds(1);
        let newest = store.create("disk", 1 << 20, now).unwrap().newest().sequence;
        let moment = crate::Moment::After(newest);
        store
            .fork_with_sidecar("disk", &moment, "copy", Some(b"a mark"), now)
            .unwrap();
        assert_eq!(store.read_sidecar("copy").unwrap(), Some(b"a mark".to_vec()));
        store.fork("disk", &moment, "plain", now).unwrap();
        assert_eq!(store.read_sidecar("plain").unwrap(), None);
    }
}
