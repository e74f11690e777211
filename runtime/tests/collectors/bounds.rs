//! What the program itself feels of a receiver that hangs: its threads are not held up, and what waits stays within its bound.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use llmetry::export::MemoryExporter;
use llmetry::{DropReason, Overflow};
use opentelemetry::SpanId;
use tokio::runtime;

use crate::receiver::{Answer, Protocol, Receiver, Reply};
use crate::support::{
    A_WHILE, LONG, always, assert_adds_up, assert_settled, eager, make, receiver, scenarios, shared, until,
};

scenarios! {
    nobody_waits_for_a_receiver_that_hangs;
    what_waits_stays_within_its_bytes;
    the_oldest_make_room_if_asked_to;
    callers_wait_for_room_if_asked_to;
    callers_give_up_after_the_time_they_were_given;
    tasks_of_a_runtime_never_wait;
    a_shutdown_does_not_wait_for_a_receiver_that_hangs;
    one_that_hangs_costs_no_other_exporter_a_span;
}

/// A span weighs no less in the queue.
pub(crate) const LEAST_BYTES: u64 = 80;

/// A receiver that has a request and does not answer it.
fn hanging(protocol: Protocol) -> Receiver {
    receiver(protocol, always(Answer::say(Reply::Hang)))
}

fn nobody_waits_for_a_receiver_that_hangs(protocol: Protocol) {
    let receiver = hanging(protocol);
    let guard = eager().init().unwrap();
    let mut made = make(64);
    until("a request", || receiver.requests() == 1);
    // Had these two to wait for the receiver, it would be let go by nobody.
    let threads: Vec<_> = (0..2).map(|_| thread::spawn(|| make(5000))).collect();
    made.extend(threads.into_iter().flat_map(|thread| thread.join().unwrap()));
    assert_eq!((receiver.requests(), guard.stats().exported), (1, 0));
    receiver.let_go();
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_settled(&report, &receiver, &made);
    assert_eq!((receiver.store().len(), receiver.store().doubles()), (10_064, 0));
}

fn what_waits_stays_within_its_bytes(protocol: Protocol) {
    const BYTES: u64 = 64 * 1024;
    let receiver = hanging(protocol);
    let guard = eager().max_queue_bytes(usize::try_from(BYTES).unwrap()).init().unwrap();
    let mut made = Vec::new();
    for _ in 0..100 {
        made.extend(make(100));
        let stats = guard.stats();
        assert_adds_up(&stats);
        assert!(stats.queued <= BYTES / LEAST_BYTES, "{stats:?}");
    }
    let stats = guard.stats();
    assert_eq!(stats.dropped(DropReason::QueueFull), stats.dropped_total());
    assert_eq!(stats.queued + stats.dropped_total(), 10_000);
    // All room is used: a shard holds on to a part of it in advance, and never more than half here.
    assert!(stats.queued * LEAST_BYTES > BYTES / 4, "{stats:?}");
    receiver.let_go();
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    assert_eq!((report.stats.exported, report.stats.failed), (stats.queued, 0));
    assert_eq!((receiver.store().len() as u64, receiver.store().doubles()), (stats.queued, 0));
}

/// The same thread makes a batch that the receiver gets and holds, and then 1 000 spans, for which there are 100 places.
fn overfilled(protocol: Protocol, policy: Overflow) -> (Receiver, llmetry::Guard, Vec<SpanId>) {
    let receiver = hanging(protocol);
    let guard = eager().max_queue_size(100).max_export_batch_size(10).on_overflow(policy).init().unwrap();
    let mut made = make(10);
    until("a request", || receiver.requests() == 1);
    made.extend(make(1000));
    (receiver, guard, made)
}

fn the_oldest_make_room_if_asked_to(protocol: Protocol) {
    for policy in [Overflow::DropNewest, Overflow::DropOldest] {
        let (receiver, guard, made) = overfilled(protocol, policy);
        let stats = guard.stats();
        assert_adds_up(&stats);
        assert!(stats.queued <= 100, "{stats:?}");
        receiver.let_go();
        let report = guard.shutdown(LONG);
        assert_settled(&report, &receiver, &made);
        let dropped = |reason| report.stats.dropped(reason);
        assert!(report.stats.dropped_total() >= 910, "{report}");
        assert_eq!(report.stats.exported + report.stats.dropped_total(), 1010);
        let ids = receiver.store().ids();
        assert!(made[..10].iter().all(|span| ids.contains(span)), "they were on their way already");
        let of_the_newest = made[510..].iter().filter(|span| ids.contains(span)).count();
        if policy == Overflow::DropNewest {
            assert_eq!((of_the_newest, dropped(DropReason::QueueFull)), (0, report.stats.dropped_total()));
        } else {
            // Spans that are just passing from the queue to the exporter cannot make room; now and then a new one has to go.
            assert!(
                of_the_newest >= 40 && dropped(DropReason::Displaced) >= 800,
                "{of_the_newest}, {report}"
            );
        }
    }
}

fn callers_wait_for_room_if_asked_to(protocol: Protocol) {
    let receiver = hanging(protocol);
    let policy = Overflow::Block(Duration::from_secs(60));
    let guard = eager().max_queue_size(100).max_export_batch_size(10).on_overflow(policy).init().unwrap();
    let (made, count) = shared::<AtomicUsize>();
    let caller = thread::spawn(move || {
        let one = |_| {
            let span = make(1);
            count.fetch_add(1, Ordering::SeqCst);
            span
        };
        (0..500).flat_map(one).collect::<Vec<_>>()
    });
    until("all room is used", || made.load(Ordering::SeqCst) >= 100);
    thread::sleep(A_WHILE);
    assert_eq!(made.load(Ordering::SeqCst), 100, "the next one waits");
    assert_eq!(guard.stats().dropped_total(), 0);
    receiver.let_go();
    let made = caller.join().unwrap();
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_settled(&report, &receiver, &made);
    assert_eq!(receiver.store().len(), 500);
}

fn callers_give_up_after_the_time_they_were_given(protocol: Protocol) {
    let receiver = hanging(protocol);
    let policy = Overflow::Block(Duration::from_millis(1));
    let guard = eager().max_queue_size(100).max_export_batch_size(10).on_overflow(policy).init().unwrap();
    let made = make(200);
    let stats = guard.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.queued, stats.dropped(DropReason::QueueFull)), (100, 100));
    receiver.let_go();
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    assert_eq!((report.stats.exported, receiver.store().len()), (100, 100));
}

fn tasks_of_a_runtime_never_wait(protocol: Protocol) {
    let receiver = hanging(protocol);
    let policy = Overflow::Block(Duration::from_secs(60));
    let guard = eager().max_queue_size(100).max_export_batch_size(10).on_overflow(policy).init().unwrap();
    for runtime in [runtime::Builder::new_current_thread(), runtime::Builder::new_multi_thread()] {
        let runtime = { runtime }.worker_threads(2).build().unwrap();
        // With room for 100, the second time for none, this would take minutes.
        let made = runtime.block_on(async { tokio::spawn(async { make(200) }).await.unwrap() });
        assert_eq!(made.len(), 200);
    }
    let stats = guard.stats();
    assert_eq!((stats.started, stats.queued, stats.dropped(DropReason::QueueFull)), (400, 100, 300));
    receiver.let_go();
    let report = guard.shutdown(LONG);
    assert!(report.in_time);
    assert_eq!((report.stats.exported, receiver.store().len()), (100, 100));
}

fn a_shutdown_does_not_wait_for_a_receiver_that_hangs(protocol: Protocol) {
    let receiver = hanging(protocol);
    let guard = eager().init().unwrap();
    make(64);
    until("a request", || receiver.requests() == 1);
    make(100);
    let handle = guard.handle();
    let report = guard.shutdown(Duration::from_millis(100));
    assert_adds_up(&report.stats);
    assert!(!report.in_time && !report.is_complete(), "{report}");
    assert_eq!((report.stats.started, report.stats.exported), (164, 0), "nobody has confirmed anything");
    assert_eq!(receiver.store().len(), 0);
    // The account goes on: what the receiver confirms after all is no loss.
    receiver.let_go();
    until("confirmed", || handle.stats().exported > 0);
    assert_eq!(handle.stats().exported, receiver.store().sizes[0] as u64);
    assert_adds_up(&handle.stats());
}

fn one_that_hangs_costs_no_other_exporter_a_span(protocol: Protocol) {
    for policy in [Overflow::DropNewest, Overflow::DropOldest, Overflow::Block(Duration::from_secs(60))] {
        let receiver = hanging(protocol);
        let memory = MemoryExporter::new();
        // A quarter of it, which the hanging one has to leave, is several rounds.
        let builder = eager().max_queue_bytes(128 * 1024).on_overflow(policy);
        let guard = builder.exporter(memory.clone()).exporters_from_env(true).init().unwrap();
        // Several times what has room, at a pace that the other one keeps.
        for round in 1..=40 {
            make(100);
            until("the other has all", || {
                let stats = guard.stats();
                assert_eq!(stats.dropped_total(), 0, "{policy:?}, round {round}: {stats:?}");
                memory.spans().len() == 100 * round
            });
        }
        let stats = guard.stats();
        assert_adds_up(&stats);
        assert_eq!(stats.dropped_total(), 0, "{stats:?}");
        receiver.let_go();
        let report = guard.shutdown(LONG);
        let stats = &report.stats;
        assert_eq!((stats.started, stats.exported + stats.failed), (4000, 4000), "{report}");
        assert_eq!((memory.spans().len(), receiver.store().len() as u64), (4000, stats.exported));
    }
}
