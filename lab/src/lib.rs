//! Traces, cases, training, evaluation, and figures of volumes with much history. Never shipped.

pub mod judge;
pub mod replayed;
pub mod session;
pub mod trace;

mod chance;
mod cost;
mod figures;
mod history;
mod ledger;
mod personal;
mod private_questions;
mod scale;
mod store;
pub mod training;
mod watching;

pub mod command;

/// Any error: this program only reports them.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
