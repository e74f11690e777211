//! Stands in for `runtime/src/sync.rs`: the same names, every access a point where loom may switch threads.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicUsize, fence};
pub(crate) use std::sync::atomic::Ordering;

loom::thread_local! {
    /// Whether this thread's last `SeqCst` access was a store.
    static STORED: Cell<bool> = Cell::new(false);
}

/// Loom takes `SeqCst` for less than it is, except in fences. What the total order adds to acquire and release is that a `SeqCst` load
/// does not overtake a `SeqCst` store before it: with a fence between such a pair - and only there - loom has it too.
macro_rules! atomics {
    ($($name:ident($value:ty)),*) => {$(
        #[derive(Debug, Default)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                if ordering == Ordering::SeqCst && STORED.with(|stored| stored.replace(false)) {
                    fence(Ordering::SeqCst);
                }
                self.0.load(ordering)
            }

            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                self.0.store(value, ordering);
                if ordering == Ordering::SeqCst {
                    STORED.with(|stored| stored.set(true));
                }
            }
        }
    )*};
}

atomics!(AtomicBool(bool), AtomicU64(u64));

impl AtomicBool {
    fn compare_exchange(&self, from: bool, to: bool, set: Ordering, fetch: Ordering) -> Result<bool, bool> {
        self.0.compare_exchange(from, to, set, fetch)
    }
}

impl AtomicU64 {
    pub(crate) fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        self.0.fetch_add(value, ordering)
    }
}

/// `Arc` with the orderings of std's; loom's own synchronises where std's does not (`strong_count`).
#[derive(Debug)]
pub(crate) struct Arc<T>(std::sync::Arc<Counted<T>>);

#[derive(Debug)]
struct Counted<T> {
    strong: AtomicUsize,
    value: T,
}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Arc::new(Counted { strong: AtomicUsize::new(1), value }))
    }

    pub(crate) fn strong_count(this: &Self) -> usize {
        this.0.strong.load(Ordering::Relaxed)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.0.strong.fetch_add(1, Ordering::Relaxed);
        Self(std::sync::Arc::clone(&self.0))
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if self.0.strong.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
        }
    }
}

/// Loom's number. The slab is made in a `const` function, which loom's cannot be: made so, it comes to life at its first use.
pub(crate) struct AtomicU32 {
    initial: u32,
    made: OnceLock<loom::sync::atomic::AtomicU32>,
}

impl AtomicU32 {
    pub(crate) const fn new(initial: u32) -> Self {
        Self { initial, made: OnceLock::new() }
    }

    fn made(&self) -> &loom::sync::atomic::AtomicU32 {
        self.made.get_or_init(|| loom::sync::atomic::AtomicU32::new(self.initial))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> u32 {
        self.made().load(ordering)
    }

    pub(crate) fn store(&self, value: u32, ordering: Ordering) {
        self.made().store(value, ordering);
    }

    pub(crate) fn fetch_add(&self, value: u32, ordering: Ordering) -> u32 {
        self.made().fetch_add(value, ordering)
    }

    pub(crate) fn fetch_sub(&self, value: u32, ordering: Ordering) -> u32 {
        self.made().fetch_sub(value, ordering)
    }

    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        change: impl FnMut(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        self.made().fetch_update(set, fetch, change)
    }
}

/// Not late: whoever is not `const` may be seen by several threads at once.
impl Default for AtomicU32 {
    fn default() -> Self {
        let number = Self::new(0);
        number.made();
        number
    }
}

impl fmt::Debug for AtomicU32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtomicU32")
    }
}

/// Loom's lock, made at its first use for the slab's sake.
pub(crate) struct Mutex<T> {
    initial: std::sync::Mutex<Option<T>>,
    made: OnceLock<loom::sync::Mutex<T>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(initial: T) -> Self {
        Self { initial: std::sync::Mutex::new(Some(initial)), made: OnceLock::new() }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    let made = mutex.made.get_or_init(|| {
        let initial = mutex.initial.lock().expect("nobody panics here").take();
        loom::sync::Mutex::new(initial.expect("taken once"))
    });
    made.lock().expect("no check panics with a lock in its hand")
}

/// Loom has none. Two may make the value, one is kept, as in `once_cell`; whose own code is not checked here.
pub(crate) struct OnceBox<T> {
    is_made: OnceLock<AtomicBool>,
    value: OnceLock<Box<T>>,
}

impl<T> OnceBox<T> {
    pub(crate) const fn new() -> Self {
        Self { is_made: OnceLock::new(), value: OnceLock::new() }
    }

    fn is_made(&self) -> &AtomicBool {
        self.is_made.get_or_init(|| AtomicBool::new(false))
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.is_made().load(Ordering::Acquire) { self.value.get().map(|value| &**value) } else { None }
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let value = make();
        // Between winning and setting loom cannot switch, so this is one step, as it is with a pointer.
        if self.is_made().compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            let _ = self.value.set(value);
        }
        self.value.get().expect("somebody has set it")
    }
}
