//! The vocabulary of alerts.

use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::incident::IncidentId;
use crate::time::Time;

/// The fact of an alert of logs that has the number of its story. All of one story are one incident.
pub const STORY: &str = "story";
/// The fact of an alert of logs that tells people of a story, if it is true: what comes later is added to it.
pub const TELLS_STORY: &str = "tells_story";
/// The fact of an alert of logs that is no news to whoever was told of its story, if it is true: it is added to the alert that told of it.
pub const ADDS_TO_STORY: &str = "adds_to_story";

/// An alert's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub i64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which part of Holdfast noticed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Layer {
    /// Disks: space, damage, connections.
    Volume,
    /// The guards that watch disks for encryption.
    Guard,
    /// Resilience tests.
    Drill,
    /// The breach monitor.
    Exposure,
    /// Logs of hosts, identities and hypervisors.
    Threat,
    /// Holdfast itself: its ledger, policies, approvals and accounts.
    Respond,
}

impl Layer {
    /// All layers.
    pub const ALL: [Self; 6] = [
        Self::Volume,
        Self::Guard,
        Self::Drill,
        Self::Exposure,
        Self::Threat,
        Self::Respond,
    ];

    /// Its name, as JSON has it too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Guard => "guard",
            Self::Drill => "drill",
            Self::Exposure => "exposure",
            Self::Threat => "threat",
            Self::Respond => "respond",
        }
    }

    /// By its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ToSql for Layer {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.name().to_sql()
    }
}

impl FromSql for Layer {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// How bad it is; the numbers are OCSF's `severity_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing has to be done.
    Informational = 1,
    /// Worth a look some time.
    Low = 2,
    /// Worth a look today.
    Medium = 3,
    /// Somebody has to act soon.
    High = 4,
    /// Somebody has to act now.
    Critical = 5,
}

impl Severity {
    /// All, from the mildest on.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its name, as JSON has it too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// By its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ToSql for Severity {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok((*self as i64).into())
    }
}

impl FromSql for Severity {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        let severity = Self::ALL.into_iter().find(|severity| *severity as i64 == number);
        severity.ok_or(FromSqlError::OutOfRange(number))
    }
}

/// Something that a layer noticed, before it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAlert {
    /// When it happened.
    pub time: Time,
    /// Which part of Holdfast noticed it.
    pub layer: Layer,
    /// What it is, in the layer's own words: `diverted`, `drill-failed`.
    pub kind: String,
    /// How bad it is.
    pub severity: Severity,
    /// The volume that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The host that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The person or account that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What happened, in a few words.
    pub title: String,
    /// What happened, what it means and what to do next.
    pub text: String,
    /// The layer's own facts about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
}

/// A recorded alert. The same thing noticed again soon after raises its count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its number.
    pub id: AlertId,
    /// What was noticed, the first time.
    #[serde(flatten)]
    pub noticed: NewAlert,
    /// When it was noticed last.
    pub last: Time,
    /// How often it was noticed.
    pub count: u64,
    /// The incident that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The alert that it is added to, as one more step of what that one told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<AlertId>,
    /// What was added to it.
    #[serde(default, skip_serializing_if = "Parts::is_none")]
    pub parts: Parts,
}

impl Alert {
    /// When it, or what was added to it, was noticed last.
    #[must_use]
    pub fn last_of_all(&self) -> Time {
        self.parts.last.map_or(self.last, |last| last.max(self.last))
    }
}

/// What was added to an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// How many alerts.
    pub count: u64,
    /// When the last of them was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
}

impl Parts {
    /// Whether nothing was added.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.count == 0
    }
}
