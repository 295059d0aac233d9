//! What can go wrong with files, checkpoints and sockets. What is wrong with one record is no error, but counted.

use std::io;
use std::path::{Path, PathBuf};

/// An error that ends what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something can't be done with a file or folder.
    #[error("can't {what} `{}`: {source}", path.display())]
    File {
        /// What was attempted, as a verb.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A checkpoint isn't one, or not one of this version. Going on without it would lose or repeat records.
    #[error("the checkpoint `{}` can't be used: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why, as a fragment.
        reason: String,
    },
    /// Another process follows with this checkpoint.
    #[error("the checkpoint `{}` is in use by another process", path.display())]
    CheckpointInUse {
        /// The file.
        path: PathBuf,
    },
    /// A batch was acknowledged that isn't the oldest one outstanding.
    #[error("batch {number} was acknowledged out of turn")]
    OutOfTurn {
        /// The batch.
        number: u64,
    },
    /// A socket can't be made or listened on.
    #[error("can't listen on `{address}`: {source}")]
    Listen {
        /// Where.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(io::Error),
}

impl Error {
    /// Makes errors of a system call on a file.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
