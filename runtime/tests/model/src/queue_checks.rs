//! The queue: nothing lost, nothing twice, the bound holds, the count is exact.

use std::collections::VecDeque;

use loom::sync::Arc;
use loom::thread;

use crate::Check;
use crate::queue::{Bounds, Pushed, Queue};

pub(crate) const ALL: [Check; 10] = [
    ("queue: what is kept comes out once, in its thread's order", kept_comes_out_once),
    ("queue: after close and one more drain nothing is inside", close_leaves_nothing),
    ("queue: the bound in bytes is never exceeded", bytes_are_bounded),
    ("queue: the bound in items is never exceeded", items_are_bounded),
    ("queue: a thread that ends leaves its items and its count", a_thread_ends),
    ("queue: the count never goes back", the_count_only_grows),
    ("queue: the oldest make room, within the bound in bytes", the_oldest_make_room_in_bytes),
    ("queue: the oldest make room, within the bound in items", the_oldest_make_room_in_items),
    ("queue: what is charged counts in bytes until it is released", charged_bytes_count),
    ("queue: what is charged counts in items until it is released", charged_items_count),
];

fn queue(bytes: usize, items: Option<usize>) -> Arc<Queue<u32>> {
    Arc::new(Queue::new(Bounds { bytes, items, wake_at: 1000 }))
}

/// A thread with a shard of its own that pushes `items`, each of `bytes`, and gives back those that were kept.
fn producer(queue: &Arc<Queue<u32>>, bytes: usize, items: [u32; 2]) -> thread::JoinHandle<Vec<u32>> {
    let queue = Arc::clone(queue);
    thread::spawn(move || {
        let shard = queue.register();
        let kept = items.into_iter().filter(|item| {
            shard.count_started();
            let pushed = queue.push(&shard, bytes, || *item, || false);
            matches!(pushed, Pushed::Kept | Pushed::KeptAndWake)
        });
        kept.collect()
    })
}

fn drain(queue: &Queue<u32>) -> Vec<u32> {
    let mut out = VecDeque::new();
    queue.drain(&mut out);
    out.into()
}

fn kept_comes_out_once() {
    let queue = queue(1 << 20, None);
    let producers = [producer(&queue, 8, [11, 12]), producer(&queue, 8, [21, 22])];
    let mut seen = drain(&queue);
    for producer in producers {
        assert_eq!(producer.join().unwrap().len(), 2);
    }
    seen.extend(drain(&queue));
    let of = |first: u32| seen.iter().copied().filter(|item| item / 10 == first).collect::<Vec<_>>();
    assert_eq!((of(1), of(2), seen.len()), (vec![11, 12], vec![21, 22], 4));
}

fn close_leaves_nothing() {
    let queue = queue(1 << 20, None);
    let producer = producer(&queue, 8, [1, 2]);
    let mut seen = drain(&queue);
    queue.close();
    seen.extend(drain(&queue));
    // What is pushed from here on is refused: the producer knows, and counts it.
    let kept = producer.join().unwrap();
    assert_eq!((seen, queue.len()), (kept, 0));
}

fn bytes_are_bounded() {
    let queue = queue(100, None);
    let producers = [producer(&queue, 40, [11, 12]), producer(&queue, 40, [21, 22])];
    let mut out = VecDeque::new();
    let in_hand = queue.drain(&mut out);
    assert_eq!(in_hand, 40 * out.len());
    assert!(in_hand <= 100, "{in_hand}");
    // Drained, not released: these still count.
    let kept: usize = producers.into_iter().map(|producer| producer.join().unwrap().len()).sum();
    assert!(40 * kept <= 100, "{kept}");
    queue.release(out.len(), in_hand);
    let mut rest = VecDeque::new();
    let bytes = queue.drain(&mut rest);
    queue.release(rest.len(), bytes);
    assert_eq!(out.len() + rest.len(), kept);
    // All is given back: the whole bound is free again.
    let shard = queue.register();
    assert_eq!(queue.push(&shard, 100, || 1, || false), Pushed::Kept);
}

fn items_are_bounded() {
    let queue = queue(1 << 20, Some(2));
    let producers = [producer(&queue, 1, [11, 12]), producer(&queue, 1, [21, 22])];
    let waiting = queue.len();
    assert!(waiting <= 2, "{waiting}");
    let kept: usize = producers.into_iter().map(|producer| producer.join().unwrap().len()).sum();
    assert!((1..=2).contains(&kept), "{kept}");
    let mut out = VecDeque::new();
    let bytes = queue.drain(&mut out);
    queue.release(out.len(), bytes);
    let shard = queue.register();
    let again = [1, 2, 3].map(|item| queue.push(&shard, 1, || item, || false));
    assert_eq!(again, [Pushed::Kept, Pushed::Kept, Pushed::Full], "the room is back, no more and no less");
}

fn a_thread_ends() {
    let queue = queue(1 << 20, None);
    let counted = Arc::clone(&queue);
    // Starts two spans and ends none: nothing but the counter says so.
    let only_starts = thread::spawn(move || {
        let shard = counted.register();
        shard.count_started();
        shard.count_started();
    });
    let producer = producer(&queue, 8, [1, 2]);
    // May find the shard between its thread's last word and its end.
    let mut seen = drain(&queue);
    seen.extend(drain(&queue));
    only_starts.join().unwrap();
    producer.join().unwrap();
    seen.extend(drain(&queue));
    drain(&queue);
    assert_eq!((seen, queue.started()), (vec![1, 2], 4));
}

fn the_count_only_grows() {
    let queue = queue(1 << 20, None);
    let producer = producer(&queue, 8, [1, 2]);
    let worker = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || drain(&queue).len())
    };
    let before = queue.started();
    let after = queue.started();
    assert!(before <= after && after <= 2, "{before} {after}");
    producer.join().unwrap();
    let drained = worker.join().unwrap() + drain(&queue).len();
    assert_eq!((drained, queue.started()), (2, 2));
}

/// A thread that gives up its own oldest for its newest, beside one that does not and a worker. Two items fit.
fn the_oldest_make_room(queue: &Arc<Queue<u32>>, bytes: usize) {
    let busy = {
        let queue = Arc::clone(queue);
        thread::spawn(move || {
            let shard = queue.register();
            let (mut displaced, mut refused) = (Vec::new(), Vec::new());
            for item in [11, 12, 13] {
                let make_room = || {
                    let gone = queue.displace(&shard, |_| bytes);
                    displaced.extend(&gone);
                    !gone.is_empty()
                };
                if queue.push(&shard, bytes, || item, make_room) == Pushed::Full {
                    refused.push(item);
                }
            }
            (displaced, refused)
        })
    };
    let other = {
        let queue = Arc::clone(queue);
        thread::spawn(move || {
            let shard = queue.register();
            queue.push(&shard, bytes, || 21, || false) == Pushed::Full
        })
    };
    let mut seen = VecDeque::new();
    let in_hand = queue.drain(&mut seen);
    assert!(seen.len() <= 2 && in_hand == bytes * seen.len(), "{seen:?} {in_hand}");
    queue.release(seen.len(), in_hand);
    let (displaced, mut refused) = busy.join().unwrap();
    if other.join().unwrap() {
        refused.push(21);
    }
    let mut rest = VecDeque::new();
    let in_hand = queue.drain(&mut rest);
    assert!(rest.len() <= 2 && in_hand == bytes * rest.len(), "{rest:?} {in_hand}");
    queue.release(rest.len(), in_hand);
    seen.extend(rest);
    let own: Vec<u32> = seen.iter().copied().filter(|item| *item < 20).collect();
    assert!(own.is_sorted() && displaced.is_sorted(), "{own:?} {displaced:?}");
    let mut all: Vec<u32> = seen.into_iter().chain(displaced).chain(refused).collect();
    all.sort_unstable();
    assert_eq!(all, [11, 12, 13, 21], "each in one place");
}

fn the_oldest_make_room_in_bytes() {
    let queue = queue(80, None);
    the_oldest_make_room(&queue, 40);
    let shard = queue.register();
    let again = [40, 40, 1].map(|bytes| queue.push(&shard, bytes, || 1, || false));
    assert_eq!(again, [Pushed::Kept, Pushed::Kept, Pushed::Full], "the room is back, no more and no less");
}

fn the_oldest_make_room_in_items() {
    let queue = queue(1 << 20, Some(2));
    the_oldest_make_room(&queue, 1);
    let shard = queue.register();
    let again = [1, 2, 3].map(|item| queue.push(&shard, 1, || item, || false));
    assert_eq!(again, [Pushed::Kept, Pushed::Kept, Pushed::Full], "the room is back, no more and no less");
}

/// What never stood in a shard takes its room before others push, and more while they do; how many items of theirs were kept.
fn charged(queue: &Arc<Queue<u32>>, first: (usize, usize), then: (usize, usize)) -> usize {
    queue.charge(first.0, first.1);
    let producers = [producer(queue, 40, [11, 12]), producer(queue, 40, [21, 22])];
    let mut out = VecDeque::new();
    let in_hand = queue.drain(&mut out);
    queue.charge(then.0, then.1);
    // Nothing is released so far.
    let kept = producers.into_iter().map(|producer| producer.join().unwrap().len()).sum();
    queue.release(out.len(), in_hand);
    let mut rest = VecDeque::new();
    let bytes = queue.drain(&mut rest);
    queue.release(rest.len(), bytes);
    queue.release(first.0 + then.0, first.1 + then.1);
    assert_eq!(out.len() + rest.len(), kept);
    kept
}

fn charged_bytes_count() {
    let queue = queue(140, None);
    // 30 + 2 * 40 fit, beside the later 40 only 30 + 40.
    let kept = charged(&queue, (0, 30), (0, 40));
    assert!((1..=2).contains(&kept), "{kept}");
    let shard = queue.register();
    let again = [140, 1].map(|bytes| queue.push(&shard, bytes, || 1, || false));
    assert_eq!(again, [Pushed::Kept, Pushed::Full], "the room is back, no more and no less");
}

fn charged_items_count() {
    let queue = queue(1 << 20, Some(3));
    let kept = charged(&queue, (1, 0), (1, 0));
    assert!((1..=2).contains(&kept), "{kept}");
    let shard = queue.register();
    let again = [1, 2, 3, 4].map(|item| queue.push(&shard, 1, || item, || false));
    let whole = [Pushed::Kept, Pushed::Kept, Pushed::Kept, Pushed::Full];
    assert_eq!(again, whole, "the room is back, no more and no less");
}
