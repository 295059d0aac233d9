//! What a timeline is made of.

use serde::Serialize;

use crate::incident::IncidentId;
use crate::ledger::Sequence;
use crate::time::Time;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When.
    pub time: Time,
    /// Where it comes from: `alert`, `incident`, `action`, `approval`, `notice`, `fact`, `clock`, `draft`, `disk`.
    pub from: String,
    /// Who did it, or noticed it.
    pub who: String,
    /// What, in words.
    pub what: String,
    /// The ledger's record that says so; what happened to a disk is in the disk's own history.
    pub record: Option<Sequence>,
    /// The volume that it is about.
    pub volume: Option<String>,
}

/// Something that was done with a disk, from its own history: the binary knows it, the ledger doesn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskEvent {
    /// When.
    pub time: Time,
    /// The volume.
    pub volume: String,
    /// What, in words.
    pub text: String,
}

/// What happened about an incident, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The incident.
    pub incident: IncidentId,
    /// Its title.
    pub title: String,
    /// What happened, oldest first.
    pub entries: Vec<Entry>,
    /// Entries that are left out because there are too many, of alerts before anything else. Of things of which there are too many, and of records
    /// about one thing, all that are left out count as one.
    pub left_out: u64,
}

impl Timeline {
    /// What actions did, in words: drafts say it.
    #[must_use]
    pub fn done(&self) -> Vec<String> {
        let entries = self.entries.iter().filter(|entry| entry.from == "action");
        let done = entries.filter_map(|entry| entry.what.strip_prefix("Done: "));
        done.map(str::to_owned).collect()
    }
}
