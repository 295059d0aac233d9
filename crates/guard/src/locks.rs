//! Locks without poisoning: a thread that panicked must not stop the disk from being served.
//!
//! The order in which they are taken: `operations` (one fence, bookmark or release at a time) -> `gate` (held by every
//! write while it runs) -> `saver` -> `state` -> `watch` (the sentinel). Clients hold the gate or the watch, never both,
//! and only for as long as their own request takes. `keeping` (what was read is being written down) and `examining` (what examinations of files
//! found) are taken before `state` and `watch`, by nobody who holds the gate or `saver`; `examining` by nobody who takes `operations` next.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lock, unless somebody holds it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

pub(crate) fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
