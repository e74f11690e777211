//! An annotated sync function: our span is current while it runs.

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
