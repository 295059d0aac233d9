//! Recovery that keeps good work: a plan made from an investigation, and the archive of what is set aside.
//!
//! Two ways. *Surgical*: only the blocks of damaged files go back, each file to its newest good version; everything else stays as it is.
//! That takes that every damaged file lies where it lay, under its name. Otherwise *rollback*: the disk returns to the moment before, and
//! the files that were made or changed well since are set aside, in an archive with a list (and in a fork, which the caller makes).

mod archive;
mod plan;

pub use archive::{ArchiveReport, write_archive};
pub use plan::{PIECES_MAX, Plan, SetAside, Source, Way, plan};
