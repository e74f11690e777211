//! From a finished span to the exporters: many producers, one worker thread and one thread for each exporter, which need nobody's runtime.
//!
//! In: [`Record`]s through the [`Intake`]. Out: batches of `SpanData` to every exporter, and an account of each span. Does not: know
//! how spans are opened, read configuration, or run on a thread of the user's.
//!
//! `queue` holds what has ended, `worker` makes a `batch` of it and lays it on the `desk`, a `lane` takes it from there to its exporter,
//! and `stats` says what became of it. `overflow` decides where the bound is reached.

pub(crate) mod overflow;
pub(crate) mod queue;
pub(crate) mod stats;

#[cfg(feature = "sdk")]
pub(crate) mod attempt;
#[cfg(feature = "sdk")]
mod batch;
#[cfg(feature = "sdk")]
mod desk;
#[cfg(feature = "sdk")]
mod expand;
#[cfg(feature = "sdk")]
mod lane;
#[cfg(all(test, feature = "sdk"))]
mod tests;
#[cfg(feature = "sdk")]
pub(crate) mod worker;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use self::overflow::Room;
use self::queue::{Bounds, Pushed, Queue, Shard};
use self::stats::DropReason;
use crate::record::SpanRecord;

/// A finished span on its way to the exporters.
#[derive(Debug)]
pub(crate) enum Record {
    /// One of ours, expanded by the worker.
    Own(SpanRecord),
    /// One that foreign code made through the OpenTelemetry SDK.
    #[cfg(feature = "sdk")]
    Foreign(Box<opentelemetry_sdk::trace::SpanData>),
}

impl Record {
    /// The trace that the span belongs to.
    #[cfg(feature = "testing")]
    fn trace_id(&self) -> u128 {
        match self {
            Self::Own(record) => record.trace_id(),
            Self::Foreign(data) => u128::from_be_bytes(data.span_context.trace_id().to_bytes()),
        }
    }

    /// Bytes that this record holds while it waits.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Own(record) => record.bytes(),
            #[cfg(feature = "sdk")]
            Self::Foreign(data) => {
                let attributes = |list: &[opentelemetry::KeyValue]| -> usize {
                    list.iter().map(crate::record::attribute_bytes).sum()
                };
                let events: usize = data.events.iter().map(|event| 64 + attributes(&event.attributes)).sum();
                size_of::<Self>()
                    + size_of_val(&**data)
                    + data.name.len()
                    + attributes(&data.attributes)
                    + events
            }
        }
    }
}

/// Whom the intake turns to. What is said behind the scenes stays in its room.
pub(crate) trait Backstage: Send + Sync {
    /// The worker is wanted.
    fn wake(&self);
    /// There was no room for a push. `since` is for the policies that wait, and lives as long as the push.
    fn make_room(&self, intake: &Intake, since: &mut Option<Instant>) -> Room;
}

/// The side of the pipeline that the program's threads see.
pub(crate) struct Intake {
    queue: Queue<Record>,
    /// For threads whose own shard is out of reach (thread-local destructors).
    fallback: Arc<Shard<Record>>,
    backstage: Arc<dyn Backstage>,
    wake_sent: AtomicBool,
    dropped: [AtomicU64; DropReason::ALL.len()],
    orphans: AtomicU64,
    content_dropped: AtomicU64,
    late: AtomicU64,
    /// Foreign spans are counted when they start, on whatever thread.
    foreign_started: AtomicU64,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("started", &self.started()).finish_non_exhaustive()
    }
}

impl Intake {
    pub(crate) fn new(bounds: Bounds, backstage: Arc<dyn Backstage>) -> Self {
        let queue = Queue::new(bounds);
        Self {
            fallback: queue.register(),
            queue,
            backstage,
            wake_sent: AtomicBool::new(false),
            dropped: Default::default(),
            orphans: AtomicU64::new(0),
            content_dropped: AtomicU64::new(0),
            late: AtomicU64::new(0),
            foreign_started: AtomicU64::new(0),
        }
    }

    /// A shard for the calling thread.
    pub(crate) fn register(&self) -> Arc<Shard<Record>> {
        self.queue.register()
    }

    /// Puts the record of `make`, weighing `bytes`, into the calling thread's shard (`None`: it has none), or counts why not.
    #[inline]
    pub(crate) fn push(&self, shard: Option<&Shard<Record>>, bytes: usize, make: impl FnOnce() -> Record) {
        let shard = shard.unwrap_or(&self.fallback);
        let mut since = None;
        match self.queue.push(shard, bytes, make, || self.make_room(shard, bytes, &mut since)) {
            Pushed::Kept => {}
            Pushed::KeptAndWake => self.wake(),
            refused => self.refused(refused),
        }
    }

    /// Whether a push that found no room may look again.
    #[cold]
    fn make_room(&self, shard: &Shard<Record>, bytes: usize, since: &mut Option<Instant>) -> bool {
        if !self.queue.could_hold(bytes) {
            return false;
        }
        match self.backstage.make_room(self, since) {
            Room::TryAgain => true,
            Room::None => false,
            Room::DisplaceOwn => {
                let displaced = self.queue.displace(shard, Record::bytes).len();
                self.count_drops(DropReason::Displaced, displaced as u64);
                displaced > 0
            }
        }
    }

    #[cold]
    fn refused(&self, pushed: Pushed) {
        if pushed == Pushed::Closed {
            self.count_drop(DropReason::AfterShutdown);
        } else {
            self.count_drop(DropReason::QueueFull);
            self.wake();
        }
    }

    /// Asks the worker to come now; at most one request is under way.
    #[cold]
    pub(crate) fn wake(&self) {
        if !self.wake_sent.swap(true, Ordering::AcqRel) {
            self.backstage.wake();
        }
    }

    /// Moves all that waits into `out`. For the worker, which releases it once it is exported.
    pub(crate) fn drain(&self, out: &mut VecDeque<Record>) {
        self.wake_sent.store(false, Ordering::Release);
        self.queue.drain(out);
    }

    /// So many records and bytes that never stood in a shard count like drained ones from now on.
    pub(crate) fn charge(&self, records: usize, bytes: usize) {
        self.queue.charge(records, bytes);
    }

    /// So many drained records, weighing `bytes`, are gone.
    pub(crate) fn release(&self, records: usize, bytes: usize) {
        self.queue.release(records, bytes);
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    pub(crate) fn count_drop(&self, reason: DropReason) {
        self.count_drops(reason, 1);
    }

    pub(crate) fn count_drops(&self, reason: DropReason, count: u64) {
        self.dropped[reason as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// A span ended that had gone out as incomplete.
    pub(crate) fn count_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_orphan(&self) {
        self.orphans.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_content_drop(&self) {
        self.content_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_foreign_start(&self) {
        self.foreign_started.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn started(&self) -> u64 {
        self.queue.started() + self.foreign_started.load(Ordering::Relaxed)
    }

    pub(crate) fn orphans(&self) -> u64 {
        self.orphans.load(Ordering::Relaxed)
    }

    pub(crate) fn content_dropped(&self) -> u64 {
        self.content_dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> Vec<(DropReason, u64)> {
        DropReason::ALL
            .into_iter()
            .map(|reason| (reason, self.dropped[reason as usize].load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.queue.len() as u64
    }
}
