//! Where finished spans wait: one shard a thread, so that producers do not meet, drained by one worker.
//!
//! In: items with their weight in bytes, from any thread. Out: all that waits, to the worker. The bound is in bytes (and, if
//! asked for, in items) over all shards; what is over it is refused, and the caller counts it. Does not: know spans or exporters,
//! or wait for anybody.
//!
//! Each shard reserves its share of the bound in steps, so that a push touches no memory that another producer writes.

use std::collections::VecDeque;

use crate::sync::{Arc, AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, fence, lock};

/// A shard reserves the queue's bytes in steps of this size.
const RESERVATION: usize = 32 * 1024;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    pub(crate) items: Option<usize>,
    /// A push that brings its shard to a multiple of this number asks for the worker. Rounded down to a power of two, since a
    /// division would be a tenth of a push.
    pub(crate) wake_at: usize,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits.
    Kept,
    /// It waits, and it is time for the worker to come.
    KeptAndWake,
    /// There is no room.
    Full,
    /// The queue is closed.
    Closed,
}

/// All shards of one pipeline.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    bounds: Bounds,
    reserved: AtomicUsize,
    waiting: AtomicUsize,
    shards: Mutex<Vec<Arc<Shard<T>>>>,
    closed: AtomicBool,
    /// Counts of shards whose threads have ended.
    retired_started: AtomicU64,
}

/// One thread's part of the queue. Others come only to drain it and to read its counter.
#[derive(Debug)]
pub(crate) struct Shard<T> {
    /// Spans started by this thread; written by its own thread alone, hence a plain load and store.
    started: AtomicU64,
    buffer: Mutex<Buffer<T>>,
}

#[derive(Debug)]
struct Buffer<T> {
    /// Places, of which the first `len` are taken. An item is written where it will stand: `Vec::push` would have it copied once
    /// more, which costs as much as the lock.
    places: Vec<Option<T>>,
    len: usize,
    bytes: usize,
    reserved: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let wake_at = 1 << bounds.wake_at.max(1).ilog2();
        Self {
            bounds: Bounds { wake_at, ..bounds },
            reserved: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            shards: Mutex::new(Vec::new()),
            closed: AtomicBool::new(false),
            retired_started: AtomicU64::new(0),
        }
    }

    /// A shard for the calling thread; it is retired when the thread has let go of it and it is empty.
    pub(crate) fn register(&self) -> Arc<Shard<T>> {
        let shard = Arc::new(Shard {
            started: AtomicU64::new(0),
            buffer: Mutex::new(Buffer { places: Vec::new(), len: 0, bytes: 0, reserved: 0 }),
        });
        lock(&self.shards).push(Arc::clone(&shard));
        shard
    }

    /// Puts the item of `make`, weighing `bytes`, into `shard` if there is room. Where there is none, `make_room` is asked, outside of
    /// the shard's lock, whether to look again. By itself this never waits for anybody.
    #[inline]
    pub(crate) fn push(
        &self,
        shard: &Shard<T>,
        bytes: usize,
        make: impl FnOnce() -> T,
        mut make_room: impl FnMut() -> bool,
    ) -> Pushed {
        let mut buffer = lock(&shard.buffer);
        loop {
            // Asked under the lock: after `close` and one more drain nothing can come in unseen.
            if self.closed.load(Ordering::Acquire) {
                return Pushed::Closed;
            }
            if (buffer.bytes + bytes <= buffer.reserved || self.reserve(&mut buffer, bytes))
                && self.bounds.items.is_none_or(|limit| self.count_item(limit))
            {
                break;
            }
            drop(buffer);
            if !make_room() {
                return Pushed::Full;
            }
            buffer = lock(&shard.buffer);
        }
        buffer.bytes += bytes;
        let len = buffer.len;
        if len == buffer.places.len() {
            buffer.grow();
        }
        buffer.len = len + 1;
        if let Some(place) = buffer.places.get_mut(len) {
            *place = Some(make());
        }
        if buffer.len & (self.bounds.wake_at - 1) == 0 { Pushed::KeptAndWake } else { Pushed::Kept }
    }

    /// Only when somebody asked for a bound in items is there a counter that all threads share.
    fn count_item(&self, limit: usize) -> bool {
        let is_room = self.waiting.fetch_add(1, Ordering::Relaxed) < limit;
        if !is_room {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        is_room
    }

    /// Whether an item of `bytes` fits into an empty queue.
    pub(crate) fn could_hold(&self, bytes: usize) -> bool {
        bytes <= self.bounds.bytes
    }

    /// Takes the oldest eighth of `shard` away, at least one item: one at a time would have the others moved each time.
    pub(crate) fn displace(&self, shard: &Shard<T>, weigh: impl Fn(&T) -> usize) -> Vec<T> {
        let mut buffer = lock(&shard.buffer);
        let len = buffer.len;
        let count = len.div_ceil(8);
        let taken: Vec<T> = buffer.places[..count].iter_mut().filter_map(Option::take).collect();
        buffer.places[..len].rotate_left(count);
        buffer.len -= count;
        buffer.bytes -= taken.iter().map(weigh).sum::<usize>();
        drop(buffer);
        if self.bounds.items.is_some() {
            self.waiting.fetch_sub(taken.len(), Ordering::Relaxed);
        }
        taken
    }

    #[cold]
    fn reserve(&self, buffer: &mut Buffer<T>, bytes: usize) -> bool {
        let step = bytes.max(RESERVATION.min(self.bounds.bytes));
        let granted = self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
            reserved.checked_add(step).filter(|sum| *sum <= self.bounds.bytes)
        });
        if granted.is_ok() {
            buffer.reserved += step;
        }
        granted.is_ok()
    }

    /// Moves all that waits into `out`, for the one worker, and says how many bytes these items weigh. They count against the
    /// bound until they are given back by [`release`](Self::release).
    pub(crate) fn drain(&self, out: &mut VecDeque<T>) -> usize {
        let mut bytes = 0;
        let shards = lock(&self.shards).clone();
        for shard in &shards {
            let mut buffer = lock(&shard.buffer);
            if buffer.reserved == 0 {
                continue;
            }
            // The memory stays with the shard: a busy thread does not allocate for its queue.
            let len = std::mem::take(&mut buffer.len);
            out.extend(buffer.places[..len].iter_mut().filter_map(Option::take));
            bytes += buffer.bytes;
            self.reserved.fetch_sub(buffer.reserved - buffer.bytes, Ordering::Relaxed);
            buffer.reserved = 0;
            buffer.bytes = 0;
        }
        drop(shards);
        self.retire();
        bytes
    }

    /// So many items and bytes that never stood in a shard count like drained ones from now on.
    pub(crate) fn charge(&self, items: usize, bytes: usize) {
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
        if self.bounds.items.is_some() {
            self.waiting.fetch_add(items, Ordering::Relaxed);
        }
    }

    /// So many of the drained items, weighing `bytes`, are gone: there is room again.
    pub(crate) fn release(&self, items: usize, bytes: usize) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
        if self.bounds.items.is_some() {
            self.waiting.fetch_sub(items, Ordering::Relaxed);
        }
    }

    /// Forgets the empty shards of threads that have ended; their counts stay.
    fn retire(&self) {
        lock(&self.shards).retain(|shard| {
            // Nobody can clone the last Arc again, so a shard that is ours alone stays ours alone.
            if Arc::strong_count(shard) > 1 {
                return true;
            }
            // The count is a relaxed load; what the ended thread wrote before it let go is seen from here on.
            fence(Ordering::Acquire);
            if lock(&shard.buffer).len > 0 {
                return true;
            }
            self.retired_started.fetch_add(shard.started.load(Ordering::Relaxed), Ordering::Relaxed);
            false
        });
    }

    /// From now on every push is refused.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Spans started so far, over all threads that ever were.
    pub(crate) fn started(&self) -> u64 {
        // The lock keeps a shard from being counted on both sides of its retirement.
        let shards = lock(&self.shards);
        let running: u64 = shards.iter().map(|shard| shard.started.load(Ordering::Relaxed)).sum();
        running + self.retired_started.load(Ordering::Relaxed)
    }

    /// Items that wait.
    pub(crate) fn len(&self) -> usize {
        let shards = lock(&self.shards).clone();
        shards.iter().map(|shard| lock(&shard.buffer).len).sum()
    }
}

impl<T> Buffer<T> {
    #[cold]
    fn grow(&mut self) {
        let len = (2 * self.places.len()).max(64);
        self.places.resize_with(len, || None);
    }
}

impl<T> Shard<T> {
    /// Counts a span that the calling thread, the shard's own, has started.
    #[inline]
    pub(crate) fn count_started(&self) {
        self.started.store(self.started.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(bytes: usize, items: Option<usize>) -> Queue<u32> {
        Queue::new(Bounds { bytes, items, wake_at: 4 })
    }

    #[test]
    fn what_is_pushed_comes_out_once_in_order() {
        let queue = queue(1 << 20, None);
        let shard = queue.register();
        let pushed: Vec<_> = (0..4).map(|item| queue.push(&shard, 8, || item, || false)).collect();
        assert_eq!(pushed, [Pushed::Kept, Pushed::Kept, Pushed::Kept, Pushed::KeptAndWake]);
        let mut out = VecDeque::new();
        queue.drain(&mut out);
        queue.drain(&mut out);
        assert_eq!(out, [0, 1, 2, 3]);
    }

    #[test]
    fn the_bound_holds_over_all_shards_and_drains_give_room() {
        let queue = queue(100, None);
        let (one, two) = (queue.register(), queue.register());
        assert_eq!(queue.push(&one, 60, || 1, || false), Pushed::Kept);
        assert_eq!(queue.push(&two, 60, || 2, || false), Pushed::Full);
        let bytes = queue.drain(&mut VecDeque::new());
        assert_eq!(
            (bytes, queue.push(&two, 60, || 2, || false)),
            (60, Pushed::Full),
            "what is being exported counts"
        );
        queue.release(1, bytes);
        assert_eq!(queue.push(&two, 60, || 2, || false), Pushed::Kept);
        assert_eq!(queue.push(&one, 1_000, || 3, || false), Pushed::Full);
    }

    #[test]
    fn a_bound_in_items_holds_too() {
        let queue = queue(1 << 20, Some(2));
        let shard = queue.register();
        assert_eq!(queue.push(&shard, 1, || 1, || false), Pushed::Kept);
        assert_eq!(queue.push(&shard, 1, || 2, || false), Pushed::Kept);
        assert_eq!(queue.push(&shard, 1, || 3, || false), Pushed::Full);
        let bytes = queue.drain(&mut VecDeque::new());
        queue.release(2, bytes);
        assert_eq!(queue.push(&shard, 1, || 3, || false), Pushed::Kept);
    }

    #[test]
    fn whoever_makes_room_is_let_in() {
        let queue = queue(100, None);
        let shard = queue.register();
        for item in 0..10 {
            assert_ne!(queue.push(&shard, 10, || item, || false), Pushed::Full);
        }
        let mut displaced = Vec::new();
        let pushed = queue.push(
            &shard,
            10,
            || 10,
            || {
                displaced.extend(queue.displace(&shard, |_| 10));
                true
            },
        );
        assert_ne!(pushed, Pushed::Full);
        assert_eq!(displaced, [0, 1]);
        let mut out = VecDeque::new();
        assert_eq!(queue.drain(&mut out), 90);
        assert_eq!(out, (2..=10).collect::<VecDeque<_>>());
        assert!(queue.displace(&shard, |_| 10).is_empty());
    }

    #[test]
    fn what_is_charged_counts_until_it_is_released() {
        let queue = queue(100, None);
        let shard = queue.register();
        queue.push(&shard, 40, || 1, || false);
        let bytes = queue.drain(&mut VecDeque::new());
        queue.charge(0, 50);
        assert_eq!(queue.push(&shard, 20, || 2, || false), Pushed::Full);
        queue.release(1, bytes + 50);
        assert_eq!(queue.push(&shard, 20, || 2, || false), Pushed::Kept);
    }

    #[test]
    fn a_closed_queue_refuses_and_keeps_what_it_has() {
        let queue = queue(1 << 20, None);
        let shard = queue.register();
        queue.push(&shard, 1, || 1, || false);
        queue.close();
        assert_eq!(queue.push(&shard, 1, || 2, || false), Pushed::Closed);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn a_thread_that_ended_leaves_its_items_and_its_count() {
        let queue = Arc::new(queue(1 << 20, None));
        let producer = Arc::clone(&queue);
        std::thread::spawn(move || {
            let shard = producer.register();
            shard.count_started();
            producer.push(&shard, 1, || 7, || false);
        })
        .join()
        .expect("the producer does not panic");
        let mut out = VecDeque::new();
        queue.drain(&mut out);
        assert_eq!(out, [7]);
        assert_eq!(lock(&queue.shards).len(), 0);
        assert_eq!(queue.started(), 1);
    }
}
