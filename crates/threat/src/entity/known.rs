//! People and machines, their names, and why we believe that these are theirs.

use serde::{Deserialize, Serialize};

use super::{Shown, Tier};
use crate::event::{Handle, Origin};

/// Names that one entity has at most.
pub(crate) const NAMES_MAX: usize = 24;

/// The number of a person or machine in a [`super::Directory`]: given once, never again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntityId(pub(crate) u64);

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A person, or an account that no person is known for.
    Person,
    /// A machine, real or virtual, or an address that no machine is known for.
    Machine,
    /// A group, role, application or datastore.
    Thing,
}

/// A person or machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Its number.
    pub id: EntityId,
    /// What it is.
    pub kind: EntityKind,
    /// Its names, the one that says most first.
    pub names: Vec<Handle>,
    /// Why the names are of one entity: none of a single name.
    pub joins: Vec<Join>,
    /// What is at stake on it.
    pub tiers: Vec<Tier>,
    /// What a list says of it to people: a department, an operating system.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What its own records show of what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Box<Shown>>,
    /// When it was first seen, in seconds since 1970.
    pub first: i64,
    /// When it was last seen.
    pub last: i64,
}

/// Two names of one entity, and the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// One name.
    pub a: Handle,
    /// The other.
    pub b: Handle,
    /// How we know.
    pub why: Why,
    /// When we first knew, in seconds since 1970.
    pub first: i64,
    /// When it was last confirmed.
    pub last: i64,
    /// How often.
    pub count: u64,
}

/// How it is known that two names are of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Why {
    /// A record lists both as names of one account or machine.
    Record {
        /// The first such record.
        origin: Origin,
    },
    /// Enough accounts have shown that this short domain is that long one.
    Domain {
        /// How many accounts had shown it.
        accounts: usize,
    },
    /// It's the same machine's name, with and without what is around it, and no other machine has it.
    SameName,
    /// A list of the organisation has both in one line.
    List {
        /// The line, from 1; 0 if the list has none.
        line: usize,
    },
    /// Somebody said so.
    Mark {
        /// Who.
        by: String,
    },
}

impl Entity {
    /// The name that people know it by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("?", |handle| handle.name.as_str())
    }

    /// Why two of its names belong together, in words.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.joins.iter().map(Join::words).collect()
    }
}

impl Join {
    fn words(&self) -> String {
        let reason = match &self.why {
            Why::Record { origin } => format!("record {} of {} lists both", origin.record, origin.source),
            Why::Domain { accounts } => format!("{accounts} accounts show that the two domains are one"),
            Why::SameName => "no other machine has this name".to_owned(),
            Why::List { line: 0 } => "the organisation's list has both".to_owned(),
            Why::List { line } => format!("line {line} of the organisation's list has both"),
            Why::Mark { by } => format!("{by} said so"),
        };
        format!(
            "{} is {}: {reason}; confirmed {} times",
            self.a.name, self.b.name, self.count
        )
    }
}
