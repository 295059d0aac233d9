//! Logs that lie somewhere: files, files in folders, members of archives, each given as a stream.
//!
//! An archive is never unpacked to memory or disk. What it unpacks to is counted and bounded ([`Limits`]), and a file that can't be read, or not to
//! its end, is told ([`Problem`]) and the next one read.

mod archive;
mod budget;
mod find;
mod limits;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

pub(crate) use archive::{Shape, read_up_to, zstd_decoder};
pub use archive::{Sink, read};
pub use find::{Found, find};
pub use limits::Limits;

/// A file, or a member of an archive, that isn't read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Its path, and its name in the archive.
    pub name: String,
    /// Why, and what to do.
    pub reason: String,
}

impl Problem {
    fn new(name: String, error: &std::io::Error) -> Self {
        Self {
            name,
            reason: error.to_string(),
        }
    }
}
