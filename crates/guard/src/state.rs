//! What a guard remembers beside the sentinel: settings, the episode at hand, the fence in force, bookmarks.
//!
//! Invariants: a fence in force belongs to an episode; the pin of an episode is among the bookmarks; times in
//! microseconds are of the guard's monotonic clock and are moved to the new run's clock after a restart.

use sentinel::Micros;
use serde::{Deserialize, Serialize};
use volume::Timestamp;

use crate::event::Cause;
use crate::settings::{Fence, Settings};
use crate::time::{rfc3339, rfc3339_option};

/// What a guard did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// How often the sentinel judged.
    pub assessments: u64,
    /// Episodes of suspicion that were bookmarked.
    pub bookmarks: u64,
    /// Fences.
    pub fences: u64,
    /// Verdicts that stopped nothing, because of announced work or by choice.
    pub would_fence: u64,
    /// Fences that the operator released.
    pub released: u64,
}

/// A moment from before what was suspected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// The pin that keeps it.
    pub pin: String,
    /// Its last batch.
    pub sequence: u64,
    /// The time of that batch.
    #[serde(with = "rfc3339")]
    pub time: Timestamp,
    /// Whether what was suspected goes on; otherwise it is the one of the last fence.
    pub is_current: bool,
}

/// A time in which writes were suspicious.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Episode {
    /// The pin that keeps the moment before it.
    pub(crate) point: Option<RestorePoint>,
    /// When what is suspected began.
    #[serde(with = "rfc3339_option")]
    pub(crate) onset: Option<Timestamp>,
    /// What is suspected; more than one thing is encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<Cause>,
    /// Whether the sentinel, or a look at superblocks, gave rise to it: files don't make themselves more suspicious.
    #[serde(default)]
    pub(crate) is_seen_in_blocks: bool,
    /// In per cent of what fences, at its highest.
    pub(crate) suspicion_percent: u32,
    /// Why, by the newest assessment that was suspicious.
    pub(crate) reasons: Vec<String>,
    /// Whether it was told that it would have been fenced.
    pub(crate) told_would_fence: bool,
    /// Whether it was told that its moment can't be pinned.
    pub(crate) told_failure: bool,
}

/// A fence in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InForce {
    pub(crate) fence: Fence,
    /// The fork that reads and writes go to.
    pub(crate) fork: Option<String>,
    /// Whether bringing diverted writes into the volume was begun: the volume is no longer as it was at the fence.
    pub(crate) keep_begun: bool,
    /// Why it was put up by hand; `None` if a verdict did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
}

/// A pin of the guard's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bookmark {
    pub(crate) pin: String,
    pub(crate) created: Micros,
}

/// Work that the operator announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) reason: String,
    pub(crate) until: Micros,
}

/// A time in which less suspicion is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sensitivity {
    /// Per cent of the usual suspicion.
    pub(crate) percent: u32,
    pub(crate) until: Micros,
}

/// Everything that is saved, beside the sentinel and the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// What the configuration said when `settings` were set.
    pub(crate) configured: Settings,
    /// What is in force.
    pub(crate) settings: Settings,
    /// Since when the guard is in its state.
    #[serde(with = "rfc3339")]
    pub(crate) since: Timestamp,
    pub(crate) episode: Option<Episode>,
    pub(crate) fence: Option<InForce>,
    /// Oldest first.
    pub(crate) bookmarks: Vec<Bookmark>,
    /// The moment before the newest fence.
    pub(crate) last_attack: Option<RestorePoint>,
    pub(crate) announcement: Option<Announcement>,
    /// Before this, everything is explained.
    pub(crate) rested: Micros,
    pub(crate) counts: Counts,
    /// Forks that nobody needs any more and that couldn't be deleted yet.
    pub(crate) leftovers: Vec<String>,
    /// Whether the volume is a fork that a drill made, to be deleted once the drill is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_drill: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sensitivity: Option<Sensitivity>,
}

impl State {
    pub(crate) const fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            configured: settings,
            settings,
            since: now,
            episode: None,
            fence: None,
            bookmarks: Vec::new(),
            last_attack: None,
            announcement: None,
            rested: 0,
            counts: Counts {
                assessments: 0,
                bookmarks: 0,
                fences: 0,
                would_fence: 0,
                released: 0,
            },
            leftovers: Vec::new(),
            is_drill: false,
            sensitivity: None,
        }
    }

    /// Moves all times from the clock of the run that saved them (`saved` then) to this run's (`now`). Bookmarks don't
    /// age while the guard doesn't run; announcements and sensitivity do.
    pub(crate) fn shift(&mut self, saved: Micros, now: Micros, pause: Micros) {
        for bookmark in &mut self.bookmarks {
            bookmark.created = shifted(bookmark.created, saved, now);
        }
        self.rested = shifted(self.rested, saved, now.saturating_sub(pause));
        if let Some(announcement) = &mut self.announcement {
            let left = announcement.until.saturating_sub(saved).saturating_sub(pause);
            announcement.until = now.saturating_add(left);
        }
        if let Some(sensitivity) = &mut self.sensitivity {
            let left = sensitivity.until.saturating_sub(saved).saturating_sub(pause);
            sensitivity.until = now.saturating_add(left);
        }
    }

    /// The configuration's settings: a choice made while running stays until they change.
    pub(crate) fn configure(&mut self, configured: Settings) -> bool {
        let is_new = self.configured != configured;
        if is_new {
            self.configured = configured;
            self.settings = configured;
        }
        is_new
    }

    /// Goes on with a fence that only its fork tells of, which is about as old as what it begins with.
    pub(crate) fn go_on_with(&mut self, fork: Option<(String, Timestamp)>) {
        let Some((fork, begun)) = fork else { return };
        self.since = begun;
        self.fence = Some(InForce {
            fence: Fence::Divert,
            fork: Some(fork),
            keep_begun: false,
            because: None,
        });
    }

    /// Where a restore from before the attack returns to.
    pub(crate) fn before_attack(&self) -> Option<RestorePoint> {
        let current = self.episode.as_ref().and_then(|episode| episode.point.as_ref());
        current.or(self.last_attack.as_ref()).cloned()
    }

    /// The pin that must not expire.
    pub(crate) fn current_pin(&self) -> Option<&str> {
        let point = self.episode.as_ref()?.point.as_ref()?;
        Some(&point.pin)
    }
}

/// A past time of one run's clock on another's.
pub(crate) const fn shifted(time: Micros, saved: Micros, now: Micros) -> Micros {
    now.saturating_sub(saved.saturating_sub(time))
}
