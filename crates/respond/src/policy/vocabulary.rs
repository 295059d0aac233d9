//! What a policy is made of.

use std::fmt;

use serde::Serialize;

use super::glob::Glob;
use super::hours::Hours;
use crate::action::ActionKind;
use crate::alert::{Layer, Severity};

/// When something is noticed, then something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name: what it does is recorded under it.
    pub name: String,
    /// What it is for, in words.
    pub description: String,
    /// Whether it does anything.
    pub is_enabled: bool,
    /// What must have been noticed.
    pub when: When,
    /// What is done, in this order.
    pub then: Vec<Step>,
    /// Whether it is done only once people have approved, and how many.
    pub approval: Option<Approval>,
    /// How often it may act.
    pub limit: Option<Limit>,
    /// For how long the same action isn't done again on the same volume, in milliseconds.
    pub cooldown_millis: i64,
    /// The file that it is from, or `built in`.
    pub source: String,
}

/// What must have been noticed. What isn't named doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// By which layer.
    pub layers: Vec<Layer>,
    /// What, in the layer's own words.
    pub kinds: Vec<Glob>,
    /// How bad it must be at least.
    pub severity: Option<Severity>,
    /// What the incident must score at least.
    pub score: Option<u32>,
    /// On which volume.
    pub volumes: Vec<Glob>,
    /// On which host.
    pub hosts: Vec<Glob>,
    /// By or on whom.
    pub identities: Vec<Glob>,
    /// At which time.
    pub hours: Option<Hours>,
    /// How often within a span of time.
    pub count: Option<Count>,
}

/// How often something must have been noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many times at least.
    pub least: u32,
    /// Within so many milliseconds.
    pub within_millis: i64,
    /// What is counted.
    pub of: Counted,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// Alerts.
    #[default]
    Alerts,
    /// Different volumes.
    Volumes,
    /// Different hosts.
    Hosts,
    /// Different people and accounts.
    Identities,
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// To which volumes.
    pub on: Target,
    /// What; its volume is empty until it is decided on one.
    pub what: ActionKind,
}

/// Which volumes an action concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// The one of the alert.
    #[default]
    Volume,
    /// All of the incident.
    Incident,
    /// All but that of the alert.
    Others,
    /// All.
    All,
    /// Those with such names.
    Named(Glob),
}

/// How an action is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// So many people; as the rule of approvals has it if `None`.
    pub quorum: Option<u32>,
    /// For so many milliseconds it can be approved; as the rule has it if `None`.
    pub expires_millis: Option<i64>,
}

/// How often a policy may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many actions.
    pub most: u32,
    /// Within so many milliseconds.
    pub within_millis: i64,
}

/// Something that a policy wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The policy.
    pub policy: String,
    /// What.
    pub action: ActionKind,
    /// Why, in words.
    pub because: String,
    /// How it is approved, if it must be.
    pub approval: Option<Approval>,
    /// How often the policy may act.
    pub limit: Option<Limit>,
    /// For how long the same isn't done again, in milliseconds.
    pub cooldown_millis: i64,
    /// How many volumes policies may fence in ten minutes on this site.
    pub fences_most: usize,
}

/// Something suspicious about a policy that doesn't keep it from being used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The file.
    pub file: String,
    /// The policy.
    pub policy: String,
    /// What, and what it means.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, policy `{}`: {}", self.file, self.policy, self.text)
    }
}

impl Counted {
    /// In the plural.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Volumes => "volumes",
            Self::Hosts => "hosts",
            Self::Identities => "identities",
        }
    }
}
