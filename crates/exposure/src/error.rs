//! What can go wrong in a breach monitor.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be done. Messages never contain an address, a password or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{action} `{}`: {source}", path.display())]
    Io {
        /// What was tried ("read", "write").
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Stored bytes are not what was written.
    #[error("`{}` is damaged at byte {offset}: {what}; import its source again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The file about a breach can't be used.
    #[error("the file about the breach: {what}")]
    About {
        /// What is wrong with it.
        what: String,
    },
    /// No account was found in what was to be imported.
    #[error("no account was found (files: {files}, parts that could not be read: {problems}), so nothing was loaded")]
    NothingFound {
        /// How many files were looked at.
        files: u64,
        /// How many parts could not be read.
        problems: u64,
    },
    /// What was to be a paste is larger than pastes are.
    #[error("there are more than {max} addresses in it; import it as a breach")]
    PasteTooLarge {
        /// The most addresses of a paste.
        max: usize,
    },
    /// Somebody asked to stop.
    #[error("stopped; nothing was loaded")]
    Stopped,
    /// So many hashes begin with the same digits that they can't be hashes.
    #[error("`{}`: too many hashes begin with `{prefix}`, as happens only where they are made up; nothing was imported", path.display())]
    TooManyAlike {
        /// The file that was being written.
        path: PathBuf,
        /// The first five digits.
        prefix: String,
    },
    /// A hash of the wrong length was asked for.
    #[error("a hash of {found} bytes was asked for, one of {expected} was expected")]
    HashLength {
        /// Bytes of a hash of this kind.
        expected: usize,
        /// Bytes of the one that was given.
        found: usize,
    },
    /// The files were written by a newer Holdfast.
    #[error("`{}` has version {found}, this program knows {known}; install the newer Holdfast", path.display())]
    StoreVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        known: u32,
    },
    /// Another process changes the same files.
    #[error("`{}` is being changed by another command; try again when it has ended", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// There are as many breaches as a row of a table can name.
    #[error("{max} breaches are loaded, which is as many as there can be; import several as one")]
    TooManyBreaches {
        /// How many there can be.
        max: usize,
    },
    /// What was to be imported can't be.
    #[error("`{}` can't be imported: {what}; nothing was changed", path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// Why, and what to do.
        what: String,
    },
    /// A compressed file ends early or is damaged.
    #[error("`{}` ends early or is damaged: {source}; nothing was changed, fetch the file again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: io::Error,
    },
    /// A source would lose most of what it has.
    #[error("`{source_name}` has {before} hashes and would be replaced with {after}; nothing was changed")]
    WouldShrink {
        /// The source.
        source_name: String,
        /// Hashes that it has.
        before: u64,
        /// Hashes that it would have.
        after: u64,
    },
    /// A name that can't be used for a source.
    #[error(
        "`{name}` is no name for a source: use 1 to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
    )]
    SourceName {
        /// The name.
        name: String,
    },
    /// There is no such source.
    #[error("there is no source `{name}`")]
    NoSuchSource {
        /// The name.
        name: String,
    },
    /// There are more sources than are read side by side.
    #[error("there are {most} sources already; remove one, or import into one of them")]
    TooManySources {
        /// How many there can be.
        most: usize,
    },
    /// More was added to sources than is read side by side.
    #[error(
        "{most} parts wait to be merged; `holdfast exposure merge` merges them, then the same command goes on where it was"
    )]
    TooManyParts {
        /// How many there can be.
        most: usize,
    },
    /// The ledger refused or failed.
    #[error("the ledger `{}`: {source}", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The secret key of private asking can't be used.
    #[error("`{}` is not the key of private asking: {what}; `holdfast exposure private rotate` makes a new one", path.display())]
    PrivateKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file of private asking is not what was written.
    #[error("`{}` is damaged: {what}; `holdfast exposure private build` makes it anew", path.display())]
    PrivateIndex {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// What the other side of a private question sent is against the protocol.
    #[error("a private question failed: {what}; nothing was learned about the address, ask again")]
    Protocol {
        /// What is wrong with it.
        what: &'static str,
    },
    /// More than the private index can hold.
    #[error("the private index holds at most {most} {what}, there are {found}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        most: u64,
    },
    /// People were added or erased while the private index was built.
    #[error("the accounts changed while the private index was built; build it again when no import runs")]
    PeopleChanged,
    /// The source of randomness failed.
    #[error("the system gives no randomness, without which no key can be made")]
    Randomness,
    /// A key of that name is in use.
    #[error("a key named `{name}` is in use; choose another name, or revoke that key first")]
    KeyExists {
        /// Its name.
        name: String,
    },
}

impl Error {
    /// Whether there was no room on the disk: with more of it, the same would have worked.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Ledger { source, .. } => {
                let is_for_memory = |error: &rusqlite::ffi::Error| {
                    // The file that processes share the log's index in can't be made as large as it has to be.
                    error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
                };
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
                    || source.sqlite_error().is_some_and(is_for_memory)
            }
            _ => false,
        }
    }

    /// For `map_err`: names the file of an I/O error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
