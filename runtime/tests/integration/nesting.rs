//! Ours, the OpenTelemetry API's and `tracing`'s spans inside each other: the right parents, one pipeline, nothing twice.

use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use llmetry::export::MemoryExporter;
use llmetry::{Guard, InCurrentTrace, agent, task, testing, workflow};
use opentelemetry::trace::{
    FutureExt, Link, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue, Value, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanProcessor};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};
use tracing::Instrument;
use tracing_subscriber::prelude::*;

use crate::program;
use crate::support::{
    LONG, assert_adds_up, assert_parent, attribute, current_thread, multi_thread, named, names,
};

/// Who makes a span.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Maker {
    Ours,
    OpenTelemetry,
    Tracing,
}

const MAKERS: [Maker; 3] = [Maker::Ours, Maker::OpenTelemetry, Maker::Tracing];

/// How the inner span is reached from the outer one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Call,
    Thread,
    Await,
    Spawn,
    InCurrentTrace,
}

/// Three spans in one another; the middle one shows that a maker's span is both child and parent.
#[derive(Clone, Copy, Debug)]
struct Chain {
    makers: [Maker; 3],
    way: Way,
}

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Says which span this is, as foreign code would; the outermost hands values on.
fn mark(level: usize) {
    let level = i64::try_from(level).unwrap();
    Context::current().span().set_attribute(KeyValue::new("level", level));
    if level == 0 {
        llmetry::current().set_conversation_id("c-1");
        llmetry::current().set_user_id("u-1");
        llmetry::current().set_property("tenant", "acme");
    }
}

/// The span is current again when what is inside has ended.
fn mark_again() {
    Context::current().span().add_event("again", Vec::new());
}

fn call(chain: Chain, level: usize) {
    match chain.makers.get(level) {
        None => {}
        Some(Maker::Ours) => ours(chain, level),
        Some(Maker::OpenTelemetry) => {
            global::tracer("library").in_span("library", |_| inside(chain, level));
        }
        Some(Maker::Tracing) => tracing::info_span!("bridged").in_scope(|| inside(chain, level)),
    }
}

#[task(name = "ours")]
fn ours(chain: Chain, level: usize) {
    inside(chain, level);
}

fn inside(chain: Chain, level: usize) {
    mark(level);
    if chain.way == Way::Thread {
        std::thread::scope(|scope| {
            scope.spawn(llmetry::scoped(|| call(chain, level + 1)));
        });
    } else {
        call(chain, level + 1);
    }
    mark_again();
}

fn call_async(chain: Chain, level: usize) -> Boxed {
    Box::pin(async move {
        match chain.makers.get(level) {
            None => {}
            Some(Maker::Ours) => ours_async(chain, level).await,
            Some(Maker::OpenTelemetry) => {
                let span = global::tracer("library").start("library");
                let ended = async move {
                    inside_async(chain, level).await;
                    Context::current().span().end();
                };
                ended.with_context(Context::current_with_span(span)).await;
            }
            Some(Maker::Tracing) => {
                inside_async(chain, level).instrument(tracing::info_span!("bridged")).await;
            }
        }
    })
}

#[task(name = "ours")]
async fn ours_async(chain: Chain, level: usize) {
    inside_async(chain, level).await;
}

async fn inside_async(chain: Chain, level: usize) {
    mark(level);
    yield_now().await;
    let next = call_async(chain, level + 1);
    match chain.way {
        Way::Spawn => llmetry::spawn(next).await.unwrap(),
        Way::InCurrentTrace => tokio::spawn(next.in_current_trace()).await.unwrap(),
        _ => next.await,
    }
    yield_now().await;
    mark_again();
}

fn assert_chain(chain: Chain, spans: &[SpanData]) {
    assert_eq!(spans.len(), 3, "{chain:?}: {:?}", names(spans));
    let at = |level: i64| {
        let found: Vec<_> =
            spans.iter().filter(|span| attribute(span, "level") == Some(&level.into())).collect();
        assert_eq!(found.len(), 1, "{chain:?}: level {level} in {spans:?}");
        found[0]
    };
    let chained = [at(0), at(1), at(2)];
    for (span, maker) in chained.iter().zip(chain.makers) {
        let name = match maker {
            Maker::Ours => "ours",
            Maker::OpenTelemetry => "library",
            Maker::Tracing => "bridged",
        };
        assert_eq!(span.name, name, "{chain:?}");
        let again = span.events.iter().filter(|event| event.name == "again").count();
        assert_eq!(again, 1, "{chain:?}: {span:?}");
        for (key, value) in [("gen_ai.conversation.id", "c-1"), ("user.id", "u-1"), ("tenant", "acme")] {
            assert_eq!(attribute(span, key), Some(&Value::from(value)), "{chain:?}: {key} on {name}");
        }
    }
    assert_eq!(chained[0].parent_span_id, SpanId::INVALID, "{chain:?}");
    assert_parent(chained[1], chained[0]);
    assert_parent(chained[2], chained[1]);
}

fn chains(ways: &[Way]) -> impl Iterator<Item = Chain> + '_ {
    let pairs = MAKERS.into_iter().flat_map(|outer| MAKERS.map(|middle| (outer, middle)));
    let triples = pairs.flat_map(|(outer, middle)| MAKERS.map(|inner| [outer, middle, inner]));
    triples.flat_map(|makers| ways.iter().map(move |way| Chain { makers, way: *way }))
}

/// Telemetry into memory, with `tracing` bridged for the whole process.
fn start() -> (Guard, MemoryExporter) {
    let memory = MemoryExporter::new();
    let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
    let subscriber = tracing_subscriber::registry().with(guard.tracing_layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    (guard, memory)
}

fn exported(guard: &Guard, memory: &MemoryExporter) -> Vec<SpanData> {
    assert!(guard.flush(LONG).is_complete());
    memory.take()
}

#[test]
fn sync_spans_of_all_makers_nest() {
    program::run(|| {
        let (guard, memory) = start();
        for chain in chains(&[Way::Call, Way::Thread]) {
            call(chain, 0);
            assert_chain(chain, &exported(&guard, &memory));
        }
        let stats = guard.shutdown(LONG).stats;
        assert_eq!((stats.started, stats.exported, stats.open), (3 * 54, 3 * 54, 0));
    });
}

#[test]
fn async_spans_of_all_makers_nest() {
    program::run(|| {
        let (guard, memory) = start();
        for runtime in [current_thread(), multi_thread()] {
            for chain in chains(&[Way::Await, Way::Spawn, Way::InCurrentTrace]) {
                runtime.block_on(async { tokio::spawn(call_async(chain, 0)).await.unwrap() });
                assert_chain(chain, &exported(&guard, &memory));
            }
        }
        let stats = guard.shutdown(LONG).stats;
        assert_eq!((stats.started, stats.exported, stats.open), (3 * 162, 3 * 162, 0));
    });
}

#[test]
fn interleaved_traces_do_not_mix() {
    program::run(|| {
        let (guard, memory) = start();
        multi_thread().block_on(async {
            let tasks: Vec<_> = chains(&[Way::Await, Way::Spawn, Way::InCurrentTrace])
                .map(|chain| (chain, tokio::spawn(call_async(chain, 0))))
                .collect();
            for (_, task) in tasks {
                task.await.unwrap();
            }
        });
        let spans = exported(&guard, &memory);
        let roots: Vec<_> = spans.iter().filter(|span| span.parent_span_id == SpanId::INVALID).collect();
        assert_eq!((roots.len(), spans.len()), (81, 3 * 81));
        for root in roots {
            let levels: Vec<_> = spans
                .iter()
                .filter(|span| span.span_context.trace_id() == root.span_context.trace_id())
                .filter_map(|span| attribute(span, "level").cloned())
                .collect();
            assert_eq!(levels.len(), 3, "{levels:?}");
        }
    });
}

#[workflow]
async fn conversations() {
    tokio::join!(conversation("one"), conversation("two"));
    library_call("after").await;
}

#[agent(name = "talker")]
async fn conversation(id: &'static str) {
    yield_now().await;
    library_call("before").await;
    llmetry::current().set_conversation_id(id);
    llmetry::current().set_property("side", id);
    yield_now().await;
    library_call(id).await;
    tracing::info_span!("bridged", otel.name = format!("bridged {id}")).in_scope(|| ());
    leaf().await;
}

#[task]
async fn leaf() {
    yield_now().await;
}

async fn library_call(name: &'static str) {
    let span = global::tracer("library").start(name);
    yield_now().with_context(Context::current_with_span(span)).await;
}

#[test]
fn siblings_and_the_outside_inherit_nothing() {
    program::run(|| {
        let (guard, memory) = start();
        current_thread().block_on(async {
            conversations().await;
            library_call("outside").await;
            leaf().await;
        });
        let spans = exported(&guard, &memory);
        let inherited = |span: &SpanData| {
            ["gen_ai.conversation.id", "side", "gen_ai.agent.name"]
                .map(|key| attribute(span, key).map_or(String::new(), ToString::to_string))
        };
        for id in ["one", "two"] {
            assert_eq!(inherited(named(&spans, id)), [id, id, "talker"]);
            assert_eq!(inherited(named(&spans, &format!("bridged {id}"))), [id, id, "talker"]);
            let agent =
                spans.iter().find(|span| span.name == "invoke_agent talker" && inherited(span)[0] == id);
            let agent_id = agent.expect("an agent carries its own values").span_context.span_id();
            let inside: Vec<_> = spans.iter().filter(|span| span.parent_span_id == agent_id).collect();
            assert_eq!(inside.len(), 4, "{:?}", names(&spans));
        }
        for span in spans.iter().filter(|span| span.name == "before") {
            assert_eq!(inherited(span), ["", "", "talker"]);
        }
        for name in ["after", "outside", "invoke_workflow conversations"] {
            assert_eq!(inherited(named(&spans, name)), ["", "", ""], "{name}");
        }
        let outside = spans.iter().find(|span| span.name == "leaf" && span.parent_span_id == SpanId::INVALID);
        assert_eq!(inherited(outside.expect("the last leaf is a root")), ["", "", ""]);
    });
}

#[test]
fn values_handed_on_stand_once_on_a_foreign_span() {
    program::run(|| {
        let (guard, memory) = start();
        let hand_on = || {
            mark(0);
            llmetry::current().set_user_id("u-2");
        };
        global::tracer("library").in_span("library", |_| hand_on());
        tracing::info_span!("bridged").in_scope(hand_on);
        for span in exported(&guard, &memory) {
            for (key, value) in [("gen_ai.conversation.id", "c-1"), ("user.id", "u-2"), ("tenant", "acme")] {
                let values: Vec<_> = span
                    .attributes
                    .iter()
                    .filter(|known| known.key.as_str() == key)
                    .map(|known| &known.value)
                    .collect();
                assert_eq!(values, [&Value::from(value)], "{key} on {}", span.name);
            }
        }
    });
}

#[workflow]
async fn leaves_behind(go: Arc<Notify>) -> [JoinHandle<()>; 1] {
    llmetry::current().set_user_id("u-9");
    let late = async move {
        go.notified().await;
        leaf().await;
        library_call("late").await;
    };
    let task = llmetry::spawn(late);
    llmetry::current().set_user_id("u-10");
    [task]
}

#[test]
fn a_task_that_outlives_its_parent_stays_in_the_trace() {
    program::run(|| {
        let (guard, memory) = start();
        current_thread().block_on(async {
            let go = Arc::new(Notify::new());
            let [task] = leaves_behind(Arc::clone(&go)).await;
            let parent = exported(&guard, &memory).remove(0);
            go.notify_one();
            task.await.unwrap();
            let spans = exported(&guard, &memory);
            assert_eq!(spans.len(), 2, "{:?}", names(&spans));
            for span in &spans {
                assert_parent(span, &parent);
                assert_eq!(
                    attribute(span, "user.id"),
                    Some(&Value::from("u-9")),
                    "as it was at the spawn: {}",
                    span.name
                );
            }
        });
    });
}

#[task]
async fn handled_by_a_library() {
    yield_now().await;
    let context = Context::current();
    let span = context.span();
    assert!(span.is_recording());
    span.set_attribute(KeyValue::new("rows", 3));
    span.set_attribute(KeyValue::new("rows", 4));
    span.add_event("cache.miss", vec![KeyValue::new("cache", "embeddings")]);
    span.set_status(Status::error("refused"));
    span.add_link(linked(), vec![KeyValue::new("why", "batch")]);
    span.update_name("renamed");
}

fn linked() -> SpanContext {
    SpanContext::new(TraceId::from(7), SpanId::from(8), TraceFlags::SAMPLED, true, TraceState::NONE)
}

#[tokio::test]
async fn foreign_code_changes_our_span() {
    let ((), trace) = testing::record(handled_by_a_library()).await;
    let span = trace.span("renamed");
    assert_eq!(span.attribute("rows"), Some(&Value::from(4)));
    assert_eq!(span.events().len(), 1);
    assert_eq!(span.events()[0].name, "cache.miss");
    assert_eq!(span.status(), &Status::error("refused"));
    assert_eq!(span.links(), &[Link::new(linked(), vec![KeyValue::new("why", "batch")], 0)]);
    assert_eq!(
        span.attribute("openinference.span.kind"),
        Some(&Value::from("CHAIN")),
        "ours stays beside theirs"
    );
}

#[task]
fn gives_itself_away() -> (llmetry::Span, Context) {
    llmetry::current().set_attribute("early", true);
    (llmetry::current(), Context::current())
}

#[test]
fn a_span_that_has_ended_takes_nothing_and_its_place_stays_clean() {
    let ((), trace) = testing::record_sync(|| {
        let (span, context) = gives_itself_away();
        assert!(!span.is_recording());
        span.set_attribute("late", true);
        context.span().set_attribute(KeyValue::new("late", true));
        context.span().add_event("late", Vec::new());
        // The same place of the slab, most likely.
        let (next, _) = gives_itself_away();
        span.set_user_id("late");
        assert_ne!(next.context().span().span_context(), span.context().span().span_context());
    });
    assert_eq!(trace.spans().len(), 2);
    for span in trace.spans() {
        assert_eq!(span.attribute("early"), Some(&Value::from(true)));
        assert_eq!((span.attribute("late"), span.attribute("user.id"), span.events().len()), (None, None, 0));
    }
}

/// What a `fmt` layer wrote.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[task]
fn logs() {
    tracing::info_span!("bridged", answer = 42).in_scope(|| tracing::info!("said inside"));
}

#[test]
fn the_layer_stands_beside_a_fmt_subscriber() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()))
            .with(guard.tracing_layer())
            .init();
        logs();
        let spans = exported(&guard, &memory);
        assert_eq!(spans.len(), 2, "{:?}", names(&spans));
        assert_parent(named(&spans, "bridged"), named(&spans, "logs"));
        assert_eq!(attribute(named(&spans, "bridged"), "answer"), Some(&Value::from(42)));
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("bridged{answer=42}") && log.contains("said inside"), "{log}");
    });
}

#[test]
fn a_provider_of_the_programs_own_uses_our_processor() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).globals(false).init().unwrap();
        let processor = guard.span_processor().unwrap();
        let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
        global::tracer("unset").in_span("nowhere", |_| ours_with(&provider));
        let spans = exported(&guard, &memory);
        assert_eq!(names(&spans).len(), 2, "the global provider was left alone: {:?}", names(&spans));
        assert_parent(named(&spans, "own"), named(&spans, "ours"));
        provider.shutdown().unwrap();
        leaf_sync();
        assert_eq!(exported(&guard, &memory).len(), 1, "the pipeline belongs to the guard");
        assert_adds_up(&guard.stats());
    });
}

#[task(name = "ours")]
fn ours_with(provider: &SdkTracerProvider) {
    provider.tracer("own").in_span("own", |_| ());
}

#[task]
fn leaf_sync() {}

/// A processor of somebody else's: their spans record, and never reach us.
#[derive(Debug)]
struct Elsewhere;

impl SpanProcessor for Elsewhere {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}
    fn on_end(&self, _: SpanData) {}
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[task]
fn handed_on(provider: &SdkTracerProvider) {
    llmetry::current().set_user_id("u-1");
    provider.tracer("ours").in_span("between", |_| leaf_sync());
}

#[test]
fn spans_that_go_elsewhere_leave_nothing_behind() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).globals(false).init().unwrap();
        let theirs = SdkTracerProvider::builder().with_span_processor(Elsewhere).build();
        let tracer = theirs.tracer("theirs");
        // More than may be open at once: each is gone before the next.
        for n in 0..70_000 {
            tracer.in_span("elsewhere", |_| llmetry::current().set_user_id(format!("u-{n}")));
        }
        let ours = SdkTracerProvider::builder().with_span_processor(guard.span_processor().unwrap()).build();
        handed_on(&ours);
        let spans = exported(&guard, &memory);
        assert_eq!(spans.len(), 3);
        for span in &spans {
            assert_eq!(attribute(span, "user.id"), Some(&Value::from("u-1")), "{}", span.name);
        }
    });
}
