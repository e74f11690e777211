//! For tests: run a piece of code and look at the spans that it made.
//!
//! In: a future or closure. Out: what it returned and its [`Trace`]. No `init` is needed, and tests that run in parallel do not see
//! each other: each recording has a trace of its own and keeps only that one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{Event, FutureExt, Link, SpanId, SpanKind, Status};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::pipeline::control::Pipeline;
use crate::scope::{self, ForcedTrace};
use crate::semconv::keys;
use crate::setup;

/// Runs `future` and gives back its output and the spans that ended meanwhile.
///
/// Every span without a parent that is started inside is a root of the same recorded [`Trace`]. Spans of tasks that were spawned and
/// not awaited may be missing: wait for them first.
///
/// ```
/// #[llmetry::task]
/// async fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (output, trace) = llmetry::testing::record(double(21)).await;
/// assert_eq!(output, 42);
/// assert_eq!(trace.to_string(), "double\n");
/// # });
/// ```
///
/// # Panics
///
/// When the system gives no thread for the pipeline.
pub async fn record<F: Future>(future: F) -> (F::Output, Trace) {
    let recording = Recording::start();
    let output = future.with_context(recording.context()).await;
    (output, recording.finish())
}

/// As [`record`], for code that is not async.
///
/// # Panics
///
/// When the system gives no thread for the pipeline.
pub fn record_sync<R>(f: impl FnOnce() -> R) -> (R, Trace) {
    let recording = Recording::start();
    let attached = recording.context().attach();
    let output = f();
    drop(attached);
    (output, recording.finish())
}

struct Recording {
    pipeline: Arc<Pipeline>,
    trace_id: u128,
}

impl Recording {
    fn start() -> Self {
        let pipeline = setup::pipeline_for_tests().expect("the pipeline's thread starts");
        let trace_id = scope::random_trace_id().expect("not called from a thread-local destructor");
        pipeline.tap(trace_id);
        Self { pipeline, trace_id }
    }

    fn context(&self) -> Context {
        Context::new().with_value(ForcedTrace(self.trace_id))
    }

    fn finish(self) -> Trace {
        self.pipeline.flush(Duration::from_secs(10));
        Trace::new(self.pipeline.untap(self.trace_id))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.pipeline.untap(self.trace_id);
    }
}

/// The spans of one recording, by start time.
///
/// Its text is a tree without ids and times, made to be compared: a line a span with its name, indented under its parent, followed by
/// `!error.type` and `cancelled` where they apply.
#[derive(Clone, Debug)]
pub struct Trace {
    spans: Vec<RecordedSpan>,
}

/// One span of a [`Trace`].
#[derive(Clone, Debug)]
pub struct RecordedSpan(SpanData);

impl Trace {
    fn new(mut spans: Vec<SpanData>) -> Self {
        spans.sort_by_key(|span| span.start_time);
        Self { spans: spans.into_iter().map(RecordedSpan).collect() }
    }

    /// All spans, by start time.
    pub fn spans(&self) -> &[RecordedSpan] {
        &self.spans
    }

    /// The first span of that name.
    ///
    /// # Panics
    ///
    /// When there is none; the message shows the tree.
    #[track_caller]
    pub fn span(&self, name: &str) -> &RecordedSpan {
        self.spans
            .iter()
            .find(|span| span.name() == name)
            .unwrap_or_else(|| panic!("no span `{name}` in the trace:\n{self}"))
    }

    /// The span that `span` is a child of, if it is in this trace.
    pub fn parent(&self, span: &RecordedSpan) -> Option<&RecordedSpan> {
        let parent = span.0.parent_span_id;
        self.spans.iter().find(|other| other.0.span_context.span_id() == parent)
    }

    /// The children of `span`, by start time.
    pub fn children<'a>(&'a self, span: &RecordedSpan) -> impl Iterator<Item = &'a RecordedSpan> + use<'a> {
        let id = span.0.span_context.span_id();
        self.spans.iter().filter(move |other| other.0.parent_span_id == id)
    }

    /// Spans whose parent is not in this trace.
    pub fn roots(&self) -> impl Iterator<Item = &RecordedSpan> {
        self.spans.iter().filter(|span| self.parent(span).is_none())
    }
}

impl RecordedSpan {
    /// The span's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind: internal for annotated functions.
    pub fn kind(&self) -> &SpanKind {
        &self.0.span_kind
    }

    /// The value of attribute `key`.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.0
            .attributes
            .iter()
            .find(|attribute| attribute.key.as_str() == key)
            .map(|attribute| &attribute.value)
    }

    /// All attributes, in the order they are exported in.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.attributes.iter().map(|attribute| (attribute.key.as_str(), &attribute.value))
    }

    /// The events.
    pub fn events(&self) -> &[Event] {
        &self.0.events
    }

    /// The links.
    pub fn links(&self) -> &[Link] {
        &self.0.links
    }

    /// The status.
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// Whether the status is an error.
    pub fn is_error(&self) -> bool {
        matches!(self.0.status, Status::Error { .. })
    }

    /// Whether the future was dropped before its end.
    pub fn is_cancelled(&self) -> bool {
        self.attribute(keys::LLMETRY_OUTCOME) == Some(&Value::from("cancelled"))
    }

    /// From start to end.
    pub fn duration(&self) -> Duration {
        self.0.end_time.duration_since(self.0.start_time).unwrap_or_default()
    }

    /// The trace's id, in hexadecimal.
    pub fn trace_id(&self) -> String {
        self.0.span_context.trace_id().to_string()
    }

    /// The span's id, in hexadecimal.
    pub fn span_id(&self) -> String {
        self.0.span_context.span_id().to_string()
    }

    /// The parent's id, in hexadecimal; `None` for a root.
    pub fn parent_span_id(&self) -> Option<String> {
        (self.0.parent_span_id != SpanId::INVALID).then(|| self.0.parent_span_id.to_string())
    }

    /// All that would be exported.
    pub fn data(&self) -> &SpanData {
        &self.0
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut children: HashMap<SpanId, Vec<&RecordedSpan>> = HashMap::new();
        for span in &self.spans {
            children.entry(span.0.parent_span_id).or_default().push(span);
        }
        // A stack, not recursion: traces may be deep. Reversed, so that the first child is taken first.
        let mut open: Vec<(usize, &RecordedSpan)> = self.roots().map(|root| (0, root)).collect();
        open.reverse();
        while let Some((depth, span)) = open.pop() {
            write!(f, "{:indent$}{}", "", span.name(), indent = 2 * depth)?;
            if let Some(error) = span.attribute(keys::ERROR_TYPE) {
                write!(f, " !{error}")?;
            } else if span.is_error() {
                f.write_str(" !error")?;
            }
            if span.is_cancelled() {
                f.write_str(" cancelled")?;
            }
            writeln!(f)?;
            let inside = children.get(&span.0.span_context.span_id());
            open.extend(inside.into_iter().flatten().rev().map(|child| (depth + 1, *child)));
        }
        Ok(())
    }
}
