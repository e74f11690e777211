//! What the worker comes for: to be woken, to take what has ended, and to lay batches down.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::{Desk, Ended, LaneState, Work, is_over, wait_until_or_notified};
use crate::pipeline::batch::{Batch, Concluded, Keeper};
use crate::pipeline::overflow::Overflow;
use crate::pipeline::{Intake, Pending};
use crate::sync::lock;

/// Why a lane does without a batch that others get.
const NO_ROOM: &str = "too much waits for it already";

/// What the worker is wanted for.
#[derive(Clone, Copy, Debug)]
pub(in crate::pipeline) struct Errand {
    /// Everything up to this flush is to be handed over, if there is one that was not.
    pub(in crate::pipeline) flush: bool,
    pub(in crate::pipeline) ending: Option<Ended>,
}

/// What the lanes would do with a batch.
#[derive(Clone, Copy, Debug)]
pub(in crate::pipeline) struct Appetite {
    /// One of them has nothing that waits.
    pub(in crate::pipeline) hungry: bool,
    /// One of them may take more.
    pub(in crate::pipeline) room: bool,
}

impl Desk {
    /// Sleeps until somebody rings, or until `due`.
    pub(in crate::pipeline) fn wait_for_bell(&self, due: Instant) {
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

    /// Moves what has ended into `pending`, in one step for the account, and says what else is wanted. Of the spool the blocks that are full,
    /// and the others if a batch may go out with what is there: `is_due`.
    pub(in crate::pipeline) fn collect(
        &self,
        intake: &Intake,
        is_due: bool,
        pending: &mut Pending,
    ) -> (Errand, u64) {
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
    pub(in crate::pipeline) fn took_over(&self, records: usize) {
        lock(&self.state).in_hand += records as u64;
    }

    pub(in crate::pipeline) fn appetite(&self) -> Appetite {
        let state = lock(&self.state);
        let lanes = &state.lanes;
        Appetite {
            hungry: is_hungry(lanes),
            room: lanes.is_empty() || lanes.iter().any(|lane| lane.bytes < self.lane_bytes),
        }
    }

    /// Lays `batch` down for every lane.
    pub(in crate::pipeline) fn hand_over(&self, intake: &Intake, mut batch: Batch) {
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
    pub(in crate::pipeline) fn collected(&self, flush: u64) {
        let mut state = lock(&self.state);
        state.flush_collected = flush;
        state.collected_upto = state.last_batch;
        drop(state);
        self.callers.notify_all();
    }

    /// Waits until no lane has anything left to do, or the ending is over.
    pub(in crate::pipeline) fn wait_for_lanes(&self) {
        let mut state = lock(&self.state);
        loop {
            let deadline = state.ending.and_then(|ending| ending.deadline);
            let is_idle = |lane: &LaneState| lane.backlog.is_empty() && lane.exporting.is_none();
            if state.lanes.iter().all(is_idle) || is_over(deadline) {
                return;
            }
            state = wait_until_or_notified(&self.callers, state, deadline);
        }
    }

    /// There will be no further batch.
    pub(in crate::pipeline) fn complete(&self) {
        let mut state = lock(&self.state);
        state.complete = true;
        state.flush_collected = u64::MAX;
        state.collected_upto = state.last_batch;
        drop(state);
        self.lanes.notify_all();
        self.callers.notify_all();
    }
}

fn is_hungry(lanes: &[LaneState]) -> bool {
    lanes.is_empty() || lanes.iter().any(|lane| lane.backlog.is_empty())
}
