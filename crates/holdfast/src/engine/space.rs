//! Which volumes refused writes for lack of space lately. A volume that is nearly full takes small writes and refuses
//! large ones, so its state at one instant doesn't tell what its clients met.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use volume::NoSpace;

/// For how long a refused write counts.
const LATELY: Duration = Duration::from_secs(60);

/// Refused writes by volume.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    latest: Mutex<BTreeMap<String, (Instant, NoSpace)>>,
}

impl Refusals {
    /// A write was refused.
    pub(super) fn note(&self, volume: &str, why: NoSpace) {
        self.locked().insert(volume.to_owned(), (Instant::now(), why));
    }

    /// Why a write was refused lately, if one was.
    pub(super) fn lately(&self, volume: &str) -> Option<NoSpace> {
        self.locked()
            .get(volume)
            .filter(|(when, _)| when.elapsed() < LATELY)
            .map(|(_, why)| *why)
    }

    /// Settings changed: what was refused before says nothing any more.
    pub(super) fn clear(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Instant, NoSpace)>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_count_until_the_settings_change() {
        let refusals = Refusals::default();
        assert_eq!(refusals.lately("a"), None);
        refusals.note("a", NoSpace::Disk);
        assert_eq!(
            (refusals.lately("a"), refusals.lately("b")),
            (Some(NoSpace::Disk), None)
        );
        refusals.clear();
        assert_eq!(refusals.lately("a"), None);
    }
}
