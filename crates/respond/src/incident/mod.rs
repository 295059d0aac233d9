//! Incidents: alerts that belong together, what they amount to, and what was decided.

mod vocabulary;
mod store;

pub use vocabulary::{Incident, IncidentId, IncidentState, ScorePart};
pub(crate) use store::SCHEMA;
