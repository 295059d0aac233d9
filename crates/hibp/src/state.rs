//! What answers are made from: the stores, the ledger, and what the operator decided.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use exposure::accounts::{Accounts, IntegrationTests, integration_tests};
use exposure::ledger::Ledger;
use exposure::passwords::Passwords;
use exposure::watch::DomainName;

use crate::Error;
use crate::metrics::Metrics;
use crate::private;
use crate::rates::Rates;
use crate::snapshot::Snapshot;
use crate::upstream::Upstream;

/// The folder of leaked passwords in that of the breach monitor.
const PASSWORDS_NAME: &str = "passwords";
/// What can't be read is reported at most so often: a damaged page may be asked for thousands of times a second.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What the operator decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A search by prefix is refused where it would hide a person among fewer identities than this.
    pub hidden_among: u64,
    /// Answers such a search all the same, and says in a header among how many it hides.
    pub answers_small_ranges: bool,
    /// The address under which others reach the server, without a slash at its end: for links.
    pub public_url: String,
    /// The DNS server that is asked for TXT records; the system's if none is named.
    pub resolver: Option<SocketAddr>,
    /// Whether mail is sent from here, so that a domain can be proved by mail.
    pub sends_mail: bool,
    /// Whether somebody is called back about prefixes that keys are subscribed to.
    pub calls_back: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hidden_among: 400,
            answers_small_ranges: false,
            public_url: "http://127.0.0.1:8471".to_owned(),
            resolver: None,
            sends_mail: false,
            calls_back: false,
        }
    }
}

/// Told of what can't be read. Called from any thread.
pub type Report = dyn Fn(&Error) + Send + Sync;

/// How many addresses a domain had when it was searched last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DomainCount {
    pub(crate) all: u64,
    pub(crate) excluding_spam_lists: u64,
}

/// What answers are made from. Shared by all connections.
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) tests: IntegrationTests,
    pub(crate) rates: Rates,
    pub(crate) metrics: Metrics,
    /// Bounded by the number of verified domains.
    pub(crate) domain_counts: Mutex<HashMap<DomainName, DomainCount>>,
    pub(crate) upstream: Option<Arc<dyn Upstream>>,
    pub(crate) private: Option<Arc<private::Service>>,
    ledger: Mutex<Ledger>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// The ledger's version that the snapshot is of.
    read_version: Mutex<i64>,
    report: Box<Report>,
    reported: Mutex<Option<Instant>>,
}

impl State {
    /// Opens the breach monitor in `folder`.
    ///
    /// # Errors
    /// When files can't be read, or are damaged.
    pub fn open(folder: &Path, settings: Settings, report: Box<Report>) -> Result<Self, Error> {
        let ledger = Ledger::open(folder)?;
        let version = ledger.version()?;
        let snapshot = Snapshot::read(&ledger)?;
        Ok(Self {
            settings,
            passwords: Arc::new(Passwords::open(&folder.join(PASSWORDS_NAME))?),
            accounts: Arc::new(Accounts::open(folder)?),
            tests: integration_tests(),
            rates: Rates::default(),
            metrics: Metrics::default(),
            domain_counts: Mutex::default(),
            upstream: None,
            private: None,
            ledger: Mutex::new(ledger),
            snapshot: RwLock::new(Arc::new(snapshot)),
            read_version: Mutex::new(version),
            report,
            reported: Mutex::default(),
        })
    }

    /// Asks another server too where one account is looked up.
    #[must_use]
    pub fn with_upstream(self, upstream: Arc<dyn Upstream>) -> Self {
        Self {
            upstream: Some(upstream),
            ..self
        }
    }

    /// Answers private questions too.
    #[must_use]
    pub fn with_private(self, private: Arc<private::Service>) -> Self {
        Self {
            private: Some(private),
            ..self
        }
    }

    /// Notices what other processes imported, made, verified or revoked. Cheap when nothing changed.
    ///
    /// # Errors
    /// When files can't be read, or are damaged; answers then stay as they were.
    pub fn refresh(&self) -> Result<(), Error> {
        self.passwords.refresh()?;
        // The catalogue first: an account is never answered with a breach that isn't in it.
        let version = self.ledger().version()?;
        let is_known = *self.read_version.lock().unwrap_or_else(PoisonError::into_inner) == version;
        if !is_known {
            self.read_ledger()?;
            *self.read_version.lock().unwrap_or_else(PoisonError::into_inner) = version;
        }
        self.accounts.refresh()?;
        Ok(())
    }

    /// Reads the ledger again.
    fn read_ledger(&self) -> Result<(), Error> {
        // Held until the end: were somebody else's later reading told first, this one would replace it, and a revoked key be one again.
        let ledger = self.ledger();
        let snapshot = Arc::new(Snapshot::read(&ledger)?);
        self.rates.keep_only(|digest| snapshot.keys.contains_key(digest));
        self.domain_counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|domain, _| snapshot.is_verified(domain));
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        drop(ledger);
        Ok(())
    }

    /// Notices a change of one's own: a domain that was verified is one for the next request too.
    pub(crate) fn note_change(&self) {
        if let Err(error) = self.read_ledger() {
            self.report(&error);
        }
    }

    /// Leaked passwords.
    #[must_use]
    pub fn passwords(&self) -> &Arc<Passwords> {
        &self.passwords
    }

    /// Who is in which breach.
    #[must_use]
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// How many breaches are in the catalogue, and how many keys are in use.
    #[must_use]
    pub fn extent(&self) -> (usize, usize) {
        let snapshot = self.snapshot();
        (snapshot.catalogue.breaches().len(), snapshot.keys.len())
    }

    /// The ledger, for what isn't in the snapshot.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the operator what went wrong, unless something was told a moment ago.
    pub(crate) fn report(&self, error: &Error) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.is_none_or(|last| last.elapsed() >= REPORT_EVERY) {
            *reported = Some(Instant::now());
            (self.report)(error);
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The time, in seconds since 1970 (UTC).
pub(crate) fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_told_before_anybody_reads_again() {
        let folder = tempfile::tempdir().unwrap();
        let report = Box::new(|error: &Error| panic!("{error}"));
        let state = State::open(folder.path(), Settings::default(), report).unwrap();
        let is_held = || state.ledger.try_lock().is_err();
        std::thread::scope(|threads| {
            // Holds up whoever has read the ledger and hasn't told of it yet.
            let counts = state.domain_counts.lock().unwrap();
            threads.spawn(|| state.note_change());
            let end = Instant::now() + Duration::from_secs(5);
            while !is_held() && Instant::now() < end {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(100));
            let held = is_held();
            drop(counts);
            assert!(
                held,
                "a later reading could be told first, and then be replaced by this one"
            );
        });
    }
}
