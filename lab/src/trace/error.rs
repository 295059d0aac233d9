//! What can be wrong with a trace.

use std::io;

/// Why a trace can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The file doesn't begin like one.
    #[error("this is no trace: it doesn't begin with `HFTR`")]
    NotATrace,
    /// Written by another version of this program.
    #[error("this is a trace of version `{0}` of the format; this program knows version 2: record it anew")]
    OtherVersion(u16),
    /// The header's description isn't JSON, or too long.
    #[error("the trace's description can't be read: {0}")]
    Description(String),
    /// The file ends within a record or within its compressed stream: its writer was stopped, or a copy was.
    #[error("the trace is cut off after `{records}` whole records; what was read until there is good")]
    CutOff {
        /// Whole records before the cut.
        records: u64,
    },
    /// A record holds what no writer writes.
    #[error("the trace is damaged behind record `{records}`: {what}")]
    Damaged {
        /// Whole records before the damage.
        records: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A record that the format can't hold.
    #[error("a record can't be written: {0}")]
    TooLong(&'static str),
    /// The file system failed.
    #[error("the trace can't be accessed: {0}")]
    Io(#[from] io::Error),
}
