//! The pipeline as `setup` holds it: started, flushed, ended, and asked for its account.
//!
//! In: exporters and settings; questions with a time that they may take. Out: the threads; reports. Does not: run on, or need, a runtime
//! of the user's; touch a span (the worker and the lanes do).

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
#[cfg(feature = "testing")]
use opentelemetry_sdk::trace::SpanData;

use super::attempt::OnExport;
use super::batch::Origin;
use super::desk::Desk;
pub(crate) use super::desk::Ended;
use super::lane::{Lane, Said};
use super::overflow::Overflow;
use super::queue::Bounds;
use super::spool::{self, Recovery};
use super::stats::{Report, Stats};
use super::worker::Worker;
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
