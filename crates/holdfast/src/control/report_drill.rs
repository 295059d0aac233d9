//! What commands are told of drills.

use drill::{Case, DrillResult, Verdict};
use serde::{Deserialize, Serialize};

use super::report::Time;

/// `holdfast drill status`, `history` and `report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillListReport {
    /// When this was put together.
    pub time: Time,
    /// The schedule.
    pub schedule: ScheduleReport,
    /// The volume that a drill runs on now.
    pub running: Option<String>,
    /// The volumes.
    pub volumes: Vec<DrillVolumeReport>,
}

/// The schedule of drills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleReport {
    /// The time of day, here; `None` if drills are only run by hand.
    pub at: Option<String>,
    /// When it comes next.
    pub next: Option<Time>,
    /// The attack; one after the other if `None`.
    pub case: Option<Case>,
    /// How long after the last drill of a volume the next one is missed.
    pub overdue_after_seconds: u64,
}

/// The drills of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillVolumeReport {
    /// The volume.
    pub volume: String,
    /// Whether the schedule includes it.
    pub scheduled: bool,
    /// Whether a drill is missed.
    pub overdue: bool,
    /// Results, oldest first.
    pub results: Vec<DrillResult>,
    /// Lines of the history that can't be understood.
    pub unreadable: u64,
}

/// What a list of volumes says of drills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillSummary {
    /// What the newest drill came to; `None` if there never was one.
    pub verdict: Option<Verdict>,
    /// When it began.
    pub time: Option<Time>,
    /// Whether the next one is missed.
    pub overdue: bool,
}
