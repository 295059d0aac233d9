//! Notices: who is told of what, by which way, when, and again until somebody acknowledges.

mod about;
mod plan;
mod settings;
mod vocabulary;

pub use about::About;
pub use plan::{acknowledge, advance, attempting, delivered, due, failed, plan, retry};
pub use settings::{Digest, Group, Quiet, Recipient, Settings, Step, UPDATE_EVERY};
pub use vocabulary::{Content, Due, Filter, NotTaken, Notice, NoticeId, NoticeState, Telling, WayChange};

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";
