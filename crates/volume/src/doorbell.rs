//! Wakes whoever does the background work of a store's volumes when some of it can't wait for its turn.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::locks::lock;

/// One for all volumes of a store. Rung when clients write so fast that they would soon have to wait for a checkpoint.
#[derive(Debug, Default)]
pub struct Doorbell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Doorbell {
    /// Ends the wait of whoever waits, or the next wait before it begins.
    pub fn ring(&self) {
        *lock(&self.rung) = true;
        self.changed.notify_one();
    }

    /// Waits until the bell is rung, for `timeout` at most. Whether it was.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.rung), timeout, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut rung)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_before_the_wait_ends_it_and_is_used_up() {
        let bell = Doorbell::default();
        bell.ring();
        bell.ring();
        assert!(bell.wait(Duration::from_secs(600)));
        assert!(!bell.wait(Duration::from_millis(1)));
    }
}
