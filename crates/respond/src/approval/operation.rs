//! What may need an approval.

use serde::{Deserialize, Serialize};

/// An operation that can't be taken back, or that takes a protection away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operation {
    /// A volume goes with its history.
    DeleteVolume,
    /// A pin goes, and with it what it alone keeps.
    DeleteHistory,
    /// Less of the past is kept.
    ShortenRetention,
    /// A fence comes down, and writes go on.
    ReleaseFence,
    /// A guard watches no more, or stops nothing any more.
    DisarmGuard,
    /// A disk goes back to a moment.
    Restore,
    /// Policies change.
    ChangePolicies,
    /// The rules of approvals change, or are turned off.
    ChangeApprovals,
    /// Somebody gets or loses an account or a role.
    ChangePeople,
    /// A letter or a report leaves the house.
    SendLetter,
    /// An action that a policy wants approved.
    PolicyAction,
}
