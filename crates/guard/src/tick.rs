//! What must be done from time to time: assessing an idle volume, bookmarks, ends of episodes and announcements, saving.

use sentinel::{Micros, SAVED_BYTES};
use volume::Error;

use crate::event::EventKind;
use crate::guard::Guard;
use crate::locks::{lock, try_lock};
use crate::settings::Fence;
use crate::sidecar::Sidecar;

/// How often what the sentinel knows is saved: so much of it is lost in a crash.
const SAVE_MICROS: Micros = 60_000_000;
/// How long suspicion must be gone for an episode to end: ten minutes.
const CALM_MICROS: Micros = 600_000_000;

/// What ticks remember. Its lock is held while saving, so that an older state never replaces a newer one.
#[derive(Debug)]
pub(crate) struct Ticking {
    saved: Micros,
    pub(crate) is_failing: bool,
    is_closed: bool,
}

impl Ticking {
    pub(crate) const fn new(now: Micros) -> Self {
        Self {
            saved: now,
            is_failing: false,
            is_closed: false,
        }
    }
}

impl Guard {
    /// Does what is due. To be called about once a second; clients don't wait for it.
    pub fn tick(&self) {
        self.take_new_model();
        // Whoever holds it is acting already; the next tick comes soon.
        if let Some(_operation) = try_lock(&self.operations) {
            self.act_when_idle();
            self.look_at_landmarks();
            self.end_episode_in_time();
            self.end_announcement_in_time();
            self.end_sensitivity_in_time();
            self.put_right();
        }
        self.keep_reads();
        self.save_in_time();
    }

    /// Saves what must survive, for the last time: another guard may take over.
    pub fn close(&self) {
        let _operation = lock(&self.operations);
        self.close_reads();
        self.save();
        lock(&self.saver).is_closed = true;
    }

    fn act_when_idle(&self) {
        let now = self.uptime.micros();
        let mut watch = lock(&self.watch);
        let now = watch.time(now);
        let suspect = watch.assess(now);
        let is_mark_due = watch.trail.is_due(now);
        let suspect = suspect.or_else(|| watch.pending.take());
        drop(watch);
        if is_mark_due {
            self.mark(false);
        }
        if let Some(suspect) = suspect {
            self.consider(suspect);
        }
    }

    /// An episode ends once suspicion has been gone for a while, and with it a fence that stops nothing.
    fn end_episode_in_time(&self) {
        let now = self.uptime.micros();
        let zero_since = lock(&self.watch).zero_since;
        if zero_since.is_none_or(|since| now.saturating_sub(since) < CALM_MICROS) {
            return;
        }
        let wall = self.clock.now();
        let mut state = lock(&self.state);
        let is_free = state.fence.as_ref().is_none_or(|fence| fence.fence == Fence::Alert);
        if state.episode.is_none() || !is_free {
            return;
        }
        (state.episode, state.fence, state.since) = (None, None, wall);
        drop(state);
        self.arm();
        self.save();
        self.tell(EventKind::Calmed);
    }

    fn take_new_model(&self) {
        let current = self.model.current();
        let mut watch = lock(&self.watch);
        if std::sync::Arc::ptr_eq(&watch.model, &current) {
            return;
        }
        let (from, to) = (watch.model.version(), current.version());
        watch.model = current;
        drop(watch);
        self.tell(EventKind::ModelChanged { from, to });
    }

    /// Saves every minute, if there is something new, and clears up.
    fn save_in_time(&self) {
        let now = self.uptime.micros();
        if now.saturating_sub(lock(&self.saver).saved) < SAVE_MICROS {
            return;
        }
        if let Some(_operation) = try_lock(&self.operations) {
            self.expire_bookmarks();
        }
        if lock(&self.watch).is_changed {
            self.save();
        }
        lock(&self.saver).saved = now;
        self.delete_leftovers();
    }

    /// Saves; a failure is told once, until it works again.
    pub(crate) fn save(&self) {
        let was_failing = lock(&self.saver).is_failing;
        if let Err(error) = self.try_save()
            && !was_failing
        {
            self.tell_failure(
                "saving what the guard knows (a fence would be forgotten at a restart)",
                &error,
            );
        }
    }

    /// Saves what must survive a restart, durably.
    pub(crate) fn try_save(&self) -> Result<(), Error> {
        // So that the next run knows up to where everything was ordinary.
        self.mark(true);
        let mut saver = lock(&self.saver);
        if saver.is_closed {
            return Ok(());
        }
        let (wall, now) = (self.clock.now(), self.uptime.micros());
        let mut saved = Box::new([0; SAVED_BYTES]);
        let mut state = lock(&self.state).clone();
        let mut watch = lock(&self.watch);
        let now = watch.time(now);
        watch.sentinel.save(now, &mut saved);
        let marks = watch.trail.marks();
        let model_version = watch.model.version();
        state.counts.assessments = watch.assessments;
        watch.is_changed = false;
        drop(watch);
        let sidecar = Sidecar {
            wall,
            uptime: now,
            model_version,
            state,
            marks,
            sentinel: saved.to_vec(),
        };
        let written = self.store.write_sidecar(&self.name, &sidecar.encode());
        saver.saved = now;
        saver.is_failing = written.is_err();
        written
    }
}
