//! What a guard tells: structured for programs, and in one line for people.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};
use volume::Timestamp;

use crate::release::Release;
use crate::settings::{Fence, Settings};
use crate::state::Counts;
use crate::time::{rfc3339, rfc3339_option};

/// Hears of events.
pub trait Events: Send + Sync {
    /// Something happened. Called by whoever made it happen, a client's thread too: it must be quick, and must not call
    /// the guard.
    fn note(&self, event: &Event);
}

/// Why a verdict stopped nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfenced {
    /// Work is announced.
    Announced,
    /// The operator chose [`Fence::Alert`].
    Alert,
}

/// What is suspected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Content is encrypted or wiped.
    #[default]
    Encryption,
    /// What a disk is found by is gone: a partition table, a superblock.
    Destruction,
}

impl Cause {
    /// In one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Encryption => "encryption",
            Self::Destruction => "destruction",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// Suspicion arose: the moment before it is kept.
    Bookmarked {
        /// Whether the moment kept lies earlier than the one kept first.
        moved: bool,
    },
    /// Suspicion has been gone for a while. The bookmark is kept for some days more.
    Calmed,
    /// A bookmark that led to nothing was given up.
    BookmarkExpired {
        /// Its pin.
        expired: String,
    },
    /// Encryption was recognised, and nothing was stopped.
    WouldFence {
        /// Why not.
        because: Unfenced,
    },
    /// Encryption was recognised: writes are stopped.
    Fenced {
        /// How.
        fence: Fence,
    },
    /// Encryption was recognised: writes go to a fork.
    Diverted {
        /// The fork.
        fork: String,
    },
    /// A fence went up because somebody, or a policy, said so.
    FencedByHand {
        /// What it does.
        fence: Fence,
        /// The fork that writes go to.
        fork: Option<String>,
        /// Why.
        because: String,
    },
    /// A fence of an earlier run of the program is in force.
    StillFenced {
        /// What it does.
        fence: Fence,
        /// The fork that writes go to.
        fork: Option<String>,
    },
    /// The operator ended a fence.
    Released {
        /// What became of diverted writes.
        how: Release,
        /// The fork that they went to.
        fork: Option<String>,
    },
    /// The disk was returned to a moment of the past.
    RolledBack {
        /// The fork that diverted writes went to; it is kept.
        fork: Option<String>,
    },
    /// Settings changed.
    SettingsChanged {
        /// The settings now.
        settings: Settings,
        /// Whether they differ from the configuration's.
        overridden: bool,
    },
    /// Work was announced: nothing is fenced until it ends.
    Announced {
        /// What it is.
        reason: String,
        /// When the announcement ends.
        #[serde(with = "rfc3339")]
        until: Timestamp,
    },
    /// Announced work is over: fences are armed again.
    AnnouncementEnded {
        /// What it was.
        reason: String,
    },
    /// Less suspicion than usual is enough for a while.
    SensitivityRaised {
        /// Per cent of the usual suspicion.
        percent: u32,
        /// When that ends.
        #[serde(with = "rfc3339")]
        until: Timestamp,
    },
    /// The usual suspicion is needed again.
    SensitivityEnded,
    /// Another model is asked from now on.
    ModelChanged {
        /// The version of the one before.
        from: u32,
        /// The version now.
        to: u32,
    },
    /// What the guard knew of the volume is lost.
    Forgotten {
        /// Why.
        reason: String,
    },
    /// Something that the guard tried didn't work.
    Failed {
        /// What it tried.
        what: String,
        /// Why it failed.
        error: String,
    },
}

/// Something that happened on a guarded volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The volume.
    pub volume: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
    /// The pin that keeps the moment before what is suspected.
    pub pin: Option<String>,
    /// The moment that it keeps.
    #[serde(with = "rfc3339_option")]
    pub pinned: Option<Timestamp>,
    /// When what is suspected began.
    #[serde(with = "rfc3339_option")]
    pub onset: Option<Timestamp>,
    /// What is suspected.
    #[serde(default)]
    pub cause: Cause,
    /// Suspicion, in per cent of what fences.
    pub suspicion_percent: Option<u32>,
    /// Why, strongest first.
    pub reasons: Vec<String>,
    /// What the guard did so far.
    pub counts: Counts,
}

impl Event {
    /// In one line: what happened, what it means, what to do next.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _ = self.write_what(&mut text);
        if let (Some(pin), Some(pinned)) = (&self.pin, self.pinned) {
            let _ = write!(text, "; the moment before it, {pinned}, is kept as pin `{pin}`");
        }
        for reason in &self.reasons {
            let _ = write!(text, "; {reason}");
        }
        if let Some(next) = self.next() {
            let _ = write!(text, ". {next}");
        }
        text
    }

    fn write_what(&self, text: &mut String) -> fmt::Result {
        let (began, cause) = (Began(self.onset), self.cause.word());
        match &self.kind {
            EventKind::Bookmarked { moved: false } if self.cause == Cause::Destruction => {
                write!(
                    text,
                    "destructive writes{began} (fenced if nothing takes the place of what is gone)"
                )
            }
            EventKind::Bookmarked { moved: false } => {
                let percent = self.suspicion_percent.unwrap_or(0);
                write!(text, "suspicious writes{began} ({percent} % of what fences)")
            }
            EventKind::Bookmarked { moved: true } => {
                write!(text, "suspicious writes began earlier than thought{began}")
            }
            EventKind::Calmed => text.write_str("writes have not been suspicious for a while: taken for ordinary work"),
            EventKind::BookmarkExpired { expired } => {
                write!(text, "the bookmark `{expired}`, which led to nothing, was given up")
            }
            EventKind::WouldFence { because } => write!(
                text,
                "{cause} recognised{began}; nothing is stopped, because {}",
                match because {
                    Unfenced::Announced => "work is announced",
                    Unfenced::Alert => "the fence is `alert`",
                }
            ),
            EventKind::Fenced { fence } => write!(text, "{cause} recognised{began}: {}", doing(*fence)),
            EventKind::Diverted { fork } => write!(
                text,
                "{cause} recognised{began}: writes go to the fork `{fork}` from now on, the volume stays as it is"
            ),
            EventKind::FencedByHand { fence, fork, because } => {
                write!(text, "fenced ({because}): ")?;
                match fork {
                    Some(fork) => write!(
                        text,
                        "reads and writes go to the fork `{fork}` from now on, the volume stays as it is"
                    ),
                    None => text.write_str(doing(*fence)),
                }
            }
            EventKind::StillFenced { fence, fork: None } => {
                write!(text, "the fence of before the restart is in force: {}", doing(*fence))
            }
            EventKind::StillFenced { fork: Some(fork), .. } => write!(
                text,
                "the fence of before the restart is in force: reads and writes go to the fork `{fork}`"
            ),
            EventKind::Released { how, fork } => write_released(text, *how, fork.as_deref()),
            EventKind::RolledBack { fork: None } => {
                text.write_str("returned to a moment of the past: fences are armed again, clients must reconnect")
            }
            EventKind::RolledBack { fork: Some(fork) } => write!(
                text,
                "returned to a moment of the past: fences are armed again, clients must reconnect; what was diverted \
                 stays in the volume `{fork}`"
            ),
            _ => self.write_other(text),
        }
    }

    fn write_other(&self, text: &mut String) -> fmt::Result {
        match &self.kind {
            EventKind::SettingsChanged { settings, overridden } => {
                let how = if *overridden {
                    " until the configuration changes"
                } else {
                    ""
                };
                if settings.enabled {
                    write!(text, "guarded with fence `{}`{how}", settings.fence)
                } else {
                    write!(text, "not guarded any more{how}")
                }
            }
            EventKind::Announced { reason, until } => write!(
                text,
                "announced work (\"{reason}\"): nothing is fenced until {until}, suspicion is still bookmarked"
            ),
            EventKind::AnnouncementEnded { reason } => {
                write!(text, "announced work (\"{reason}\") is over: fences are armed again")
            }
            EventKind::SensitivityRaised { percent, until } => {
                write!(text, "acts at {percent} % of the usual suspicion until {until}")
            }
            EventKind::SensitivityEnded => text.write_str("acts at the usual suspicion again"),
            EventKind::ModelChanged { from, to } => {
                write!(
                    text,
                    "model {to} judges what is written from now on, instead of model {from}"
                )
            }
            EventKind::Forgotten { reason } => write!(
                text,
                "what the guard knew of the volume can't be used ({reason}): it begins anew, the disk is served"
            ),
            EventKind::Failed { what, error } => write!(text, "{what} failed: {error}"),
            _ => Ok(()),
        }
    }

    /// What to do next.
    fn next(&self) -> Option<String> {
        let volume = &self.volume;
        let restore = format!("`holdfast restore {volume} --before-attack`");
        let undone = match self.cause {
            Cause::Encryption => "encrypted",
            Cause::Destruction => "destroyed",
        };
        Some(match &self.kind {
            EventKind::Fenced { .. } | EventKind::StillFenced { fork: None, .. } => format!(
                "To undo what was {undone}: {restore}; if it is a false alarm: `holdfast guard release {volume}`"
            ),
            EventKind::Diverted { .. } | EventKind::StillFenced { .. } => format!(
                "To undo what was {undone}: {restore}; if it is a false alarm, `holdfast guard release {volume} --keep` \
                 brings what was diverted into the volume, `--drop` gives it up"
            ),
            EventKind::FencedByHand { fork: None, .. } => {
                format!("When it may write again: `holdfast guard release {volume}`")
            }
            EventKind::FencedByHand { fork: Some(_), .. } => format!(
                "When it may write again: `holdfast guard release {volume} --keep` brings what was diverted into the volume, \
                 `--drop` gives it up"
            ),
            EventKind::WouldFence {
                because: Unfenced::Announced,
            } => format!("If this isn't what was announced: {restore}"),
            EventKind::WouldFence {
                because: Unfenced::Alert,
            } => format!(
                "To undo what was {undone}: {restore}; if you know this work: `holdfast guard release {volume}`"
            ),
            EventKind::RolledBack { fork: Some(fork) } => {
                format!("When nobody needs it any more: `holdfast volume delete {fork}`")
            }
            EventKind::Failed { .. } => format!("`holdfast guard status {volume}` and `holdfast status` tell more"),
            _ => return None,
        })
    }
}

const fn doing(fence: Fence) -> &'static str {
    match fence {
        Fence::Refuse => "writes are refused (EPERM), reads go on",
        Fence::Pause => "writes find no space (ENOSPC), which makes hypervisors stop the guest; reads go on",
        Fence::Divert => "reads and writes go to a fork",
        Fence::Alert => "nothing is stopped",
    }
}

fn write_released(text: &mut String, how: Release, fork: Option<&str>) -> fmt::Result {
    match (how, fork) {
        (Release::Keep, Some(fork)) => write!(
            text,
            "released: what was diverted to `{fork}` is in the volume now, fences are armed again"
        ),
        (Release::Drop, Some(fork)) => write!(
            text,
            "released: what was diverted to `{fork}` is given up, the volume is as it was at the fence, fences are armed \
             again; clients must reconnect"
        ),
        (_, None) => text.write_str("released: writes go on, fences are armed again"),
    }
}

/// ` that began 2026-11-25T23:15:00Z`.
struct Began(Option<Timestamp>);

impl fmt::Display for Began {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |onset| write!(f, " that began about {onset}"))
    }
}
