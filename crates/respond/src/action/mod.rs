//! Actions: what was decided to be done, whether it was, and how it ended. Each runs at most once.
//!
//! The order of effects: an action is planned in the transaction of the alert that led to it; that it is started is durable before
//! anything is done; how it ended is recorded after. Whoever carries it out marks what it does with the action's name
//! ([`Action::mark`]), so that after a kill somebody can look whether it was done ([`after_restart`]).

mod kind;
mod plan;
mod run;
mod store;
#[cfg(test)]
mod tests;

pub use kind::{ActionId, ActionKind, ActionState};
pub use plan::plan;
pub(crate) use plan::{FENCES_WITHIN_MILLIS, approved, mark, not_approved};
pub use run::{Found, Lane, after_restart, finish, is_planned, next, start, tell_waiting, told};
pub use store::{Action, Filter};
pub(crate) use store::{SCHEMA, json};
