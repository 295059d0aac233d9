//! Why a drill couldn't be carried out. What a drill found out is no error: it is in its result.

use std::io;

/// Why a drill couldn't be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store refused or failed.
    #[error(transparent)]
    Volume(#[from] volume::Error),
    /// A file of the drills couldn't be read or written.
    #[error("can't {operation} `{file}`: {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        file: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The disk couldn't be examined.
    #[error("the disk can't be examined: {0}")]
    Examination(String),
    /// The drill was told to stop.
    #[error("the drill was stopped before its end")]
    Stopped,
    /// The volume is in a state in which a drill would be in the way.
    #[error("no drill now: {0}")]
    NotNow(String),
    /// There is nothing on the disk that could be attacked.
    #[error("there is nothing on the disk that a drill could attack")]
    NothingThere,
    /// The case needs something that the disk doesn't have.
    #[error("the case `{case}` can't be tried on this disk: {lacks}")]
    CaseImpossible {
        /// The case.
        case: &'static str,
        /// What is lacking.
        lacks: &'static str,
    },
    /// No case has this name.
    #[error("no case is named `{0}`")]
    UnknownCase(String),
}

impl Error {
    pub(crate) fn file(operation: &'static str, file: &std::path::Path, source: io::Error) -> Self {
        Self::File {
            operation,
            file: file.display().to_string(),
            source,
        }
    }
}
