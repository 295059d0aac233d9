//! The way to the ledger for everything that tells of something: always there, whether the ledger is or not.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use respond::alert::{Layer, NewAlert, Severity};
use respond::intake::{self, Rules};
use respond::{Desk, Time};

/// Alerts that are recorded in one transaction, at most.
pub(super) const BATCH: usize = 4096;

/// A thread that did nothing for this long hangs: it looks around twice a second, and waits half a minute for another writer at most.
const HANGS_AFTER: Duration = Duration::from_secs(90);

/// Whether the thread of the ledger lives.
#[derive(Clone, Copy, Debug, Default)]
enum Pulse {
    /// There is none: a command writes the ledger itself.
    #[default]
    None,
    /// It looked around last at this time.
    Beat(Instant),
    /// It has ended.
    Ended,
}

/// Says that the thread has ended, when this is dropped: however it ends.
#[derive(Debug)]
pub(super) struct Living(Arc<Front>);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.set_pulse(Pulse::Ended);
    }
}

/// The ledger of this process, once it is open, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Front {
    desk: OnceLock<Arc<Desk>>,
    rules: RwLock<Arc<Rules>>,
    problem: Mutex<Option<String>>,
    pulse: Mutex<Pulse>,
    overhearing: OnceLock<SyncSender<NewAlert>>,
}

impl Front {
    /// Sets the ledger. Only the first call counts.
    pub fn set(&self, desk: Arc<Desk>) {
        // Only the daemon, or the command, that made the engine calls this, once.
        let _ = self.desk.set(desk);
    }

    /// The ledger, if it is open.
    #[must_use]
    pub fn desk(&self) -> Option<&Arc<Desk>> {
        self.desk.get()
    }

    /// What is done about alerts from now on, and who is told.
    pub fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// What is done about alerts, and who is told.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on, what guards tell of attacks is given to this, too. Only the first call counts. What it has no room for it doesn't hear.
    pub fn overhear(&self, sender: SyncSender<NewAlert>) {
        // Only the daemon calls this, once.
        let _ = self.overhearing.set(sender);
    }

    /// Tells of something. Never waits; without a ledger nobody hears it.
    pub fn tell(&self, alert: NewAlert) {
        if alert.layer == Layer::Guard
            && alert.severity >= Severity::High
            && let Some(overhearing) = self.overhearing.get()
        {
            let _ = overhearing.try_send(alert.clone());
        }
        if let Some(desk) = self.desk.get() {
            desk.tell(alert);
        }
    }

    /// What is wrong with the ledger; `None` if nothing is.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.locked().clone()
    }

    /// Why nothing can be noted at present; `None` if all that is told is noted.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) {
            Pulse::Ended => {
                Some("the thread that writes the ledger has ended: nothing is noted; start the daemon again".to_owned())
            }
            Pulse::Beat(last) if last.elapsed() > HANGS_AFTER => Some(format!(
                "the thread that writes the ledger has done nothing for {} seconds: the disk below the ledger may hang",
                last.elapsed().as_secs()
            )),
            Pulse::Beat(_) | Pulse::None => self.problem(),
        }
    }

    /// Begins the life of the thread of the ledger.
    pub(super) fn living(self: &Arc<Self>) -> Living {
        self.beat();
        Living(Arc::clone(self))
    }

    /// The thread of the ledger lives.
    pub(super) fn beat(&self) {
        self.set_pulse(Pulse::Beat(Instant::now()));
    }

    fn set_pulse(&self, pulse: Pulse) {
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
    }

    /// Notes what is wrong with the ledger. Whether that is news.
    pub fn note_problem(&self, problem: Option<String>) -> bool {
        let mut known = self.locked();
        let is_news = *known != problem;
        *known = problem;
        is_news
    }

    /// Records what was told: for commands, which have no thread for it.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn take_in(&self, now: Time) -> Result<(), respond::Error> {
        let Some(desk) = self.desk.get() else { return Ok(()) };
        desk.close();
        loop {
            let taken = desk.take(BATCH, Duration::ZERO);
            if !taken.alerts.is_empty() {
                let rules = self.rules();
                desk.write(|w| intake::take_in(w, now, &rules, taken.alerts))?;
            }
            if taken.is_last {
                return Ok(());
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Option<String>> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_ended_or_hangs_is_trouble() {
        let front = Arc::new(Front::default());
        assert_eq!(front.trouble(), None, "a command has no thread");
        let living = front.living();
        assert_eq!(front.trouble(), None);
        front.note_problem(Some("the disk is full".to_owned()));
        assert_eq!(front.trouble().as_deref(), Some("the disk is full"));
        front.note_problem(None);
        if let Some(before) = Instant::now().checked_sub(HANGS_AFTER * 2) {
            front.set_pulse(Pulse::Beat(before));
            assert!(front.trouble().unwrap().contains("has done nothing for 180 seconds"));
        }
        front.beat();
        assert_eq!(front.trouble(), None);
        let panicked = std::thread::spawn(move || {
            let _living = living;
            panic!("a thread that fails")
        });
        assert!(panicked.join().is_err());
        assert!(front.trouble().unwrap().contains("has ended"));
    }
}
