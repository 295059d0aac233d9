//! Rules of several events: how often, how many different values, which rules, in which order, within a span of time.
//!
//! The Sigma library's own correlations go by the order of arrival. These go by the times of the events: what comes late is put where it
//! belongs, and completes windows that end after it.
//!
//! ```text
//! hit of a rule -> plan (which correlations, which group) -> group (entries by time) -> judge (does a window hold?) -> fired -> its parents
//! ```

mod group;
mod judge;
mod plan;
mod saved;
mod state;

pub(crate) use plan::{Correlation, Names, Plan, check, is_temporal};
pub use saved::NotRestored;
pub(crate) use state::{Correlator, Fired, Limits};

/// Correlations of correlations: how many steps a firing is passed on at most.
pub(crate) const CHAIN_MAX: usize = 8;
/// Rules that a correlation refers to at most.
const SOURCES_MAX: usize = 64;
