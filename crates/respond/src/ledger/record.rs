//! Records: what happened, in order.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::people::Actor;
use crate::time::Time;

/// A record's number: 1 for the first, without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub sequence: Sequence,
    /// When.
    pub time: Time,
    /// Who did it.
    pub actor: Actor,
    /// What, in the form `thing.event`: `alert.noticed`, `action.started`, `approval.given`.
    pub kind: String,
    /// What it is about, in the form `thing/number` or `thing/name`: `incident/7`, `volume/disk`.
    pub subject: String,
    /// The facts.
    pub body: Value,
}
