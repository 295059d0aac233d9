//! What an operator can choose for a guarded volume.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a fence does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// Writes fail as not permitted (`EPERM`).
    Refuse,
    /// Writes fail for lack of space (`ENOSPC`): hypervisors stop the guest and wait for the operator.
    #[default]
    Pause,
    /// The guest goes on in a fork; the volume stays as it was at the fence.
    Divert,
    /// Nothing is stopped; the operator is told.
    Alert,
}

impl Fence {
    /// All fences, in the order in which help lists them.
    pub const ALL: [Self; 4] = [Self::Refuse, Self::Pause, Self::Divert, Self::Alert];

    /// As it is written in configurations and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Pause => "pause",
            Self::Divert => "divert",
            Self::Alert => "alert",
        }
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Fence {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|fence| fence.name() == text);
        known.ok_or_else(|| crate::Error::UnknownFence(text.to_owned()))
    }
}

/// A guarded volume's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether the volume is watched at all.
    pub enabled: bool,
    /// What happens once encryption is recognised.
    pub fence: Fence,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            fence: Fence::default(),
        }
    }
}
