//! The incident file: what happened, what is known of people's data, who has to be told by when, and what is sent to them.
//!
//! A file is about one incident. Its [`mod@timeline`] is made of the ledger's records; its register of [`mod@facts`] says for every system and
//! class of data whether it was taken; its [`mod@clocks`] say what regulators want by when; its [`drafts`] are made of these and of nothing
//! else; and the [`mod@paper`] pack has all of it as a PDF, for the day when nothing works.

pub mod clocks;
mod columns;
pub mod drafts;
pub mod facts;
pub mod paper;
mod tables;
pub mod timeline;

pub use clocks::{Clock, Jurisdiction, clocks};
pub use drafts::{Draft, DraftId, DraftKind};
pub use facts::{Answer, Fact, FactId, NewFact, approve_fact, facts, set_fact};
pub use paper::paper;
pub(crate) use tables::SCHEMA;
pub use timeline::{Entry, Timeline, timeline};
