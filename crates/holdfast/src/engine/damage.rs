//! Which volumes were found to be damaged since the daemon started. Damage is met when somebody reads it; until `verify`
//! finds none any more, the state of the volume says so.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Volumes with damage.
#[derive(Debug, Default)]
pub(super) struct Damaged {
    names: Mutex<BTreeSet<String>>,
}

impl Damaged {
    /// Damage was met, or a check of everything found none.
    pub(super) fn note(&self, name: &str, is_damaged: bool) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if is_damaged {
            names.insert(name.to_owned());
        } else {
            names.remove(name);
        }
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}
