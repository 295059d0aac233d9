//! Regulators' clocks: who has to be told of an incident, by when, and whether that was done.
//!
//! What the law says is in data files (`data/*.toml`, and files of one's own); here it is only counted. Where the law leaves room, the
//! earlier time is taken: due times may be too early, never too late.

mod count;
mod jurisdiction;
mod parse;
mod store;

pub use count::{Clock, ClockState};
pub use jurisdiction::{Duty, Force, Jurisdiction, Start, Within};
pub use parse::{built_in, parse_jurisdictions, with_own};
pub use store::{Outcome, Started, Stop, Stopped, clocks, start_clocks, stop_clock};
