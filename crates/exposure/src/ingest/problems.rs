//! What could not be read.

use serde::Serialize;

/// How many are listed; more are counted.
const LISTED_MAX: usize = 1000;

/// Something that could not be read. It says where and why, and never what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, and the member of an archive behind ` > `.
    pub file: String,
    /// The line, from 1, where lines are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The byte in it, unpacked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Why.
    pub reason: String,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub listed: Vec<Problem>,
}

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        self.count += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(problem);
        }
    }
}
