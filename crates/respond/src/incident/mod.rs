//! Incidents: alerts that belong together, what they amount to, and what was decided.

mod change;
mod correlate;
mod current;
mod filter;
mod score;
mod standing;
mod store;
mod vocabulary;

pub use change::{NOTE_BYTES_MAX, acknowledge, assign, close, note, recovered, reopen};
pub use correlate::Changed;
pub(crate) use correlate::Correlator;
pub use current::OPENS;
pub use filter::Filter;
pub use score::SCORE_MAX;
pub(crate) use standing::EntityKind;
pub(crate) use store::SCHEMA;
pub use vocabulary::{Incident, IncidentId, IncidentState, ScorePart};
