//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. A panic of another holder is not passed on: every structure behind a lock of this crate is valid
/// between any two statements, and the connection that panicked is closed by its own thread.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
