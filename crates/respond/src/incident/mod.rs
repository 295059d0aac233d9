//! Incidents: alerts that belong together, what they amount to, and what was decided.

mod store;
mod vocabulary;

pub(crate) use store::SCHEMA;
pub use vocabulary::{Incident, IncidentId, IncidentState, ScorePart};
