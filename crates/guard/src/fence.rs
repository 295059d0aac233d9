//! What a verdict does: the gate closes first, so that nothing more gets through; then the moment before is pinned; then
//! it is saved and told.

use sentinel::Level;

use crate::event::{Event, EventKind, Unfenced};
use crate::gate::Mode;
use crate::guard::Guard;
use crate::locks::{lock, write_lock};
use crate::settings::Fence;
use crate::state::InForce;
use crate::watch::Suspect;

impl Guard {
    /// Acts upon a verdict, on the thread of the client whose write led to it.
    pub(crate) fn fence(&self, suspect: Suspect) {
        let _operation = lock(&self.operations);
        self.consider(suspect);
    }

    /// Acts upon what is suspected, as far as settings, announced work and a fence in force let it. The caller holds
    /// `operations`.
    pub(crate) fn consider(&self, suspect: Suspect) {
        if self.is_void(&suspect) {
            return self.arm();
        }
        let state = lock(&self.state);
        let (settings, is_announced) = (state.settings, state.announcement.is_some());
        let in_force = state.fence.as_ref().map(|fence| fence.fence);
        drop(state);
        match in_force {
            Some(Fence::Alert) => return self.bookmark(&suspect),
            Some(_) => return,
            None if !settings.enabled => return,
            None => {}
        }
        match suspect.assessment.level {
            Level::Calm => {}
            Level::Bookmark => self.bookmark(&suspect),
            Level::Fence if is_announced => self.would_fence(&suspect),
            Level::Fence => self.put_in_force(settings.fence, &suspect),
        }
    }

    fn would_fence(&self, suspect: &Suspect) {
        self.bookmark(suspect);
        let mut state = lock(&self.state);
        let told = state
            .episode
            .as_mut()
            .is_none_or(|episode| std::mem::replace(&mut episode.told_would_fence, true));
        if !told {
            state.counts.would_fence += 1;
            drop(state);
            self.tell(EventKind::WouldFence {
                because: Unfenced::Announced,
            });
        }
    }

    fn put_in_force(&self, fence: Fence, suspect: &Suspect) {
        self.close_gate(fence, None);
        self.record_fence(suspect);
        self.tell_fence();
    }

    /// Tells of the fence that went up.
    pub(crate) fn tell_fence(&self) {
        let fence = lock(&self.state).fence.clone();
        if let Some(fence) = fence {
            self.tell(told_as(fence));
        }
    }

    /// What was told when the fence in force went up, as far as it is remembered: whoever knows what was heard before the program
    /// was killed can tell by this whether this was.
    #[must_use]
    pub fn fence_as_told(&self) -> Option<Event> {
        let state = lock(&self.state);
        let (fence, since) = (state.fence.clone()?, state.since);
        drop(state);
        Some(self.event(told_as(fence), since))
    }

    /// Has writes go where a fence sends them from now on. What can't be diverted is refused. `because` is why it goes up by hand.
    pub(crate) fn close_gate(&self, fence: Fence, because: Option<&str>) {
        let stopping = match fence {
            Fence::Alert => None,
            Fence::Refuse => Some((Fence::Refuse, Mode::Refused)),
            Fence::Pause => Some((Fence::Pause, Mode::Paused)),
            Fence::Divert => match self.divert(because) {
                Ok(()) => return,
                Err(error) => {
                    self.tell_failure("diverting writes to a fork (writes are refused instead)", &error);
                    Some((Fence::Refuse, Mode::Refused))
                }
            },
        };
        let Some((fence, mode)) = stopping else {
            return self.enter_fence(fence, None, because);
        };
        // Taking the gate waits for writes under way.
        write_lock(&self.gate).mode = mode;
        self.enter_fence(fence, None, because);
    }

    /// Keeps the moment before, and saves that there is a fence.
    pub(crate) fn record_fence(&self, suspect: &Suspect) {
        self.arm();
        self.bookmark(suspect);
        let mut state = lock(&self.state);
        let because = state.fence.as_ref().and_then(|fence| fence.because.clone());
        if let (Some(because), Some(episode)) = (because, &mut state.episode) {
            episode.reasons.insert(0, because);
        }
        state.last_attack = state.before_attack().map(|point| crate::RestorePoint {
            is_current: false,
            ..point
        });
        drop(state);
        self.save();
    }

    /// Enters a fence into the state.
    pub(crate) fn enter_fence(&self, fence: Fence, fork: Option<String>, because: Option<&str>) {
        let since = self.clock.now();
        let mut state = lock(&self.state);
        state.fence = Some(InForce {
            fence,
            fork,
            keep_begun: false,
            because: because.map(str::to_owned),
        });
        state.since = since;
        if fence == Fence::Alert {
            state.counts.would_fence += 1;
        } else {
            state.counts.fences += 1;
        }
    }
}

/// What is told of a fence when it goes up.
fn told_as(fence: InForce) -> EventKind {
    let InForce {
        fence, fork, because, ..
    } = fence;
    match (because, fork) {
        (Some(because), fork) => EventKind::FencedByHand { fence, fork, because },
        (None, Some(fork)) => EventKind::Diverted { fork },
        (None, None) if fence == Fence::Alert => EventKind::WouldFence {
            because: Unfenced::Alert,
        },
        (None, None) => EventKind::Fenced { fence },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sentinel::{Assessment, Micros, Signals};
    use volume::{Clock, OsDirectory, Store, Timestamp, os_random};

    use super::*;
    use crate::{Events, Settings, SharedModel, Uptime};

    /// Clocks that stand still, and nobody who listens.
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_seconds(1_800_000_000)
        }
    }

    impl Uptime for Still {
        fn micros(&self) -> Micros {
            1 << 42
        }
    }

    impl Events for Still {
        fn note(&self, _: &Event) {}
    }

    #[test]
    fn a_verdict_that_a_release_overtook_is_void() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let settings = |_: &str| volume::Settings::default();
        let store = Store::open(directory, Box::new(settings), Box::new(os_random));
        let volume = store.create("disk", 1 << 20, Still.now()).unwrap();
        let (clock, uptime, events) = (Arc::new(Still), Arc::new(Still), Arc::new(Still));
        let model = SharedModel::shipped();
        let guard = Guard::open(&store, volume, clock, uptime, model, Settings::default(), events);
        let assessment = Assessment {
            level: Level::Fence,
            score: 0,
            suspicion: 0,
            onset: Still.micros(),
            signals: Signals::default(),
            is_only_new: false,
        };
        let reached_before = Suspect {
            assessment,
            percent: 100,
            generation: 0,
        };
        guard.rest();
        guard.fence(reached_before);
        assert_eq!(guard.status().fence, None);
        assert!(lock(&guard.watch).is_armed, "the next one is acted upon");
        guard.fence(Suspect {
            generation: 1,
            ..reached_before
        });
        assert_eq!(guard.status().fence, Some(Fence::Pause));
    }
}
