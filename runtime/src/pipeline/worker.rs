//! The thread that takes what has ended and makes batches of it for the lanes.
//!
//! In: records through the intake, and what earlier processes have left. Out: batches, by count, by bytes and by time, on the `desk`. Does
//! not: expand or export (each `lane` does); lose count of a span.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use opentelemetry::Context;

use super::batch::{Batch, Origin, Source};
#[cfg(feature = "testing")]
use super::control::Taps;
use super::control::{Batching, Ended};
use super::desk::{Appetite, Desk};
use super::overflow;
use super::spool::{self, Found, Recovery, Stored};
use super::{Intake, Pending, Record};
use crate::scope::clock::Anchor;
#[cfg(feature = "testing")]
use crate::sync::lock;

/// What the thread has in its hands.
pub(super) struct Worker {
    pub(super) intake: Arc<Intake>,
    pub(super) desk: Arc<Desk>,
    pub(super) origin: Arc<Origin>,
    pub(super) batching: Batching,
    /// Taken from the intake, not yet in a batch.
    pub(super) pending: Pending,
    /// The files that other processes have left; `None`: nobody asked for them.
    pub(super) recovery: Option<Recovery>,
    /// The number of the last one of them, and whose it was.
    pub(super) recovered_from: Option<(usize, Arc<Origin>)>,
    pub(super) anchor: Anchor,
    pub(super) epoch: u32,
    pub(super) unfinished: fn(u32, bool) -> Vec<Record>,
    #[cfg(feature = "testing")]
    pub(super) taps: Taps,
}

impl Worker {
    /// The thread.
    pub(super) fn run(mut self) {
        overflow::enter_pipeline();
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let mut due = Instant::now() + self.batching.delay;
        loop {
            let goes_on = self.recover();
            let look = self.recovery.as_ref().and_then(Recovery::rests_until).unwrap_or(due);
            self.desk.wait_for_bell(if goes_on { Instant::now() } else { due.min(look) });
            self.keep_time();
            // Batches that are smaller than a block are due as soon as they are full.
            let small = spool::fit_into_block(self.batching.max_spans);
            let is_due = Instant::now() >= due;
            let (errand, flush) = self.desk.collect(&self.intake, is_due || small, &mut self.pending);
            if let Some(ended) = errand.ending {
                self.finish(ended);
                self.desk.leave(|| self.intake.put_away());
                return;
            }
            if is_due {
                due = Instant::now() + self.batching.delay;
            }
            if errand.flush {
                self.hand_over(0);
                self.desk.collected(flush);
                continue;
            }
            let Appetite { hungry, room } = self.desk.appetite();
            // While every lane has something to do, a batch that is not full may grow; and where none has room, what waits is as well
            // kept here, where the bound counts it.
            if room {
                self.hand_over(if is_due && hungry { 0 } else { self.batching.max_spans });
            }
        }
    }

    /// Forms batches of all that is pending, as long as there are at least so many spans.
    fn hand_over(&mut self, at_least: usize) {
        // Blocks that are nearly empty do not wait for a batch to become full: the spool would.
        let most_bytes = self.intake.spool().map_or(usize::MAX, |spool| spool.bytes() / 4);
        while self.pending.spans() >= at_least.max(1) || self.pending.stored_bytes > most_bytes {
            let batch = self.form();
            #[cfg(feature = "testing")]
            self.feed_taps(&batch);
            self.desk.hand_over(&self.intake, batch);
        }
    }

    /// The oldest batch of what is pending.
    fn form(&mut self) -> Batch {
        self.anchor.advance();
        if let Some(spool) = self.intake.spool().filter(|_| self.pending.stored() > 0) {
            let Batching { max_spans, max_bytes, .. } = self.batching;
            let stored = Stored::own(spool, self.pending.take_chunks(spool, max_spans, max_bytes));
            let bytes = stored.bytes();
            return Batch::new(Arc::clone(&self.origin), self.anchor, Source::Stored(stored), bytes);
        }
        let mut bytes = 0;
        let mut count = 0;
        for record in self.pending.records.iter().take(self.batching.max_spans) {
            let next = bytes + record.bytes();
            if count > 0 && next > self.batching.max_bytes {
                break;
            }
            bytes = next;
            count += 1;
        }
        // Many small batches weigh more than their spans.
        self.intake.charge(0, Batch::OWN_BYTES);
        let records = self.pending.records.drain(..count).collect();
        Batch::new(Arc::clone(&self.origin), self.anchor, Source::Memory(records), bytes + Batch::OWN_BYTES)
    }

    /// The end: all that has ended, then what has not.
    fn finish(&mut self, ended: Ended) {
        let (epoch, failed, unfinished) = (self.epoch, ended == Ended::Badly, self.unfinished);
        let open = catch_unwind(AssertUnwindSafe(|| unfinished(epoch, failed))).unwrap_or_default();
        let open = self.keep(open);
        self.desk.collect(&self.intake, true, &mut self.pending);
        self.intake.charge(open.len(), open.iter().map(Record::bytes).sum());
        self.desk.took_over(open.len());
        self.pending.records.extend(open);
        self.hand_over(0);
        // Behind its own: a program that is quicker than this thread would else never send what an earlier one has left.
        while self.recover() {}
        // A span that its thread was just ending was neither open any more nor here yet. What is on its way takes longer than that, so that
        // one more look finds it. A spool takes what comes later still, for the next process.
        self.desk.wait_for_lanes();
        self.intake.close();
        self.desk.collect(&self.intake, true, &mut self.pending);
        self.hand_over(0);
        self.desk.complete();
    }

    /// Writes spans that were open into the spool, in place of their starts; those that it did not take.
    fn keep(&self, open: Vec<Record>) -> Vec<Record> {
        let Some(spool) = self.intake.spool() else { return open };
        let ids: Vec<u64> = open.iter().map(Record::span_id).collect();
        for record in open {
            self.intake.push(None, record.bytes(), || record);
        }
        spool.taken_over(&ids);
        Vec::new()
    }

    /// For whoever reads the spool after this process.
    fn keep_time(&mut self) {
        if let Some(spool) = self.intake.spool() {
            self.anchor.advance();
            spool.keep_time(&self.anchor);
        }
    }

    /// Looks a little further for what earlier processes have left, and hands it over; whether to come again at once.
    fn recover(&mut self) -> bool {
        let Some(recovery) = &mut self.recovery else { return false };
        let mut found = Vec::new();
        self.anchor.advance();
        let goes_on = recovery.step(&self.anchor, self.batching.max_spans, &mut found);
        for Found { spans, resource, convention, anchor, file } in found {
            let origin = match &self.recovered_from {
                Some((number, origin)) if *number == file => Arc::clone(origin),
                _ => Arc::new(Origin { resource, convention }),
            };
            self.recovered_from = Some((file, Arc::clone(&origin)));
            let batch = Batch::new(origin, anchor, Source::Stored(spans), 0);
            self.desk.hand_over(&self.intake, batch);
        }
        goes_on
    }

    #[cfg(feature = "testing")]
    fn feed_taps(&self, batch: &Batch) {
        let mut taps = lock(&self.taps);
        if taps.is_empty() {
            return;
        }
        for span in batch.of_traces(|trace_id| taps.contains_key(&trace_id)) {
            let trace_id = u128::from_be_bytes(span.span_context.trace_id().to_bytes());
            if let Some(tap) = taps.get_mut(&trace_id) {
                tap.push(span);
            }
        }
    }
}
