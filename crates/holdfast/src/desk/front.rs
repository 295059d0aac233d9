//! The way to the ledger for everything that tells of something: always there, whether the ledger is or not.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use respond::alert::{Layer, NewAlert, Severity};
use respond::intake::{self, Rules};
use respond::{Desk, Time};

/// Alerts that are recorded in one transaction, at most.
pub(super) const BATCH: usize = 4096;

/// The ledger of this process, once it is open, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Front {
    desk: OnceLock<Arc<Desk>>,
    rules: RwLock<Arc<Rules>>,
    problem: Mutex<Option<String>>,
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
            let taken = desk.take(BATCH, std::time::Duration::ZERO);
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
