//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use crate::ledger::Sequence;

/// Why something could not be done. Messages contain no secret.
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
    /// The ledger could not be read or written.
    #[error("the ledger `{}`: {source}", path.display())]
    Ledger {
        /// Its file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// There is no room for what was to be written.
    #[error(
        "the disk below the ledger `{}` is full: nothing more can be noted in it; what it has stays. Make room on that disk: \
         then the ledger is written again, without a restart",
        path.display()
    )]
    LedgerFull {
        /// Its file.
        path: PathBuf,
    },
    /// The file is another program's.
    #[error(
        "`{}` is no ledger of Holdfast's: it is left as it is. Move it away and start the daemon again, which makes a new \
         ledger, or put a backup of the ledger in its place",
        path.display()
    )]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error(
        "the ledger `{}` is damaged ({source}): check the disk below; put a backup in its place, or move it away and start \
         the daemon again, which makes a new one. Disks are served meanwhile",
        path.display()
    )]
    LedgerDamaged {
        /// Its file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The key that signs heads can't be used.
    #[error(
        "`{}` is no key: heads of the ledger can't be signed with it. Put the key back from a backup, or remove the file: \
         then a new key is made, which the ledger notes",
        path.display()
    )]
    LedgerKey {
        /// The file.
        path: PathBuf,
    },
    /// The key of one-time codes can't be used.
    #[error(
        "`{}` is no key: secrets of one-time codes can't be encrypted with it. Put the key back from a backup, or remove the \
         file: then a new key is made, and codes that were encrypted with the old one have to be set up anew",
        path.display()
    )]
    CodeKey {
        /// The file.
        path: PathBuf,
    },
    /// A head can't be understood.
    #[error("`{}` is no head of a ledger: it was changed or damaged, and proves nothing", path.display())]
    LedgerHead {
        /// The file.
        path: PathBuf,
    },
    /// The ledger was written by a newer Holdfast.
    #[error("`{}` has version {found}, this program knows {known}; install the newer Holdfast", path.display())]
    LedgerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        known: u32,
    },
    /// A row of the ledger can't be understood.
    #[error(
        "record {sequence} of the ledger can't be understood: {what}; `holdfast ledger verify` tells whether it was changed"
    )]
    Record {
        /// Which.
        sequence: Sequence,
        /// What is wrong with it.
        what: String,
    },
    /// A file that people write can't be understood.
    #[error("`{name}` line {line}, column {column}: {what}")]
    DataFile {
        /// Its name.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// There is no such thing.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// What was looked for ("incident").
        what: &'static str,
        /// Its number or name.
        name: String,
    },
    /// A file of policies can't be used.
    #[error("`{file}` line {line}, column {column}: {cause}")]
    Policy {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, in characters, from 1.
        column: usize,
        /// What is wrong, and what was expected.
        cause: String,
    },
    /// It needs the approval of others.
    #[error("{what}")]
    ApprovalNeeded {
        /// What it is, and who can approve.
        what: String,
        /// The command that asks for it, or what to do meanwhile.
        next: String,
    },
    /// It can't be done in the state that things are in.
    #[error("{what}")]
    Refused {
        /// What can't be done, why, and what to do instead.
        what: String,
    },
}

impl Error {
    /// For `map_err` of file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
