//! What the tables are checked with: values that say when they are dropped, an executor that can stop half-way, spans as a line of text.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use llmetry::opentelemetry::Value;
use llmetry::testing::{RecordedSpan, Trace, record_sync};

// ---- What the functions are given.

thread_local! {
    static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Notes that something happened, between the drops.
pub(crate) fn log(word: &'static str) {
    LOG.with_borrow_mut(|log| log.push(word));
}

/// What was noted so far.
pub(crate) fn take_log() -> Vec<&'static str> {
    LOG.take()
}

/// Logs its name when it is dropped.
#[derive(Debug)]
pub(crate) struct D(pub(crate) &'static str);

impl Drop for D {
    fn drop(&mut self) {
        log(self.0);
    }
}

pub(crate) fn pair(one: &'static str, two: &'static str) -> (D, D) {
    (D(one), D(two))
}

/// An error with a message.
#[derive(Clone, Debug)]
pub(crate) struct Broken;

impl Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl Error for Broken {}

/// An error that cannot be printed.
#[derive(Debug)]
pub(crate) struct Silent;

impl From<Broken> for Silent {
    fn from(_: Broken) -> Self {
        Self
    }
}

// ---- How they are run.

/// Pending once.
pub(crate) struct Pause(bool);

pub(crate) fn pause() -> Pause {
    Pause(false)
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Polls once.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls to the end.
pub(crate) fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Poll::Ready(output) = poll_once(future.as_mut()) {
            return output;
        }
    }
    panic!("still pending")
}

/// Drops the future after its first poll.
pub(crate) fn cancel<F: Future>(future: F) {
    let mut future = pin!(future);
    assert!(poll_once(future.as_mut()).is_pending(), "nothing to cancel");
}

/// Never polled, then cancelled, then finished.
pub(crate) fn fates<F: Future>(make: impl Fn() -> F) -> F::Output {
    drop(make());
    log("never polled");
    cancel(make());
    log("cancelled");
    finish(make())
}

// ---- What is seen of it.

/// The last thing in every trace: it shows that the shape left the current span as it was.
#[llmetry::task]
fn after() {}

/// The parent of every shape.
#[llmetry::task]
fn around<R>(f: impl FnOnce() -> R) -> R {
    let output = f();
    after();
    output
}

#[derive(Debug, PartialEq)]
struct Ran {
    /// What was returned, or the panic's message.
    output: Result<String, String>,
    log: Vec<&'static str>,
}

fn run<R: Debug>(f: impl FnOnce() -> R) -> (Ran, String) {
    take_log();
    let (output, trace) =
        record_sync(|| around(|| catch_unwind(AssertUnwindSafe(|| format!("{:?}", f()))).map_err(message)));
    (Ran { output, log: take_log() }, spans(&trace))
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_default()
}

/// The traced one does what the bare one does, and leaves `expected`.
#[track_caller]
pub(crate) fn check<B: Debug, T: Debug>(
    expected: &str,
    bare: impl FnOnce() -> B,
    traced: impl FnOnce() -> T,
) {
    let (bare, none) = run(bare);
    assert_eq!(none, "", "the bare one leaves no spans");
    let (traced, spans) = run(traced);
    assert_eq!(traced, bare, "what it does");
    assert_eq!(spans, expected, "what it leaves");
}

/// The spans under the outermost one, as a line: `name v2 {field=1} in={"a":1} out=2 x3 !Error cancelled(child, child)`, where a kind but a task stands
/// in front of the name, `x3` are a stream's items, and an error's type has no path.
fn spans(trace: &Trace) -> String {
    let roots: Vec<_> = trace.roots().collect();
    let [root] = roots[..] else { panic!("one trace, with one root:\n{trace}") };
    let mut spans: Vec<_> = trace.children(root).map(|span| text(trace, span)).collect();
    assert_eq!(spans.pop().as_deref(), Some("after"), "{trace}");
    spans.join(", ")
}

fn text(trace: &Trace, span: &RecordedSpan) -> String {
    let mut text = span.name().to_owned();
    for (operation, kind) in
        [("invoke_workflow ", "workflow:"), ("invoke_agent ", "agent:"), ("execute_tool ", "tool:")]
    {
        text = text.replace(operation, kind);
    }
    let mut fields = Vec::new();
    for (key, value) in span.attributes() {
        if key == "llmetry.entity.version" {
            text += &format!(" v{value}");
        } else if let Some(key) = key.strip_prefix("my.") {
            fields.push(format!("{key}={}", value_text(value)));
        }
    }
    if !fields.is_empty() {
        text += &format!(" {{{}}}", fields.join(", "));
    }
    for (key, short) in [
        ("input.value", "in"),
        ("gen_ai.tool.call.arguments", "in"),
        ("output.value", "out"),
        ("gen_ai.tool.call.result", "out"),
    ] {
        if let Some(content) = span.attribute(key) {
            let content = content.as_str();
            text += &format!(" {short}={}", content.replace(concat!(env!("CARGO_CRATE_NAME"), "::"), ""));
        }
    }
    if let Some(items) = span.attribute("llmetry.stream.items") {
        text += &format!(" x{items}");
    }
    match span.attribute("error.type") {
        Some(error) => text += &format!(" !{}", without_path(&error.as_str())),
        None if span.is_error() => text += " !",
        None => {}
    }
    if span.is_cancelled() {
        text += " cancelled";
    }
    let children: Vec<_> = trace.children(span).map(|child| self::text(trace, child)).collect();
    if !children.is_empty() {
        text += &format!("({})", children.join(", "));
    }
    text
}

/// Texts in quotes, so that a number that became a text is seen.
fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.as_str()),
        Value::F64(number) => format!("{number:?}"),
        other => other.to_string(),
    }
}

/// `a::B<c::D>` as `B<D>`.
fn without_path(name: &str) -> String {
    let parts = name.split_inclusive(['<', '(', ' ', ',', '&']);
    parts.map(|part| part.rsplit("::").next().unwrap_or(part)).collect()
}

/// All registered shapes: told apart by name, and no fewer than `least`.
pub(crate) fn count(tables: &[&[&str]], least: usize) {
    let all: Vec<_> = tables.concat();
    let mut names = all.clone();
    names.sort_unstable();
    names.dedup();
    println!("{} shapes", names.len());
    assert_eq!(names.len(), all.len(), "two shapes of one name");
    assert!(names.len() >= least, "{} shapes", names.len());
}
