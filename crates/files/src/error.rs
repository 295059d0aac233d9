//! What can go wrong with a file system.

use crate::disk::ReadFailed;
use crate::filesystem::NodeId;

/// An error of a partition table, a logical volume or a file system.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk couldn't be read.
    #[error(transparent)]
    Disk(#[from] ReadFailed),
    /// None of the structures that are known is there.
    #[error("no file system that Holdfast can read (ext2/3/4, XFS, NTFS, FAT, exFAT) is here")]
    Unrecognised,
    /// A structure contradicts its format.
    #[error("damaged {structure} at byte {offset}: {detail}")]
    Damaged {
        /// Which structure, in the format's own words ("inode 12", "extent tree", "MFT record").
        structure: &'static str,
        /// Where on the file system, in bytes.
        offset: u64,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// No file or folder has this number, or another one has it by now: what an orderly deletion leaves behind, which is no damage. It is
    /// damage if a name still leads here.
    #[error("node {0} isn't in use")]
    NotInUse(NodeId),
    /// The file system uses a feature that isn't read.
    #[error("{feature} isn't supported")]
    Unsupported {
        /// The feature, in the format's own words.
        feature: &'static str,
    },
    /// A node isn't what it is used as: a file read as a folder, for example.
    #[error("node {0} isn't a {1}")]
    NotA(NodeId, &'static str),
    /// Nothing has this path.
    #[error("`{path}` doesn't exist")]
    NotFound {
        /// The path, as far as it was followed.
        path: String,
    },
    /// The content is encrypted by the file system itself, or compressed in a way that isn't read.
    #[error("the content of node {0} can't be read: {1}")]
    Unreadable(NodeId, &'static str),
    /// The visitor asked to stop, or a limit on work was reached.
    #[error("stopped: {0}")]
    Stopped(&'static str),
}
