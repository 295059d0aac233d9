//! What bytes look like, and what became of a file's: from samples of its old and of its new content.

mod judge;
mod kind;
mod sample;
mod text;

pub(crate) use judge::{Judgement, Origin, Verdict, judge};
pub use kind::Kind;
pub(crate) use sample::{Sample, SampleOf};
