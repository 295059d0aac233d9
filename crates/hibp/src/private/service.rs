//! The state of private asking.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use exposure::Error;
use exposure::accounts::{Accounts, BreachId};
use exposure::ledger::Ledger;
use exposure::oblivious::{AskedBreach, Built, Occasion, Store};
use ring::rand::SystemRandom;

use super::rate::Rate;

/// What the operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The fewest identities that a question hides among (`hidden_among`).
    pub hidden_among: u64,
    /// Points evaluated for one asker in a minute: the brake on guessing.
    pub evaluations_per_minute: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hidden_among: 400,
            evaluations_per_minute: 60,
        }
    }
}

/// The state of private asking: key, index, breaches that may be told, rates. Shared by all connections.
#[derive(Debug)]
pub struct Service {
    settings: Settings,
    pub(super) store: Store,
    pub(super) rate: Rate,
    pub(super) random: SystemRandom,
    /// The names of breaches that a search by prefix may tell.
    told: RwLock<Arc<HashMap<BreachId, String>>>,
}

impl Service {
    /// Opens what the breach monitor in `folder` has; makes nothing yet.
    ///
    /// # Errors
    /// When files can't be read, or are damaged.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, Error> {
        Ok(Self {
            settings,
            store: Store::open(folder)?,
            rate: Rate::new(settings.evaluations_per_minute),
            random: SystemRandom::new(),
            told: RwLock::default(),
        })
    }

    /// Notices what changed in the breach monitor, and builds the index anew if it has to be: that takes about 40 s of one core for
    /// a million new people. What was built is returned.
    ///
    /// # Errors
    /// When files can't be read or written. What was answered before still is.
    pub fn maintain(&self, accounts: &Accounts, ledger: &Ledger, now_s: u64) -> Result<Option<Built>, Error> {
        let told = ledger
            .breaches()?
            .into_iter()
            .filter_map(|(id, breach)| Some((id, AskedBreach::of(&breach)?.name)))
            .collect();
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(told);
        let hidden_among = self.settings.hidden_among;
        self.store.keep_current(
            (accounts, ledger),
            hidden_among,
            Occasion::IfChanged,
            now_s,
            &self.random,
            &mut |_, _| {},
        )
    }

    pub(super) fn told(&self) -> Arc<HashMap<BreachId, String>> {
        Arc::clone(&self.told.read().unwrap_or_else(PoisonError::into_inner))
    }
}
