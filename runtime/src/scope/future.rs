//! An annotated future: our span is current at each of its polls, and ends when it does.
//!
//! In: [`Open`] and the function's body as a future. Out: its output, with the [`Open`] that waits for the outcome. A future that is
//! dropped before its end is dropped inside its span, which then ends as cancelled.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use pin_project_lite::pin_project;

use super::open::Open;

pin_project! {
    /// A future inside its span.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Scope<F> {
        open: Open,
        // `None` once it has been dropped, which has to happen while the span is current.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Scope<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What the future's locals do when they are dropped belongs to its span.
            let _guard = this.open.enter_to_drop();
            this.future.set(None);
        }
    }
}

impl<F: Future> Scope<F> {
    /// `future` inside the span of `open`.
    #[inline]
    pub fn new(open: Open, future: F) -> Self {
        Self { open, future: Some(future) }
    }
}

/// Marks the span when a panic passes; forgotten otherwise. `thread::panicking()` would not do: it is also true for a future that
/// is dropped by somebody else's panic.
pub(super) struct MarkPanic<'a>(pub(super) &'a mut Open);

impl Drop for MarkPanic<'_> {
    fn drop(&mut self) {
        self.0.panicked();
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = (F::Output, Open);

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let open = this.open;
        let Some(future) = this.future.as_pin_mut() else {
            panic!("`async fn` resumed after completion");
        };
        if open.is_off() {
            return future.poll(task).map(|output| (output, open.take()));
        }
        let is_first = open.is_idle();
        let Some(guard) = open.enter() else {
            return future.poll(task).map(|output| (output, open.take()));
        };
        let mark = MarkPanic(open);
        let polled = future.poll(task);
        std::mem::forget(mark);
        match polled {
            Poll::Pending => {
                if is_first {
                    open.keep();
                }
                drop(guard);
                Poll::Pending
            }
            Poll::Ready(output) => {
                drop(guard);
                open.returned();
                Poll::Ready((output, open.take()))
            }
        }
    }
}

pin_project! {
    /// A future inside its span, and what is done with its output at the end.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct EndedBy<F, E> {
        #[pin]
        scope: Scope<F>,
        end: E,
    }
}

/// `future` inside the span of `open`, whose output goes through `end`.
#[inline]
pub fn ended_by<F, E, R>(open: Open, future: F, end: E) -> EndedBy<F, E>
where
    F: Future,
    E: Fn(F::Output, Open) -> R,
{
    EndedBy { scope: Scope::new(open, future), end }
}

impl<F, E, R> Future for EndedBy<F, E>
where
    F: Future,
    E: Fn(F::Output, Open) -> R,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<R> {
        let this = self.project();
        this.scope.poll(task).map(|(output, open)| (this.end)(output, open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_adds_little_to_a_future() {
        // 16 bytes on 2026-11-21: the handle. What the option costs depends on the future.
        assert_eq!(size_of::<Open>(), 16);
        assert!(size_of::<Scope<[u64; 4]>>() <= size_of::<[u64; 4]>() + 24);
    }
}
