//! Alerts: what a layer noticed, in one vocabulary.

mod filter;
mod store;
mod take;
mod vocabulary;

pub use filter::Filter;
pub(crate) use store::SCHEMA;
pub use take::{SAME_MILLIS, Taken};
pub(crate) use take::{Taker, alone, set_incident};
pub use vocabulary::{Alert, AlertId, Layer, NewAlert, Severity};
