//! What rules and behaviour find, before it is joined into stories.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Facts, Logsource, Origin};

/// Records that an alert names at most.
pub const EVIDENCE_MAX: usize = 32;

/// One finding.
#[derive(Debug, Clone)]
pub struct Alert {
    /// When it happened: of the last event that took part.
    pub time: Timestamp,
    /// What found it.
    pub finder: Finder,
    /// What was found, in a few words.
    pub title: Arc<str>,
    /// How bad it is by itself.
    pub level: Level,
    /// ATT&CK techniques and tactics, as Sigma tags have them without `attack.`: `t1003.006`, `credential-access`.
    pub attack: Arc<[Box<str>]>,
    /// What was found and what is unusual compared with what, as a sentence for people.
    pub words: String,
    /// Of the last event that took part.
    pub logsource: Logsource,
    /// Of the last event that took part.
    pub facts: Facts,
    /// The fields that matched and their values, shortened, in the order of their names.
    pub matched: Vec<(Box<str>, Box<str>)>,
    /// Where the records are found again: at most [`EVIDENCE_MAX`], the oldest first.
    pub evidence: Vec<Origin>,
    /// How many events took part.
    pub count: u64,
}

/// What found something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", content = "id", rename_all = "snake_case")]
pub enum Finder {
    /// A rule of one event, by its identifier.
    Rule(Arc<str>),
    /// A correlation of several events, by its identifier.
    Correlation(Arc<str>),
    /// A model of what is usual, by its name.
    Behaviour(Arc<str>),
}

/// How bad something is, in Sigma's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Of interest together with others only.
    #[default]
    Informational,
    /// Notable, seldom an incident.
    Low,
    /// To be looked at.
    Medium,
    /// To be looked at today.
    High,
    /// An incident by itself.
    Critical,
}
