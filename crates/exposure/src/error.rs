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
