//! From a finished span to the exporters: many producers, one worker thread and one thread for each exporter, which need nobody's runtime.
//!
//! In: [`Record`]s through the [`Intake`]. Out: batches of `SpanData` to every exporter, and an account of each span. Does not: know
//! how spans are opened, read configuration, or run on a thread of the user's.
//!
//! `queue` holds what has ended, or the `spool` does; `worker` makes a `batch` of it and lays it on the `desk`, a `lane` takes it from
//! there to its exporter, and `stats` says what became of it. `overflow` decides where the bound is reached. `control` starts all that and
//! ends it.

pub(crate) mod overflow;
pub(crate) mod queue;
#[cfg(all(feature = "spool", unix))]
pub(crate) mod spool;
#[cfg(not(all(feature = "spool", unix)))]
#[path = "spool_off.rs"]
pub(crate) mod spool;
pub(crate) mod stats;

#[cfg(feature = "sdk")]
pub(crate) mod attempt;
#[cfg(feature = "sdk")]
mod batch;
#[cfg(feature = "sdk")]
pub(crate) mod control;
#[cfg(feature = "sdk")]
mod desk;
#[cfg(feature = "sdk")]
mod expand;
#[cfg(feature = "sdk")]
mod lane;
#[cfg(all(test, feature = "spool", unix))]
#[path = "spool/lanes_tests.rs"]
mod spooled_tests;
#[cfg(all(test, feature = "sdk"))]
mod tests;
#[cfg(feature = "sdk")]
mod worker;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::overflow::Room;
use self::queue::{Bounds, Pushed, Queue, Shard};
use self::spool::{Chunk, Place, Spool, Start};
use self::stats::DropReason;
use crate::record::{Site, SpanRecord};

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
    /// The span's id.
    pub(crate) fn span_id(&self) -> u64 {
        match self {
            Self::Own(record) => record.span_id,
            #[cfg(feature = "sdk")]
            Self::Foreign(data) => u64::from_be_bytes(data.span_context.span_id().to_bytes()),
        }
    }

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

/// Where finished spans are kept on disk, and how much of it they may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpoolSetting {
    pub(crate) directory: PathBuf,
    pub(crate) bytes: u64,
    /// How often the directory is looked at for what others have left.
    pub(crate) look_again: Duration,
    /// The variable that named the directory; `None`: the builder did.
    pub(crate) variable: Option<&'static str>,
}

/// The smallest spool: what stands before its blocks, and some of these.
pub(crate) const MIN_SPOOL_BYTES: u64 = 4 * 1024 * 1024;
/// The largest: nobody means more.
pub(crate) const MAX_SPOOL_BYTES: u64 = 64 * 1024 * 1024 * 1024;

/// What one thread has of the intake.
#[derive(Debug)]
pub(crate) struct Seat {
    shard: Arc<Shard<Record>>,
    /// Where there is a spool.
    place: Option<Arc<Place>>,
}

impl Seat {
    /// Counts a span that the calling thread, the seat's own, has started.
    #[inline]
    pub(crate) fn count_started(&self) {
        self.shard.count_started();
    }
}

/// What the worker has taken from the intake: records, or positions in the spool.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) records: VecDeque<Record>,
    chunks: VecDeque<Chunk>,
    /// Spans in the chunks, and what they take of the spool.
    stored: usize,
    stored_bytes: usize,
}

impl Pending {
    /// Spans of both.
    pub(crate) fn spans(&self) -> usize {
        self.records.len() + self.stored
    }

    /// Spans in the spool.
    pub(crate) fn stored(&self) -> usize {
        self.stored
    }

    /// The oldest chunks of the spool, for a batch of so many spans and bytes.
    #[cfg(feature = "sdk")]
    fn take_chunks(&mut self, spool: &Spool, max_spans: usize, max_bytes: usize) -> Vec<Chunk> {
        let (mut taken, mut spans, mut bytes) = (Vec::new(), 0, 0);
        while let Some(next) = self.chunks.front().copied() {
            let fits = spans + next.spans() <= max_spans && bytes + next.bytes() <= max_bytes;
            if !taken.is_empty() && !fits {
                break;
            }
            self.chunks.pop_front();
            let mut chunk = next;
            if chunk.spans() > max_spans {
                let (first, rest) = spool.split(chunk, max_spans);
                self.chunks.push_front(rest);
                chunk = first;
            } else {
                self.stored_bytes -= chunk.bytes();
            }
            spans += chunk.spans();
            bytes += chunk.bytes();
            taken.push(chunk);
        }
        self.stored -= spans;
        taken
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
    /// In place of the queue, where there is one.
    spool: Option<Arc<Spool>>,
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
    pub(crate) fn new(bounds: Bounds, spool: Option<Arc<Spool>>, backstage: Arc<dyn Backstage>) -> Self {
        let queue = Queue::new(bounds);
        Self {
            fallback: queue.register(),
            queue,
            spool,
            backstage,
            wake_sent: AtomicBool::new(false),
            dropped: Default::default(),
            orphans: AtomicU64::new(0),
            content_dropped: AtomicU64::new(0),
            late: AtomicU64::new(0),
            foreign_started: AtomicU64::new(0),
        }
    }

    /// A seat for the calling thread.
    pub(crate) fn register(&self) -> Seat {
        Seat { shard: self.queue.register(), place: self.spool.as_ref().map(|spool| spool.register()) }
    }

    /// The spool, where there is one.
    fn spool(&self) -> Option<&Arc<Spool>> {
        self.spool.as_ref()
    }

    /// A span has started in place `index` of the slab.
    #[inline]
    pub(crate) fn opened(&self, index: u32, site: &'static Site, start: &Start) {
        if let Some(spool) = &self.spool {
            spool.started(index, site, start);
        }
    }

    /// The span in place `index` has ended, and was pushed; its place is still the caller's.
    #[inline]
    pub(crate) fn closed(&self, index: u32) {
        if let Some(spool) = &self.spool {
            spool.ended(index);
        }
    }

    /// Puts the record of `make`, weighing `bytes`, where it waits, or counts why not. The calling thread's `seat` may be out of reach.
    #[inline]
    pub(crate) fn push(&self, seat: Option<&Seat>, bytes: usize, make: impl FnOnce() -> Record) {
        let mut since = None;
        if let Some(spool) = &self.spool {
            let place = seat.and_then(|seat| seat.place.as_deref());
            let make_room = || matches!(self.backstage.make_room(self, &mut since), Room::TryAgain);
            match spool.push(place, make(), make_room) {
                Pushed::Kept => {}
                Pushed::KeptAndWake => self.wake(),
                refused => self.refused(refused, DropReason::SpoolFull),
            }
            return;
        }
        let shard = seat.map_or(&*self.fallback, |seat| &*seat.shard);
        match self.queue.push(shard, bytes, make, || self.make_room(shard, bytes, &mut since)) {
            Pushed::Kept => {}
            Pushed::KeptAndWake => self.wake(),
            refused => self.refused(refused, DropReason::QueueFull),
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
    fn refused(&self, pushed: Pushed, full: DropReason) {
        if pushed == Pushed::Closed {
            self.count_drop(DropReason::AfterShutdown);
        } else {
            self.count_drop(full);
            self.wake();
        }
    }

    /// Asks the worker to come now; at most one request is under way.
    #[cold]
    fn wake(&self) {
        if !self.wake_sent.swap(true, Ordering::AcqRel) {
            self.backstage.wake();
        }
    }

    /// Moves all that waits into `out`. For the worker, which releases it once it is exported. Without `all`, what is in the spool may stay
    /// where its threads are writing.
    fn drain(&self, all: bool, out: &mut Pending) {
        self.wake_sent.store(false, Ordering::Release);
        self.queue.drain(&mut out.records);
        if let Some(spool) = &self.spool {
            let mut chunks = Vec::new();
            spool.drain(all, &mut chunks);
            out.stored_bytes += chunks.iter().map(|chunk| chunk.bytes()).sum::<usize>();
            out.stored += chunks.iter().map(|chunk| chunk.spans()).sum::<usize>();
            out.chunks.extend(chunks);
        }
    }

    /// So many records and bytes that never stood in a shard count like drained ones from now on.
    fn charge(&self, records: usize, bytes: usize) {
        self.queue.charge(records, bytes);
    }

    /// So many drained records, weighing `bytes`, are gone.
    fn release(&self, records: usize, bytes: usize) {
        self.queue.release(records, bytes);
    }

    /// What comes from now on is not exported any more. A spool still takes it: it is open until [`put_away`](Self::put_away).
    fn close(&self) {
        self.queue.close();
    }

    /// The last thread of the pipeline comes to its end: from now on everything is refused.
    #[cfg(feature = "sdk")]
    fn put_away(&self) {
        if let Some(spool) = &self.spool {
            spool.put_away();
        }
    }

    pub(crate) fn count_drop(&self, reason: DropReason) {
        self.count_drops(reason, 1);
    }

    fn count_drops(&self, reason: DropReason, count: u64) {
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

    fn started(&self) -> u64 {
        self.queue.started() + self.foreign_started.load(Ordering::Relaxed)
    }

    fn orphans(&self) -> u64 {
        self.orphans.load(Ordering::Relaxed)
    }

    fn content_dropped(&self) -> u64 {
        self.content_dropped.load(Ordering::Relaxed)
    }

    fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    fn dropped(&self) -> Vec<(DropReason, u64)> {
        DropReason::ALL
            .into_iter()
            .map(|reason| (reason, self.dropped[reason as usize].load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    fn waiting(&self) -> u64 {
        self.queue.len() as u64
    }

    /// Spans in the spool that the worker has not taken.
    fn spooled(&self) -> u64 {
        self.spool.as_ref().map_or(0, |spool| spool.waiting())
    }
}
