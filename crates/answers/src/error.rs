//! What can go wrong while looking for answers.

use crate::past::PastError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The volume's past can't be read.
    #[error("the volume's past can't be read")]
    Past(#[source] PastError),
    /// The disk held no file system that can be read, at the start of the window.
    #[error("no file system can be read at the start of the window: {reason}")]
    NoFileSystem {
        /// What was found instead.
        reason: String,
    },
    /// More files than are looked at.
    #[error("the file system holds more than {most} files and folders: they can't be compared")]
    TooManyFiles {
        /// The most.
        most: u64,
    },
    /// A result couldn't be written.
    #[error("writing failed")]
    Write(#[from] std::io::Error),
    /// The caller broke it off.
    #[error("broken off")]
    Stopped,
}
