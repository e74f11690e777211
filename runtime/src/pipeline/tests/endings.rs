//! How a pipeline ends: what is tried, what is waited for, and what is still taken.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::pipeline::stats::Report;

#[test]
fn an_ending_tries_three_times_whatever_the_receiver_asks_for() {
    let (first, attempted) = channel();
    let (exporter, seen) = scripted("asks", move |_| {
        first.send(()).unwrap();
        later_by(HOUR)
    });
    let pipeline = Pipeline::start(vec![exporter], setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..30);
    attempted.recv().unwrap();
    while pipeline.stats().last_error.is_none() {
        thread::yield_now();
    }
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.in_time);
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.failed, report.stats.queued, lock(&seen).len()), (30, 0, 4));
    // And once more, with the same result.
    let again = pipeline.end(LONG, Ended::Badly);
    assert!(again.in_time);
    assert_eq!(again.stats, report.stats);
}

#[test]
fn an_ending_ends_at_its_deadline_and_a_second_one_does_not_wait_again() {
    let (exporter, _, at_gate, let_go) = gate(Verdict::delivered);
    let pipeline = Pipeline::start(vec![exporter], setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..25);
    at_gate.recv().unwrap();
    let report = pipeline.end(Duration::from_millis(20), Ended::Unknown);
    assert!(!report.in_time);
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.queued, report.stats.failed), (25, 0));
    // For ever, were it to wait.
    let again = pipeline.end(Duration::MAX, Ended::Unknown);
    assert!(!again.in_time);
    assert_eq!(again.stats, report.stats);
    let shut = pipeline.stats().dropped_total();
    push(&pipeline, &shard, 25..30);
    while pipeline.stats().dropped(DropReason::AfterShutdown) < 5 {
        // The worker closes the queue in its own time.
        push(&pipeline, &shard, 30..31);
    }
    assert_adds_up(&pipeline.stats());
    assert_eq!(shut, 0);
    // What comes of it after all is counted.
    drop(let_go);
    while pipeline.stats().exported < 8 {
        thread::yield_now();
    }
    assert_adds_up(&pipeline.stats());
}

/// Spans end while the exporter has the ones before them, at the end of the pipeline, of which it then says `verdict`.
fn ended_meanwhile(verdict: fn() -> Verdict) -> (Report, Vec<u64>) {
    let (exporter, seen, at_gate, let_go) = gate(verdict);
    let pipeline = Pipeline::start(vec![exporter], setting()).unwrap();
    let seat = pipeline.intake.register();
    push(&pipeline, &seat, 0..5);
    let report = thread::scope(|scope| {
        let ending = scope.spawn(|| pipeline.end(LONG, Ended::Unknown));
        at_gate.recv().unwrap();
        push(&pipeline, &seat, 5..8);
        drop(let_go);
        ending.join().unwrap()
    });
    (report, flat(&seen))
}

#[test]
fn what_ends_while_the_rest_is_sent_is_sent_too() {
    let (report, seen) = ended_meanwhile(Verdict::delivered);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.stats.exported, report.stats.dropped_total()), (8, 0));
    assert_eq!(seen, (0..8).collect::<Vec<_>>());
}

#[test]
fn what_ends_when_its_lane_is_given_up_is_lost_without_a_wait() {
    let (report, seen) = ended_meanwhile(later);
    assert!(report.in_time, "{report}");
    assert_eq!(report.stats.failed, 8);
    assert_eq!(seen, [0, 1, 2, 3, 4].repeat(3));
}

#[test]
fn what_is_open_at_the_end_goes_out_last() {
    let (exporter, seen) = scripted("all", works);
    let unfinished = |epoch: u32, failed: bool| {
        assert_eq!((epoch, failed), (7, true));
        vec![record(98), record(99)]
    };
    let pipeline = Pipeline::start(
        vec![exporter],
        Setting { epoch: 7, unfinished, queue_spans: Some(100), ..setting() },
    )
    .unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..5);
    shard.count_started();
    shard.count_started();
    assert_eq!(pipeline.stats().open, 2);
    let report = pipeline.end(LONG, Ended::Badly);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.stats.started, report.stats.exported, report.stats.open), (7, 7, 0));
    assert_eq!(flat(&seen), [0, 1, 2, 3, 4, 98, 99]);
}

#[test]
fn an_exporter_that_flushes_or_ends_does_not_wait_for_itself() {
    let pipeline: Arc<Mutex<Option<Arc<Pipeline>>>> = Arc::default();
    let (asked, answers) = channel();
    let inside = Arc::clone(&pipeline);
    let (exporter, _) = scripted("reentrant", move |_| {
        let pipeline = lock(&inside).clone().unwrap();
        asked.send(pipeline.flush(HOUR).in_time).unwrap();
        asked.send(pipeline.end(HOUR, Ended::Unknown).in_time).unwrap();
        Verdict::delivered()
    });
    let started = Arc::new(Pipeline::start(vec![exporter], setting()).unwrap());
    *lock(&pipeline) = Some(Arc::clone(&started));
    let shard = started.intake.register();
    push(&started, &shard, 0..8);
    assert_eq!([answers.recv().unwrap(), answers.recv().unwrap()], [false, false]);
    let report = started.end(LONG, Ended::Unknown);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.stats.exported, 8);
    lock(&pipeline).take();
}
