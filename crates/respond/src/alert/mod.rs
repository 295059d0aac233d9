//! Alerts: what a layer noticed, in one vocabulary.

mod filter;
mod roll_up;
mod store;
mod take;
mod vocabulary;

pub use filter::Filter;
pub use roll_up::roll_up;
pub(crate) use store::SCHEMA;
pub use take::{SAME_MILLIS, Taken};
pub(crate) use take::{Taker, alone, set_incident};
pub use vocabulary::{Alert, AlertId, Layer, NewAlert, Severity};
