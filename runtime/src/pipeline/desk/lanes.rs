//! What a lane comes for: its next turn, and to say how the last one ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Desk, State, Work, share, wait_until_or_notified};
use crate::pipeline::Intake;
use crate::pipeline::batch::Keeper;
use crate::sync::lock;

/// What a lane is to do next.
#[derive(Debug)]
pub(in crate::pipeline) struct Turn {
    pub(in crate::pipeline) work: Work,
    pub(in crate::pipeline) timeout: Duration,
    /// The ending had begun.
    pub(in crate::pipeline) at_end: bool,
    /// Attempts in a row that were answered "later", before this one.
    pub(in crate::pipeline) failures: u32,
}

impl Desk {
    /// What `lane` does next; waits for it. `None`: it has come to its end.
    pub(in crate::pipeline) fn next(
        &self,
        intake: &Intake,
        lane: usize,
        export_timeout: Duration,
    ) -> Option<Turn> {
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

    /// The receiver has confirmed `work`, all but `missing` spans that it was not offered, since they could not be read, and `rejected` ones.
    pub(in crate::pipeline) fn delivered(
        &self,
        intake: &Intake,
        lane: usize,
        work: &Work,
        missing: u64,
        rejected: u64,
        error: Option<&str>,
    ) {
        let mut state = lock(&self.state);
        let spans = work.range.len() as u64;
        let rejected = rejected.min(spans - missing);
        state.turn_ends(lane, error);
        let mine = &mut state.lanes[lane];
        mine.failures = 0;
        mine.bytes = mine.bytes.saturating_sub(share(work));
        let account = &mut mine.account;
        account.waiting -= spans;
        account.exported += spans - missing - rejected;
        account.failed += missing + rejected;
        account.rejected += rejected;
        let concluded = work.batch.delivered(&work.range, rejected);
        self.settle(&mut state, intake, &work.batch, concluded);
        drop(state);
        self.callers.notify_all();
    }

    /// `work` is to be offered again, after `wait` unless somebody is in a hurry.
    pub(in crate::pipeline) fn put_back(&self, lane: usize, turn: Turn, wait: Duration, error: &str) {
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
    pub(in crate::pipeline) fn split(&self, lane: usize, work: &Work, error: &str) {
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
    pub(in crate::pipeline) fn failed(&self, intake: &Intake, lane: usize, work: &Work, error: &str) {
        let mut state = lock(&self.state);
        state.turn_ends(lane, Some(error));
        state.lanes[lane].failures = 0;
        self.lose(&mut state, intake, lane, work, error);
        drop(state);
        self.callers.notify_all();
    }

    /// The lane's receiver is gone for good: neither `work` nor anything else is offered to it again.
    pub(in crate::pipeline) fn given_up(&self, intake: &Intake, lane: usize, work: &Work, error: &str) {
        let mut state = lock(&self.state);
        state.turn_ends(lane, Some(error));
        state.lanes[lane].given_up = true;
        self.abandon(&mut state, intake, lane, work, error);
        self.give_all_up(&mut state, intake, lane);
    }

    /// The exporter of `lane` could not be shut down.
    pub(in crate::pipeline) fn shutdown_failed(&self, lane: usize, error: &str) {
        let mut state = lock(&self.state);
        let name = state.lanes[lane].account.name.clone();
        state.lanes[lane].account.last_error.get_or_insert_with(|| error.to_owned());
        state.last_error.get_or_insert_with(|| format!("{name}: {error}"));
    }

    /// How long the ending may take yet.
    pub(in crate::pipeline) fn time_left(&self) -> Duration {
        lock(&self.state)
            .ending
            .and_then(|ending| ending.deadline)
            .map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn give_all_up(&self, state: &mut State, intake: &Intake, lane: usize) {
        let error = state.lanes[lane].account.last_error.clone().unwrap_or_default();
        while let Some(work) = state.lanes[lane].backlog.pop_front() {
            self.abandon(state, intake, lane, &work, &error);
        }
        self.callers.notify_all();
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
}

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
