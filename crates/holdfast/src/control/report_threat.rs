//! What is asked and told of marks: findings that somebody called no sign of an attack. Fields are added, never renamed or removed.

use serde::{Deserialize, Serialize};

use super::report::Time;

/// What is to be done about marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MarkOrder {
    /// All marks.
    List,
    /// Says that something is no sign of an attack.
    Mark {
        /// What.
        what: Marked,
        /// Why.
        because: String,
        /// For how long from now.
        seconds: u64,
        /// Whether it's meant for what is critical on tier 0, too.
        even_grave: bool,
    },
    /// Takes a mark back.
    Unmark {
        /// Its number.
        id: u64,
    },
}

/// What is no sign of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marked {
    /// The finding that an alert of the ledger tells of.
    Alert(i64),
    /// All findings of a story.
    Story(u64),
}

/// Marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarksReport {
    /// Those that were made or taken back, or all, the oldest first.
    pub marks: Vec<MarkReport>,
}

/// A finding on one person or machine that is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkReport {
    /// Its number.
    pub id: u64,
    /// What finds it: `rule`, `correlation` or `behaviour`.
    pub by_what: String,
    /// The rule's identifier, or the model's name.
    pub rule: String,
    /// What is found, in a few words.
    pub title: String,
    /// On whom.
    pub entity: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub because: String,
    /// Since when.
    pub since: Time,
    /// Until when.
    pub until: Time,
    /// How often it held something back.
    pub held_back: u64,
    /// When last.
    pub last_held_back: Option<Time>,
    /// Whether it's meant for what is critical on tier 0, too.
    pub even_critical_on_tier_zero: bool,
}
