//! What happened to the files of one file system, from all files before and after.

mod deleted;
mod finding;
mod notes;
mod pairs;
mod touched;
mod verdicts;

pub(crate) use finding::{Finding, Findings, Ground};
pub(crate) use pairs::stem_of;
pub(crate) use touched::raw_sample;
pub(crate) use verdicts::compare;
