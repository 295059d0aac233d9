//! What can go wrong with a disk image.

use std::io;

/// An error of a disk image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file is not of the format that was asked for.
    #[error("the file is not a {0} image")]
    NotThisFormat(&'static str),
    /// The image uses a feature that isn't supported.
    #[error("the image {0}, which isn't supported")]
    Unsupported(&'static str),
    /// The image contradicts itself.
    #[error("the image is damaged: {what} `{value:#x}` is not possible")]
    Damaged {
        /// Which part of the image.
        what: &'static str,
        /// The value found there.
        value: u64,
    },
    /// A compressed cluster can't be decompressed.
    #[error("the image is damaged: the compressed cluster at offset `{offset:#x}` can't be decompressed")]
    DamagedCluster {
        /// Where in the image file.
        offset: u64,
    },
    /// The image file couldn't be read or written.
    #[error("{operation} the image: {source}")]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The volume couldn't be read or written.
    #[error(transparent)]
    Volume(#[from] volume::Error),
    /// Whoever asked for the copy went away or interrupted it.
    #[error("interrupted")]
    Interrupted,
}

impl ImageError {
    pub(crate) fn reading(source: io::Error) -> Self {
        Self::Io {
            operation: "read",
            source,
        }
    }

    pub(crate) fn writing(source: io::Error) -> Self {
        Self::Io {
            operation: "write",
            source,
        }
    }
}
