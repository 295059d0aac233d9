//! What was read, and what had to be left out.

use serde::{Deserialize, Serialize};

/// How many malformed lines are listed.
const LISTED_MAX: usize = 10;

/// What was read and left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Lines or records read.
    pub lines: u64,
    /// Of these, hashes that were taken.
    pub taken: u64,
    /// Empty lines, and rows with count 0, which only pad a range.
    pub blank: u64,
    /// Lines or records that can't be understood.
    pub malformed: u64,
    /// The first of them.
    pub first_malformed: Vec<Malformed>,
    /// Files of a folder that are missing.
    pub files_missing: u64,
}

/// A line that can't be understood. Its text is not kept: it may be a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// The file's name in the folder that is imported; empty for a single file.
    pub file: String,
    /// The line or record in that file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a line is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    NotAHash,
    WrongKind,
    NotACount,
    TooLong,
    NotUtf8,
    NegativeCount,
    CutOff,
}

impl Reason {
    const fn text(self) -> &'static str {
        match self {
            Self::NotAHash => "not a hash in hexadecimal digits",
            Self::WrongKind => "a hash of another length than those before",
            Self::NotACount => "the count is not a number from 0 to 4294967295",
            Self::TooLong => "longer than any hash or password",
            Self::NotUtf8 => "not UTF-8",
            Self::NegativeCount => "the count is negative",
            Self::CutOff => "the last record is cut off",
        }
    }
}

impl Tally {
    /// Counts a line that is left out, and lists it if it is one of the first.
    pub(super) fn leave_out(&mut self, file: &str, line: u64, reason: Reason) {
        self.malformed += 1;
        if self.first_malformed.len() < LISTED_MAX {
            self.first_malformed.push(Malformed {
                file: file.to_owned(),
                line,
                reason: reason.text().to_owned(),
            });
        }
    }
}
