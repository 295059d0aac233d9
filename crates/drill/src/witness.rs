//! Who hears of what the fork's guard does, and notes how far the attack had come by then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use guard::{Event, EventKind, Events};

use crate::clock::DrillClock;
use crate::result::Noticed;

/// Notes the first bookmark and the first fence.
#[derive(Debug)]
pub(crate) struct Witness {
    clock: Arc<DrillClock>,
    /// Bytes that the attack has written, zeroed or trimmed.
    done_bytes: AtomicU64,
    began_micros: AtomicU64,
    seen: Mutex<Seen>,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) bookmarked: Option<Noticed>,
    pub(crate) fenced: Option<Noticed>,
    /// Why, by the newest event that told.
    pub(crate) reasons: Vec<String>,
    /// What the guard couldn't do.
    pub(crate) failures: Vec<String>,
}

impl Witness {
    pub(crate) fn new(clock: Arc<DrillClock>) -> Self {
        Self {
            clock,
            done_bytes: AtomicU64::new(0),
            began_micros: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    /// The attack begins now. What was noticed before wasn't about it.
    pub(crate) fn begin(&self) {
        self.began_micros.store(self.clock.passed_micros(), Ordering::Relaxed);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }

    pub(crate) fn done(&self, bytes: u64) {
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was told as done was refused.
    pub(crate) fn refused(&self, bytes: u64) {
        self.done_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// How far the attack is.
    pub(crate) fn now(&self) -> Noticed {
        let began = self.began_micros.load(Ordering::Relaxed);
        Noticed {
            written_bytes: self.done_bytes.load(Ordering::Relaxed),
            milliseconds: self.clock.passed_micros().saturating_sub(began) / 1000,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Events for Witness {
    fn note(&self, event: &Event) {
        let now = self.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            EventKind::Bookmarked { .. } => {
                seen.bookmarked.get_or_insert(now);
            }
            EventKind::Fenced { .. } => {
                seen.fenced.get_or_insert(now);
            }
            EventKind::Failed { what, error } => seen.failures.push(format!("{what}: {error}")),
            _ => {}
        }
        if !event.reasons.is_empty() {
            seen.reasons.clone_from(&event.reasons);
        }
    }
}
