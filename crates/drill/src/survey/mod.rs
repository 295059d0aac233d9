//! What is on a disk: file systems, and some of their files with places and hashes.
//!
//! A survey parses foreign structures, so it is a pure function from a disk and a request to a report, both of which can
//! cross a process's boundary: see [`crate::Examiner`].

mod files_of;
mod sample;
mod tour;

use serde::{Deserialize, Serialize};

pub use tour::survey;

/// Most file systems that are looked at on one disk.
pub(crate) const AREAS_MAX: usize = 32;
/// Most pieces of one file; a file in more pieces is left out.
pub(crate) const PIECES_MAX: usize = 2048;
/// Most pieces of all files together: bounds the report.
pub(crate) const PIECES_IN_ALL_MAX: usize = 1 << 17;
/// Longest path that is told, in bytes; longer ones are cut.
pub(crate) const PATH_BYTES_MAX: usize = 1024;
/// Most problems that are told.
pub(crate) const PROBLEMS_MAX: usize = 16;

/// What is asked of a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyRequest {
    /// Chooses among the files.
    pub seed: u64,
    /// Bytes of files that are chosen, at most.
    pub bytes_max: u64,
    /// Files that are chosen, at most.
    pub files_max: u32,
    /// Names that are looked at, at most.
    pub names_max: u64,
    /// Seconds that choosing may take, at most.
    pub seconds_max: u32,
    /// Files that are known, to be hashed again.
    pub known: Vec<KnownFile>,
    /// Whether all files of the disk are hashed, up to so many bytes.
    pub all_bytes_max: Option<u64>,
}

/// A file that an earlier survey hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KnownFile {
    /// The area.
    pub area: String,
    /// The node.
    pub node: u64,
    /// How much of it was hashed.
    pub hashed_bytes: u64,
}

/// What is on a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Partitions, logical volumes, or the disk itself.
    pub areas: Vec<AreaSeen>,
    /// The files chosen.
    pub files: Vec<FileSeen>,
    /// What of the known files is there, in the order asked.
    pub known: Vec<Option<FileSeen>>,
    /// Names looked at.
    pub names: u64,
    /// Whether all names were looked at.
    pub is_complete: bool,
    /// What couldn't be read.
    pub problems: Vec<String>,
    /// How many such things there were in all.
    pub problems_count: u64,
    /// Bytes of files that were hashed.
    pub hashed_bytes: u64,
    /// All files of the disk, if that was asked for.
    pub all: Option<AllFiles>,
}

/// The hashes of all files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllFiles {
    /// The beginnings of their hashes, in the order of folders.
    pub hashes: Vec<u64>,
    /// Their bytes.
    pub bytes: u64,
    /// Whether these are really all.
    pub is_complete: bool,
}

/// An area of a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaSeen {
    /// Its name; empty for the whole disk.
    pub name: String,
    /// What it is: a file system's name, or what is there instead.
    pub kind: String,
    /// Whether its files can be read.
    pub is_read: bool,
    /// Why not, if there is a file system that should be readable.
    pub problem: Option<String>,
    /// Its size.
    pub size_bytes: u64,
    /// Where it lies.
    pub pieces: Vec<PieceSeen>,
    /// What waited in its journal.
    pub replayed: Option<String>,
}

/// A piece of an area or a file, and where it lies on the disk. In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PieceSeen {
    /// First byte within the area or file.
    pub logical: u64,
    /// First byte on the disk.
    pub physical: u64,
    /// Bytes.
    pub length: u64,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// The area's name.
    pub area: String,
    /// Its path, as far as it can be shown.
    pub path: String,
    /// Its node.
    pub node: u64,
    /// Tells uses of one node apart.
    pub generation: u64,
    /// Its size.
    pub size_bytes: u64,
    /// When its content was changed last, in nanoseconds since 1970.
    pub modified: i64,
    /// Where its content lies, as far as it is stored plainly, of the part that is hashed.
    pub pieces: Vec<PieceSeen>,
    /// Bytes from its beginning that are hashed.
    pub hashed_bytes: u64,
    /// The BLAKE3 hash of these bytes, in hexadecimal.
    pub hash: Option<String>,
    /// Why they couldn't be read.
    pub problem: Option<String>,
}

impl Survey {
    pub(crate) fn note(&mut self, problem: impl FnOnce() -> String) {
        self.problems_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem());
        }
    }
}
