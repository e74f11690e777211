//! Exporters that fail, hang and panic; bounds that are reached; guards that go in every way there is.
//!
//! The account adds up every time: what was started was delivered, failed, dropped for a reason, waits, or is still open.

use std::future::{Future, pending};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use llmetry::export::MemoryExporter;
use llmetry::{Builder, DropReason, Report, task};
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry::{Context, Value, global};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::program;
use crate::support::{
    LONG, assert_adds_up, attribute, current_thread, multi_thread, named, step, step_async, steps,
};

const SHORT: Duration = Duration::from_millis(50);

/// What an exporter does with a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behaviour {
    Works,
    Fails,
    Panics,
    PanicsLater,
    NeverReady,
}

const BEHAVIOURS: [Behaviour; 5] =
    [Behaviour::Works, Behaviour::Fails, Behaviour::Panics, Behaviour::PanicsLater, Behaviour::NeverReady];

/// Does with its nth batch what the nth behaviour says, the last one for ever.
#[derive(Debug)]
struct Plays {
    script: Vec<Behaviour>,
    turn: AtomicUsize,
    received: Arc<AtomicUsize>,
}

impl Plays {
    fn new(script: Vec<Behaviour>) -> (Self, Arc<AtomicUsize>) {
        let received = Arc::new(AtomicUsize::new(0));
        (Self { script, turn: AtomicUsize::new(0), received: Arc::clone(&received) }, received)
    }
}

impl SpanExporter for Plays {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        // Whatever an exporter calls must not come back as spans.
        step();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).min(self.script.len() - 1);
        let behaviour = self.script[turn];
        assert!(behaviour != Behaviour::Panics, "the exporter is broken");
        let received = Arc::clone(&self.received);
        async move {
            match behaviour {
                Behaviour::Works => _ = received.fetch_add(batch.len(), Ordering::Relaxed),
                Behaviour::Fails => return Err(OTelSdkError::InternalFailure("refused".to_owned())),
                Behaviour::NeverReady => pending().await,
                Behaviour::Panics | Behaviour::PanicsLater => panic!("the exporter is broken"),
            }
            Ok(())
        }
    }
}

fn impatient() -> Builder {
    llmetry::builder().export_timeout(SHORT).max_export_batch_size(10)
}

#[test]
fn an_exporter_may_do_what_it_likes() {
    let said = program::run(|| {
        for behaviour in BEHAVIOURS {
            let (exporter, received) = Plays::new(vec![behaviour]);
            let guard = impatient().exporter(exporter).init().unwrap();
            steps(25);
            let report = guard.shutdown(LONG);
            assert!(report.in_time, "{behaviour:?}");
            assert_adds_up(&report.stats);
            assert_eq!(
                (report.stats.started, report.stats.queued, report.stats.open),
                (25, 0, 0),
                "{behaviour:?}"
            );
            let works = behaviour == Behaviour::Works;
            assert_eq!(received.load(Ordering::Relaxed), if works { 25 } else { 0 });
            assert_eq!(report.stats.exported, if works { 25 } else { 0 }, "{behaviour:?}");
            assert_eq!(report.stats.failed, if works { 0 } else { 25 }, "{behaviour:?}");
            assert_eq!(report.stats.last_error.is_none(), works);
            assert_eq!(report.is_complete(), works);
        }
    });
    let lines = said.stderr.lines().filter(|line| line.starts_with("llmetry: export failed")).count();
    assert_eq!(lines, 4, "once for each exporter that failed:\n{}", said.stderr);
}

#[test]
fn one_broken_exporter_does_not_cost_the_other_its_spans() {
    program::run(|| {
        for behaviour in BEHAVIOURS {
            let memory = MemoryExporter::new();
            let (broken, _) = Plays::new(vec![behaviour]);
            let guard = impatient().exporter(broken).exporter(memory.clone()).init().unwrap();
            steps(25);
            let report = guard.shutdown(LONG);
            assert_adds_up(&report.stats);
            assert_eq!(memory.spans().len(), 25, "{behaviour:?}");
            assert_eq!(report.is_complete(), behaviour == Behaviour::Works);
        }
    });
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

/// From the clock, or `TEST_SEED`; printed, so that a failure can be played again.
fn seed() -> u64 {
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into()
    });
    std::io::stderr().write_all(format!("play it again with TEST_SEED={seed}\n").as_bytes()).unwrap();
    seed
}

#[test]
fn the_account_adds_up_under_random_faults() {
    program::run(|| {
        let mut random = Random(seed());
        for _ in 0..10 {
            let script: Vec<_> =
                (0..=random.below(8)).map(|_| BEHAVIOURS[random.below(BEHAVIOURS.len())]).collect();
            let (exporter, received) = Plays::new(script);
            let guard = llmetry::builder()
                .exporter(exporter)
                .export_timeout(Duration::from_millis(5))
                .max_export_batch_size(1 + random.below(40))
                .max_queue_bytes(20_000 + random.below(200_000))
                .max_open_spans(1 + random.below(200))
                .schedule_delay(Duration::from_millis(1 + random.below(20) as u64))
                .init()
                .unwrap();
            let counts: Vec<_> = (0..3).map(|_| random.below(400)).collect();
            let runtime = multi_thread();
            let abort = random.below(2) == 0;
            thread::scope(|scope| {
                for count in &counts {
                    scope.spawn(|| {
                        for n in 0..*count {
                            step();
                            let task = runtime.spawn(step_async());
                            if abort && n % 3 == 0 {
                                task.abort();
                            }
                        }
                    });
                }
                for _ in 0..20 {
                    assert_adds_up(&guard.stats());
                    guard.flush(Duration::from_millis(1));
                }
            });
            drop(runtime);
            global::tracer("library").in_span("library", |_| ());
            let report = guard.shutdown(LONG);
            assert!(report.in_time);
            assert_adds_up(&report.stats);
            assert_eq!((report.stats.queued, report.stats.open), (0, 0), "{report}");
            assert_eq!(report.stats.exported, received.load(Ordering::Relaxed) as u64);
            assert!(report.stats.started >= counts.iter().map(|count| *count as u64).sum());
        }
    });
}

/// Lets no batch through before it is told to.
#[derive(Debug)]
struct Gate {
    entered: Mutex<Sender<usize>>,
    open: Mutex<Receiver<()>>,
    memory: MemoryExporter,
}

impl Gate {
    fn new() -> (Self, Receiver<usize>, Sender<()>) {
        let ((entered, seen), (let_go, open)) = (channel(), channel());
        let gate =
            Self { entered: Mutex::new(entered), open: Mutex::new(open), memory: MemoryExporter::new() };
        (gate, seen, let_go)
    }
}

impl SpanExporter for Gate {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let _ = self.entered.lock().unwrap().send(batch.len());
        // Blocks the thread: a future that is never polled again would be given up.
        let _ = self.open.lock().unwrap().recv();
        self.memory.export(batch).await
    }
}

#[test]
fn an_exporter_that_blocks_cannot_hold_up_flush_or_shutdown() {
    program::run(|| {
        let (gate, entered, let_go) = Gate::new();
        let guard = llmetry::builder().exporter(gate).max_export_batch_size(10).init().unwrap();
        steps(10);
        assert_eq!(entered.recv().unwrap(), 10);
        steps(15);
        let report = guard.flush(SHORT);
        assert!(!report.in_time && !report.is_complete());
        assert_adds_up(&report.stats);
        assert_eq!((report.stats.queued, report.stats.exported), (25, 0));
        let report = guard.shutdown(SHORT);
        assert!(!report.in_time);
        assert_adds_up(&report.stats);
        assert_eq!((report.stats.queued, report.stats.started), (25, 25), "not delivered, and it says so");
        assert!(report.to_string().contains("25 not sent in time"), "{report}");
        // Functions go on as if nothing was.
        steps(5);
        drop(let_go);
    });
}

#[test]
fn a_queue_that_is_full_counts_what_it_refuses() {
    program::run(|| {
        let (gate, entered, let_go) = Gate::new();
        let memory = gate.memory.clone();
        let guard = llmetry::builder()
            .exporter(gate)
            .max_export_batch_size(10)
            .max_queue_bytes(64 * 1024)
            .schedule_delay(Duration::from_millis(1))
            .init()
            .unwrap();
        steps(1);
        let first = entered.recv().unwrap();
        assert_eq!(first, 1);
        steps(50_000);
        let stats = guard.stats();
        assert_adds_up(&stats);
        let dropped = stats.dropped(DropReason::QueueFull);
        assert!(dropped > 40_000, "{stats:?}");
        assert_eq!(stats.queued + dropped, 50_001);
        // 80 bytes a record: the bound is used, and held.
        assert!((100..=64 * 1024 / 64).contains(&stats.queued), "{stats:?}");
        drop(let_go);
        let report = guard.shutdown(LONG);
        assert_adds_up(&report.stats);
        assert_eq!((report.stats.exported, report.stats.queued), (50_001 - dropped, 0));
        assert_eq!(memory.spans().len() as u64, report.stats.exported);
        assert!(!report.is_complete());
    });
}

#[test]
fn a_bound_in_spans_holds_and_room_comes_back() {
    program::run(|| {
        let (gate, entered, let_go) = Gate::new();
        let guard =
            llmetry::builder().exporter(gate).max_queue_size(20).max_export_batch_size(5).init().unwrap();
        steps(5);
        entered.recv().unwrap();
        steps(100);
        let stats = guard.stats();
        assert_adds_up(&stats);
        assert!(stats.queued <= 25, "{stats:?}");
        assert_eq!(stats.dropped(DropReason::QueueFull), 105 - stats.queued);
        drop(let_go);
        assert!(guard.flush(LONG).in_time);
        let before = guard.stats();
        steps(5);
        let report = guard.shutdown(LONG);
        assert_eq!(report.stats.dropped_total(), before.dropped_total(), "there is room again");
        assert_eq!(report.stats.exported, before.exported + 5);
    });
}

#[test]
fn too_many_open_spans_are_refused_and_counted() {
    #[task]
    fn down(depth: u32) -> u32 {
        if depth == 0 { 0 } else { 1 + down(depth - 1) }
    }
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).max_open_spans(64).init().unwrap();
        assert_eq!(down(299), 299);
        let refused = guard.stats().dropped(DropReason::TooManyOpen);
        assert_eq!(refused, 300 - 64);
        assert_eq!(down(20), 20);
        let report = guard.shutdown(LONG);
        assert_adds_up(&report.stats);
        assert_eq!(report.stats.dropped_total(), refused, "places come back");
        assert_eq!((report.stats.started, report.stats.exported), (321, 64 + 21));
        assert_eq!(memory.spans().len(), 85);
    });
}

#[task]
fn outlives(started: &Sender<()>, wait: &Receiver<()>) {
    started.send(()).unwrap();
    let _ = wait.recv();
}

#[test]
fn a_span_that_ends_after_shutdown_is_no_secret() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        let (release, wait) = channel::<()>();
        let (started, ready) = channel();
        let thread = thread::spawn(move || outlives(&started, &wait));
        ready.recv().unwrap();
        let report = guard.shutdown(LONG);
        assert_eq!((report.stats.started, report.stats.exported, report.stats.open), (1, 1, 0));
        let incomplete = Value::from("incomplete");
        assert_eq!(attribute(&memory.spans()[0], "llmetry.outcome"), Some(&incomplete));
        drop(release);
        thread.join().unwrap();
        assert_eq!(memory.spans().len(), 1, "it is not sent again");
    });
}

#[test]
fn a_second_init_is_refused_and_a_later_one_is_not() {
    program::run(|| {
        let first = MemoryExporter::new();
        let guard = llmetry::builder().exporter(first.clone()).init().unwrap();
        let (other, received) = Plays::new(vec![Behaviour::Works]);
        let error = llmetry::builder().exporter(other).init().unwrap_err();
        assert!(error.is_already_initialised(), "{error}");
        assert!(llmetry::init("again").unwrap_err().is_already_initialised());
        steps(2);
        assert!(guard.shutdown(LONG).is_complete());
        assert_eq!((first.spans().len(), received.load(Ordering::Relaxed)), (2, 0));
        for round in 1..=3 {
            let next = MemoryExporter::new();
            let guard = llmetry::builder().exporter(next.clone()).init().unwrap();
            steps(round);
            global::tracer("library").in_span("library", |_| ());
            thread::spawn(step).join().unwrap();
            let report = guard.shutdown(LONG);
            assert!(report.is_complete(), "{report}");
            assert_eq!(next.spans().len(), round + 2);
        }
        assert_eq!(first.spans().len(), 2);
        global::tracer("library").in_span("library", |context| assert!(!context.span().is_recording()));
    });
}

#[test]
fn disabled_means_nothing_at_all() {
    let said = program::with_env(
        &[("OTEL_SDK_DISABLED", "true"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")],
        || {
            let memory = MemoryExporter::new();
            let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
            steps(3);
            assert!(!Context::current().has_active_span());
            assert!(guard.span_processor().is_none());
            let report = guard.shutdown(LONG);
            assert!(report.is_complete() && report.stats.started == 0);
            assert!(memory.spans().is_empty());
            let _again = llmetry::init("fine").unwrap();
        },
    );
    assert_eq!(said.stderr, "");
}

#[task]
fn shut_down_inside(guard: llmetry::Guard) -> Report {
    guard.shutdown(LONG)
}

#[test]
fn a_guard_may_go_anywhere() {
    let said = program::run(|| {
        let rounds = AtomicUsize::new(0);
        let with_guard = |f: &dyn Fn(llmetry::Guard)| {
            let memory = MemoryExporter::new();
            let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
            f(guard);
            let finished =
                memory.spans().into_iter().filter(|span| attribute(span, "llmetry.outcome").is_none());
            assert_eq!(finished.count(), 2, "round {}", rounds.fetch_add(1, Ordering::Relaxed));
        };
        with_guard(&|guard| {
            steps(2);
            drop(guard);
        });
        for runtime in [current_thread, multi_thread] {
            with_guard(&|guard| {
                runtime().block_on(async move {
                    step_async().await;
                    drop(guard);
                });
            });
            with_guard(&|guard| {
                runtime().block_on(async move {
                    step_async().await;
                    tokio::spawn(async move { drop(guard) }).await.unwrap();
                });
            });
            with_guard(&|guard| {
                let runtime = runtime();
                runtime.block_on(step_async());
                drop(runtime);
                drop(guard);
            });
            with_guard(&|guard| {
                let report = runtime().block_on(async move {
                    step_async().await;
                    guard.shutdown_async(LONG).await
                });
                assert!(report.is_complete(), "{report}");
            });
        }
        with_guard(&|guard| {
            thread::spawn(move || {
                steps(2);
                let _guard = guard;
                std::panic::catch_unwind(|| panic!("with the guard in scope")).unwrap_err();
            })
            .join()
            .unwrap();
        });
        with_guard(&|guard| {
            steps(2);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _guard = guard;
                panic!("the guard is dropped by a panic");
            }))
            .unwrap_err();
        });
        with_guard(&|guard| {
            steps(2);
            let report = shut_down_inside(guard);
            assert_eq!((report.stats.exported, report.stats.open), (3, 0), "its own span went out as it was");
        });
    });
    assert!(!said.stderr.contains("llmetry:"), "all was delivered: {}", said.stderr);
}

#[test]
fn a_drop_that_could_not_deliver_says_so_once() {
    let said = program::run(|| {
        let (exporter, _) = Plays::new(vec![Behaviour::Fails]);
        let guard = llmetry::builder().exporter(exporter).init().unwrap();
        steps(3);
        drop(guard);
    });
    let lines: Vec<_> = said.stderr.lines().filter(|line| line.contains("3 failed")).collect();
    assert_eq!(lines.len(), 1, "{}", said.stderr);
    assert!(
        lines[0].starts_with("llmetry: 0 spans delivered, 3 failed") && lines[0].contains("refused"),
        "{lines:?}"
    );
}

#[test]
fn a_collector_that_dies_between_two_batches_is_told_apart() {
    program::run(|| {
        let (exporter, received) = Plays::new(vec![Behaviour::Works, Behaviour::Fails, Behaviour::Works]);
        let guard = llmetry::builder().exporter(exporter).init().unwrap();
        for _ in 0..3 {
            steps(10);
            guard.flush(LONG);
        }
        let report = guard.shutdown(LONG);
        assert_eq!((report.stats.exported, report.stats.failed), (20, 10));
        assert_eq!(received.load(Ordering::Relaxed), 20);
    });
}

#[test]
fn flush_delivers_what_has_ended_and_leaves_what_runs() {
    #[task]
    fn outer(guard: &llmetry::Guard, memory: &MemoryExporter) {
        steps(3);
        let report = guard.flush(LONG);
        assert!(report.is_complete());
        assert_eq!((report.stats.exported, report.stats.open), (3, 1));
        assert_eq!(memory.spans().len(), 3);
    }
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        outer(&guard, &memory);
        assert!(guard.shutdown(LONG).is_complete());
        let outer = memory.spans().pop().unwrap();
        assert_eq!(named(&memory.spans(), "outer").span_context, outer.span_context);
    });
}

#[test]
fn flushes_from_many_threads_all_come_back() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        steps(5);
                        assert!(guard.flush(LONG).in_time);
                    }
                });
            }
        });
        let report = guard.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!(memory.spans().len(), 800);
    });
}

#[test]
fn batches_respect_their_size() {
    program::run(|| {
        let (gate, entered, let_go) = Gate::new();
        drop(let_go);
        let guard = llmetry::builder().exporter(gate).max_export_batch_size(7).init().unwrap();
        steps(100);
        assert!(guard.shutdown(LONG).is_complete());
        let sizes: Vec<_> = entered.iter().collect();
        assert_eq!(sizes.iter().sum::<usize>(), 100);
        assert!(sizes.iter().all(|size| *size <= 7), "{sizes:?}");
    });
}

/// Works, and misbehaves when it is told to stop.
#[derive(Debug)]
struct Stubborn {
    memory: MemoryExporter,
    /// Waited for at shutdown; `None`: panics.
    until: Option<Mutex<Receiver<()>>>,
}

impl SpanExporter for Stubborn {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.memory.export(batch)
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        let until = self.until.as_ref().expect("the exporter panics when it is shut down");
        let _ = until.lock().unwrap().recv();
        Ok(())
    }
}

#[test]
fn an_exporter_that_does_not_want_to_stop_has_delivered_all_the_same() {
    program::run(|| {
        let (release, until) = channel();
        for until in [None, Some(Mutex::new(until))] {
            let hangs = until.is_some();
            let memory = MemoryExporter::new();
            let guard =
                llmetry::builder().exporter(Stubborn { memory: memory.clone(), until }).init().unwrap();
            steps(3);
            let report = guard.shutdown(if hangs { SHORT } else { LONG });
            assert_eq!((report.stats.exported, memory.spans().len()), (3, 3), "{report:?}");
            assert_eq!(report.in_time, !hangs, "{report:?}");
            assert!(hangs || report.stats.last_error.is_some(), "a failed shutdown is said");
        }
        // The next one does not wait for it.
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        steps(1);
        assert!(guard.shutdown(LONG).is_complete());
        drop(release);
    });
}

#[test]
fn a_program_may_end_without_dropping_its_guard() {
    program::run(|| {
        let (exporter, _) = Plays::new(vec![Behaviour::NeverReady]);
        let guard = llmetry::builder().exporter(exporter).max_export_batch_size(1).init().unwrap();
        thread::spawn(|| steps(100));
        steps(100);
        std::mem::forget(guard);
    });
}

#[test]
fn values_are_cut_and_counted_at_the_limits() {
    #[task]
    fn talkative() {
        let span = llmetry::current();
        for n in 0..20 {
            span.set_attribute(format!("key.{n}"), "ä".repeat(1_000));
            span.add_event(format!("event.{n}"), [("text", "x".repeat(1_000))]);
        }
    }
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder()
            .exporter(memory.clone())
            .max_attributes_per_span(8)
            .max_events_per_span(3)
            .max_attribute_value_bytes(101)
            .init()
            .unwrap();
        talkative();
        assert!(guard.shutdown(LONG).is_complete());
        let span = &memory.spans()[0];
        let set =
            span.attributes.iter().filter(|attribute| attribute.key.as_str().starts_with("key.")).count();
        assert_eq!((set, span.dropped_attributes_count), (8, 12));
        assert_eq!((span.events.len(), span.events.dropped_count), (3, 17));
        for attribute in span.attributes.iter().chain(span.events.iter().flat_map(|event| &event.attributes))
        {
            assert!(attribute.value.as_str().len() <= 101, "{attribute:?}");
        }
    });
}
