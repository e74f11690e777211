//! What each thread keeps for its spans: id generator, free slots, its shard of the queue, the installation's rules.
//!
//! Out: [`with`], the only way to it. It is `None` inside thread-local destructors that run after ours, and there nothing of
//! OpenTelemetry's may be touched either: its own thread-local is made before ours on every thread, hence destroyed after it, so
//! whoever is inside [`with`] may attach a `Context`, and whoever gets `None` must not (it would panic, there: abort).

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use opentelemetry::Context;

use super::OpenSpans;
use super::id::Generator;
use super::slab::FreeList;
use crate::hub::{self, Installed};
use crate::pipeline::Seat;

/// One thread's own.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) ids: Generator,
    free: RefCell<FreeList>,
    joined: RefCell<Option<Joined>>,
    /// The epoch of `joined`, readable without a borrow.
    epoch: Cell<u32>,
    /// False when this was made too late: on a thread that is ending, after OpenTelemetry's thread-local was gone.
    usable: bool,
}

/// The installation that this thread has joined.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) installed: Arc<Installed>,
    pub(super) seat: Seat,
}

thread_local! {
    static LOCAL: Local = Local::new();
}

/// Calls `f` with the thread's own, unless it is being destroyed. One that was made too late has joined nothing, see
/// [`Local::joined`]: the hot path need not ask.
#[inline]
pub(super) fn with<R>(f: impl FnOnce(&Local) -> R) -> Option<R> {
    LOCAL.try_with(f).ok()
}

/// The context that is current on this thread, if it may be asked for.
pub(super) fn current_context() -> Option<Context> {
    may_attach().then(Context::current)
}

/// Calls `alive` with the thread's own, or `gone` if it is being destroyed; one of them gets `value`.
#[inline]
pub(super) fn with_or_else<T, R>(
    value: T,
    alive: impl FnOnce(&Local, T) -> R,
    gone: impl FnOnce(T) -> R,
) -> R {
    // `value` is moved into the closure only if it will run: asking first costs one comparison.
    if may_attach() { LOCAL.with(|local| alive(local, value)) } else { gone(value) }
}

/// In the child, on the thread that has forked.
#[cfg(feature = "sdk")]
pub(super) fn forked() {
    with(Local::forked);
}

/// Whether a `Context` may be attached on this thread now.
#[inline]
pub(super) fn may_attach() -> bool {
    LOCAL.try_with(|local| local.usable).unwrap_or(false)
}

impl Local {
    fn new() -> Self {
        // Makes OpenTelemetry's thread-local first, see above. If it is gone already this panics, and there is no other way to
        // ask: the panic stays here, and this thread makes no spans in what is left of its life.
        let usable = std::panic::catch_unwind(|| Context::map_current(|_| ())).is_ok();
        Self {
            usable,
            ids: Generator::new(),
            free: RefCell::default(),
            joined: RefCell::default(),
            epoch: Cell::new(0),
        }
    }

    /// Calls `f` with the installation of `epoch`, joining it first if need be; `None` when that one is gone.
    #[inline]
    pub(super) fn joined<R>(&self, epoch: u32, f: impl FnOnce(&Joined) -> R) -> Option<R> {
        if self.epoch.get() != epoch {
            self.join(epoch)?;
        }
        self.joined.try_borrow().ok()?.as_ref().map(f)
    }

    #[cold]
    fn join(&self, epoch: u32) -> Option<()> {
        if !self.usable {
            return None;
        }
        // Of an earlier installation, perhaps of one in another process: nothing is made for it.
        if hub::epoch() != epoch {
            return None;
        }
        let installed = hub::installed().filter(|installed| installed.epoch == epoch)?;
        let seat = installed.intake.register();
        let old = self.joined.try_borrow_mut().ok()?.replace(Joined { installed, seat });
        self.epoch.set(epoch);
        // Outside the borrow: the last user of an installation drops its exporters, which is foreign code.
        drop(old);
        Some(())
    }

    /// This thread alone went over into a forked process: it has joined nothing there, and goes on with ids of its own.
    #[cfg(feature = "sdk")]
    fn forked(&self) {
        self.ids.reseed();
        self.epoch.set(0);
        if let Ok(mut joined) = self.joined.try_borrow_mut() {
            // Never dropped: the threads behind it are in the parent.
            std::mem::forget(joined.take());
        }
    }

    #[inline]
    pub(super) fn take_slot(&self, limit: usize) -> Option<u32> {
        OpenSpans::get().take(&mut *self.free.try_borrow_mut().ok()?, limit)
    }

    #[inline]
    pub(super) fn release_slot(&self, index: u32) {
        match self.free.try_borrow_mut() {
            Ok(mut free) => OpenSpans::get().release(&mut free, index),
            Err(_) => OpenSpans::get().release_shared(index),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        OpenSpans::get().release_all(self.free.get_mut());
    }
}
