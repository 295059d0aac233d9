//! Which incidents are asked for.

use crate::time::Time;

/// Which incidents are asked for; whatever is `None` doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that aren't done with: open, acknowledged or recovered.
    pub open_only: bool,
    /// Those that concern a volume.
    pub volume: Option<String>,
    /// Those that concern a host.
    pub host: Option<String>,
    /// Those that concern a person or account.
    pub identity: Option<String>,
    /// Those about which something happened at this time or later.
    pub since: Option<Time>,
    /// Those that began at this time or earlier.
    pub until: Option<Time>,
}
