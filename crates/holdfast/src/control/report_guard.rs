//! What commands about guards are told. Fields are added, never renamed or removed.

use guard::{Fence, Status, StatusState};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// `holdfast guard status`, `set` and `announce`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardListReport {
    /// Whether a daemon runs; without one nothing is watched.
    pub watching: bool,
    /// The guards, by the names of their volumes.
    pub guards: Vec<GuardReport>,
}

/// A volume's guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// The volume.
    pub volume: String,
    /// Why nothing is known of its guard, if the volume can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// How the guard is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// A guard in a list of volumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardSummary {
    /// The state.
    pub state: StatusState,
    /// What the fence in force does, or the next one would.
    pub fence: Fence,
    /// The pin that `restore --before-attack` returns to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_attack: Option<String>,
    /// The fork that reads and writes go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverted_to: Option<String>,
}

impl From<&Status> for GuardSummary {
    fn from(status: &Status) -> Self {
        Self {
            state: status.state,
            fence: status.fence.unwrap_or(status.settings.fence),
            before_attack: status.before_attack.as_ref().map(|point| point.pin.clone()),
            diverted_to: status.diverted.as_ref().map(|diverted| diverted.fork.clone()),
        }
    }
}

/// `holdfast guard release`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseReport {
    /// The volume.
    pub volume: String,
    /// The fork that writes had gone to.
    pub diverted_to: Option<String>,
    /// Whether the volume took over what was written to it.
    pub kept: bool,
    /// Clients that are refused writes until they reconnect.
    pub clients_refused: u64,
    /// The pin from before what was suspected, which stays.
    pub before_attack: Option<String>,
}

/// What lies after the moment that `restore --before-attack` returned to. It is history now, not lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterReport {
    /// The pin that was returned to.
    pub pin: String,
    /// Seconds between that moment and the restore.
    pub seconds: u64,
    /// Bytes written in between, by the attack and by everything else.
    pub bytes_written: u64,
    /// The volume that holds what was diverted, if something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverted_to: Option<String>,
}
