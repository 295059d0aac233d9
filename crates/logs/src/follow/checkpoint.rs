//! The file in which a follower keeps how far each log was acknowledged.
//!
//! It is replaced as a whole: written under another name, synced, renamed, the folder synced. A crash at any point leaves the old or the new
//! one. A lock beside it keeps a second process out.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mark::{HEAD_BYTES, Mark, TAIL_BYTES};
use crate::Error;

/// The version of what is written here.
const VERSION: u32 = 1;
/// The largest checkpoint that is read: far beyond the number of logs that are followed at once.
const BYTES_MAX: u64 = 64 << 20;

/// What is known of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The log's number, which no other log ever has in this checkpoint.
    pub(super) log: u64,
    /// Where it was last seen.
    pub(super) path: PathBuf,
    /// Of the file in which it is; none once it is gone from there.
    pub(super) file: Option<FileKey>,
    /// Of its first bytes.
    pub(super) head: Mark,
    /// Files that were seen to hold copies of it while it was in its place.
    #[serde(default)]
    pub(super) copies: Vec<Copied>,
    /// How far it was acknowledged.
    pub(super) at: Cursor,
    /// Whether nothing more is to be read of it, unless it grows: packed logs that were read, copies of what was read.
    pub(super) finished: bool,
    /// Seconds since 1970 when it was found to be gone.
    pub(super) gone_since: Option<u64>,
}

impl Entry {
    /// Whether a follower can have written it. So many bytes are read to compare marks, whoever wrote it.
    fn is_possible(&self) -> bool {
        let heads = self.copies.iter().map(|copy| &copy.head).chain([&self.head]);
        heads.map(|head| head.bytes).all(|bytes| bytes <= HEAD_BYTES)
            && self.at.tail.bytes <= TAIL_BYTES
            && u64::try_from(self.at.tail.bytes).is_ok_and(|bytes| bytes <= self.at.offset)
    }
}

/// A copy of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    pub(super) file: FileKey,
    /// Of its first bytes.
    pub(super) head: Mark,
}

/// A file of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct FileKey {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl FileKey {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// A place in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Bytes of the log, unpacked; of event logs of Windows the last record's identifier.
    pub(super) offset: u64,
    /// Lines before it, since it is followed; of event logs of Windows the highest number that headers of chunks named that were read.
    pub(super) line: u64,
    /// Of the last bytes before it, which tell a log that was truncated and has grown again.
    pub(super) tail: Mark,
}

/// All that a follower knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// Says that it is this checkpoint and no other: one that was begun anew gives the same numbers to other logs.
    #[serde(default)]
    pub(super) identity: String,
    /// The number of the next new log.
    pub(super) next: u64,
    /// The logs, in the order of their numbers.
    pub(super) logs: Vec<Entry>,
}

/// The checkpoint on disk, locked.
pub(super) struct Checkpoint {
    path: PathBuf,
    _lock: File,
}

impl Checkpoint {
    /// Locks the checkpoint and reads it; none if there is none yet.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<State>), Error> {
        let lock = lock(path)?;
        let checkpoint = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((checkpoint, None)),
            Err(error) => return Err(Error::file("open", path)(error)),
        };
        let mut text = Vec::new();
        file.take(BYTES_MAX + 1)
            .read_to_end(&mut text)
            .map_err(Error::file("read", path))?;
        let refused = |reason: String| Error::Checkpoint {
            path: path.to_owned(),
            reason,
        };
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > BYTES_MAX {
            return Err(refused(format!("it has more than {BYTES_MAX} bytes")));
        }
        let state: State = serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
        if state.version != VERSION {
            return Err(refused(format!("it is of version {}, not {VERSION}", state.version)));
        }
        if state.logs.iter().any(|entry| entry.log >= state.next) {
            return Err(refused("a log has a number that wasn't given yet".to_owned()));
        }
        if !state.logs.iter().all(Entry::is_possible) {
            return Err(refused("a log has marks that none can have".to_owned()));
        }
        Ok((checkpoint, Some(state)))
    }

    /// Writes it durably.
    pub(super) fn save(&self, identity: &str, next: u64, logs: Vec<Entry>) -> Result<(), Error> {
        let state = State {
            version: VERSION,
            identity: identity.to_owned(),
            next,
            logs,
        };
        let text = serde_json::to_vec(&state).map_err(|error| Error::Checkpoint {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        let new = beside(&self.path, "new");
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .map_err(Error::file("write", &new))?;
        std::fs::rename(&new, &self.path).map_err(Error::file("replace", &self.path))?;
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::file("sync", folder))
    }
}

/// A name for a new checkpoint that no other has.
pub(super) fn new_identity() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let now = std::time::SystemTime::now();
    // Two are apart by the time at which they were begun, or by the system's randomness.
    format!("{:016x}", RandomState::new().hash_one((now, std::process::id())))
}

fn lock(path: &Path) -> Result<File, Error> {
    let path_of_lock = beside(path, "lock");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path_of_lock)
        .map_err(Error::file("open", &path_of_lock))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::CheckpointInUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::file("lock", &path_of_lock)(error)),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(log: u64) -> Entry {
        Entry {
            log,
            path: PathBuf::from("/var/log/auth.log"),
            file: Some(FileKey { device: 1, inode: 2 }),
            head: Mark::of(b"first"),
            copies: Vec::new(),
            at: Cursor {
                offset: 9,
                line: 1,
                tail: Mark::of(b"last"),
            },
            finished: false,
            gone_since: None,
        }
    }

    #[test]
    fn what_was_saved_is_read_again_and_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let (first, state) = Checkpoint::open(&path).unwrap();
        assert_eq!(state, None);
        first.save("one", 8, vec![entry(7)]).unwrap();
        assert!(matches!(Checkpoint::open(&path), Err(Error::CheckpointInUse { .. })));
        drop(first);
        let (_, state) = Checkpoint::open(&path).unwrap();
        let state = state.unwrap();
        assert_eq!((&*state.identity, state.next, state.logs), ("one", 8, vec![entry(7)]));
    }

    #[test]
    fn a_damaged_checkpoint_is_refused_and_not_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let (first, _) = Checkpoint::open(&path).unwrap();
        first.save("one", 8, vec![entry(7)]).unwrap();
        drop(first);
        let good = std::fs::read_to_string(&path).unwrap();
        for bad in [
            "",
            "{",
            &good.replace("\"version\":1", "\"version\":2"),
            &good.replace("\"next\":8", "\"next\":7"),
            &good.replace("\"bytes\":4", "\"bytes\":400000000"),
            &good.replace("\"offset\":9", "\"offset\":3"),
        ] {
            std::fs::write(&path, bad).unwrap();
            assert!(
                matches!(Checkpoint::open(&path), Err(Error::Checkpoint { .. })),
                "{bad}"
            );
        }
    }
}
