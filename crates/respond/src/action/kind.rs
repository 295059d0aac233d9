//! The vocabulary of actions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An action's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub i64);

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
#[non_exhaustive]
pub enum ActionKind {
    /// The newest moment of a volume is kept, under a name made of the action's number.
    Pin {
        /// The volume.
        volume: String,
    },
    /// Writes to a volume are stopped.
    Fence {
        /// The volume.
        volume: String,
        /// How: `refuse`, `pause` or `divert`.
        how: String,
    },
    /// A fence comes down.
    Release {
        /// The volume.
        volume: String,
        /// What becomes of diverted writes: `keep` or `drop`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diverted: Option<String>,
    },
    /// A volume's guard gets more suspicious for a while.
    Sensitivity {
        /// The volume.
        volume: String,
        /// Per cent of what usually fences: 50 fences at half of the usual suspicion.
        percent: u32,
        /// For how long, in seconds.
        seconds: u64,
    },
    /// The defence is tried out on a fork of a volume.
    Drill {
        /// The volume.
        volume: String,
    },
    /// People are told.
    Notify {
        /// Who: the name of a group of `[notices]`; the default group if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
    },
    /// A signed message goes to a web server.
    Webhook {
        /// The name of a target of `[respond.webhooks]`.
        target: String,
    },
    /// A program of this machine runs, without a shell.
    Command {
        /// The name of a command of `[respond.commands]`.
        name: String,
    },
}

/// How far an action is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ActionState {
    /// It waits for an approval.
    Waiting,
    /// It is about to run.
    Planned,
    /// It runs.
    Started,
    /// It was done.
    Done {
        /// What came of it.
        outcome: String,
    },
    /// It was tried and failed.
    Failed {
        /// Why.
        error: String,
    },
    /// It was not run and won't be.
    NotRun {
        /// Why.
        why: String,
    },
    /// The program ended while it ran, and nothing tells whether it was done. It isn't tried again.
    Unknown,
}
