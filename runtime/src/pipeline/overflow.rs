//! What happens when the bound is reached: which span gives way, or how long its caller waits.
//!
//! In: the policy of the builder. Out: whether a refused push may be tried again. Does not: hold spans (`queue` and `desk` do), or let
//! a thread wait that others depend on.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Which span is given up when as many wait for export as may wait ([`Builder::max_queue_bytes`](crate::Builder::max_queue_bytes)).
///
/// Each span that is given up is counted, by [`DropReason`](crate::DropReason).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The span that has just ended (`DropReason::QueueFull`). The default: what waits stays whole, and nobody is ever held up.
    #[default]
    DropNewest,
    /// Those that have waited longest, as a batch (`DropReason::Displaced`): the newest say most about an outage that goes on. If none
    /// are there that no exporter is busy with, and the calling thread has none waiting, the newest is given up after all.
    DropOldest,
    /// The calling thread waits for room, so long at most; then the newest is given up.
    ///
    /// Threads inside of a tokio runtime never wait, since they hold other tasks up; neither do the threads of exporters.
    Block(Duration),
}

/// What a push that found no room may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There may be room now.
    TryAgain,
    /// Only if the caller's own oldest records go.
    DisplaceOwn,
    /// The newest is given up.
    None,
}

/// How often whoever waits looks for room by itself: shards give back what they had reserved without a word.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(5);

thread_local! {
    /// Without a destructor, so that exit handlers and other destructors may ask.
    static ON_PIPELINE: Cell<bool> = const { Cell::new(false) };
}

/// Marks the calling thread as one of the pipeline's: it never waits for the pipeline, which would be waiting for itself.
pub(super) fn enter_pipeline() {
    let _ = ON_PIPELINE.try_with(|flag| flag.set(true));
}

/// Whether the calling thread is one of the pipeline's.
pub(super) fn is_on_pipeline() -> bool {
    ON_PIPELINE.try_with(Cell::get).unwrap_or(false)
}

/// Whether the calling thread may be held up.
pub(super) fn may_wait() -> bool {
    #[cfg(feature = "tokio")]
    if tokio::runtime::Handle::try_current().is_ok() {
        return false;
    }
    !is_on_pipeline()
}

/// What is left of the time that a push may wait; the first question starts the clock. `None`: it is over.
pub(super) fn time_left(limit: Duration, since: &mut Option<Instant>) -> Option<Duration> {
    let since = *since.get_or_insert_with(Instant::now);
    limit.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
}
