//! The pipeline as `setup` holds it, and its worker: the thread that takes what has ended and makes batches of it for the lanes.
//!
//! In: records through the intake. Out: batches, by count, by bytes and by time, on the `desk`. Does not: run on, or need, a runtime of
//! the user's; expand or export (each `lane` does); lose count of a span.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
#[cfg(feature = "testing")]
use opentelemetry_sdk::trace::SpanData;

use super::attempt::OnExport;
use super::batch::{Batch, Origin, Source};
pub(crate) use super::desk::Ended;
use super::desk::{Appetite, Desk};
use super::lane::{Lane, Said};
use super::overflow::{self, Overflow};
use super::queue::Bounds;
use super::spool::{self, Found, Recovery, Stored};
use super::stats::{Report, Stats};
use super::{Intake, Pending, Record, SpoolSetting};
use crate::error::{Error, Result};
use crate::export::DynExporter;
use crate::scope::clock::Anchor;
use crate::semconv::Convention;
#[cfg(feature = "testing")]
use crate::sync::lock;

/// All that a pipeline has to know when it starts.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) resource: Resource,
    pub(crate) convention: Convention,
    pub(crate) batching: Batching,
    /// Estimated bytes of all that waits.
    pub(crate) queue_bytes: usize,
    /// The same in spans, if somebody asked for it.
    pub(crate) queue_spans: Option<usize>,
    pub(crate) overflow: Overflow,
    pub(crate) on_export: Option<OnExport>,
    pub(crate) spool: Option<SpoolSetting>,
    /// The installation's number, for `unfinished`.
    pub(crate) epoch: u32,
    /// The spans of installation `epoch` that are open, as incomplete (failed, if the flag says so). Called once, by the worker, at
    /// the end; whatever of them ends later is late.
    pub(crate) unfinished: fn(epoch: u32, failed: bool) -> Vec<Record>,
}

/// When a batch goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batching {
    /// Spans in one batch.
    pub(crate) max_spans: usize,
    /// Estimated bytes in one batch; receivers commonly refuse more than 4 MiB.
    pub(crate) max_bytes: usize,
    /// The longest that a finished span waits for its batch.
    pub(crate) delay: Duration,
    /// The longest that one attempt may take.
    pub(crate) export_timeout: Duration,
}

/// The pipeline as `setup` holds it.
pub(crate) struct Pipeline {
    pub(crate) intake: Arc<Intake>,
    /// In which its spans are written, those of others too.
    pub(crate) convention: Convention,
    desk: Arc<Desk>,
    #[cfg(feature = "testing")]
    taps: Taps,
}

/// Where `testing` listens for the spans of its traces.
#[cfg(feature = "testing")]
pub(crate) type Taps = Arc<std::sync::Mutex<std::collections::HashMap<u128, Vec<SpanData>>>>;

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("stats", &self.stats()).finish()
    }
}

impl Pipeline {
    /// Starts the worker, and a lane for each exporter.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, or the spool's directory cannot be used.
    pub(crate) fn start(exporters: Vec<Box<dyn DynExporter>>, setting: Setting) -> Result<Self> {
        let Setting { batching, queue_bytes, .. } = setting;
        let wake_at = wake_at(batching.max_spans);
        let spool = match &setting.spool {
            Some(spool) => spool::open(spool, &setting.resource, setting.convention, wake_at)?,
            None => None,
        };
        // Without an exporter there is nobody to give what earlier processes have left.
        let recovery = setting
            .spool
            .filter(|_| !exporters.is_empty())
            .map(|spool| Recovery::new(&spool.directory, spool.look_again));
        let names = exporters.iter().map(|exporter| exporter.name().to_owned());
        let bound = spool.as_ref().map_or(queue_bytes, |spool| spool.bytes());
        let desk = Arc::new(Desk::new(names, setting.overflow, bound));
        let bounds = Bounds { bytes: queue_bytes, items: setting.queue_spans, wake_at };
        let intake = Arc::new(Intake::new(bounds, spool, Arc::clone(&desk) as _));
        let origin = Arc::new(Origin { resource: setting.resource, convention: setting.convention });
        // Dropped when a thread does not start, it ends those that did.
        let pipeline = Self {
            intake: Arc::clone(&intake),
            convention: setting.convention,
            desk: Arc::clone(&desk),
            #[cfg(feature = "testing")]
            taps: Taps::default(),
        };
        let worker = Worker {
            intake: Arc::clone(&intake),
            desk: Arc::clone(&desk),
            origin: Arc::clone(&origin),
            batching,
            pending: Pending::default(),
            recovery,
            recovered_from: None,
            anchor: Anchor::new(),
            epoch: setting.epoch,
            unfinished: setting.unfinished,
            #[cfg(feature = "testing")]
            taps: Arc::clone(&pipeline.taps),
        };
        spawn(&desk, "llmetry-pipeline", move || worker.run())?;
        for (number, mut exporter) in exporters.into_iter().enumerate() {
            exporter.set_resource(&origin.resource);
            let lane = Lane {
                number,
                exporter,
                intake: Arc::clone(&intake),
                desk: Arc::clone(&desk),
                export_timeout: batching.export_timeout,
                on_export: setting.on_export.clone(),
                origin: Arc::clone(&origin),
                said: Said::default(),
            };
            spawn(&desk, "llmetry-export", move || lane.run())?;
        }
        Ok(pipeline)
    }

    /// Has all exported that has ended by now; waits no longer than `timeout`.
    ///
    /// It is answered when each exporter has delivered all of it, or has failed an attempt that began after the question.
    pub(crate) fn flush(&self, timeout: Duration) -> Report {
        self.ask(timeout, Desk::flush)
    }

    /// Has all exported that has ended, and what is still open as incomplete, and stops; waits no longer than `timeout`, which is also
    /// all the time that the exporters have.
    ///
    /// A further call waits for no longer than the first one does, and changes nothing. On a thread of the pipeline's own it does not
    /// wait.
    pub(crate) fn end(&self, timeout: Duration, ended: Ended) -> Report {
        self.ask(timeout, |desk, deadline| desk.end(deadline, ended))
    }

    fn ask(&self, timeout: Duration, ask: impl FnOnce(&Desk, Option<Instant>) -> bool) -> Report {
        let begin = Instant::now();
        let in_time = ask(&self.desk, begin.checked_add(timeout));
        Report { stats: self.stats(), in_time, elapsed: begin.elapsed() }
    }

    /// The account of this moment.
    pub(crate) fn stats(&self) -> Stats {
        self.desk.stats(&self.intake)
    }

    /// Keeps a copy of every span of `trace_id` from now on, until [`untap`](Self::untap).
    #[cfg(feature = "testing")]
    pub(crate) fn tap(&self, trace_id: u128) {
        lock(&self.taps).insert(trace_id, Vec::new());
    }

    /// The spans of `trace_id` that were handed to the exporters meanwhile.
    #[cfg(feature = "testing")]
    pub(crate) fn untap(&self, trace_id: u128) -> Vec<SpanData> {
        lock(&self.taps).remove(&trace_id).unwrap_or_default()
    }
}

/// Nobody can ask any more: the threads end, and nobody waits for them.
impl Drop for Pipeline {
    fn drop(&mut self) {
        self.desk.end(Some(Instant::now()), Ended::Unknown);
    }
}

fn spawn(desk: &Arc<Desk>, name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    desk.enter();
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map(drop).map_err(|error| {
        desk.leave(|| ());
        Error::thread(error)
    })
}

/// How many records a thread gathers before it asks the worker to come: waking it is a system call. One batch; four, where
/// batches are large enough that nobody waits for a single one.
fn wake_at(max_spans: usize) -> usize {
    if max_spans >= 512 { (4 * max_spans).min(4096) } else { max_spans }
}

struct Worker {
    intake: Arc<Intake>,
    desk: Arc<Desk>,
    origin: Arc<Origin>,
    batching: Batching,
    /// Taken from the intake, not yet in a batch.
    pending: Pending,
    /// The files that other processes have left; `None`: nobody asked for them.
    recovery: Option<Recovery>,
    /// The number of the last one of them, and whose it was.
    recovered_from: Option<(usize, Arc<Origin>)>,
    anchor: Anchor,
    epoch: u32,
    unfinished: fn(u32, bool) -> Vec<Record>,
    #[cfg(feature = "testing")]
    taps: Taps,
}

impl Worker {
    fn run(mut self) {
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
        self.intake.close();
        // What came in between; a spool takes what comes later, for the next process.
        self.desk.collect(&self.intake, true, &mut self.pending);
        self.intake.charge(open.len(), open.iter().map(Record::bytes).sum());
        self.desk.took_over(open.len());
        self.pending.records.extend(open);
        self.hand_over(0);
        // Behind its own: a program that is quicker than this thread would else never send what an earlier one has left.
        while self.recover() {}
        if self.intake.spool().is_some() {
            self.desk.collect(&self.intake, true, &mut self.pending);
            self.hand_over(0);
        }
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
