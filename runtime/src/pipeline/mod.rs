//! From a finished span to the exporters: many producers, one worker thread of its own that needs nobody's runtime.
//!
//! In: [`Record`]s through the [`Intake`]. Out: batches of `SpanData` to every exporter, and an account of each span. Does not: know
//! how spans are opened, read configuration, or run on a thread of the user's.
//!
//! `queue` holds what waits, `worker` takes it out, `stats` says what became of it.

pub(crate) mod queue;
pub(crate) mod stats;

#[cfg(feature = "sdk")]
mod expand;
#[cfg(feature = "sdk")]
pub(crate) mod worker;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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

/// How the intake calls the worker; the worker's own messages stay in its room.
pub(crate) type WakeWorker = Box<dyn Fn() + Send + Sync>;

/// The side of the pipeline that the program's threads see.
pub(crate) struct Intake {
    queue: Queue<Record>,
    /// For threads whose own shard is out of reach (thread-local destructors).
    fallback: Arc<Shard<Record>>,
    wake_worker: WakeWorker,
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
    pub(crate) fn new(bounds: Bounds, wake_worker: WakeWorker) -> Self {
        let queue = Queue::new(bounds);
        Self {
            fallback: queue.register(),
            queue,
            wake_worker,
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
        match self.queue.push(shard.unwrap_or(&self.fallback), bytes, make) {
            Pushed::Kept => {}
            Pushed::KeptAndWake => self.wake(),
            refused => self.refused(refused),
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
    fn wake(&self) {
        if !self.wake_sent.swap(true, Ordering::AcqRel) {
            (self.wake_worker)();
        }
    }

    /// Moves all that waits into `out`. For the worker, which releases it once it is exported.
    pub(crate) fn drain(&self, out: &mut VecDeque<Record>) {
        self.wake_sent.store(false, Ordering::Release);
        self.queue.drain(out);
    }

    /// So many drained records, weighing `bytes`, are gone.
    pub(crate) fn release(&self, records: usize, bytes: usize) {
        self.queue.release(records, bytes);
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    pub(crate) fn count_drop(&self, reason: DropReason) {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_orphan(&self) {
        self.orphans.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
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
