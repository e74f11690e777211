//! What the program's threads come for: to flush, to end, and to get room for a span where there is none.

use std::time::Instant;

use super::{Desk, Ended, Ending, LaneState, is_over, share, wait_until_or_notified};
use crate::pipeline::batch::Keeper;
use crate::pipeline::overflow::{self, LOOK_AGAIN, Overflow, Room};
use crate::pipeline::stats::DropReason;
use crate::pipeline::{Backstage, Intake};
use crate::sync::lock;

impl Desk {
    /// Waits until all lanes have delivered what has ended by now, or have failed to; whether that was before `deadline`.
    pub(in crate::pipeline) fn flush(&self, deadline: Option<Instant>) -> bool {
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
    pub(in crate::pipeline) fn end(&self, deadline: Option<Instant>, ended: Ended) -> bool {
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
