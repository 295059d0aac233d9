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

impl ActionKind {
    /// The action's name in policies.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pin { .. } => "pin",
            Self::Fence { .. } => "fence",
            Self::Release { .. } => "release",
            Self::Sensitivity { .. } => "sensitivity",
            Self::Drill { .. } => "drill",
            Self::Notify { .. } => "notify",
            Self::Webhook { .. } => "webhook",
            Self::Command { .. } => "command",
        }
    }

    /// The volume that it concerns, if it concerns one.
    #[must_use]
    pub fn volume(&self) -> Option<&str> {
        match self {
            Self::Pin { volume }
            | Self::Fence { volume, .. }
            | Self::Release { volume, .. }
            | Self::Sensitivity { volume, .. }
            | Self::Drill { volume } => Some(volume),
            Self::Notify { .. } | Self::Webhook { .. } | Self::Command { .. } => None,
        }
    }

    /// The same on another volume.
    #[must_use]
    pub fn on(&self, name: &str) -> Self {
        let mut action = self.clone();
        match &mut action {
            Self::Pin { volume }
            | Self::Fence { volume, .. }
            | Self::Release { volume, .. }
            | Self::Sensitivity { volume, .. }
            | Self::Drill { volume } => name.clone_into(volume),
            Self::Notify { .. } | Self::Webhook { .. } | Self::Command { .. } => {}
        }
        action
    }

    /// What is done, in a few words.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Pin { volume } => format!("keep the newest moment of `{volume}`"),
            Self::Fence { volume, how } => format!("fence `{volume}` ({how})"),
            Self::Release { volume, diverted: None } => format!("take down the fence of `{volume}`"),
            Self::Release {
                volume,
                diverted: Some(how),
            } => format!("take down the fence of `{volume}` ({how} what was diverted)"),
            Self::Sensitivity {
                volume,
                percent,
                seconds,
            } => format!(
                "have the guard of `{volume}` act at {percent} % of the usual suspicion for {} min",
                seconds / 60
            ),
            Self::Drill { volume } => format!("run a drill on a fork of `{volume}`"),
            Self::Notify { group: None } => "tell people".to_owned(),
            Self::Notify { group: Some(group) } => format!("tell the group `{group}`"),
            Self::Webhook { target } => format!("send a signed message to `{target}`"),
            Self::Command { name } => format!("run the command `{name}`"),
        }
    }
}
