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
    #[error("no account was found in {files} files, so nothing was loaded; {problems} parts could not be read")]
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
    /// The ledger refused or failed.
    #[error("the ledger `{}`: {source}", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The ledger was written by a newer Holdfast.
    #[error("the ledger `{}` has version {found}, this program knows {known}; install the newer Holdfast", path.display())]
    LedgerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        known: u32,
    },
}

impl Error {
    /// For `map_err`: names the file of an I/O error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
