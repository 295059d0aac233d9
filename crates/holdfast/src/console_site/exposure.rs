//! The breach monitor as the console shows it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::{ExposureView, Problem};
use exposure::accounts;
use exposure::hash::HashKind;
use exposure::ledger::Ledger;
use exposure::passwords::Passwords;

use super::ask::problem;
use crate::exposure_delivery;

/// The folder in the data folder.
const FOLDER: &str = "exposure";
/// The leaked passwords' folder in it.
const PASSWORDS: &str = "passwords";
/// How long what was counted is good for.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// The breach monitor's files.
pub(super) struct Monitor {
    folder: PathBuf,
    counted: Mutex<Option<(Instant, ExposureView)>>,
}

impl Monitor {
    pub(super) fn new(data: &Path) -> Self {
        Self {
            folder: data.join(FOLDER),
            counted: Mutex::default(),
        }
    }

    /// What is loaded and who is watched; as it was half a minute ago, if it was asked for then.
    pub(super) fn view(&self) -> Result<ExposureView, Problem> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, view)) = &*counted
            && when.elapsed() < GOOD_FOR
        {
            return Ok(view.clone());
        }
        let view = self
            .count()
            .map_err(|error| problem(exposure_delivery::failed(&error)))?;
        *counted = Some((Instant::now(), view.clone()));
        Ok(view)
    }

    fn count(&self) -> Result<ExposureView, exposure::Error> {
        let mut view = ExposureView {
            is_used: false,
            password_hashes: 0,
            breaches: 0,
            identities: 0,
            domains: Vec::new(),
            watches: 0,
            notices_waiting: 0,
        };
        // Looking makes nothing.
        if !self.folder.is_dir() {
            return Ok(view);
        }
        if self.folder.join(PASSWORDS).is_dir() {
            let statistics = Passwords::open(&self.folder.join(PASSWORDS))?.statistics()?;
            view.password_hashes = statistics.iter().map(|corpus| corpus.hashes).sum();
        }
        let ledger = Ledger::open(&self.folder)?;
        let breaches = ledger.breaches()?;
        view.breaches = breaches.len() as u64;
        view.identities = breaches.iter().map(|(_, breach)| identities(breach)).sum();
        view.domains = ledger.domains()?.into_iter().map(|domain| domain.name).collect();
        let mut after = 0;
        loop {
            let watches = ledger.watches_after(after)?;
            let Some(last) = watches.last() else { break };
            after = last.id;
            view.watches += watches.len() as u64;
        }
        view.notices_waiting = ledger.outgoing_counts()?.waiting;
        view.is_used = view.password_hashes > 0 || view.breaches > 0 || view.watches > 0 || !view.domains.is_empty();
        Ok(view)
    }

    /// Whether a password is known to have leaked.
    pub(super) fn is_leaked(&self, password: &str) -> bool {
        let folder = self.folder.join(PASSWORDS);
        if !folder.is_dir() {
            return false;
        }
        let count = |kind: HashKind| {
            let passwords = Passwords::open(&folder)?;
            passwords.count(kind, &kind.hash(password))
        };
        // Passwords that can't be looked up keep nobody from setting one.
        HashKind::ALL
            .into_iter()
            .any(|kind| count(kind).is_ok_and(|count| count > 0))
    }
}

/// Accounts in a breach.
const fn identities(breach: &accounts::Breach) -> u64 {
    breach.pwn_count
}
