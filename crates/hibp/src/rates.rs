//! How often a key has asked: plain windows of a minute, as the public API counts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use exposure::ledger::KeyDigest;

/// Length of a window, in seconds.
const WINDOW_S: u64 = 60;
/// Searches of stealer logs by a whole domain in a minute, whatever else the key may.
pub(crate) const STEALER_DOMAINS_PER_MINUTE: u32 = 10;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pool {
    /// The key's own rate.
    Key,
    /// Stealer logs by domain, which cost more.
    StealerDomains,
}

/// A minute that has begun.
#[derive(Clone, Copy, Debug)]
struct Window {
    began_s: u64,
    requests: u32,
}

/// The windows of all keys. Bounded by the number of keys: only keys in use are counted.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    windows: Mutex<HashMap<(KeyDigest, Pool), Window>>,
}

impl Rates {
    /// Counts a request. `Err` if there were enough in this minute: in how many seconds the next may come, 1 to 60.
    pub(crate) fn count(&self, key: KeyDigest, pool: Pool, per_minute: u32, now_s: u64) -> Result<(), u64> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Window {
            began_s: now_s,
            requests: 0,
        };
        let window = windows.entry((key, pool)).or_insert(fresh);
        // A clock that was set back begins a new minute too.
        if !(window.began_s..window.began_s.saturating_add(WINDOW_S)).contains(&now_s) {
            *window = fresh;
        }
        if window.requests >= per_minute {
            return Err(window.began_s.saturating_add(WINDOW_S).saturating_sub(now_s).max(1));
        }
        window.requests += 1;
        Ok(())
    }

    /// Forgets keys that aren't in use any more.
    pub(crate) fn keep_only(&self, is_in_use: impl Fn(&KeyDigest) -> bool) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.retain(|(key, _), _| is_in_use(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_as_many_requests_as_the_key_may() {
        let rates = Rates::default();
        let key = KeyDigest::of(&"a".repeat(32)).unwrap();
        let other = KeyDigest::of(&"b".repeat(32)).unwrap();
        for _ in 0..3 {
            assert_eq!(rates.count(key, Pool::Key, 3, 1000), Ok(()));
        }
        assert_eq!(rates.count(key, Pool::Key, 3, 1000), Err(60));
        assert_eq!(rates.count(key, Pool::Key, 3, 1059), Err(1));
        assert_eq!(rates.count(key, Pool::StealerDomains, 3, 1059), Ok(()));
        assert_eq!(rates.count(other, Pool::Key, 3, 1059), Ok(()));
        assert_eq!(rates.count(key, Pool::Key, 3, 1060), Ok(()));
        assert_eq!(rates.count(key, Pool::Key, 3, 10), Ok(()));
        assert_eq!(rates.count(key, Pool::Key, 0, 10), Err(60));
    }

    #[test]
    fn revoked_keys_are_forgotten() {
        let rates = Rates::default();
        let key = KeyDigest::of(&"a".repeat(32)).unwrap();
        rates.count(key, Pool::Key, 3, 0).unwrap();
        rates.keep_only(|_| false);
        assert!(rates.windows.lock().unwrap().is_empty());
    }
}
