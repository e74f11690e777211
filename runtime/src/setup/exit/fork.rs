//! `fork`: the child has one thread, a copy of all memory, and every lock as it was at that moment.
//!
//! Before: all that this crate locks is locked by the thread that forks, so that nobody is half-way in it. After, in the parent: unlocked,
//! and nothing else. After, in the child: the parent's installation is left behind untouched (its threads are not here, so it is never used,
//! waited for, or dropped), and the numbers that spans get differ from the parent's. What `exec`s at once has paid for a few locks.
//!
//! What holds no thread can go on in the child: see `hub`, which makes the child's installation when its first span starts.

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::sync::MutexGuard;

use super::{Watched, hold, signals};
use crate::diag;
use crate::hub;
#[cfg(feature = "spool")]
use crate::pipeline::spool;
use crate::record::{self, Site};
use crate::scope;

/// All locks that outlive a call. The fields stand in the order in which they are locked: the outer one first, where code holds two.
struct Held {
    hub: hub::Held,
    watched: MutexGuard<'static, Vec<Watched>>,
    signals: signals::Held,
    _said: MutexGuard<'static, Vec<&'static str>>,
    _sites: MutexGuard<'static, Vec<&'static Site>>,
    #[cfg(feature = "llm")]
    _calls: MutexGuard<'static, Option<std::collections::HashSet<u64>>>,
    #[cfg(feature = "spool")]
    _spool: spool::Held,
    _scope: scope::Held,
}

thread_local! {
    /// From `before` to `after`, which the C library calls on the same thread.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// `false` if the library has no room for it.
#[expect(unsafe_code, reason = "std knows nothing of forks")]
pub(super) fn register() -> bool {
    // SAFETY: the handlers are functions of this library and do not unwind: they catch panics. The one for the child allocates and locks,
    // which is allowed there only as far as nobody else could have been half-way in it: the allocator prepares itself for forks, and what
    // is locked was locked by the thread that goes over.
    unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) == 0 }
}

extern "C" fn before() {
    let _ = catch_unwind(|| {
        let _ = HELD.try_with(|held| {
            *held.borrow_mut() = Some(Held {
                hub: hub::hold(),
                watched: hold(),
                signals: signals::hold(),
                _said: diag::hold(),
                _sites: record::hold(),
                #[cfg(feature = "llm")]
                _calls: crate::call::foreign::hold(),
                #[cfg(feature = "spool")]
                _spool: spool::hold(),
                _scope: scope::hold(),
            });
        });
    });
}

extern "C" fn after_in_parent() {
    let _ = catch_unwind(|| drop(take()));
}

extern "C" fn after_in_child() {
    let _ = catch_unwind(|| {
        scope::forked();
        #[cfg(feature = "spool")]
        spool::forked();
        match take() {
            Some(mut held) => {
                // Each of them has a pipeline of the parent's: not to be dropped here.
                std::mem::forget(std::mem::take(&mut *held.watched));
                held.signals.forked();
                held.hub.forked();
            }
            // A fork in a thread-local's destructor.
            None => hub::forked_unprepared(),
        }
    });
}

fn take() -> Option<Held> {
    HELD.try_with(RefCell::take).ok().flatten()
}
