//! An annotated sync function: our span is current while it runs.
//!
//! Two ways in, since the returned value is only in reach if the body is a closure: [`call`] where it has to be looked at, [`Entered`]
//! where it need not be, and the body stays where it was written.

use opentelemetry::ContextGuard;

use super::future::MarkPanic;
use super::open::Open;

/// Calls `f` inside the span of `open` and gives back what it returned, with the [`Open`] that waits for the outcome.
///
/// `FnOnce`, so that a closure that hands on a `&mut` it was given compiles as the bare function did.
#[inline]
pub fn call<R>(mut open: Open, f: impl FnOnce() -> R) -> (R, Open) {
    if open.is_off() {
        return (f(), open);
    }
    let Some(guard) = open.enter() else {
        return (f(), open);
    };
    let mark = MarkPanic(&mut open);
    let output = f();
    std::mem::forget(mark);
    drop(guard);
    open.returned();
    (output, open)
}

/// A span that is current until this is dropped, however the function is left.
#[derive(Debug)]
#[must_use = "the span ends when this is dropped"]
pub struct Entered {
    guard: Option<ContextGuard>,
    open: Open,
    /// A function that a destructor calls while a panic passes has not panicked itself. If it does, that is not seen.
    was_panicking: bool,
}

impl Entered {
    /// Makes the span of `open` current.
    #[expect(
        clippy::inline_always,
        reason = "5 % of a span's instructions; the compiler leaves it out of line by itself"
    )]
    #[inline(always)]
    pub fn new(mut open: Open) -> Self {
        let guard = if open.is_off() { None } else { open.enter() };
        Self { open, guard, was_panicking: std::thread::panicking() }
    }

    /// The body has returned, and what it returned is there to be looked at.
    #[inline]
    pub fn leave<R>(mut this: Self, returned: R) -> (R, Open) {
        this.guard = None;
        this.open.returned();
        (returned, this.open.take())
    }

    #[cold]
    #[inline(never)]
    fn unwind(&mut self) {
        if self.was_panicking {
            self.open.returned();
        } else {
            self.open.panicked();
        }
    }
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.unwind();
        } else {
            self.open.returned();
        }
        self.guard = None;
    }
}
