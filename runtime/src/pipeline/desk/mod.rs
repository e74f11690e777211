//! Where worker, lanes and callers meet: what waits for each lane, who waits for what, and the account.
//!
//! In: batches from the worker, verdicts from the lanes, questions from callers. Out: the next turn of a lane; answers. Does not: export
//! or expand; hold its lock for longer than it takes to move a pointer, or the records of a drain.
//!
//! All waiting is by `Mutex` and `Condvar`: it works in exit handlers, on threads whose thread-locals are gone. Each of those who come
//! has a file here: `worker`, `lanes`, `callers`; `account` is what they all write in.

mod account;
mod callers;
mod lanes;
mod worker;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub(super) use self::lanes::Turn;
pub(super) use self::worker::Appetite;
use super::batch::Batch;
use super::overflow::Overflow;
use super::stats::ExporterStats;
use crate::sync::lock;

/// How the program ends, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With success.
    Well,
    /// With an error, a panic or a fatal signal: what was still open has failed.
    Badly,
    /// Nobody says.
    Unknown,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Desk {
    state: Mutex<State>,
    /// For the worker. A lock of its own, held for an instant: the program's threads ring.
    bell: Mutex<bool>,
    rung: Condvar,
    /// Lanes wait here, with `state`.
    lanes: Condvar,
    /// Whoever flushes or ends waits here, with `state`; at the end the worker, too.
    callers: Condvar,
    /// Whoever waits for room waits here, with `state`.
    room: Condvar,
    overflow: Overflow,
    /// What one lane may hold back while another is hungry.
    lane_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    lanes: Vec<LaneState>,
    exported: u64,
    failed: u64,
    rejected: u64,
    /// Taken from the queue, not yet concluded.
    in_hand: u64,
    /// The same of the spool.
    spooled: u64,
    /// Spans of earlier processes that were delivered, and that were given up.
    recovered: u64,
    recovered_failed: u64,
    last_error: Option<String>,
    /// The number of the last batch that was handed over.
    last_batch: u64,
    /// How often a flush was asked for.
    flush_asked: u64,
    /// The flushes up to this one: all that had ended before them stands in batches up to `collected_upto`.
    flush_collected: u64,
    collected_upto: u64,
    ending: Option<Ending>,
    /// The worker has handed over the last batch.
    complete: bool,
    /// Threads that have not come to their end, and those of them that still work.
    running: usize,
    working: usize,
}

#[derive(Clone, Copy, Debug)]
struct Ending {
    /// `None`: for ever.
    deadline: Option<Instant>,
    ended: Ended,
}

#[derive(Debug, Default)]
struct LaneState {
    /// Oldest first.
    backlog: VecDeque<Work>,
    /// What the backlog and the turn under way weigh.
    bytes: usize,
    /// The batch of the turn under way.
    exporting: Option<u64>,
    account: ExporterStats,
    /// Attempts in a row that were answered "later".
    failures: u32,
    not_before: Option<Instant>,
    /// The last flush that had been asked for when the turn under way began, and when the last one that failed did.
    begun_after: u64,
    failed_after: u64,
    /// Of an ending: this receiver is not there any more.
    given_up: bool,
}

/// A batch, or what a split has left of one, for one lane.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batch: Arc<Batch>,
    pub(super) range: Range<usize>,
    /// It was offered after the ending had begun.
    tried_at_end: bool,
}

impl Desk {
    /// A desk for exporters of these names; `queue_bytes` is the bound over all.
    pub(super) fn new(
        names: impl IntoIterator<Item = String>,
        overflow: Overflow,
        queue_bytes: usize,
    ) -> Self {
        let lanes: Vec<_> = names
            .into_iter()
            .map(|name| LaneState {
                account: ExporterStats { name, ..ExporterStats::default() },
                ..LaneState::default()
            })
            .collect();
        Self {
            // One alone may fill the whole: nobody else is held up. A quarter is left for those that work.
            lane_bytes: if lanes.len() > 1 { queue_bytes - queue_bytes / 4 } else { usize::MAX },
            state: Mutex::new(State { lanes, ..State::default() }),
            bell: Mutex::new(false),
            rung: Condvar::new(),
            lanes: Condvar::new(),
            callers: Condvar::new(),
            room: Condvar::new(),
            overflow,
        }
    }

    /// A thread begins; [`leave`](Self::leave) is its end.
    pub(super) fn enter(&self) {
        let mut state = lock(&self.state);
        state.running += 1;
        state.working += 1;
    }

    /// A thread is done. The last one calls `last` before anybody who waits is told.
    pub(super) fn leave(&self, last: impl FnOnce()) {
        let is_last = {
            let mut state = lock(&self.state);
            state.working -= 1;
            state.working == 0
        };
        if is_last {
            last();
        }
        lock(&self.state).running -= 1;
        self.callers.notify_all();
    }

    /// The worker is to come.
    fn ring(&self) {
        *lock(&self.bell) = true;
        self.rung.notify_one();
    }
}

fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}

/// Waits for `condvar`, until `time` at the latest.
fn wait_until_or_notified<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    time: Option<Instant>,
) -> MutexGuard<'a, T> {
    match time {
        None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(time) => {
            let left = time.saturating_duration_since(Instant::now());
            condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
        }
    }
}

/// What `work` weighs of its batch: all pieces together weigh what the whole does.
fn share(work: &Work) -> usize {
    let up_to = |span: usize| work.batch.bytes * span / work.batch.spans().max(1);
    up_to(work.range.end) - up_to(work.range.start)
}
