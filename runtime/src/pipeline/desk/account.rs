//! What became of each span: it goes from one place to another under the desk's lock, so that none is missed or seen twice.

use super::{Desk, State, Work, share};
use crate::pipeline::Intake;
use crate::pipeline::batch::{Batch, Concluded, Keeper};
use crate::pipeline::stats::Stats;
use crate::sync::lock;

impl Desk {
    /// The account of this moment.
    pub(in crate::pipeline) fn stats(&self, intake: &Intake) -> Stats {
        let state = lock(&self.state);
        let (exported, failed, rejected) = (state.exported, state.failed, state.rejected);
        let queued = intake.waiting() + state.in_hand;
        let spooled = intake.spooled() + state.spooled;
        let (recovered, recovered_failed) = (state.recovered, state.recovered_failed);
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
            recovered_failed,
            orphans: intake.orphans(),
            content_dropped: intake.content_dropped(),
            last_error,
            exporters,
        }
    }

    /// `lane` will not deliver `work`.
    pub(super) fn lose(&self, state: &mut State, intake: &Intake, lane: usize, work: &Work, error: &str) {
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

    /// `batch` is through if it is `concluded`: it is counted and its room is given back.
    pub(super) fn settle(
        &self,
        state: &mut State,
        intake: &Intake,
        batch: &Batch,
        concluded: Option<Concluded>,
    ) {
        let Some(Concluded { exported, failed, rejected }) = concluded else { return };
        if batch.keeper() == Keeper::Left {
            state.recovered += exported;
            state.recovered_failed += failed;
        } else {
            state.exported += exported;
            state.failed += failed;
            state.rejected += rejected;
        }
        self.release(state, intake, batch);
    }

    /// Gives back what `batch` takes, wherever it is kept.
    pub(super) fn release(&self, state: &mut State, intake: &Intake, batch: &Batch) {
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
}
