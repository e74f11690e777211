//! Spans that end while other threads still add to them, and futures that change threads: small enough for `ThreadSanitizer`, see
//! `sanitizers.sh`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context as TaskContext, Waker};
use std::thread;

use llmetry::testing::{RecordedSpan, Trace, record_sync};
use llmetry::{InCurrentTrace, Span, task, workflow};
use opentelemetry::Value;

const THREADS: i64 = 3;
const ROUNDS: i64 = 200;

/// A span that somebody else may add to, with the number that belongs to it.
type Shared = (Span, i64);
type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

#[task]
fn watched(n: i64, meddlers: &[Sender<Shared>]) {
    for meddler in meddlers {
        meddler.send((llmetry::current(), n)).unwrap();
    }
    llmetry::current().set_attribute("own", n);
    child(n);
}

#[task]
fn child(n: i64) {
    llmetry::current().set_attribute("own", n);
}

#[task]
async fn waits(n: i64) {
    llmetry::current().set_attribute("own", n);
    std::future::pending::<()>().await;
}

#[workflow]
fn run(first: i64, meddlers: &[Sender<Shared>], droppers: &Sender<Waiting>) {
    for n in first..first + ROUNDS {
        watched(n, meddlers);
        let mut future: Waiting = Box::pin(waits(n).in_current_trace());
        assert!(future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
        droppers.send(future).unwrap();
    }
}

/// All threads' traces, while two threads meddle and one drops other people's futures.
fn traces() -> Vec<Trace> {
    thread::scope(|scope| {
        let mut meddlers = Vec::new();
        for _ in 0..2 {
            let (sender, spans) = channel::<Shared>();
            meddlers.push(sender);
            scope.spawn(move || {
                for (span, n) in spans {
                    span.set_attribute("meddled", n);
                    span.set_property("handed.on", n);
                    span.add_event("meddled", [("n", n)]);
                    let _ = (span.is_recording(), span.trace_id());
                }
            });
        }
        let (dropper, futures) = channel::<Waiting>();
        let count = scope.spawn(move || futures.into_iter().count());
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (meddlers, dropper) = (meddlers.clone(), dropper.clone());
                scope.spawn(move || record_sync(|| run(thread * ROUNDS, &meddlers, &dropper)).1)
            })
            .collect();
        drop((meddlers, dropper));
        let traces = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(count.join().unwrap(), usize::try_from(THREADS * ROUNDS).unwrap());
        traces
    })
}

#[test]
fn stress_spans_that_end_while_others_add_to_them() {
    for trace in traces() {
        let count = |name: &str| trace.spans().iter().filter(|span| span.name() == name).count();
        let rounds = usize::try_from(ROUNDS).unwrap();
        assert_eq!((count("watched"), count("child")), (rounds, rounds));
        // Those that were dropped after the recording are not in it.
        assert!(count("waits") <= rounds);
        for span in trace.spans().iter().filter(|span| !span.name().starts_with("invoke_workflow")) {
            let own = span.attribute("own").unwrap_or_else(|| panic!("{span:?}"));
            // What others added belongs to this very span, or came too late.
            for key in ["meddled", "handed.on"] {
                assert!(
                    span.attribute(key).is_none_or(|value| value == own),
                    "{key} of another span: {span:?}"
                );
            }
            let events = span.events().iter().flat_map(|event| &event.attributes);
            assert!(events.map(|attribute| &attribute.value).all(|n| n == own), "{span:?}");
            assert!(matches!(own, Value::I64(_)));
        }
        for waits in trace.spans().iter().filter(|span| span.name() == "waits") {
            assert!(waits.is_cancelled());
            assert_eq!(trace.parent(waits).map(RecordedSpan::name), Some("invoke_workflow run"));
        }
    }
}
