//! The synchronisation that the queue and the slab are built of, named in one place so that a model checker can stand in for it
//! (see `runtime/tests/model`).

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use once_cell::race::OnceBox;

/// The lock, whether or not somebody panicked while holding it: our critical sections leave nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
