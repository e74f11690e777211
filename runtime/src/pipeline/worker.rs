//! The pipeline's own thread: it takes what waits, expands it, and offers it to every exporter.
//!
//! In: [`Message`]s, and records through the intake. Out: batches, by count, by bytes and by time; the account. Does not: run on, or
//! need, a runtime of the user's; lose count of a span; die of an exporter's panic.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::expand::expand;
use super::queue::Bounds;
use super::stats::{Report, Stats};
use super::{Intake, Record};
use crate::diag;
use crate::error::{Error, Result};
use crate::export::{DynExporter, Verdict};
use crate::scope::clock::Anchor;
use crate::semconv::Convention;
use crate::sync::lock;

/// All that anybody says to the worker.
pub(crate) enum Message {
    /// A shard is filling up.
    Wake,
    /// Export all that has ended by now, then answer.
    Flush(Sender<()>),
    /// The same, for the last time, until the deadline (`None`: for ever); nothing is accepted any more.
    Shutdown { deadline: Option<Instant>, failed: bool, done: Sender<()> },
}

/// How the process, or telemetry in it, comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With success.
    Well,
    /// With a failure: open spans are errors.
    Badly,
    /// Nobody knows.
    Unknown,
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
    /// The longest that one export may take.
    pub(crate) export_timeout: Duration,
}

/// The pipeline as `setup` holds it.
pub(crate) struct Pipeline {
    pub(crate) intake: Arc<Intake>,
    /// In which its spans are written, those of others too.
    pub(crate) convention: Convention,
    to_worker: Sender<Message>,
    account: Arc<Mutex<Account>>,
    #[cfg(feature = "testing")]
    taps: Taps,
}

/// What became of the spans that have left the queue.
#[derive(Debug, Default)]
struct Account {
    exported: u64,
    failed: u64,
    /// Taken from the queue, not yet confirmed or given up.
    in_hand: u64,
    last_error: Option<String>,
    /// Set when a shutdown is asked for: what the worker is at, it ends by then.
    stop_at: Option<Instant>,
}

/// Where `testing` listens for the spans of its traces.
#[cfg(feature = "testing")]
pub(crate) type Taps = Arc<Mutex<std::collections::HashMap<u128, Vec<SpanData>>>>;

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("stats", &self.stats()).finish()
    }
}

impl Pipeline {
    /// Starts the worker.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn start(
        exporters: Vec<Box<dyn DynExporter>>,
        resource: &Resource,
        convention: Convention,
        batching: Batching,
        queue_bytes: usize,
        queue_spans: Option<usize>,
        epoch: u32,
        unfinished: fn(u32, bool) -> Vec<Record>,
    ) -> Result<Self> {
        let (to_worker, inbox) = channel();
        let wake = to_worker.clone();
        let bounds = Bounds { bytes: queue_bytes, items: queue_spans, wake_at: wake_at(batching.max_spans) };
        // The worker is gone only after shutdown, when there is nobody left to wake.
        let intake = Arc::new(Intake::new(bounds, Box::new(move || _ = wake.send(Message::Wake))));
        let account = Arc::new(Mutex::new(Account::default()));
        #[cfg(feature = "testing")]
        let taps = Taps::default();
        let mut exporters = exporters;
        for exporter in &mut exporters {
            exporter.set_resource(resource);
        }
        let worker = Worker {
            intake: Arc::clone(&intake),
            account: Arc::clone(&account),
            exporters,
            convention,
            batching,
            pending: VecDeque::new(),
            anchor: Anchor::new(),
            said_failure: false,
            epoch,
            unfinished,
            #[cfg(feature = "testing")]
            taps: Arc::clone(&taps),
        };
        std::thread::Builder::new()
            .name("llmetry-pipeline".to_owned())
            .spawn(move || worker.run(&inbox))
            .map_err(Error::thread)?;
        Ok(Self {
            intake,
            convention,
            to_worker,
            account,
            #[cfg(feature = "testing")]
            taps,
        })
    }

    /// Exports all that has ended by now; waits no longer than `timeout`.
    pub(crate) fn flush(&self, timeout: Duration) -> Report {
        self.ask(timeout, Message::Flush)
    }

    /// Exports what has ended, and what is still open as incomplete, and stops; waits no longer than `timeout`.
    pub(crate) fn end(&self, timeout: Duration, ended: Ended) -> Report {
        let deadline = Instant::now().checked_add(timeout);
        // The message waits behind the batches that are going out at this moment; these are told to hurry.
        lock(&self.account).stop_at = deadline;
        self.ask(timeout, |done| Message::Shutdown { deadline, failed: ended == Ended::Badly, done })
    }

    fn ask(&self, timeout: Duration, message: impl FnOnce(Sender<()>) -> Message) -> Report {
        let begin = Instant::now();
        let (done, answer) = channel();
        // A worker that is gone has done what it could; the account says what that was.
        let in_time = self.to_worker.send(message(done)).is_err()
            || !matches!(answer.recv_timeout(timeout), Err(RecvTimeoutError::Timeout));
        Report { stats: self.stats(), in_time, elapsed: begin.elapsed() }
    }

    /// The account of this moment.
    pub(crate) fn stats(&self) -> Stats {
        // The worker moves spans from the queue into its hand under this lock, so none is missed or seen twice.
        let account = lock(&self.account);
        let (exported, failed) = (account.exported, account.failed);
        let queued = self.intake.waiting() + account.in_hand;
        let last_error = account.last_error.clone();
        drop(account);
        let dropped = self.intake.dropped();
        let started = self.intake.started();
        let ended = exported + failed + queued + dropped.iter().map(|(_, count)| count).sum::<u64>();
        Stats {
            started: started.max(ended),
            exported,
            failed,
            dropped,
            queued,
            open: started.saturating_sub(ended),
            orphans: self.intake.orphans(),
            content_dropped: self.intake.content_dropped(),
            late: self.intake.late(),
            last_error,
        }
    }

    /// Keeps a copy of every span of `trace_id` from now on, until [`untap`](Self::untap).
    #[cfg(feature = "testing")]
    pub(crate) fn tap(&self, trace_id: u128) {
        lock(&self.taps).insert(trace_id, Vec::new());
    }

    /// The spans of `trace_id` that were exported meanwhile.
    #[cfg(feature = "testing")]
    pub(crate) fn untap(&self, trace_id: u128) -> Vec<SpanData> {
        lock(&self.taps).remove(&trace_id).unwrap_or_default()
    }
}

struct Worker {
    intake: Arc<Intake>,
    account: Arc<Mutex<Account>>,
    exporters: Vec<Box<dyn DynExporter>>,
    convention: Convention,
    batching: Batching,
    /// Taken from the queue, still small: expanded only when their batch goes out.
    pending: VecDeque<Record>,
    anchor: Anchor,
    said_failure: bool,
    epoch: u32,
    unfinished: fn(u32, bool) -> Vec<Record>,
    #[cfg(feature = "testing")]
    taps: Taps,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Message>) {
        // What exporters do is not to be traced: their spans would be exported, and so on.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let mut due = Instant::now() + self.batching.delay;
        loop {
            match inbox.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Message::Wake) => {
                    self.collect();
                    while self.pending.len() >= self.batching.max_spans {
                        self.export_batch(self.batching.export_timeout);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    due = Instant::now() + self.batching.delay;
                    self.export_all(None);
                }
                Ok(Message::Flush(done)) => {
                    self.export_all(None);
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(());
                }
                Ok(Message::Shutdown { deadline, failed, done }) => {
                    self.export_all(deadline);
                    let open = (self.unfinished)(self.epoch, failed);
                    lock(&self.account).in_hand += open.len() as u64;
                    self.pending.extend(open);
                    self.intake.close();
                    // What came in between.
                    self.export_all(deadline);
                    self.shutdown_exporters(deadline);
                    let _ = done.send(());
                    return;
                }
                // Nobody can ask any more, and nobody can push: `Pipeline` and every intake are gone.
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn collect(&mut self) {
        let mut account = lock(&self.account);
        let before = self.pending.len();
        self.intake.drain(&mut self.pending);
        account.in_hand += (self.pending.len() - before) as u64;
    }

    /// Exports all that waits now, and nothing that comes later, so that it comes to an end under any load. Past the
    /// deadline what is left stays queued, in the account too.
    fn export_all(&mut self, deadline: Option<Instant>) {
        self.collect();
        while !self.pending.is_empty() {
            let deadline = deadline.or_else(|| lock(&self.account).stop_at);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            self.export_batch(
                left.map_or(self.batching.export_timeout, |left| left.min(self.batching.export_timeout)),
            );
        }
    }

    /// Expands and exports the oldest batch of what is pending.
    fn export_batch(&mut self, timeout: Duration) {
        self.anchor.advance();
        let mut bytes = 0;
        let mut count = 0;
        for record in self.pending.iter().take(self.batching.max_spans) {
            let next = bytes + record.bytes();
            if count > 0 && next > self.batching.max_bytes {
                break;
            }
            bytes = next;
            count += 1;
        }
        let (anchor, convention) = (self.anchor, self.convention);
        let batch: Vec<SpanData> =
            self.pending.drain(..count).map(|record| expand(record, convention, &anchor)).collect();
        #[cfg(feature = "testing")]
        self.feed_taps(&batch);
        let failure = self.offer(batch, timeout);
        self.intake.release(count, bytes);
        let mut account = lock(&self.account);
        account.in_hand -= count as u64;
        match failure {
            None => account.exported += count as u64,
            Some(error) => {
                account.failed += count as u64;
                account.last_error = Some(error.clone());
                drop(account);
                if !std::mem::replace(&mut self.said_failure, true) {
                    diag::notice(&format!(
                        "export failed: {error} (said once; `stats()` and the report at shutdown count what was lost)"
                    ));
                }
            }
        }
    }

    /// Offers `batch` to every exporter; the first failure, if there was one.
    fn offer(&mut self, batch: Vec<SpanData>, timeout: Duration) -> Option<String> {
        let (last, others) = self.exporters.split_last_mut()?;
        let mut failure = None;
        for exporter in others {
            failure = failure.or(export_to(&mut **exporter, batch.clone(), timeout));
        }
        failure.or(export_to(&mut **last, batch, timeout))
    }

    fn shutdown_exporters(&mut self, deadline: Option<Instant>) {
        for exporter in &mut self.exporters {
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            let result = catch_unwind(AssertUnwindSafe(|| exporter.shutdown(left)));
            let failure = match result {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it panicked".to_owned(),
            };
            lock(&self.account)
                .last_error
                .get_or_insert_with(|| format!("{}: shutdown failed: {failure}", exporter.name()));
        }
    }

    #[cfg(feature = "testing")]
    fn feed_taps(&self, batch: &[SpanData]) {
        let mut taps = lock(&self.taps);
        if taps.is_empty() {
            return;
        }
        for span in batch {
            let trace_id = u128::from_be_bytes(span.span_context.trace_id().to_bytes());
            if let Some(tap) = taps.get_mut(&trace_id) {
                tap.push(span.clone());
            }
        }
    }
}

/// How many records a thread gathers before it asks the worker to come: waking it is a system call. One batch; four, where
/// batches are large enough that nobody waits for a single one.
fn wake_at(max_spans: usize) -> usize {
    if max_spans >= 512 { (4 * max_spans).min(4096) } else { max_spans }
}

/// One export, with whatever may go wrong in it as a text.
fn export_to(exporter: &mut dyn DynExporter, batch: Vec<SpanData>, timeout: Duration) -> Option<String> {
    let result = catch_unwind(AssertUnwindSafe(|| exporter.export(batch, timeout)));
    let what: String = match result {
        Ok(Verdict::Delivered { rejected: 0, .. }) => return None,
        Ok(Verdict::Delivered { rejected, message }) => format!("{rejected} spans were rejected: {message}"),
        Ok(Verdict::Later { error, .. } | Verdict::TooLarge { error } | Verdict::Refused { error }) => error,
        Err(panic) => format!(
            "it panicked: {}",
            panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no text")
        ),
    };
    Some(format!("{}: {what}", exporter.name()))
}
