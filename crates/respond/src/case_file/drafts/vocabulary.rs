//! The vocabulary of drafts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case_file::facts::FactId;
use crate::incident::IncidentId;
use crate::people::Actor;
use crate::time::Time;

/// How many different people approve a draft before it is final.
pub const APPROVALS_NEEDED: usize = 2;

/// A draft's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DraftId(pub i64);

impl fmt::Display for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is drafted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftKind {
    /// What the regulator's form asks for, in the order of the form of the UK's regulator (ICO).
    RegulatorForm,
    /// The letter to those whose data it is.
    Letter,
    /// What staff have to know.
    StaffNote,
    /// Questions that customers will ask, with answers.
    Faq,
    /// A few sentences for the website.
    CustomerStatus,
}

impl DraftKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::RegulatorForm,
        Self::Letter,
        Self::StaffNote,
        Self::Faq,
        Self::CustomerStatus,
    ];

    /// The name in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RegulatorForm => "regulator-form",
            Self::Letter => "letter",
            Self::StaffNote => "staff-note",
            Self::Faq => "faq",
            Self::CustomerStatus => "customer-status",
        }
    }

    /// For people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::RegulatorForm => "Regulator's form",
            Self::Letter => "Letter to those concerned",
            Self::StaffNote => "Note to staff",
            Self::Faq => "Questions and answers",
            Self::CustomerStatus => "Status for customers",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How far a draft is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftState {
    /// It was made.
    Made,
    /// Enough people have approved it.
    Final,
    /// It went out.
    Sent,
    /// A newer one took its place before it went out.
    Replaced,
}

impl DraftState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Made, Self::Final, Self::Sent, Self::Replaced];

    /// The name in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Final => "final",
            Self::Sent => "sent",
            Self::Replaced => "replaced",
        }
    }
}

/// A version of a fact, as a draft has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UsedFact {
    /// The fact.
    pub fact: FactId,
    /// Its version.
    pub version: u32,
}

/// A draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its number.
    pub id: DraftId,
    /// The incident.
    pub incident: IncidentId,
    /// What it is.
    pub kind: DraftKind,
    /// How far it is.
    pub state: DraftState,
    /// Its text.
    pub text: String,
    /// What somebody has to fill in: names of values. Empty in a draft that can become final.
    pub to_fill: Vec<String>,
    /// The facts that it says something about.
    pub facts: Vec<UsedFact>,
    /// Who had it made.
    pub made_by: Actor,
    /// When.
    pub made: Time,
    /// Who approved it.
    pub approvals: Vec<Approval>,
    /// When it went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Time>,
}

/// Somebody approved a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: Actor,
    /// When.
    pub time: Time,
}
