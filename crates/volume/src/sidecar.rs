//! Files beside a volume's segments, for what belongs to the volume and isn't the volume's: the guard's state, which blocks were
//! read, and a signed head of the ledger, kept here because this isn't where the ledger is.
//!
//! Deleted with the volume. Not part of the log: going back in time doesn't take them back. State and head are replaced as a
//! whole, atomically and durably. What was read is appended to numbered pieces, which whoever writes them makes durable and
//! removes.

use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::error::Error;
use crate::folder::no_volume;
use crate::segment::file_error;
use crate::storage::{Directory, File, Wait};
use crate::store::Store;

/// The file, and the one that replaces it.
pub(crate) const SIDECAR_FILE: &str = "sidecar";
pub(crate) const SIDECAR_FILE_NEW: &str = "sidecar.new";
/// The head of the ledger, and the file that replaces it.
pub const LEDGER_HEAD_FILE: &str = "ledger-head";
pub(crate) const LEDGER_HEAD_FILE_NEW: &str = "ledger-head.new";
/// The largest sidecar, in bytes: 4 MiB.
pub const SIDECAR_BYTES_MAX: usize = 4 << 20;
/// The largest piece, in bytes: 8 MiB. What lies behind that isn't read.
pub const SIDE_PIECE_BYTES_MAX: u64 = 8 << 20;
/// What the name of a piece begins with. Its number follows, in eight hexadecimal digits.
pub(crate) const SIDE_PIECE_PREFIX: &str = "reads-";

/// A piece that is being written.
#[derive(Debug)]
pub struct SidePiece {
    name: String,
    file: Arc<dyn File>,
    length: u64,
    /// Whether something was appended that isn't durable yet.
    is_unsynced: bool,
}

impl SidePiece {
    /// Its length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes to its end. After a failure the next bytes go where these should have gone.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.file.write_at(self.length, &mut [IoSlice::new(bytes)]);
        written.map_err(|source| file_error("write", &self.name, source))?;
        self.length += bytes.len() as u64;
        self.is_unsynced = true;
        Ok(())
    }

    /// Makes what was appended durable. Costs nothing if nothing was since the last time.
    pub fn sync(&mut self) -> Result<(), Error> {
        if self.is_unsynced {
            let synced = self.file.sync();
            synced.map_err(|source| file_error("sync", &self.name, source))?;
            self.is_unsynced = false;
        }
        Ok(())
    }
}

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

    /// Replaces the head of the ledger that is kept beside a volume.
    pub fn write_ledger_head(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        replace(
            &*self.directory_of(name)?,
            LEDGER_HEAD_FILE,
            LEDGER_HEAD_FILE_NEW,
            bytes,
        )
    }

    /// The numbers of all pieces beside a volume, ascending, with their lengths in bytes.
    pub fn side_pieces(&self, name: &str) -> Result<Vec<(u32, u64)>, Error> {
        let directory = self.directory_of(name)?;
        let names = directory.list().map_err(|source| file_error("list", name, source))?;
        let mut pieces = Vec::new();
        for (file, number) in names.iter().filter_map(|file| Some((file, piece_number(file)?))) {
            let length = directory.open(file).and_then(|file| file.length());
            pieces.push((number, length.map_err(|source| file_error("read", file, source))?));
        }
        pieces.sort_unstable();
        Ok(pieces)
    }

    /// Begins a piece beside a volume, which must not exist. Its name is durable when this returns.
    pub fn create_side_piece(&self, name: &str, number: u32) -> Result<SidePiece, Error> {
        let directory = self.directory_of(name)?;
        let piece = piece_name(number);
        let error = |source| file_error("create", &piece, source);
        let file = directory.create(&piece).map_err(error)?;
        directory.sync().map_err(error)?;
        Ok(SidePiece {
            name: piece,
            file,
            length: 0,
            is_unsynced: false,
        })
    }

    /// The bytes of a piece, [`SIDE_PIECE_BYTES_MAX`] at most; `None` if there is none of that number.
    pub fn read_side_piece(&self, name: &str, number: u32) -> Result<Option<Vec<u8>>, Error> {
        let directory = self.directory_of(name)?;
        let piece = piece_name(number);
        let error = |source| file_error("read", &piece, source);
        let file = match directory.open(&piece) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(error)?,
        };
        let length = file.length().map_err(error)?.min(SIDE_PIECE_BYTES_MAX);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_at(0, &mut bytes, Wait::Allowed).map_err(error)?;
        Ok(Some(bytes))
    }

    /// Removes a piece. One that is open can still be written, for nothing.
    pub fn remove_side_piece(&self, name: &str, number: u32) -> Result<(), Error> {
        let piece = piece_name(number);
        let removed = self.directory_of(name)?.remove(&piece);
        removed.map_err(|source| file_error("remove", &piece, source))
    }

    fn directory_of(&self, name: &str) -> Result<Arc<dyn Directory>, Error> {
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
    replace(directory, SIDECAR_FILE, SIDECAR_FILE_NEW, bytes)
}

/// Replaces a file by way of a new one, durably.
fn replace(directory: &dyn Directory, name: &str, new: &str, bytes: &[u8]) -> Result<(), Error> {
    let error = |source| file_error("write", name, source);
    // What an earlier attempt left.
    let _ = directory.remove(new);
    let file = directory.create(new).map_err(error)?;
    file.write_at(0, &mut [IoSlice::new(bytes)]).map_err(error)?;
    file.sync().map_err(error)?;
    directory.rename(new, name).map_err(error)?;
    directory.sync().map_err(error)
}

fn piece_name(number: u32) -> String {
    format!("{SIDE_PIECE_PREFIX}{number:08x}")
}

fn piece_number(file: &str) -> Option<u32> {
    let digits = file.strip_prefix(SIDE_PIECE_PREFIX)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    (piece_name(number) == file).then_some(number)
}

#[cfg(test)]
mod tests {
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
        // A deletion that was cut off is finished by the next start, sidecar, head and all.
        std::fs::create_dir(folder.path().join("gone")).unwrap();
        std::fs::write(folder.path().join("gone").join(SIDECAR_FILE), "left").unwrap();
        std::fs::write(folder.path().join("gone").join(LEDGER_HEAD_FILE), "left").unwrap();
        drop(store);
        let _ = open();
        assert!(!folder.path().join("gone").exists());
    }

    #[test]
    fn a_head_of_the_ledger_is_replaced_as_a_whole_and_goes_with_its_volume() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let store = Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random));
        assert!(store.write_ledger_head("disk", b"x").is_err(), "no such volume");
        store.create("disk", 1 << 20, Timestamp::from_unix_seconds(1)).unwrap();
        store.write_ledger_head("disk", b"a longer head").unwrap();
        store.write_ledger_head("disk", b"head").unwrap();
        let path = folder.path().join("disk").join(LEDGER_HEAD_FILE);
        assert_eq!(std::fs::read(path).unwrap(), b"head");
        store.delete("disk", Timestamp::from_unix_seconds(2)).unwrap();
        assert!(!folder.path().join("disk").exists());
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

    #[test]
    fn pieces_are_appended_to_listed_in_order_and_go_with_their_volume() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let store = Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random));
        assert!(store.create_side_piece("disk", 1).is_err(), "no such volume");
        store.create("disk", 1 << 20, Timestamp::from_unix_seconds(1)).unwrap();
        assert_eq!(store.side_pieces("disk").unwrap(), []);
        assert_eq!(store.read_side_piece("disk", 9).unwrap(), None);
        let mut piece = store.create_side_piece("disk", 0x10).unwrap();
        store.create_side_piece("disk", 9).unwrap();
        piece.append(b"one ").unwrap();
        piece.append(b"two").unwrap();
        piece.sync().unwrap();
        assert!(store.create_side_piece("disk", 9).is_err(), "it exists");
        assert_eq!(store.side_pieces("disk").unwrap(), [(9, 0), (0x10, 7)]);
        assert_eq!(store.read_side_piece("disk", 0x10).unwrap(), Some(b"one two".to_vec()));
        store.remove_side_piece("disk", 9).unwrap();
        // Not ours.
        std::fs::write(folder.path().join("disk/reads-1"), "").unwrap();
        std::fs::write(folder.path().join("disk/reads-0000000A"), "").unwrap();
        assert_eq!(store.side_pieces("disk").unwrap(), [(0x10, 7)]);
        store.delete("disk", Timestamp::from_unix_seconds(3)).unwrap();
        assert!(!folder.path().join("disk").exists());
        // A deletion that was cut off.
        std::fs::create_dir(folder.path().join("gone")).unwrap();
        std::fs::write(folder.path().join("gone/reads-0000000a"), "").unwrap();
        drop(store);
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let _ = Store::open(directory, Box::new(|_| Settings::default()), Box::new(crate::os_random));
        assert!(!folder.path().join("gone").exists());
    }
}
