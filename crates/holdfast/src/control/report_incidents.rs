//! What `status` tells of incidents. Fields are added, never renamed or removed.

use respond::alert::Severity;
use respond::incident::IncidentState;
use serde::{Deserialize, Serialize};

/// Incidents that aren't done with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentsReport {
    /// How many.
    pub open: u64,
    /// The one with the highest score.
    pub worst: OpenIncident,
}

/// An incident that isn't done with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Its number.
    pub id: i64,
    /// What it is, in a few words.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// 0 to 100.
    pub score: u32,
    /// How far it is.
    pub state: IncidentState,
}
