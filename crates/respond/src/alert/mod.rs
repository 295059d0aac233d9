//! Alerts: what a layer noticed, in one vocabulary.

mod filter;
mod roll_up;
mod store;
mod take;
mod vocabulary;

pub use filter::{Filter, Which};
pub use roll_up::roll_up;
pub(crate) use store::{FROM_1, SCHEMA};
pub use take::{SAME_MILLIS, Taken};
pub(crate) use take::{Taker, alone, set_incident};
pub use vocabulary::{ADDS_TO_STORY, Alert, AlertId, Layer, NewAlert, Parts, STORY, Severity, TELLS_STORY};
