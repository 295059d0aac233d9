//! Alerts: what a layer noticed, in one vocabulary.

mod store;
mod vocabulary;

pub(crate) use store::SCHEMA;
pub use vocabulary::{Alert, AlertId, Layer, NewAlert, Severity};
