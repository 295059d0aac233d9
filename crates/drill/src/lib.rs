//! Resilience tests: a fork of the present disk is attacked under guard, restored, and compared file by file; the past is opened
//! and compared with what earlier tests found.
//!
//! What can be written through is the type [`DrillFork`], and there is no way to one but making a new fork. The attack is a list
//! of places with nothing but a seed behind it: no tool that encrypts anything, and nothing that knows files of this machine.
//!
//! A drill is run by [`run()`]; results are kept by [`History`]. Who parses foreign file systems is the caller's choice
//! ([`Examiner`]).

mod attack;
mod case;
mod check;
mod clock;
mod compare;
mod error;
mod examiner;
mod fork;
mod history;
mod keep;
mod ledger;
mod moments;
mod noise;
mod pace;
mod page;
mod result;
mod run;
mod survey;
mod targets;
mod verdict;
mod witness;

pub use case::Case;
pub use error::Error;
pub use examiner::{Examiner, InThread};
pub use fork::{Cleared, DrillFork, Source, clear_leftovers, fork_name, is_leftover};
pub use history::History;
pub use pace::Moved;
pub use page::{Facts, VolumePage, page};
pub use result::{
    AttackResult, Check, CheckOutcome, Compared, Cost, DrillResult, FileSystemResult, MomentsResult, Noticed,
    RESULT_VERSION, RestoreResult, Trigger, Verdict,
};
pub use run::{Options, run};
pub use survey::{AllFiles, AreaSeen, FileSeen, KnownFile, PieceSeen, Survey, SurveyRequest, survey};
