//! Lanes with exporters that follow a script; the account adds up every time.

mod endings;
mod room;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;

use super::attempt::{ExportOutcome, OnExport};
use super::control::{Batching, Ended, Pipeline, Setting};
use super::overflow::Overflow;
use super::stats::{DropReason, Stats};
use super::{Record, Seat};
use crate::export::{DynExporter, Verdict};
use crate::record::{Ending, Kind, Site, SpanRecord};
use crate::semconv::Convention;
use crate::sync::lock;

pub(super) const LONG: Duration = Duration::from_secs(20);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
static SITE: Site = Site::new(Kind::Task, "step");

/// Which spans an exporter was offered, attempt by attempt.
pub(super) type Seen = Arc<Mutex<Vec<Vec<u64>>>>;

struct Scripted<F> {
    name: &'static str,
    script: F,
    seen: Seen,
}

impl<F: FnMut(&[u64]) -> Verdict + Send> DynExporter for Scripted<F> {
    fn name(&self) -> &str {
        self.name
    }

    fn export(&mut self, batch: Vec<SpanData>, _: Duration) -> Verdict {
        let ids: Vec<u64> =
            batch.iter().map(|span| u64::from_be_bytes(span.span_context.span_id().to_bytes())).collect();
        lock(&self.seen).push(ids.clone());
        (self.script)(&ids)
    }

    fn shutdown(&mut self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, _: &Resource) {}
}

pub(super) fn scripted(
    name: &'static str,
    script: impl FnMut(&[u64]) -> Verdict + Send + 'static,
) -> (Box<dyn DynExporter>, Seen) {
    let seen = Seen::default();
    (Box::new(Scripted { name, script, seen: Arc::clone(&seen) }), seen)
}

pub(super) fn later() -> Verdict {
    Verdict::Later { after: None, error: "busy".to_owned() }
}

pub(super) fn later_by(after: Duration) -> Verdict {
    Verdict::Later { after: Some(after), error: "busy".to_owned() }
}

pub(super) fn too_large() -> Verdict {
    Verdict::TooLarge { error: "too large".to_owned() }
}

pub(super) fn refused() -> Verdict {
    Verdict::Refused { error: "never".to_owned() }
}

pub(super) fn works(_: &[u64]) -> Verdict {
    Verdict::delivered()
}

/// Batches of eight, and never because of the time. A power of two: the worker is woken when just so many wait.
pub(super) fn setting() -> Setting {
    Setting {
        resource: Resource::builder_empty().build(),
        convention: Convention::GenAi,
        batching: Batching { max_spans: 8, max_bytes: 1 << 20, delay: HOUR, export_timeout: LONG },
        queue_bytes: 1 << 20,
        queue_spans: None,
        overflow: Overflow::DropNewest,
        on_export: None,
        spool: None,
        epoch: 1,
        unfinished: |_, _| Vec::new(),
    }
}

pub(super) fn record(id: u64) -> Record {
    Record::Own(SpanRecord {
        site: &SITE,
        trace_id: (0, 1),
        span_id: id,
        parent_id: 0,
        start: 1,
        end: 2,
        parent_is_remote: false,
        ending: Ending::Returned,
        inherited: None,
        extra: None,
    })
}

/// Starts and ends the spans of `ids` on a shard.
pub(super) fn push(pipeline: &Pipeline, shard: &Seat, ids: impl IntoIterator<Item = u64>) {
    for id in ids {
        shard.count_started();
        let record = record(id);
        pipeline.intake.push(Some(shard), record.bytes(), || record);
    }
}

#[track_caller]
pub(super) fn assert_adds_up(stats: &Stats) {
    let places =
        stats.exported + stats.failed + stats.dropped_total() + stats.queued + stats.spooled + stats.open;
    assert_eq!(stats.started, places, "{stats:?}");
    for exporter in &stats.exporters {
        assert!(exporter.exported + exporter.failed + exporter.waiting <= stats.started, "{stats:?}");
    }
}

pub(super) fn flat(seen: &Seen) -> Vec<u64> {
    lock(seen).concat()
}

#[test]
fn what_is_not_taken_now_is_offered_again_and_what_is_taken_is_not() {
    let mut turn = 0;
    let (exporter, seen) = scripted("slow", move |_| {
        turn += 1;
        if turn < 3 { later() } else { Verdict::delivered() }
    });
    let pipeline = Pipeline::start(vec![exporter], setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..25);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.stats.exported, 25);
    let seen = lock(&seen);
    assert_eq!(seen[0], (0..8).collect::<Vec<_>>());
    assert_eq!((&seen[1], &seen[2]), (&seen[0], &seen[0]));
    assert_eq!(seen[2..].concat(), (0..25).collect::<Vec<_>>(), "each once after its confirmation");
}

#[test]
fn a_lane_that_is_down_holds_no_other() {
    let (dead, _) = scripted("dead", |_| later_by(HOUR));
    let (alive, seen) = scripted("alive", works);
    let pipeline = Pipeline::start(vec![dead, alive], setting()).unwrap();
    let shard = pipeline.intake.register();
    for round in 0..10 {
        push(&pipeline, &shard, round * 100..(round + 1) * 100);
        let report = pipeline.flush(LONG);
        assert!(report.in_time && !report.is_complete());
        assert_adds_up(&report.stats);
        assert_eq!(flat(&seen).len() as u64, (round + 1) * 100);
    }
    let stats = pipeline.stats();
    assert_eq!((stats.queued, stats.exporters[0].waiting, stats.exporters[1].exported), (1000, 1000, 1000));
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.in_time, "an hour is not waited for");
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.failed, report.stats.queued), (1000, 0));
    assert_eq!(report.stats.last_error.as_deref(), Some("dead: busy"));
    assert_eq!(flat(&seen), (0..1000).collect::<Vec<_>>());
}

#[test]
fn a_lane_that_is_down_leaves_room_for_the_others() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let (dead, _) = scripted("dead", |_| later_by(HOUR));
        let (alive, seen) = scripted("alive", works);
        let small = Setting { queue_bytes: 256 * 1024, overflow, ..setting() };
        let pipeline = Pipeline::start(vec![dead, alive], small).unwrap();
        let shard = pipeline.intake.register();
        for round in 0..100 {
            push(&pipeline, &shard, round * 50..(round + 1) * 50);
            pipeline.flush(LONG);
        }
        let report = pipeline.end(LONG, Ended::Unknown);
        assert_adds_up(&report.stats);
        assert_eq!(report.stats.dropped_total(), 0, "{report}");
        assert_eq!(report.stats.failed, 5000);
        assert_eq!(flat(&seen), (0..5000).collect::<Vec<_>>(), "{overflow:?}");
    }
}

#[test]
fn a_batch_that_is_too_large_is_split_down_to_the_span_that_is() {
    let (picky, seen) =
        scripted("picky", |ids| if ids.contains(&5) { too_large() } else { Verdict::delivered() });
    let pipeline = Pipeline::start(vec![picky], setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..8);
    let report = pipeline.flush(LONG);
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.exported, report.stats.failed), (7, 1));
    let sizes: Vec<usize> = lock(&seen).iter().map(Vec::len).collect();
    assert_eq!(sizes, [8, 4, 4, 2, 1, 1, 2], "{seen:?}");
    assert!(pipeline.end(LONG, Ended::Unknown).in_time);
}

#[test]
fn a_flush_cuts_a_wait_short_and_is_answered_by_a_failure() {
    let (exporter, seen) = scripted("asks", |_| later_by(HOUR));
    let pipeline = Pipeline::start(vec![exporter], setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..3);
    for round in 1..=5 {
        let report = pipeline.flush(LONG);
        assert!(report.in_time);
        assert_eq!((report.stats.queued, report.stats.failed), (3, 0));
        assert!(lock(&seen).len() >= round, "{seen:?}");
    }
    assert_eq!(pipeline.end(LONG, Ended::Unknown).stats.failed, 3);
}

#[test]
fn a_flush_goes_on_behind_a_batch_that_was_refused() {
    let (exporter, seen) =
        scripted("strict", |ids| if ids.contains(&0) { refused() } else { Verdict::delivered() });
    let pipeline = Pipeline::start(vec![exporter], setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..40);
    let report = pipeline.flush(LONG);
    assert_eq!((report.stats.exported, report.stats.failed), (32, 8));
    assert_eq!(flat(&seen), (0..40).collect::<Vec<_>>());
}

/// An exporter that waits at each batch until it is let through, or until nobody is there to do so, and then says `verdict`.
fn gate(verdict: fn() -> Verdict) -> (Box<dyn DynExporter>, Seen, Receiver<()>, Sender<()>) {
    let ((entered, at_gate), (let_go, open)) = (channel(), channel::<()>());
    let (exporter, seen) = scripted("gate", move |_| {
        let _ = entered.send(());
        let _ = open.recv();
        verdict()
    });
    (exporter, seen, at_gate, let_go)
}

#[test]
fn rejections_of_all_lanes_are_summed_up_to_the_whole() {
    let rejects = |rejected| move |_: &[u64]| Verdict::Delivered { rejected, message: "bad".to_owned() };
    let (one, _) = scripted("one", rejects(3));
    let (two, _) = scripted("two", rejects(1));
    let (three, _) = scripted("three", rejects(2));
    let pipeline = Pipeline::start(vec![one, two, three], setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..7);
    let stats = pipeline.flush(LONG).stats;
    assert_adds_up(&stats);
    assert_eq!((stats.exported, stats.failed, stats.rejected), (1, 6, 6));
    push(&pipeline, &shard, 7..11);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert_eq!((report.stats.exported, report.stats.failed, report.stats.rejected), (1, 10, 10));
    let lane = &report.stats.exporters[2];
    assert_eq!((lane.name.as_str(), lane.exported, lane.failed, lane.rejected), ("three", 7, 4, 4));
    assert!(report.to_string().contains("10 of them rejected"), "{report}");
}

#[test]
fn the_operator_is_told_of_each_attempt() {
    let mut turn = 0;
    let (exporter, _) = scripted("moody", move |_| {
        turn += 1;
        match turn {
            1 => later(),
            2 => too_large(),
            3 => refused(),
            4 => panic!("broken"),
            5 => Verdict::Delivered { rejected: 1, message: "bad".to_owned() },
            _ => Verdict::delivered(),
        }
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let on_export = OnExport::new(move |attempt| {
        let error = attempt.error.map(str::to_owned);
        lock(&telling).push((attempt.exporter.to_owned(), attempt.spans, attempt.outcome, error));
        panic!("the operator's own trouble");
    });
    let pipeline =
        Pipeline::start(vec![exporter], Setting { on_export: Some(on_export), ..setting() }).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..8);
    pipeline.flush(LONG);
    push(&pipeline, &shard, 8..24);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.exported, report.stats.failed, report.stats.rejected), (15, 9, 1));
    let expected = [
        (8, ExportOutcome::WillRetry, Some("busy")),
        (8, ExportOutcome::WillSplit, Some("too large")),
        (4, ExportOutcome::Failed, Some("never")),
        (4, ExportOutcome::Failed, Some("it panicked: broken")),
        (8, ExportOutcome::Delivered { rejected: 1 }, Some("1 of 8 spans were rejected: bad")),
        (8, ExportOutcome::Delivered { rejected: 0 }, None),
    ];
    let expected = expected
        .map(|(spans, outcome, error)| ("moody".to_owned(), spans, outcome, error.map(str::to_owned)));
    assert_eq!(*lock(&told), expected);
}

#[test]
fn without_exporters_all_is_taken() {
    let pipeline = Pipeline::start(Vec::new(), setting()).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..25);
    assert_eq!(pipeline.flush(LONG).stats.exported, 25);
    push(&pipeline, &shard, 25..30);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.is_complete() && report.stats.exported == 30, "{report}");
}

/// splitmix64.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn size(&mut self, bound: u64) -> usize {
        usize::try_from(self.below(bound)).expect("bounds are small")
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// An exporter of the random test; it leaves how often it has confirmed which span.
fn random_exporter(
    mut random: Random,
    confirmed: Arc<Mutex<HashMap<u64, u64>>>,
) -> (Box<dyn DynExporter>, Seen) {
    scripted("random", move |ids| {
        match random.below(30) {
            0 => return later(),
            1 => return later_by(Duration::from_millis(1)),
            2 => return too_large(),
            3 => return refused(),
            4 => panic!("broken"),
            5 => thread::sleep(Duration::from_millis(1)),
            _ => {}
        }
        let rejected = random.below(40).saturating_sub(37).min(ids.len() as u64);
        for id in ids {
            *lock(&confirmed).entry(*id).or_default() += 1;
        }
        Verdict::Delivered { rejected, message: "bad".to_owned() }
    })
}

#[test]
fn the_account_adds_up_whatever_exporters_say() {
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        u64::from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos())
    });
    let mut random = Random(seed);
    for round in 0..8 {
        let confirmed: Vec<_> = (0..=random.below(3)).map(|_| Arc::default()).collect();
        let exporters = confirmed
            .iter()
            .map(|confirmed| {
                let script = Random(random.below(u64::MAX));
                random_exporter(script, Arc::clone(confirmed)).0
            })
            .collect();
        let overflow = match random.below(3) {
            0 => Overflow::DropNewest,
            1 => Overflow::DropOldest,
            _ => Overflow::Block(Duration::from_millis(1)),
        };
        let batching = Batching {
            max_spans: 4 + random.size(40),
            delay: Duration::from_millis(1 + random.below(5)),
            ..setting().batching
        };
        let setting = Setting {
            batching,
            overflow,
            queue_bytes: 20_000 + random.size(100_000),
            queue_spans: (random.below(3) == 0).then(|| 50 + random.size(200)),
            ..setting()
        };
        let pipeline = Pipeline::start(exporters, setting).unwrap();
        let pushed = AtomicU64::new(0);
        thread::scope(|scope| {
            for thread in 0..4 {
                let count = random.below(400);
                let (pipeline, pushed) = (&pipeline, &pushed);
                scope.spawn(move || {
                    let shard = pipeline.intake.register();
                    push(pipeline, &shard, (1..=count).map(|id| thread * 10_000 + id));
                    pushed.fetch_add(count, Ordering::Relaxed);
                });
            }
            for _ in 0..30 {
                assert_adds_up(&pipeline.stats());
                pipeline.flush(Duration::from_millis(1));
            }
        });
        let begin = Instant::now();
        let report = pipeline.end(LONG, Ended::Unknown);
        let stats = &report.stats;
        let context = format!("TEST_SEED={seed}, round {round}, {:?}: {report} {stats:?}", begin.elapsed());
        assert!(report.in_time, "{context}");
        assert_adds_up(stats);
        assert_eq!((stats.queued, stats.open), (0, 0), "{context}");
        assert_eq!(stats.started, pushed.load(Ordering::Relaxed), "{context}");
        let lanes: Vec<HashMap<u64, u64>> = confirmed.iter().map(|lane| lock(lane).clone()).collect();
        let exported_by_all =
            lanes[0].keys().filter(|id| lanes.iter().all(|lane| lane.contains_key(id))).count();
        assert!(stats.exported <= exported_by_all as u64, "{context}");
        for (lane, confirmed) in stats.exporters.iter().zip(&lanes) {
            assert_eq!(lane.exported + lane.rejected, confirmed.len() as u64, "{context}");
            assert_eq!(lane.waiting, 0, "{context}");
            assert!(confirmed.values().all(|times| *times == 1), "{context}");
        }
    }
}
