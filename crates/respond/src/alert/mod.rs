//! Alerts: what a layer noticed, in one vocabulary.

mod vocabulary;
mod store;

pub use vocabulary::{Alert, AlertId, Layer, NewAlert, Severity};
pub(crate) use store::SCHEMA;
