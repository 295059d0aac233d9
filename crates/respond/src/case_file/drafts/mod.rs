//! Drafts: texts made of the register, the clocks and the records, and of what people filled in. Nothing is made up: what isn't known is
//! said to be unknown, and what is missing shows as something to fill in.
//!
//! Invariants: a draft is final only when nothing is to be filled in, every fact in it is confirmed and still as it was when the draft
//! was made, and two people approved it; what went out names the versions of facts that it went out with.

mod known;
mod promises;
mod render;
mod store;
mod values;
mod vocabulary;

pub use known::{Known, KnownClass};
pub(in crate::case_file) use render::date_and_time;
pub use render::{Material, Rendered, Templates, render};
pub use store::{approve_draft, draft, drafts, drafts_with_obstacles, make_draft, mark_sent, obstacles, things, wish};
pub use values::{KNOWN as VALUES, asks_for, check_value, fill, values};
pub use vocabulary::{APPROVALS_NEEDED, Approval, Draft, DraftId, DraftKind, DraftState, UsedFact};
