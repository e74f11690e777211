//! Into other tasks and threads: the current span goes along as the parent.
//!
//! In: a future or closure, and the context of the caller. Out: the same, with that context current whenever it runs. Does not: open
//! a span; the annotated functions inside do.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use pin_project_lite::pin_project;

use super::inherit::{self, Carried};
use super::local;
use crate::hub;

/// The current context, with what its span hands on: a child may start after its parent has ended.
fn carried() -> Option<Context> {
    if hub::epoch() == 0 {
        return None;
    }
    let current = local::current_context()?;
    if !current.has_active_span() {
        return Some(current);
    }
    let inherited = {
        let span = current.span();
        let ids = span.span_context();
        let trace_id = u128::from_be_bytes(ids.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(ids.span_id().to_bytes());
        inherit::around(ids, trace_id, span_id, &current)
    };
    Some(match inherited {
        Some(inherited) => current.with_value(Carried(Arc::clone(&inherited))),
        None => current,
    })
}

pin_project! {
    /// A future that runs in the trace it was made in. Made by [`InCurrentTrace::in_current_trace`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct InTrace<F> {
        context: Option<Context>,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for InTrace<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _guard = this.context.clone().filter(|_| local::may_attach()).map(Context::attach);
            this.future.set(None);
        }
    }
}

#[cfg(feature = "llm")]
impl<F> InTrace<F> {
    /// `future`, with `context` current at each of its polls.
    pub(crate) fn new(context: Context, future: F) -> Self {
        Self { context: Some(context), future: Some(future) }
    }

    /// As [`InTrace::new`], and `context` is current too while the future is made.
    #[cfg(feature = "tower")]
    pub(crate) fn call(context: Context, make: impl FnOnce() -> F) -> Self {
        let guard = local::may_attach().then(|| context.clone().attach());
        let future = make();
        drop(guard);
        Self::new(context, future)
    }
}

impl<F: Future> Future for InTrace<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            panic!("future polled after completion");
        };
        let _guard = this.context.clone().filter(|_| local::may_attach()).map(Context::attach);
        future.poll(task)
    }
}

/// Carries the current trace into a future that something else will run.
pub trait InCurrentTrace: Future + Sized {
    /// This future, with what is current now - span, baggage, conversation, user - current at each of its polls.
    ///
    /// Needed wherever a future leaves its task: `tokio::spawn`, `JoinSet::spawn`, a channel of futures. Not needed for
    /// `join!`, `select!` or streams, which run inside the task that made them.
    ///
    /// ```
    /// use llmetry::InCurrentTrace;
    /// # async fn fetch(_: u32) {}
    /// # async fn example() {
    /// let mut set = tokio::task::JoinSet::new();
    /// for page in 0..3 {
    ///     set.spawn(fetch(page).in_current_trace());
    /// }
    /// # }
    /// ```
    fn in_current_trace(self) -> InTrace<Self> {
        InTrace { context: carried(), future: Some(self) }
    }
}

impl<F: Future> InCurrentTrace for F {}

/// `tokio::spawn` that keeps the trace: spans inside are children of the span that is current here.
///
/// # Panics
///
/// As [`tokio::spawn`], when there is no tokio runtime.
///
/// ```
/// # async fn example() {
/// let answer = llmetry::spawn(async { 42 });
/// assert_eq!(answer.await.unwrap(), 42);
/// # }
/// ```
#[cfg(feature = "tokio")]
#[track_caller]
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.in_current_trace())
}

/// `f` for another thread: what is current here is current while it runs there.
///
/// ```
/// let handle = std::thread::spawn(llmetry::scoped(|| 6 * 7));
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
pub fn scoped<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let context = carried();
    move || {
        let _guard = context.filter(|_| local::may_attach()).map(Context::attach);
        f()
    }
}
