//! The vocabulary of the fact register.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case_file::drafts::DraftId;
use crate::incident::IncidentId;
use crate::people::Actor;
use crate::time::Time;

/// How many different people approve a fact before it counts as confirmed.
pub const APPROVALS_NEEDED: usize = 2;

/// A fact's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactId(pub i64);

impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What became of a class of data in a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Take it for taken: somebody who had no business there read or copied it.
    Taken,
    /// It was not taken, and there is evidence for that.
    NotTaken,
    /// Nobody can say yet.
    Unknown,
}

impl Answer {
    /// All answers.
    pub const ALL: [Self; 3] = [Self::Taken, Self::NotTaken, Self::Unknown];

    /// The name in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::NotTaken => "not-taken",
            Self::Unknown => "unknown",
        }
    }

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::NotTaken => "not taken",
            Self::Unknown => "not known yet",
        }
    }

    /// The answer of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.name() == name)
    }
}

/// What is known of a class of data in a system, before it is in the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFact {
    /// The system: a volume, an application, a supplier.
    pub system: String,
    /// The class of data: a name of [`super::class_of`], or another in its form.
    pub class: String,
    /// What became of it.
    pub answer: Answer,
    /// Why this is said.
    pub evidence: String,
    /// Where that can be read: a report, a record's number, a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Somebody stands by a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactApproval {
    /// Who.
    pub by: Actor,
    /// When.
    pub time: Time,
}

/// A version of a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Its number: the same for all versions.
    pub id: FactId,
    /// The incident.
    pub incident: IncidentId,
    /// 1 for the first. Every change makes a new one.
    pub version: u32,
    /// What it says.
    #[serde(flatten)]
    pub said: NewFact,
    /// Who said so.
    pub set_by: Actor,
    /// When.
    pub set: Time,
    /// Who stands by this version. None was taken over from an earlier one.
    pub approvals: Vec<FactApproval>,
    /// Letters that went out with an earlier version: they have to be corrected if the answer is another now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_letters: Vec<DraftId>,
}

impl Fact {
    /// Whether enough people stand by it.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.approvals.len() >= APPROVALS_NEEDED
    }
}

/// What became of a fact that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactChange {
    /// The fact as it is now.
    pub fact: Fact,
    /// Whether anything changed.
    pub is_changed: bool,
    /// Approvals that the change took away.
    pub approvals_lost: usize,
}
