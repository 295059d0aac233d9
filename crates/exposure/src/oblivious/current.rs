//! Keeping the index that of the data.

use std::sync::Arc;
use std::thread;

use ring::rand::SecureRandom;

use super::answer::AskedBreach;
use super::build::{Built, Plan};
use super::source::source_of;
use super::store::{Generation, Store};
use crate::Error;
use crate::accounts::{Accounts, BreachId};
use crate::ledger::Ledger;

/// Why an index is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody looks whether it is needed.
    IfChanged,
    /// Somebody wants it.
    Asked,
    /// Somebody wants a new key with it.
    NewKey,
}

impl Store {
    /// Builds the index of these accounts: if it is not that already, or in any case; `None` if there was nothing to do. On all cores.
    ///
    /// # Errors
    /// Those of [`Store::build`], or when accounts or ledger can't be read.
    pub fn keep_current(
        &self,
        (accounts, ledger): (&Accounts, &Ledger),
        hidden_among: u64,
        occasion: Occasion,
        now_s: u64,
        random: &dyn SecureRandom,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Option<Built>, Error> {
        let source = source_of(ledger)?;
        if occasion == Occasion::IfChanged {
            // What is damaged is not current.
            let readable = self.refresh().is_ok();
            let is_current = |generation: Arc<Generation>| generation.is_of(&source, hidden_among);
            if readable && self.current().is_some_and(is_current) {
                return Ok(None);
            }
        }
        accounts.refresh()?;
        let breaches: Vec<(BreachId, AskedBreach)> = ledger
            .breaches()?
            .iter()
            .filter_map(|(id, breach)| Some((*id, AskedBreach::of(breach)?)))
            .collect();
        let plan = Plan {
            breaches: &breaches,
            hidden_among,
            source: &source,
            new_key: occasion == Occasion::NewKey,
            threads: thread::available_parallelism().map_or(1, Into::into),
            now_s,
        };
        self.build(&plan, accounts, random, progress).map(Some)
    }
}
