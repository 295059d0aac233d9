//! Which alerts are asked for.

use super::vocabulary::{AlertId, Layer, Severity};
use crate::incident::IncidentId;
use crate::time::Time;

/// Which alerts are asked for; whatever is `None` doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of an incident.
    pub incident: Option<IncidentId>,
    /// Those of a layer.
    pub layer: Option<Layer>,
    /// Those that are at least so bad.
    pub severity: Option<Severity>,
    /// Those about a volume.
    pub volume: Option<String>,
    /// Those about a host.
    pub host: Option<String>,
    /// Those about a person or account.
    pub identity: Option<String>,
    /// Those noticed (last) at this time or later.
    pub since: Option<Time>,
    /// Those noticed (first) at this time or earlier.
    pub until: Option<Time>,
    /// Those whose kind, title or text contain this, in upper or lower case.
    pub text: Option<String>,
    /// Whether those are among them that were added to others.
    pub which: Which,
}

/// Whether alerts that were added to others are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All: what programs and policies are told.
    #[default]
    All,
    /// Only those that stand by themselves: the lines that people read.
    Lines,
    /// Only those that were added to this one.
    PartsOf(AlertId),
}
