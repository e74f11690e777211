//! What several modules need: runtimes, a look at exported spans, the account that has to add up.

use std::time::Duration;

use llmetry::{Stats, task};
use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

/// Long enough for two slow cores; nothing waits so long unless it is broken.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// The value of attribute `key` of an exported span; the last one, as backends read it.
pub(crate) fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    span.attributes.iter().rfind(|attribute| attribute.key.as_str() == key).map(|attribute| &attribute.value)
}

/// The only span of that name.
#[track_caller]
pub(crate) fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "spans named `{name}` among {:?}", names(spans));
    found[0]
}

pub(crate) fn names(spans: &[SpanData]) -> Vec<&str> {
    spans.iter().map(|span| &*span.name).collect()
}

#[track_caller]
pub(crate) fn assert_parent(child: &SpanData, parent: &SpanData) {
    assert_eq!(
        child.span_context.trace_id(),
        parent.span_context.trace_id(),
        "{} in {}",
        child.name,
        parent.name
    );
    assert_eq!(child.parent_span_id, parent.span_context.span_id(), "{} in {}", child.name, parent.name);
}

/// Every span is in exactly one place.
#[track_caller]
pub(crate) fn assert_adds_up(stats: &Stats) {
    let places =
        stats.exported + stats.failed + stats.dropped_total() + stats.queued + stats.spooled + stats.open;
    assert_eq!(stats.started, places, "{stats:?}");
}

#[task]
pub(crate) fn step() -> u8 {
    5
}

#[task]
pub(crate) async fn step_async() -> u8 {
    yield_now().await;
    step()
}

pub(crate) fn steps(count: usize) {
    for _ in 0..count {
        assert_eq!(step(), 5);
    }
}
