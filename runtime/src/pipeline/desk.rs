//! Where worker, lanes and callers meet: what waits for each lane, who waits for what, and the account.
//!
//! In: batches from the worker, verdicts from the lanes, questions from callers. Out: the next turn of a lane; answers. Does not: export
//! or expand; hold its lock for longer than it takes to move a pointer, or the records of a drain.
//!
//! All waiting is by `Mutex` and `Condvar`: it works in exit handlers, on threads whose thread-locals are gone.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Batch, Concluded, Keeper};
use super::overflow::{self, LOOK_AGAIN, Overflow, Room};
use super::stats::{DropReason, ExporterStats, Stats};
use super::{Backstage, Intake, Pending};
use crate::sync::lock;

/// How the program ends, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "some endings are known on some platforms only")]
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
    /// Whoever flushes or ends waits here, with `state`.
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
    /// Spans of earlier processes that were delivered.
    recovered: u64,
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

/// What a lane is to do next.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) work: Work,
    pub(super) timeout: Duration,
    /// The ending had begun.
    pub(super) at_end: bool,
    /// Attempts in a row that were answered "later", before this one.
    pub(super) failures: u32,
}

/// What the worker is wanted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    /// Everything up to this flush is to be handed over, if there is one that was not.
    pub(super) flush: bool,
    pub(super) ending: Option<Ended>,
}

/// What the lanes would do with a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appetite {
    /// One of them has nothing that waits.
    pub(super) hungry: bool,
    /// One of them may take more.
    pub(super) room: bool,
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

    // The threads.

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

    // The worker.

    /// Sleeps until somebody rings, or until `due`.
    pub(super) fn wait_for_bell(&self, due: Instant) {
        let mut bell = lock(&self.bell);
        while !*bell {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            bell = self.rung.wait_timeout(bell, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *bell = false;
    }

    fn ring(&self) {
        *lock(&self.bell) = true;
        self.rung.notify_one();
    }

    /// Moves what has ended into `pending`, in one step for the account, and says what else is wanted. Of the spool the blocks that are full,
    /// and the others if a batch may go out with what is there: `is_due`.
    pub(super) fn collect(&self, intake: &Intake, is_due: bool, pending: &mut Pending) -> (Errand, u64) {
        let mut state = lock(&self.state);
        let (records, stored) = (pending.records.len(), pending.stored());
        // While nobody would take them, spans stay where their threads write: blocks of the spool become full instead of many.
        let all = state.flush_asked > state.flush_collected
            || state.ending.is_some()
            || (is_due && is_hungry(&state.lanes));
        intake.drain(all, pending);
        state.in_hand += (pending.records.len() - records) as u64;
        state.spooled += (pending.stored() - stored) as u64;
        let errand = Errand {
            flush: state.flush_asked > state.flush_collected,
            ending: state.ending.map(|ending| ending.ended),
        };
        (errand, state.flush_asked)
    }

    /// So many records came to the worker by another way than the queue.
    pub(super) fn took_over(&self, records: usize) {
        lock(&self.state).in_hand += records as u64;
    }

    pub(super) fn appetite(&self) -> Appetite {
        let state = lock(&self.state);
        let lanes = &state.lanes;
        Appetite {
            hungry: is_hungry(lanes),
            room: lanes.is_empty() || lanes.iter().any(|lane| lane.bytes < self.lane_bytes),
        }
    }

    /// Lays `batch` down for every lane.
    pub(super) fn hand_over(&self, intake: &Intake, mut batch: Batch) {
        let mut state = lock(&self.state);
        state.last_batch += 1;
        batch.number = state.last_batch;
        if state.lanes.is_empty() {
            let spans = batch.spans() as u64;
            let concluded = Concluded { exported: spans, failed: 0, rejected: 0 };
            self.settle(&mut state, intake, &batch, Some(concluded));
            return;
        }
        batch.expect(state.lanes.len());
        let batch = Arc::new(batch);
        let at_end = state.ending.is_some();
        let full: Vec<bool> =
            state.lanes.iter().map(|lane| lane.bytes + batch.bytes > self.lane_bytes).collect();
        let all_full = full.iter().all(|full| *full);
        for (lane, full) in full.into_iter().enumerate() {
            let work = Work { batch: Arc::clone(&batch), range: 0..batch.spans(), tried_at_end: false };
            let gives_way = full && !all_full && !at_end && batch.keeper() != Keeper::Left;
            if gives_way && self.overflow != Overflow::DropOldest {
                state.lanes[lane].account.waiting += work.range.len() as u64;
                state.lanes[lane].bytes += batch.bytes;
                self.lose(&mut state, intake, lane, &work, NO_ROOM);
                continue;
            }
            if gives_way && let Some(oldest) = state.lanes[lane].backlog.pop_front() {
                self.lose(&mut state, intake, lane, &oldest, NO_ROOM);
            }
            let lane = &mut state.lanes[lane];
            lane.account.waiting += work.range.len() as u64;
            lane.bytes += batch.bytes;
            lane.backlog.push_back(work);
        }
        drop(state);
        self.lanes.notify_all();
    }

    /// All that had ended before flush number `flush` is handed over.
    pub(super) fn collected(&self, flush: u64) {
        let mut state = lock(&self.state);
        state.flush_collected = flush;
        state.collected_upto = state.last_batch;
        drop(state);
        self.callers.notify_all();
    }

    /// There will be no further batch.
    pub(super) fn complete(&self) {
        let mut state = lock(&self.state);
        state.complete = true;
        state.flush_collected = u64::MAX;
        state.collected_upto = state.last_batch;
        drop(state);
        self.lanes.notify_all();
        self.callers.notify_all();
    }

    // The lanes.

    /// What `lane` does next; waits for it. `None`: it has come to its end.
    pub(super) fn next(&self, intake: &Intake, lane: usize, export_timeout: Duration) -> Option<Turn> {
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            let deadline = state.ending.and_then(|ending| ending.deadline);
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.run_out_of_time(&mut state, intake, lane);
                return None;
            }
            if state.lanes[lane].given_up {
                self.give_all_up(&mut state, intake, lane);
            }
            let (at_end, complete, flush_asked) = (state.ending.is_some(), state.complete, state.flush_asked);
            let mine = &mut state.lanes[lane];
            let wait_until = if mine.backlog.is_empty() {
                if complete {
                    return None;
                }
                deadline
            } else if let Some(time) = mine.not_before.filter(|time| *time > now) {
                Some(deadline.map_or(time, |deadline| deadline.min(time)))
            } else {
                let work = mine.backlog.pop_front()?;
                mine.exporting = Some(work.batch.number);
                mine.begun_after = flush_asked;
                mine.not_before = None;
                let left = deadline.map_or(Duration::MAX, |deadline| deadline - now);
                let timeout = export_timeout.min(left);
                return Some(Turn { work, timeout, at_end, failures: mine.failures });
            };
            state = wait_until_or_notified(&self.lanes, state, wait_until);
        }
    }

    /// The receiver has confirmed `work`, all but `rejected` spans.
    pub(super) fn delivered(
        &self,
        intake: &Intake,
        lane: usize,
        work: &Work,
        rejected: u64,
        error: Option<&str>,
    ) {
        let mut state = lock(&self.state);
        let spans = work.range.len() as u64;
        let rejected = rejected.min(spans);
        state.turn_ends(lane, error);
        let mine = &mut state.lanes[lane];
        mine.failures = 0;
        mine.bytes = mine.bytes.saturating_sub(share(work));
        let account = &mut mine.account;
        account.waiting -= spans;
        account.exported += spans - rejected;
        account.failed += rejected;
        account.rejected += rejected;
        let concluded = work.batch.delivered(&work.range, rejected);
        self.settle(&mut state, intake, &work.batch, concluded);
        drop(state);
        self.callers.notify_all();
    }

    /// `work` is to be offered again, after `wait` unless somebody is in a hurry.
    pub(super) fn put_back(&self, lane: usize, turn: Turn, wait: Duration, error: &str) {
        let mut state = lock(&self.state);
        state.turn_ends(lane, Some(error));
        let ending_came = state.ending.is_some() && !turn.at_end;
        let hurry = ending_came || state.flush_asked > state.lanes[lane].begun_after;
        let mine = &mut state.lanes[lane];
        // What an ending counts are its own attempts.
        mine.failures = if ending_came { 0 } else { mine.failures + 1 };
        mine.not_before = if hurry { None } else { Instant::now().checked_add(wait) };
        mine.failed_after = mine.begun_after;
        mine.backlog.push_front(Work { tried_at_end: turn.at_end, ..turn.work });
        drop(state);
        self.callers.notify_all();
    }

    /// `work` is to be offered again in two halves.
    pub(super) fn split(&self, lane: usize, work: &Work, error: &str) {
        let mut state = lock(&self.state);
        state.turn_ends(lane, Some(error));
        let mine = &mut state.lanes[lane];
        mine.failures = 0;
        let middle = work.range.start + work.range.len() / 2;
        for range in [middle..work.range.end, work.range.start..middle] {
            let batch = Arc::clone(&work.batch);
            mine.backlog.push_front(Work { batch, range, tried_at_end: work.tried_at_end });
        }
    }

    /// `work` is not offered to this lane again.
    pub(super) fn failed(&self, intake: &Intake, lane: usize, work: &Work, error: &str) {
        let mut state = lock(&self.state);
        state.turn_ends(lane, Some(error));
        state.lanes[lane].failures = 0;
        self.lose(&mut state, intake, lane, work, error);
        drop(state);
        self.callers.notify_all();
    }

    /// The lane's receiver is gone for good: neither `work` nor anything else is offered to it again.
    pub(super) fn given_up(&self, intake: &Intake, lane: usize, work: &Work, error: &str) {
        let mut state = lock(&self.state);
        state.turn_ends(lane, Some(error));
        state.lanes[lane].given_up = true;
        self.abandon(&mut state, intake, lane, work, error);
        self.give_all_up(&mut state, intake, lane);
    }

    /// The exporter of `lane` could not be shut down.
    pub(super) fn shutdown_failed(&self, lane: usize, error: &str) {
        let mut state = lock(&self.state);
        let name = state.lanes[lane].account.name.clone();
        state.lanes[lane].account.last_error.get_or_insert_with(|| error.to_owned());
        state.last_error.get_or_insert_with(|| format!("{name}: {error}"));
    }

    /// How long the ending may take yet.
    pub(super) fn time_left(&self) -> Duration {
        lock(&self.state)
            .ending
            .and_then(|ending| ending.deadline)
            .map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    // Callers.

    /// Waits until all lanes have delivered what has ended by now, or have failed to; whether that was before `deadline`.
    pub(super) fn flush(&self, deadline: Option<Instant>) -> bool {
        if overflow::is_on_pipeline() {
            return false;
        }
        let mut state = lock(&self.state);
        state.flush_asked += 1;
        let flush = state.flush_asked;
        for lane in &mut state.lanes {
            lane.not_before = None;
        }
        drop(state);
        self.lanes.notify_all();
        self.ring();
        let mut state = lock(&self.state);
        let mut upto = None;
        loop {
            if upto.is_none() && state.flush_collected >= flush {
                upto = Some(state.collected_upto);
            }
            if state.running == 0
                || upto.is_some_and(|upto| state.lanes.iter().all(|lane| lane.is_through(upto, flush)))
            {
                return true;
            }
            if is_over(deadline) {
                return false;
            }
            state = wait_until_or_notified(&self.callers, state, deadline);
        }
    }

    /// Has everything come to its end by `deadline`; whether it has. Of several calls the first decides.
    pub(super) fn end(&self, deadline: Option<Instant>, ended: Ended) -> bool {
        let mut state = lock(&self.state);
        let is_first = state.ending.is_none();
        let ending = *state.ending.get_or_insert(Ending { deadline, ended });
        if is_first {
            for lane in &mut state.lanes {
                lane.not_before = None;
                lane.failures = 0;
            }
        }
        drop(state);
        self.lanes.notify_all();
        self.room.notify_all();
        self.ring();
        let deadline = match (deadline, ending.deadline) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let mut state = lock(&self.state);
        while state.running > 0 {
            if overflow::is_on_pipeline() || is_over(deadline) {
                return false;
            }
            state = wait_until_or_notified(&self.callers, state, deadline);
        }
        true
    }

    /// The account of this moment.
    pub(super) fn stats(&self, intake: &Intake) -> Stats {
        // Spans go from one place to another under this lock, so none is missed or seen twice.
        let state = lock(&self.state);
        let (exported, failed, rejected) = (state.exported, state.failed, state.rejected);
        let queued = intake.waiting() + state.in_hand;
        let spooled = intake.spooled() + state.spooled;
        let recovered = state.recovered;
        let last_error = state.last_error.clone();
        let exporters = state.lanes.iter().map(|lane| lane.account.clone()).collect();
        let dropped = intake.dropped();
        drop(state);
        let started = intake.started();
        let ended =
            exported + failed + queued + spooled + dropped.iter().map(|(_, count)| count).sum::<u64>();
        Stats {
            started: started.max(ended),
            exported,
            failed,
            rejected,
            dropped,
            queued,
            spooled,
            open: started.saturating_sub(ended),
            late: intake.late(),
            recovered,
            orphans: intake.orphans(),
            content_dropped: intake.content_dropped(),
            last_error,
            exporters,
        }
    }

    // Under the lock.

    /// `lane` will not deliver `work`.
    fn lose(&self, state: &mut State, intake: &Intake, lane: usize, work: &Work, error: &str) {
        let mine = &mut state.lanes[lane];
        let spans = work.range.len() as u64;
        mine.bytes = mine.bytes.saturating_sub(share(work));
        mine.account.waiting -= spans;
        mine.account.failed += spans;
        if mine.account.last_error.is_none() {
            mine.account.last_error = Some(error.to_owned());
        }
        if state.last_error.is_none() {
            state.last_error = Some(format!("{}: {error}", state.lanes[lane].account.name));
        }
        let concluded = work.batch.lost(&work.range);
        self.settle(state, intake, &work.batch, concluded);
    }

    fn give_all_up(&self, state: &mut State, intake: &Intake, lane: usize) {
        let error = state.lanes[lane].account.last_error.clone().unwrap_or_default();
        while let Some(work) = state.lanes[lane].backlog.pop_front() {
            self.abandon(state, intake, lane, &work, &error);
        }
    }

    /// The program ends before `lane` could deliver `work`: it is lost, unless it stands on disk, where it stays.
    fn abandon(&self, state: &mut State, intake: &Intake, lane: usize, work: &Work, error: &str) {
        if work.batch.keeper() == Keeper::Memory {
            self.lose(state, intake, lane, work, error);
        }
    }

    /// The deadline has come: what was offered has failed, and what was not stays queued, in the account alone.
    fn run_out_of_time(&self, state: &mut State, intake: &Intake, lane: usize) {
        let error = state.lanes[lane].account.last_error.clone().unwrap_or_default();
        for work in std::mem::take(&mut state.lanes[lane].backlog) {
            if work.tried_at_end {
                self.abandon(state, intake, lane, &work, &error);
            }
        }
    }

    /// `batch` is through if it is `concluded`: it is counted and its room is given back.
    fn settle(&self, state: &mut State, intake: &Intake, batch: &Batch, concluded: Option<Concluded>) {
        let Some(Concluded { exported, failed, rejected }) = concluded else { return };
        if batch.keeper() == Keeper::Left {
            state.recovered += exported;
        } else {
            state.exported += exported;
            state.failed += failed;
            state.rejected += rejected;
        }
        self.release(state, intake, batch);
    }

    fn release(&self, state: &mut State, intake: &Intake, batch: &Batch) {
        let spans = batch.spans() as u64;
        match batch.keeper() {
            Keeper::Memory => {
                state.in_hand -= spans;
                intake.release(batch.spans(), batch.bytes);
            }
            Keeper::Spool => state.spooled -= spans,
            // The worker may look at the next file.
            Keeper::Left => self.ring(),
        }
        batch.let_go();
        self.room.notify_all();
    }

    /// Gives up the oldest batch that no lane is busy with; whether there was one.
    fn displace(&self, intake: &Intake) -> bool {
        let mut state = lock(&self.state);
        let busy: Vec<u64> = state.lanes.iter().flat_map(LaneState::begun).collect();
        let oldest = |lane: &LaneState| {
            let ours = lane.backlog.iter().filter(|work| work.batch.keeper() != Keeper::Left);
            ours.map(|work| work.batch.number).find(|number| !busy.contains(number))
        };
        let Some(number) = state.lanes.iter().filter_map(oldest).min() else { return false };
        let mut batch = None;
        for lane in &mut state.lanes {
            // A batch that was split stands there in pieces.
            let first = lane.backlog.partition_point(|work| work.batch.number < number);
            let end = lane.backlog.partition_point(|work| work.batch.number <= number);
            for work in lane.backlog.drain(first..end) {
                lane.account.waiting -= work.range.len() as u64;
                lane.account.failed += work.range.len() as u64;
                lane.bytes = lane.bytes.saturating_sub(share(&work));
                batch = Some(work.batch);
            }
        }
        let Some(batch) = batch else { return false };
        let (displaced, failed) = batch.displaced();
        intake.count_drops(DropReason::Displaced, displaced);
        state.failed += failed;
        self.release(&mut state, intake, &batch);
        drop(state);
        self.callers.notify_all();
        true
    }
}

/// Why a lane does without a batch that others get.
const NO_ROOM: &str = "too much waits for it already";

impl State {
    /// A turn of `lane` is over, with `error` if it failed.
    fn turn_ends(&mut self, lane: usize, error: Option<&str>) {
        let mine = &mut self.lanes[lane];
        mine.exporting = None;
        if let Some(error) = error {
            mine.account.last_error = Some(error.to_owned());
            self.last_error = Some(format!("{}: {error}", mine.account.name));
        }
    }
}

impl LaneState {
    /// Batches that the lane is busy with, or has in pieces: others of their pieces may be through, and would be counted as lost.
    fn begun(&self) -> impl Iterator<Item = u64> {
        let pieces = self.backlog.iter().take_while(|work| work.range.len() < work.batch.spans());
        self.exporting.into_iter().chain(pieces.map(|work| work.batch.number))
    }

    /// Nothing up to batch `upto` waits any more, or an attempt that began after `flush` was asked for has failed.
    fn is_through(&self, upto: u64, flush: u64) -> bool {
        let is_later = |number: u64| number > upto;
        self.failed_after >= flush
            || (self.exporting.is_none_or(is_later)
                && self.backlog.front().is_none_or(|work| is_later(work.batch.number)))
    }
}

impl Backstage for Desk {
    fn wake(&self) {
        self.ring();
    }

    fn make_room(&self, intake: &Intake, since: &mut Option<Instant>) -> Room {
        match self.overflow {
            Overflow::DropNewest => Room::None,
            Overflow::DropOldest if self.displace(intake) => Room::TryAgain,
            Overflow::DropOldest => {
                intake.wake();
                Room::DisplaceOwn
            }
            Overflow::Block(limit) => {
                if !overflow::may_wait() {
                    return Room::None;
                }
                let Some(left) = overflow::time_left(limit, since) else { return Room::None };
                intake.wake();
                let state = lock(&self.state);
                drop(self.room.wait_timeout(state, left.min(LOOK_AGAIN)));
                Room::TryAgain
            }
        }
    }
}

fn is_hungry(lanes: &[LaneState]) -> bool {
    lanes.is_empty() || lanes.iter().any(|lane| lane.backlog.is_empty())
}

/// What `work` weighs of its batch: all pieces together weigh what the whole does.
fn share(work: &Work) -> usize {
    let up_to = |span: usize| work.batch.bytes * span / work.batch.spans().max(1);
    up_to(work.range.end) - up_to(work.range.start)
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
