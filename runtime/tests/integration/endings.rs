//! A span ends exactly once, and says how: returned, failed, panicked, cancelled.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use llmetry::export::MemoryExporter;
use llmetry::testing::{RecordedSpan, Trace, record, record_sync};
use llmetry::{agent, task, tool, workflow};
use opentelemetry::Value;
use opentelemetry::trace::Status;
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::program;
use crate::support::{LONG, multi_thread};

/// Stands in every error text; may be nowhere in what leaves the process while content is off.
const CANARY: &str = "canary-4711";

#[derive(Debug)]
struct Refused(&'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}", self.0)
    }
}

impl std::error::Error for Refused {}

#[tool]
async fn call_out(fail: bool) -> Result<u8, Refused> {
    yield_now().await;
    if fail {
        return Err(Refused(CANARY));
    }
    Ok(1)
}

#[task]
async fn passes_on(fail: bool) -> Result<u8, Refused> {
    let n = call_out(fail).await?;
    Ok(n + 1)
}

#[workflow]
async fn whole(fail: bool) -> Result<u8, Refused> {
    let n = passes_on(fail).await?;
    Ok(n + 1)
}

fn exceptions(span: &RecordedSpan) -> usize {
    span.events().iter().filter(|event| event.name == "exception").count()
}

fn error_type(span: &RecordedSpan) -> Option<String> {
    span.attribute("error.type").map(ToString::to_string)
}

#[tokio::test]
async fn a_return_is_no_error() {
    let (output, trace) = record(whole(false)).await;
    assert_eq!(output.unwrap(), 3);
    assert_eq!(trace.spans().len(), 3);
    for span in trace.spans() {
        assert_eq!((span.status(), error_type(span), exceptions(span)), (&Status::Unset, None, 0));
        assert!(!span.is_cancelled());
    }
}

#[tokio::test]
async fn an_error_on_its_way_up_has_one_event() {
    let (output, trace) = record(whole(true)).await;
    assert_eq!(output.unwrap_err().0, CANARY);
    assert_eq!(trace.spans().len(), 3);
    for span in trace.spans() {
        assert!(span.is_error(), "{}", span.name());
        assert!(error_type(span).unwrap().ends_with("Refused"), "{:?}", error_type(span));
        let innermost = span.name() == "execute_tool call_out";
        assert_eq!(exceptions(span), usize::from(innermost), "{}", span.name());
    }
}

#[task]
async fn recovers() -> Result<u8, Refused> {
    let _ = call_out(true).await;
    call_out(false).await?;
    Err(Refused("another"))
}

#[tokio::test]
async fn an_error_after_a_recovered_one_has_an_event_of_its_own() {
    let (_, trace) = record(recovers()).await;
    assert_eq!(exceptions(trace.span("recovers")), 1);
}

#[task]
async fn spawns() -> Result<u8, Refused> {
    llmetry::spawn(call_out(true)).await.unwrap()
}

#[tokio::test]
async fn an_error_of_a_spawned_child_counts_as_the_childs() {
    let (_, trace) = record(spawns()).await;
    assert_eq!(exceptions(trace.span("execute_tool call_out")), 1);
    let parent = trace.span("spawns");
    assert!(parent.is_error());
    assert_eq!(exceptions(parent), 0);
}

#[task(err = false)]
fn may_fail(fail: bool) -> Result<u8, Refused> {
    if fail { Err(Refused(CANARY)) } else { Ok(1) }
}

#[task]
fn returns_early(n: u8) -> Result<u8, Refused> {
    if n == 0 {
        return Ok(0);
    }
    let n = may_fail(n == 1)?;
    Ok(n)
}

#[test]
fn early_returns_and_question_marks_end_a_sync_span() {
    let (outputs, trace) = record_sync(|| [0, 1, 2].map(|n| returns_early(n).is_ok()));
    assert_eq!(outputs, [true, false, true]);
    let ended: Vec<_> = trace.spans().iter().filter(|span| span.name() == "returns_early").collect();
    assert_eq!(ended.iter().filter(|span| span.is_error()).count(), 1);
    assert_eq!((ended.len(), trace.spans().len()), (3, 5));
    let expected: Vec<_> = trace.spans().iter().filter(|span| span.name() == "may_fail").collect();
    assert!(expected.iter().all(|span| !span.is_error() && error_type(span).is_none()));
}

#[task]
fn bursts() {
    panic!("{CANARY}");
}

#[agent]
async fn bursts_later() {
    yield_now().await;
    bursts();
}

fn assert_panicked(trace: &Trace, name: &str) {
    let span = trace.span(name);
    assert!(span.is_error(), "{trace}");
    assert_eq!(error_type(span).as_deref(), Some("panic"), "{trace}");
    assert!(!span.is_cancelled(), "{trace}");
}

#[tokio::test]
async fn a_panic_is_an_error_of_every_span_that_it_passes() {
    let (output, trace) = record(async { llmetry::spawn(bursts_later()).await }).await;
    assert!(output.is_err());
    assert_eq!(trace.spans().len(), 2);
    assert_panicked(&trace, "bursts");
    assert_panicked(&trace, "invoke_agent bursts_later");
}

#[task]
async fn waits() {
    std::future::pending::<()>().await;
}

/// Polls once.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

#[test]
fn a_future_dropped_after_its_first_poll_is_cancelled() {
    let ((), trace) = record_sync(|| {
        let mut waiting = Box::pin(waits());
        assert!(poll(waiting.as_mut()).is_pending());
        drop(waiting);
        drop(waits());
    });
    assert_eq!(trace.to_string(), "waits cancelled\n", "one span; none for the future that was never polled");
    assert_eq!(trace.spans()[0].status(), &Status::Unset);
}

#[test]
fn a_future_dropped_by_somebody_elses_panic_is_cancelled() {
    let (result, trace) = record_sync(|| {
        catch_unwind(AssertUnwindSafe(|| {
            let mut waiting = Box::pin(waits());
            assert!(poll(waiting.as_mut()).is_pending());
            panic!("not its own");
        }))
    });
    assert!(result.is_err());
    assert_eq!(trace.to_string(), "waits cancelled\n");
}

#[test]
fn a_polled_future_is_cancelled_where_another_one_panics() {
    #[workflow]
    async fn both(started: &Notify) {
        let patient = async {
            started.notify_one();
            waits().await;
        };
        let burst = async {
            started.notified().await;
            bursts();
        };
        tokio::join!(patient, burst);
    }
    let (result, trace) = record_sync(|| {
        catch_unwind(AssertUnwindSafe(|| {
            let started = Notify::new();
            let mut both = pin!(both(&started));
            while poll(both.as_mut()).is_pending() {}
        }))
    });
    assert!(result.is_err());
    assert_eq!(trace.to_string(), "invoke_workflow both !panic\n  waits cancelled\n  bursts !panic\n");
}

#[test]
fn an_aborted_task_is_cancelled_once() {
    let (started, trace) = record_sync(|| {
        let runtime = multi_thread();
        runtime.block_on(async {
            let started = Arc::new(Notify::new());
            let inside = Arc::clone(&started);
            let task = llmetry::spawn(async move {
                inside.notify_one();
                waits().await;
            });
            started.notified().await;
            task.abort();
            task.await.unwrap_err().is_cancelled()
        })
    });
    assert!(started);
    assert_eq!(trace.to_string(), "waits cancelled\n");
}

/// All of the exported spans as text.
fn everything(memory: &MemoryExporter) -> String {
    format!("{:?}", memory.spans())
}

#[task]
fn survives() {
    llmetry::current().record_error(&Refused(CANARY));
}

fn fail_in_every_way() {
    multi_thread().block_on(async {
        whole(true).await.unwrap_err();
        spawns().await.unwrap_err();
        llmetry::spawn(bursts_later()).await.unwrap_err();
        survives();
    });
}

#[test]
fn without_content_no_text_of_an_error_leaves() {
    let said = program::run(|| {
        std::panic::set_hook(Box::new(|_| ()));
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        fail_in_every_way();
        assert!(guard.shutdown(LONG).is_complete());
        assert_eq!(memory.spans().len(), 8);
        assert!(!everything(&memory).contains(CANARY), "{}", everything(&memory));
    });
    assert!(!said.stderr.contains(CANARY) && !said.stdout.contains(CANARY));
}

#[test]
fn with_content_the_text_is_there_once() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).capture_content(true).init().unwrap();
        multi_thread().block_on(whole(true)).unwrap_err();
        assert!(guard.shutdown(LONG).is_complete());
        let spans = memory.spans();
        let texts: Vec<_> = spans
            .iter()
            .flat_map(|span| span.events.iter())
            .flat_map(|event| event.attributes.iter())
            .filter(|attribute| attribute.key.as_str() == "exception.message")
            .map(|attribute| attribute.value.clone())
            .collect();
        assert_eq!(texts, [Value::from(format!("refused with {CANARY}"))]);
        assert!(spans.iter().all(
            |span| matches!(&span.status, Status::Error { description } if description.contains(CANARY))
        ));
    });
}

#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("an error that cannot be shown");
    }
}

#[task]
fn fails_unspeakably() -> Result<u8, Unspeakable> {
    Err(Unspeakable)
}

#[test]
fn an_error_that_cannot_be_shown_is_still_returned() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).capture_content(true).init().unwrap();
        assert!(fails_unspeakably().is_err());
        assert!(guard.shutdown(LONG).is_complete());
        assert!(matches!(memory.spans()[0].status, Status::Error { .. }));
    });
}
