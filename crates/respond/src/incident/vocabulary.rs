//! The vocabulary of incidents.

use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::people::Actor;
use crate::time::Time;

/// An incident's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub i64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Nobody has said that they look after it.
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// What was damaged is back.
    Recovered,
    /// Done with: it was an attack.
    Closed,
    /// Done with: it was a false alarm.
    FalseAlarm,
}

impl IncidentState {
    /// All states.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Acknowledged,
        Self::Recovered,
        Self::Closed,
        Self::FalseAlarm,
    ];

    /// Its name, as JSON has it too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Recovered => "recovered",
            Self::Closed => "closed",
            Self::FalseAlarm => "false-alarm",
        }
    }

    /// Whether it is done with.
    #[must_use]
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Closed | Self::FalseAlarm)
    }
}

impl fmt::Display for IncidentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ToSql for IncidentState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.name().to_sql()
    }
}

impl FromSql for IncidentState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or(FromSqlError::InvalidType)
    }
}

/// What makes up a part of the score, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScorePart {
    /// Points of the hundred that the score can reach at most.
    pub points: u32,
    /// Why.
    pub because: String,
}

/// Alerts that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// What it is, in a few words.
    pub title: String,
    /// How far it is.
    pub state: IncidentState,
    /// The worst of its alerts.
    pub severity: Severity,
    /// 0 to 100.
    pub score: u32,
    /// What makes up the score, largest first.
    pub score_parts: Vec<ScorePart>,
    /// When the first of its alerts was noticed.
    pub began: Time,
    /// When something last happened about it.
    pub updated: Time,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Time>,
    /// Volumes that it concerns.
    pub volumes: Vec<String>,
    /// Hosts that it concerns.
    pub hosts: Vec<String>,
    /// People and accounts that it concerns.
    pub identities: Vec<String>,
    /// How many alerts it joins.
    pub alerts: u64,
    /// Who looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<Actor>,
}
