//! Everything an operator wants to know of a guard.

use serde::{Deserialize, Serialize};
use volume::Timestamp;

use crate::guard::Guard;
use crate::locks::{lock, read_lock};
use crate::settings::{Fence, Settings};
use crate::state::{Counts, RestorePoint};
use crate::time::{rfc3339, rfc3339_option};

/// The state that a guard is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusState {
    /// Not watched.
    Off,
    /// Nothing is suspected.
    Calm,
    /// Something is suspected: the moment before it is kept.
    Bookmarked,
    /// Encryption was recognised.
    Fenced,
}

/// Work that the operator announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// What it is.
    pub reason: String,
    /// When the announcement ends.
    #[serde(with = "rfc3339")]
    pub until: Timestamp,
}

/// A time in which less suspicion is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensitive {
    /// Per cent of the usual suspicion.
    pub percent: u32,
    /// When that ends.
    #[serde(with = "rfc3339")]
    pub until: Timestamp,
}

/// The fork that reads and writes go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverted {
    /// Its name.
    pub fork: String,
    /// Bytes that it occupies.
    pub stored_bytes: u64,
    /// Whether bringing it into the volume was begun and not finished.
    pub keep_begun: bool,
}

/// How a guard is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The volume.
    pub volume: String,
    /// The state.
    pub state: StatusState,
    /// Since when.
    #[serde(with = "rfc3339")]
    pub since: Timestamp,
    /// The settings in force.
    pub settings: Settings,
    /// What the configuration says.
    pub configured: Settings,
    /// What the fence in force does.
    pub fence: Option<Fence>,
    /// Suspicion now, in per cent of what fences; while a fence is in force, at least that which led to it.
    pub suspicion_percent: u32,
    /// Where `restore --before-attack` returns to.
    pub before_attack: Option<RestorePoint>,
    /// When what is suspected began.
    #[serde(with = "rfc3339_option")]
    pub onset: Option<Timestamp>,
    /// Why, strongest first.
    pub reasons: Vec<String>,
    /// Announced work.
    pub announced: Option<Announced>,
    /// Less suspicion than usual that is enough for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<Sensitive>,
    /// Where writes go instead of the volume.
    pub diverted: Option<Diverted>,
    /// Bookmarks that are kept.
    pub bookmarks_kept: usize,
    /// What the guard did so far.
    pub counts: Counts,
    /// The version of the model that is asked.
    pub model_version: u32,
}

impl Guard {
    /// How the guard is.
    #[must_use]
    pub fn status(&self) -> Status {
        let fork = read_lock(&self.gate).fork();
        let stored_bytes = fork.map(|fork| fork.volume().status().stored_bytes);
        let (now, uptime) = (self.clock.now(), self.uptime.micros());
        let state = lock(&self.state).clone();
        let watch = lock(&self.watch);
        let (sentinel_percent, model_version) = (watch.suspicion_percent(), watch.model.version());
        let assessments = watch.assessments;
        drop(watch);
        let episode = state.episode.clone().unwrap_or_default();
        let suspicion_percent = match state.fence {
            Some(_) => sentinel_percent.max(episode.suspicion_percent),
            None => sentinel_percent,
        };
        let diverted = state.fence.as_ref().and_then(|fence| {
            Some(Diverted {
                fork: fence.fork.clone()?,
                stored_bytes: stored_bytes.unwrap_or(0),
                keep_begun: fence.keep_begun,
            })
        });
        Status {
            volume: self.name.clone(),
            state: match (&state.fence, &state.episode) {
                (Some(_), _) => StatusState::Fenced,
                (None, _) if !state.settings.enabled => StatusState::Off,
                (None, Some(_)) => StatusState::Bookmarked,
                (None, None) => StatusState::Calm,
            },
            since: state.since,
            settings: state.settings,
            configured: state.configured,
            fence: state.fence.as_ref().map(|fence| fence.fence),
            suspicion_percent,
            before_attack: state.before_attack(),
            onset: episode.onset,
            reasons: episode.reasons,
            announced: state.announcement.map(|announcement| Announced {
                until: crate::time::at_uptime(announcement.until, uptime, now),
                reason: announcement.reason,
            }),
            sensitive: state.sensitivity.map(|sensitivity| Sensitive {
                percent: sensitivity.percent,
                until: crate::time::at_uptime(sensitivity.until, uptime, now),
            }),
            diverted,
            bookmarks_kept: state.bookmarks.len(),
            counts: Counts {
                assessments,
                ..state.counts
            },
            model_version,
        }
    }
}
