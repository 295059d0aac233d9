//! What commands are told. These types are also the objects that `--json` prints, documented in
//! `docs/operations.md`: fields are added, never renamed or removed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use volume::Timestamp;

use super::report_drill::{DrillListReport, DrillSummary};
use super::report_guard::{AfterReport, GuardListReport, GuardSummary, ReleaseReport};
use super::report_incidents::IncidentsReport;
use super::report_logs::LogsReport;
use super::report_threat::MarksReport;
use crate::failure::Failure;
use image::Format;

/// A time; in JSON RFC 3339 in UTC with nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::when::utc(self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        let nanos = u64::try_from(time.as_nanosecond()).map_err(serde::de::Error::custom)?;
        Ok(Self(Timestamp::from_unix_nanos(nanos)))
    }
}

/// A response to a request. Across the socket it carries its kind; `--json` prints the object inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// To [`super::Request::Status`].
    Status(StatusReport),
    /// To requests that are about one volume as a whole.
    Volume(VolumeReport),
    /// To [`super::Request::List`].
    Volumes(VolumeListReport),
    /// To [`super::Request::Delete`].
    Deleted {
        /// The name that is free now.
        deleted: String,
    },
    /// To [`super::Request::Import`] and [`super::Request::Export`].
    Copied(CopyReport),
    /// To [`super::Request::Verify`].
    Verified(VerifyReport),
    /// To [`super::Request::Repair`].
    Repaired(RepairReport),
    /// To [`super::Request::History`].
    History(HistoryReport),
    /// To [`super::Request::Pin`].
    Pinned(PinReport),
    /// To [`super::Request::Unpin`].
    Unpinned {
        /// The pin that is gone.
        unpinned: String,
    },
    /// To [`super::Request::Fork`].
    Forked(ForkReport),
    /// To requests that return a volume to a moment.
    Restored(RestoreReport),
    /// To requests about guards.
    Guards(GuardListReport),
    /// To [`super::Request::GuardRelease`].
    Released(ReleaseReport),
    /// To [`super::Request::Drill`].
    Drilled(Box<drill::DrillResult>),
    /// To [`super::Request::Drills`].
    Drills(DrillListReport),
    /// To [`super::Request::Reload`].
    Reloading {
        /// Whether a daemon does it: a command has nothing to read again.
        reloading: bool,
    },
    /// To [`super::Request::Marks`].
    Marks(MarksReport),
    /// To [`super::Request::Look`]: what follows isn't JSON.
    Looking(LookReport),
}

/// A moment: a batch of the log and when it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MomentReport {
    /// When it was recorded.
    pub time: Time,
    /// Its number; `#NUMBER` names it.
    pub sequence: u64,
}

/// What is looked at from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookReport {
    /// The moment, if a moment was opened.
    pub moment: Option<MomentReport>,
    /// Size of the disk at that moment; 0 for lists.
    pub size_bytes: u64,
}

/// `holdfast status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The data folder.
    pub data: String,
    /// The daemon; `None` if none runs.
    pub daemon: Option<DaemonReport>,
    /// Incidents that aren't done with; `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incidents: Option<IncidentsReport>,
    /// What is wrong with the ledger; `None` if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_problem: Option<String>,
    /// The logs that the daemon reads; `None` if it is told to read none, or no daemon runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogsReport>,
    /// The volumes.
    pub volumes: Vec<VolumeReport>,
}

/// A running daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonReport {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started: Time,
    /// Where it listens.
    pub listening: Vec<String>,
    /// Who is connected.
    pub clients: Vec<ClientReport>,
}

/// A connected NBD client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientReport {
    /// Where it comes from.
    pub peer: String,
    /// The export it uses; `None` during the handshake.
    pub export: Option<String>,
    /// Whether TLS is in use.
    pub tls: bool,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Requests answered with an error.
    pub errors: u64,
}

/// `holdfast volume list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeListReport {
    /// The volumes, by name.
    pub volumes: Vec<VolumeReport>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeReport {
    /// Its name.
    pub name: String,
    /// Why it can't be used, if it can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// The rest, if it could be opened.
    #[serde(flatten)]
    pub details: Option<VolumeDetails>,
}

/// A volume that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeDetails {
    /// The disk's size.
    pub size_bytes: u64,
    /// Bytes on the disk below, history included.
    pub stored_bytes: u64,
    /// The newest moment.
    pub newest: MomentReport,
    /// The oldest moment kept.
    pub oldest: MomentReport,
    /// Clients that use the live disk.
    pub clients: u64,
    /// Moments of it that are being looked at.
    pub views: u64,
    /// Whether writes are refused for lack of space.
    pub no_space: bool,
    /// What there is too little of, if writes are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_space_in: Option<SpaceReport>,
    /// Whether something damaged was met since the daemon started.
    #[serde(default)]
    pub damaged: bool,
    /// Memory that its map takes.
    pub memory_bytes: u64,
    /// The import that fills it, or didn't finish; `None` for every other volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportReport>,
    /// Its guard, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardSummary>,
    /// How drills on it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillSummary>,
    /// Its pins, oldest moment first.
    pub pins: Vec<PinReport>,
    /// Its settings.
    pub settings: SettingsReport,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceReport {
    /// The volume's budget.
    Budget,
    /// The disk that holds the data folder.
    Disk,
}

/// An import that hasn't filled its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportReport {
    /// It runs.
    Running,
    /// It was cut off: the disk isn't whole.
    Unfinished,
}

/// A volume's settings, as they are in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsReport {
    /// How far back every moment is kept.
    pub retention_seconds: u64,
    /// History younger than this is never dropped.
    pub retention_floor_seconds: u64,
    /// Most bytes on disk.
    pub budget_bytes: Option<u64>,
}

/// A pin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinReport {
    /// Its name.
    pub name: String,
    /// The moment it keeps.
    #[serde(flatten)]
    pub moment: MomentReport,
    /// When it was made.
    pub created: Time,
    /// The fork that starts here, which holds the pin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork: Option<String>,
}

/// An import or an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyReport {
    /// The volume.
    pub volume: String,
    /// The image's format.
    pub format: Format,
    /// The disk's size.
    pub size_bytes: u64,
    /// Bytes that weren't zero.
    pub data_bytes: u64,
    /// The moment that was exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moment: Option<MomentReport>,
}

/// `holdfast volume verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// The volume.
    pub volume: String,
    /// Segments read.
    pub segments: u64,
    /// Payloads checked: blocks, nodes of the map and checkpoints.
    pub payloads: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Whether every sealed segment follows from the one before it.
    pub chain_intact: bool,
    /// The hash of the newest sealed segment, which stands for the whole chain.
    pub chain_head: String,
    /// Segments whose content isn't what the chain says.
    pub changed_segments: Vec<u32>,
    /// The newest segments, which aren't in the chain yet.
    pub unchained_segments: u64,
    /// What is damaged.
    pub damage: Vec<DamageReport>,
}

/// A damaged stored block or structure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageReport {
    /// What it is.
    pub structure: String,
    /// The 4 KiB block on the disk, if the damage concerns one; the first, if it concerns more.
    pub block: Option<u64>,
    /// How many blocks from `block` on the damage concerns.
    pub blocks: u64,
    /// The segment.
    pub segment: u32,
    /// The offset in the segment's file.
    pub offset: u64,
    /// When the damaged version was written.
    pub written: Time,
    /// When it was moved to this place, if it was; the same as `written` if nothing tells any more when it was written before.
    #[serde(default)]
    pub moved: Option<Time>,
    /// Whether the live disk needs it (else only the past does).
    pub current: bool,
    /// The newest moment at which the block is intact.
    pub newest_intact: Option<MomentReport>,
    /// Whether the block had never been written before the damaged version.
    #[serde(default)]
    pub is_first: bool,
}

/// `holdfast volume repair`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairReport {
    /// The volume as it is now.
    #[serde(flatten)]
    pub volume: VolumeReport,
    /// Whether there was something to repair.
    pub repaired: bool,
    /// What can't be read of the log and was passed over, oldest first.
    pub lost: Vec<LostReport>,
}

/// Batches in a row that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostReport {
    /// How many.
    pub batches: u64,
    /// The last moment before them.
    pub after: MomentReport,
    /// The first moment behind them, which lacks what they wrote; `None` if they were the newest.
    pub before: Option<MomentReport>,
}

/// `holdfast history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryReport {
    /// The volume.
    pub volume: String,
    /// Start of the span looked at.
    pub since: Time,
    /// End of the span looked at.
    pub until: Time,
    /// Length of a bucket.
    pub bucket_seconds: u64,
    /// The oldest moment kept.
    pub oldest: MomentReport,
    /// The newest moment.
    pub newest: MomentReport,
    /// Buckets in which something was written, in order.
    pub buckets: Vec<BucketReport>,
    /// What was done with the volume, in order.
    pub events: Vec<EventReport>,
}

/// What was written in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketReport {
    /// When the bucket starts.
    pub start: Time,
    /// Batches.
    pub batches: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Bytes of those whose content looked random, as ciphertext and compressed data do.
    #[serde(default)]
    pub bytes_random: u64,
    /// Bytes zeroed.
    pub bytes_zeroed: u64,
    /// Bytes trimmed.
    pub bytes_trimmed: u64,
}

/// Something that was done with a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventReport {
    /// When, and at which batch.
    #[serde(flatten)]
    pub moment: MomentReport,
    /// `created`, `pinned`, `unpinned`, `restored`, `restored-in-part`, `resized`, `history-dropped` or `repaired`.
    pub kind: String,
    /// The event in words.
    pub text: String,
    /// Whether it took an earlier restore back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
}

impl EventReport {
    /// Whether the disk was returned to another moment, as a whole or in part.
    #[must_use]
    pub fn is_restore(&self) -> bool {
        self.kind.starts_with("restored")
    }
}

/// `holdfast fork`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkReport {
    /// The new volume.
    pub fork: String,
    /// The volume it was forked from.
    pub from: String,
    /// The moment it starts at.
    pub moment: MomentReport,
    /// Its size.
    pub size_bytes: u64,
}

/// `holdfast restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// The volume.
    pub volume: String,
    /// Whether this took an earlier restore back.
    pub undone: bool,
    /// The newest moment before.
    pub from: MomentReport,
    /// The moment that the disk is as of now.
    pub to: MomentReport,
    /// Clients that are refused writes until they reconnect.
    pub clients_refused: u64,
    /// What lies after the restore point, with `--before-attack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AfterReport>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_nanoseconds() {
        let time = Time(Timestamp::from_unix_nanos(1_795_428_900_000_000_001));
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, r#""2026-11-23T10:15:00.000000001Z""#);
        assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
    }

    #[test]
    fn a_volume_with_a_problem_crosses_the_socket() {
        let report = VolumeReport {
            name: "a".to_owned(),
            problem: Some(Failure::refused("damaged")),
            details: None,
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(text, r#"{"name":"a","problem":{"code":"refused","message":"damaged"}}"#);
        assert_eq!(serde_json::from_str::<VolumeReport>(&text).unwrap(), report);
    }
}
