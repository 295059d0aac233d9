//! Which records are asked for.

use super::record::Sequence;
use crate::people::Actor;
use crate::time::Time;

/// Which records are asked for; whatever is `None` doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those after this one; 0 for all.
    pub after: Sequence,
    /// Those about something: `incident/7`.
    pub subject: Option<String>,
    /// Those whose kind is this or begins with it: `incident.` or `action.started`.
    pub kind: Option<String>,
    /// Those of somebody.
    pub actor: Option<Actor>,
    /// Those of this time or later.
    pub since: Option<Time>,
    /// Those of this time or earlier.
    pub until: Option<Time>,
}
