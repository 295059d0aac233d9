//! Sigma rules: loaded, chosen, evaluated and explained.
//!
//! Parsing and matching is the work of the `rsigma` crates, of which nothing is seen from outside; correlations, by the times of events
//! instead of their arrival, are our own. No file is opened here: whoever has texts of rules gives them in.
//!
//! ```text
//! texts -> load -> Loaded -> Engine::new -> evaluate (event) -> alerts
//!                                |-> coverage (which rules can't fire here, and why)
//!                                `-> explain (why a rule did or didn't match an event)
//! ```

mod check;
mod choices;
mod correlation;
mod coverage;
mod engine;
pub mod example;
mod expand;
mod explain;
mod fields;
mod load;
pub mod pack;
mod rule;
mod stage;

pub use check::{Diagnostic, Severity, check};
pub use choices::{Choices, Exception};
pub use correlation::NotRestored;
pub use coverage::{CannotFire, FieldsSeen, Inputs, Reason, coverage};
pub use engine::{Detector, Engine, Hits, Restored, Settings};
pub use explain::{Explanation, Line, explain};
pub use load::{Loaded, RULES_MAX, Refused, load};
pub use rule::{Rule, Status, Wanted};
pub use stage::Stage;
