//! The function always comes out untouched, wherever it is called, polled and dropped.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Waker};
use std::thread;

use llmetry::export::MemoryExporter;
use llmetry::testing::{record, record_sync};
use llmetry::{InCurrentTrace, Sampler, agent, task, tool, workflow};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt};
use opentelemetry_sdk::trace::SpanData;
use tokio::task::yield_now;

use crate::program;
use crate::support::{LONG, assert_adds_up, assert_parent, attribute, current_thread, multi_thread, named};

#[task]
fn cleanup() -> u8 {
    7
}

/// Traces when it is dropped.
struct Traces;

impl Drop for Traces {
    fn drop(&mut self) {
        assert_eq!(cleanup(), 7);
    }
}

#[task]
fn with_local() {
    let _local = Traces;
}

#[task]
fn with_argument(_argument: Traces) -> Result<(), Traces> {
    Ok(())
}

#[task]
async fn with_local_async() {
    let _local = Traces;
    yield_now().await;
}

#[task]
async fn with_argument_async(_argument: Traces) {
    yield_now().await;
}

#[task]
async fn never_ends(_argument: Traces) {
    let _local = Traces;
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_is_dropped_inside_traces_inside() {
    let ((), trace) = record(async {
        with_local();
        with_local_async().await;
    })
    .await;
    assert_eq!(trace.to_string(), "with_local\n  cleanup\nwith_local_async\n  cleanup\n");
    let ((), trace) = record(async {
        assert!(with_argument(Traces).is_ok());
        with_argument_async(Traces).await;
    })
    .await;
    assert_eq!(trace.to_string(), "with_argument\n  cleanup\nwith_argument_async\n  cleanup\n");
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> bool {
    future.poll(&mut TaskContext::from_waker(Waker::noop())).is_ready()
}

#[test]
fn what_a_cancelled_future_drops_traces_inside() {
    let ((), trace) = record_sync(|| {
        let mut future = Box::pin(never_ends(Traces));
        assert!(!poll_once(future.as_mut()));
    });
    assert_eq!(trace.to_string(), "never_ends cancelled\n  cleanup\n  cleanup\n");
}

#[test]
fn a_future_polled_here_and_dropped_there_is_whole() {
    let ((), trace) = record_sync(|| {
        let mut future = Box::pin(never_ends(Traces));
        assert!(!poll_once(future.as_mut()));
        thread::spawn(move || drop(future)).join().unwrap();
        // A thread that neither traced before nor has the runtime.
        let mut future = Box::pin(never_ends(Traces));
        let mut future = thread::spawn(move || {
            assert!(!poll_once(future.as_mut()));
            future
        })
        .join()
        .unwrap();
        assert!(!poll_once(future.as_mut()));
    });
    let text = trace.to_string();
    assert!(text.starts_with("never_ends cancelled\n  cleanup\n  cleanup\n"), "{text}");
}

/// A value in the context that traces when the last clone of the context goes.
#[derive(Debug)]
struct InContext;

impl Drop for InContext {
    fn drop(&mut self) {
        cleanup();
    }
}

#[test]
fn values_in_the_context_may_trace_when_they_go() {
    let (n, trace) = record_sync(|| {
        let attached = Context::current_with_value(InContext).attach();
        let mut future = Box::pin(never_ends(Traces));
        assert!(!poll_once(future.as_mut()));
        drop(attached);
        // The span holds the last clone now: it goes with the span's end.
        drop(future);
        3
    });
    assert_eq!(n, 3);
    assert_eq!(trace.spans().iter().filter(|span| span.name() == "cleanup").count(), 3, "{trace}");
}

struct PanicsInside;

impl Drop for PanicsInside {
    fn drop(&mut self) {
        let caught = catch_unwind(|| bursts(2));
        assert_eq!(*caught.unwrap_err().downcast::<u8>().unwrap(), 2);
        cleanup();
    }
}

#[task]
fn bursts(n: u8) -> Option<u8> {
    std::panic::panic_any(n)
}

#[task]
fn bursts_and_cleans_up() {
    let _local = PanicsInside;
    std::panic::panic_any(1_u8);
}

#[test]
fn a_panic_inside_a_panic_leaves_both_as_they_were() {
    let (payload, trace) = record_sync(|| catch_unwind(bursts_and_cleans_up).unwrap_err());
    assert_eq!(*payload.downcast::<u8>().unwrap(), 1, "the function's own payload");
    assert_eq!(trace.to_string(), "bursts_and_cleans_up !panic\n  bursts !panic\n  cleanup\n");
}

#[test]
fn after_a_caught_panic_the_context_is_the_callers() {
    #[workflow]
    async fn goes_on() -> Vec<SpanId> {
        let mut seen = vec![here()];
        for _ in 0..2 {
            catch_unwind(|| bursts(1)).unwrap_err();
            seen.push(here());
            yield_now().await;
        }
        seen
    }
    let (seen, trace) = record_sync(|| current_thread().block_on(goes_on()));
    assert!(seen.iter().all(|id| *id == seen[0]));
    assert_eq!(trace.span("invoke_workflow goes_on").span_id(), seen[0].to_string());
}

fn here() -> SpanId {
    Context::current().span().span_context().span_id()
}

thread_local! {
    /// Destroyed before or after llmetry's own, whichever was used first.
    static AT_EXIT: RefCell<Vec<TracesAtExit>> = const { RefCell::new(Vec::new()) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// Calls annotated functions from a thread-local destructor, and says what came back.
struct TracesAtExit {
    said: Arc<Mutex<Vec<u8>>>,
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Drop for TracesAtExit {
    fn drop(&mut self) {
        let nested = workflow_at_exit();
        let current = llmetry::current();
        current.set_attribute("late", true);
        let scoped = llmetry::scoped(cleanup)();
        self.said.lock().unwrap().extend([nested, scoped]);
        if let Some(mut future) = self.future.take() {
            poll_once(future.as_mut());
        }
        let mut fresh = Box::pin(never_ends_plain());
        assert!(!poll_once(fresh.as_mut()));
        assert!(!poll_once(fresh.as_mut()));
        drop(fresh);
        let mut carried = Box::pin(std::future::pending::<()>().in_current_trace());
        assert!(!poll_once(carried.as_mut()));
    }
}

#[workflow]
fn workflow_at_exit() -> u8 {
    cleanup() + 1
}

#[task]
async fn never_ends_plain() {
    std::future::pending::<()>().await;
}

#[test]
fn thread_local_destructors_may_call_annotated_functions() {
    program::run(|| {
        for sampler in [Sampler::AlwaysOn, Sampler::parent_based(Sampler::AlwaysOff)] {
            let memory = MemoryExporter::new();
            let guard = llmetry::builder().exporter(memory.clone()).sampler(sampler).init().unwrap();
            for ours_first in [true, false] {
                for started_here in [true, false] {
                    let said = Arc::new(Mutex::new(Vec::new()));
                    let inside = Arc::clone(&said);
                    thread::spawn(move || {
                        if ours_first {
                            cleanup();
                        }
                        let future = started_here.then(|| {
                            let mut future = Box::pin(never_ends(Traces));
                            AT_EXIT.with(|_| ());
                            assert!(!poll_once(future.as_mut()));
                            future as Pin<Box<dyn Future<Output = ()> + Send>>
                        });
                        AT_EXIT.with(|list| list.borrow_mut().push(TracesAtExit { said: inside, future }));
                        cleanup();
                        CALLS.set(CALLS.get() + 1);
                    })
                    .join()
                    .unwrap();
                    assert_eq!(*said.lock().unwrap(), [8, 7], "{ours_first} {started_here}");
                }
            }
            let report = guard.shutdown(LONG);
            assert_adds_up(&report.stats);
            assert_eq!((report.stats.open, report.stats.queued), (0, 0), "{report:?}");
            assert_eq!(report.stats.exported, memory.spans().len() as u64);
        }
    });
}

#[agent]
async fn item(n: u32) -> u32 {
    llmetry::current().set_attribute("n", n);
    yield_now().await;
    let doubled = half(n).await + half_sync(n);
    yield_now().await;
    doubled
}

#[task]
async fn half(n: u32) -> u32 {
    llmetry::current().set_attribute("n", n);
    yield_now().await;
    n
}

#[tool]
fn half_sync(n: u32) -> u32 {
    llmetry::current().set_attribute("n", n);
    n
}

#[workflow]
async fn many(count: u32) -> u64 {
    let tasks: Vec<_> = (0..count).map(|n| llmetry::spawn(item(n))).collect();
    let mut sum = 0;
    for task in tasks {
        sum += u64::from(task.await.unwrap());
    }
    sum
}

fn number(span: &SpanData) -> Option<i64> {
    match attribute(span, "n") {
        Some(opentelemetry::Value::I64(n)) => Some(*n),
        _ => None,
    }
}

#[test]
fn ten_thousand_tasks_at_once() {
    program::run(|| {
        const TASKS: u32 = 10_000;
        let memory = MemoryExporter::new();
        let builder = llmetry::builder().exporter(memory.clone()).max_queue_bytes(64 << 20);
        let guard = builder.init().unwrap();
        let sum = multi_thread().block_on(many(TASKS));
        assert_eq!(sum, u64::from(TASKS) * u64::from(TASKS - 1));
        let report = guard.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        let expected = 1 + 3 * u64::from(TASKS);
        assert_eq!((report.stats.started, report.stats.exported), (expected, expected));
        let spans = memory.spans();
        assert_eq!(spans.len() as u64, expected);
        let by_id: HashMap<_, _> = spans.iter().map(|span| (span.span_context.span_id(), span)).collect();
        assert_eq!(by_id.len(), spans.len(), "ids are unique");
        let root = named(&spans, "invoke_workflow many");
        for span in &spans {
            match &*span.name {
                "invoke_workflow many" => assert_eq!(span.parent_span_id, SpanId::INVALID),
                "invoke_agent item" => assert_parent(span, root),
                _ => {
                    let parent = by_id[&span.parent_span_id];
                    assert_eq!(parent.name, "invoke_agent item");
                    assert_parent(span, parent);
                    assert_eq!(number(span), number(parent));
                    assert!(number(span).is_some());
                }
            }
            assert!(span.start_time <= span.end_time);
        }
    });
}

#[test]
fn without_init_nothing_happens() {
    let said = program::run(|| {
        assert_eq!(multi_thread().block_on(many(100)), 9_900);
        assert!(!llmetry::current().is_recording());
        assert_eq!(llmetry::current().trace_id(), None);
        with_local();
    });
    assert_eq!(said.stderr, "");
}

#[test]
fn telemetry_may_begin_and_end_while_functions_run() {
    program::run(|| {
        #[workflow]
        async fn across(turns: u32) -> u32 {
            for _ in 0..turns {
                half(1).await;
            }
            turns
        }
        let runtime = current_thread();
        let mut before = Box::pin(across(3));
        runtime.block_on(async { assert!(!poll_once(before.as_mut())) });
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        let mut during = Box::pin(across(3));
        runtime.block_on(async { assert!(!poll_once(during.as_mut())) });
        let report = guard.shutdown(LONG);
        assert_eq!((report.stats.exported, report.stats.open), (2, 0), "both were open: {report}");
        assert_adds_up(&report.stats);
        let second = MemoryExporter::new();
        let guard = llmetry::builder().exporter(second.clone()).init().unwrap();
        runtime.block_on(async { assert_eq!((before.await, during.await), (3, 3)) });
        let report = guard.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!(report.stats.started, second.spans().len() as u64, "nothing of the first installation");
    });
}

#[task]
async fn stuck(ready: Sender<()>) {
    ready.send(()).unwrap();
    std::future::pending::<()>().await;
}

#[test]
fn a_runtime_that_ends_first_cancels_its_tasks() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        let runtime = multi_thread();
        let (ready, started) = channel();
        for _ in 0..50 {
            let ready = ready.clone();
            runtime.spawn(stuck(ready));
        }
        for _ in 0..50 {
            started.recv().unwrap();
        }
        drop(runtime);
        let report = guard.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        let spans = memory.spans();
        assert_eq!(spans.len(), 50);
        assert!(spans.iter().all(|span| attribute(span, "llmetry.outcome") == Some(&"cancelled".into())));
    });
}

#[test]
fn deep_nesting_keeps_its_order() {
    #[task]
    fn down(depth: u32) -> u32 {
        if depth == 0 { 0 } else { 1 + down(depth - 1) }
    }
    let (depth, trace) = record_sync(|| down(200));
    assert_eq!((depth, trace.spans().len()), (200, 201));
    let mut span = trace.roots().next().unwrap();
    for _ in 0..200 {
        let children: Vec<_> = trace.children(span).collect();
        assert_eq!(children.len(), 1);
        span = children[0];
    }
}

#[test]
fn a_panic_that_was_caught_around_a_poll_changes_nothing_else() {
    #[task]
    async fn bursts_at(turn: u32) {
        for now in 0.. {
            assert!(now != turn, "now");
            yield_now().await;
        }
    }
    let ((), trace) = record_sync(|| {
        current_thread().block_on(async {
            for turn in 0..4 {
                let mut future = Box::pin(bursts_at(turn));
                let polled = catch_unwind(AssertUnwindSafe(|| while !poll_once(future.as_mut()) {}));
                assert!(polled.is_err());
                assert_eq!(here(), SpanId::INVALID);
            }
        });
    });
    assert_eq!(trace.to_string(), "bursts_at !panic\n".repeat(4));
}
