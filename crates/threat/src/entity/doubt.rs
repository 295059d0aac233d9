//! Records that contradict a link between names, weighed against those that show it.
//!
//! Whoever may write one record could otherwise take a person's account away from him, and with it what is known of both. A link that was shown
//! once falls by one contradiction, as that of a mailbox which two people use does; one that was shown often falls only by many, over a day.

use serde::{Deserialize, Serialize};

use super::known::{Join, Why};

/// After how many seconds without another one contradictions are forgotten.
pub(super) const SECONDS: i64 = 7 * 86_400;
/// How often a link must have been shown for it to be well known. What several accounts have shown of a domain is.
const WELL_KNOWN: u64 = 8;
/// Seconds over which a well-known link must be contradicted.
const LASTING_SECONDS: i64 = 86_400;
/// Contradictions that are as good as any number of confirmations: a mailbox that is given to a team has been one person's for years.
const ENOUGH: u64 = 64;

/// What contradicts the links of a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Doubt {
    count: u64,
    /// When the first record of them came.
    since: i64,
}

impl Doubt {
    pub(super) const fn since(now: i64) -> Self {
        Self { count: 0, since: now }
    }

    /// Counts one more contradiction. Gives whether they are as good as what shows the links.
    pub(super) fn outweighs(&mut self, standing: u64, now: i64) -> bool {
        self.count = self.count.saturating_add(1);
        let is_lasting = standing < WELL_KNOWN || now.saturating_sub(self.since) >= LASTING_SECONDS;
        is_lasting && self.count >= standing.min(ENOUGH)
    }
}

/// How often a link was shown; none if a list or somebody says it.
pub(super) fn standing(join: &Join) -> Option<u64> {
    match join.why {
        Why::List { .. } | Why::Mark { .. } => None,
        Why::Domain { .. } => Some(join.count.max(WELL_KNOWN)),
        Why::Record { .. } | Why::SameName => Some(join.count),
    }
}
