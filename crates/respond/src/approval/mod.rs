//! Approvals: what is dangerous needs a second person.
//!
//! Off until it is turned on by [`enable`], which needs at least two administrators. From then on an operation that a rule covers runs only
//! with a request that enough other people have approved: [`use_up`] looks for one and uses it, in one transaction and before the
//! operation's effect.
//!
//! Invariants, held by a test with a model: nobody's approval counts for what they asked for, by whichever of their identities; nobody's
//! counts twice; a request fits one operation, subject and detail, is used at most once, and never after it has expired; rules are weakened,
//! and approvals turned off, only with a request that was approved under the rules before.

mod ask;
mod begun;
mod breakglass;
mod kept;
mod operation;
mod rules;
mod store;
#[cfg(test)]
mod tests;
mod used;
mod vote;
mod voters;
mod words;

pub(crate) use ask::ask_for_policy;
pub use ask::{ask, withdraw};
pub use begun::{begin, cut_off, end, give_up};
pub use breakglass::{CODE_BYTES, Code, Seals, break_glass, seal, seals};
pub use kept::{all_kept, forget_kept, keep, kept};
pub use operation::Operation;
pub(crate) use rules::is_covered;
pub use rules::{Approvers, Rule, Rules, Standing, disable, enable, is_on, rules, set_rules, standing};
pub use store::{Filter, Request, RequestId, RequestState, Vote};
pub use used::{Pass, Permission, expire, give_back, is_any_expired, may, use_up};
pub use vote::{approve, refuse};
pub(crate) use voters::person;
pub use words::{Wish, release_detail};

pub(crate) use store::SCHEMA;
