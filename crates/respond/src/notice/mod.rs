//! Notices: who is told of what, by which way, when, and again until somebody acknowledges.
//!
//! One thing's way: [`plan()`] hears of it, in the transaction that records it, and keeps one row of it for a group (`topic`),
//! however often it is heard of. [`advance`] decides by the time (`look`, pure) what is told now: the first notice, that it got
//! worse, what is new, the next step of the chain; and makes one notice for each recipient (`outgoing`). The binary sends what
//! is [`due`] and says how that ended. Nothing is only in memory: whatever is killed when, it goes on from here.

mod about;
mod content;
mod hours;
mod look;
mod outgoing;
mod plan;
mod records;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod topic;
mod vocabulary;

pub use about::About;
pub use outgoing::{attempting, configured, delivered, due, failed, next_due, retry, test};
pub use plan::{acknowledge, advance, go_on, next, plan};
pub(crate) use schema::SCHEMA;
pub use settings::{Digest, Group, Quiet, Recipient, Settings, Step, UPDATE_EVERY};
pub use vocabulary::{Content, Due, Filter, NotTaken, Notice, NoticeId, NoticeState, Telling, WayChange};
