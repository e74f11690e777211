//! The same program in the words of OpenTelemetry and in those of OpenLLMetry: names, and what is handed on to the spans inside.

use std::sync::Arc;

use llmetry::export::MemoryExporter;
use llmetry::{Convention, Guard, InCurrentTrace, agent, task, tool, workflow};
use opentelemetry::trace::{FutureExt, SpanId, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, Value, global};
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};
use tracing::Instrument;
use tracing_subscriber::prelude::*;

use crate::program;
use crate::support::{LONG, attribute, current_thread, multi_thread, named, names};

const BOTH: [Convention; 2] = [Convention::GenAi, Convention::Traceloop];

/// Telemetry into memory.
pub(crate) fn start(convention: Convention) -> (Guard, MemoryExporter) {
    let memory = MemoryExporter::new();
    let guard = llmetry::builder().exporter(memory.clone()).convention(convention).init().unwrap();
    (guard, memory)
}

pub(crate) fn exported(guard: &Guard, memory: &MemoryExporter) -> Vec<SpanData> {
    assert!(guard.flush(LONG).is_complete());
    let mut spans = memory.take();
    spans.sort_by_key(|span| span.start_time);
    spans
}

/// The spans of `program`, by start; `tracing` is bridged on this thread.
pub(crate) fn spans_of(convention: Convention, program: impl Future<Output = ()>) -> Vec<SpanData> {
    let (guard, memory) = start(convention);
    let subscriber = tracing_subscriber::registry().with(guard.tracing_layer());
    tracing::subscriber::with_default(subscriber, || current_thread().block_on(program));
    exported(&guard, &memory)
}

fn text(span: &SpanData, key: &str) -> String {
    attribute(span, key).map_or("-".to_owned(), ToString::to_string)
}

/// `span < parent: workflow, agent, path`, `-` for what is not there.
pub(crate) fn handed_on(spans: &[SpanData]) -> Vec<String> {
    let name = |id: SpanId| {
        let found = spans.iter().find(|span| span.span_context.span_id() == id);
        found.map_or("-".to_owned(), |span| span.name.to_string())
    };
    let line = |span: &SpanData| {
        let values = ["traceloop.workflow.name", "gen_ai.agent.name", "traceloop.entity.path"];
        let values = values.map(|key| text(span, key)).join(", ");
        format!("{} < {}: {values}", span.name, name(span.parent_span_id))
    };
    spans.iter().map(line).collect()
}

/// The key that the property `key` has.
fn property(convention: Convention, key: &str) -> String {
    match convention {
        Convention::Traceloop => format!("traceloop.association.properties.{key}"),
        _ => key.to_owned(),
    }
}

pub(crate) async fn library(name: &'static str) {
    let span = global::tracer("library").start(name);
    yield_now().with_context(Context::current_with_span(span)).await;
}

async fn bridged(name: &'static str) {
    yield_now().instrument(tracing::info_span!("bridged", otel.name = name)).await;
}

#[workflow(name = "w", version = 7)]
async fn a_workflow() {}

#[agent(name = "a", version = 0)]
async fn an_agent() {}

#[task(name = "t")]
fn a_task() {}

#[tool(name = "u")]
fn a_tool() {}

async fn one_of_each() {
    a_workflow().await;
    an_agent().await;
    a_task();
    a_tool();
}

/// Name and all attributes.
fn said(spans: &[SpanData]) -> Vec<String> {
    let said = |span: &SpanData| {
        let attributes = span.attributes.iter().map(|known| format!(" {}={}", known.key, known.value));
        format!("{}:{}", span.name, attributes.collect::<String>())
    };
    spans.iter().map(said).collect()
}

#[test]
fn an_entity_says_its_kind_and_name_and_nothing_else() {
    program::run(|| {
        let genai = spans_of(Convention::GenAi, one_of_each());
        let traceloop = spans_of(Convention::Traceloop, one_of_each());
        assert_eq!(
            said(&genai),
            [
                "invoke_workflow w: gen_ai.operation.name=invoke_workflow gen_ai.workflow.name=w \
                 openinference.span.kind=CHAIN llmetry.entity.version=7",
                "invoke_agent a: gen_ai.operation.name=invoke_agent openinference.span.kind=AGENT \
                 llmetry.entity.version=0 gen_ai.agent.name=a",
                "t: openinference.span.kind=CHAIN",
                "execute_tool u: gen_ai.operation.name=execute_tool gen_ai.tool.name=u gen_ai.tool.type=function",
            ]
        );
        assert_eq!(
            said(&traceloop),
            [
                "w.workflow: traceloop.span.kind=workflow traceloop.entity.name=w \
                 gen_ai.operation.name=invoke_workflow gen_ai.workflow.name=w traceloop.entity.version=7 \
                 traceloop.workflow.name=w",
                "a.agent: traceloop.span.kind=agent traceloop.entity.name=a gen_ai.operation.name=invoke_agent \
                 traceloop.entity.version=0 gen_ai.agent.name=a",
                "t.task: traceloop.span.kind=task traceloop.entity.name=t",
                "u.tool: traceloop.span.kind=tool traceloop.entity.name=u gen_ai.operation.name=execute_tool \
                 gen_ai.tool.name=u gen_ai.tool.type=function",
            ]
        );
        for span in genai.iter().chain(&traceloop) {
            assert_eq!(
                (&span.span_kind, &span.status),
                (&SpanKind::Internal, &Status::Unset),
                "{}",
                span.name
            );
            assert_eq!(span.parent_span_id, SpanId::INVALID, "{}", span.name);
            assert!(span.events.is_empty(), "{}", span.name);
            assert_eq!(span.instrumentation_scope.name(), "llmetry");
        }
        let version = |spans: &[SpanData], key| attribute(&spans[0], key).cloned();
        assert_eq!(version(&genai, "llmetry.entity.version"), Some(Value::I64(7)));
        assert_eq!(version(&traceloop, "traceloop.entity.version"), Some(Value::I64(7)));
    });
}

#[workflow(name = "flow")]
async fn flow() {
    library("in flow").await;
    planner().await;
    another().await;
    bridged("after").await;
}

#[agent(name = "planner")]
async fn planner() {
    library("in planner").await;
    outer().await;
    search();
}

#[task(name = "outer")]
async fn outer() {
    bridged("in outer").await;
    inner().await;
    helper().await;
    library("again in outer").await;
}

#[task(name = "inner")]
async fn inner() {
    library("in inner").await;
    innermost();
}

#[task(name = "innermost")]
fn innermost() {
    global::tracer("library").in_span("model", |_| search());
}

#[agent(name = "helper")]
async fn helper() {
    library("in helper").await;
    search();
}

#[tool(name = "search")]
fn search() {
    tracing::info_span!("bridged", otel.name = "query").in_scope(|| ());
}

#[workflow(name = "another")]
async fn another() {
    library("in another").await;
    outermost_again(1).await;
}

#[task(name = "same")]
async fn outermost_again(more: u8) {
    if more > 0 {
        Box::pin(outermost_again(more - 1)).await;
    } else {
        library("in same").await;
    }
}

#[test]
fn what_is_around_stands_on_every_span_inside() {
    program::run(|| {
        let spans = spans_of(Convention::Traceloop, flow());
        assert_eq!(
            handed_on(&spans),
            [
                "flow.workflow < -: flow, -, -",
                "in flow < flow.workflow: flow, -, -",
                "planner.agent < flow.workflow: flow, planner, -",
                "in planner < planner.agent: flow, planner, -",
                "outer.task < planner.agent: flow, planner, -",
                "in outer < outer.task: flow, planner, outer",
                "inner.task < outer.task: flow, planner, outer",
                "in inner < inner.task: flow, planner, outer.inner",
                "innermost.task < inner.task: flow, planner, outer.inner",
                "model < innermost.task: flow, planner, outer.inner.innermost",
                "search.tool < model: flow, planner, outer.inner.innermost",
                "query < search.tool: flow, planner, outer.inner.innermost.search",
                "helper.agent < outer.task: flow, helper, outer",
                "in helper < helper.agent: flow, helper, outer",
                "search.tool < helper.agent: flow, helper, outer",
                "query < search.tool: flow, helper, outer.search",
                "again in outer < outer.task: flow, planner, outer",
                "search.tool < planner.agent: flow, planner, -",
                "query < search.tool: flow, planner, search",
                "another.workflow < flow.workflow: another, -, -",
                "in another < another.workflow: another, -, -",
                "same.task < another.workflow: another, -, -",
                "same.task < same.task: another, -, same",
                "in same < same.task: another, -, same.same",
                "after < flow.workflow: flow, -, -",
            ]
        );
        for span in &spans {
            let is_entity = span.instrumentation_scope.name() == "llmetry";
            for key in ["traceloop.span.kind", "traceloop.entity.name"] {
                assert_eq!(attribute(span, key).is_some(), is_entity, "{key} on {}", span.name);
            }
        }
    });
}

#[test]
fn opentelemetrys_words_hand_on_the_agent_alone() {
    program::run(|| {
        let spans = spans_of(Convention::GenAi, flow());
        assert_eq!(spans.len(), 25, "{:?}", names(&spans));
        let with_agent = spans.iter().filter(|span| attribute(span, "gen_ai.agent.name").is_some());
        assert_eq!(with_agent.count(), 17);
        assert_eq!(text(named(&spans, "model"), "gen_ai.agent.name"), "planner");
        assert_eq!(text(named(&spans, "in helper"), "gen_ai.agent.name"), "helper");
        assert_eq!(text(named(&spans, "again in outer"), "gen_ai.agent.name"), "planner");
        for span in &spans {
            let foreign = span.attributes.iter().find(|known| known.key.as_str().starts_with("traceloop."));
            assert_eq!(foreign, None, "{}", span.name);
        }
    });
}

async fn flow_of_a_team() {
    team().await;
    other_team().await;
    planner_alone().await;
    library("outside").await;
    stray();
}

#[workflow(name = "team")]
async fn team() {
    planner_alone().await;
}

#[workflow(name = "other team")]
async fn other_team() {
    planner_alone().await;
}

#[agent(name = "planner")]
async fn planner_alone() {
    library("call").await;
}

#[task(name = "stray")]
fn stray() {}

#[test]
fn a_name_ends_with_the_span_that_gave_it() {
    program::run(|| {
        let spans = spans_of(Convention::Traceloop, flow_of_a_team());
        assert_eq!(
            handed_on(&spans),
            [
                "team.workflow < -: team, -, -",
                "planner.agent < team.workflow: team, planner, -",
                "call < planner.agent: team, planner, -",
                "other team.workflow < -: other team, -, -",
                "planner.agent < other team.workflow: other team, planner, -",
                "call < planner.agent: other team, planner, -",
                "planner.agent < -: -, planner, -",
                "call < planner.agent: -, planner, -",
                "outside < -: -, -, -",
                "stray.task < -: -, -, -",
            ]
        );
        let trace = |index: usize| spans[index].span_context.trace_id();
        assert!((0..9).all(|index| trace(index) != trace(9)), "a trace of its own");
    });
}

#[workflow(name = "spread")]
async fn spread() {
    fan_out().await;
}

#[task(name = "fan out")]
async fn fan_out() {
    tokio::join!(leaf("joined"), async { llmetry::spawn(leaf("spawned")).await.unwrap() }, async {
        tokio::spawn(leaf("carried").in_current_trace()).await.unwrap();
    });
    let thread = llmetry::scoped(|| global::tracer("library").in_span("in a thread", |_| ()));
    std::thread::spawn(thread).join().unwrap();
}

#[task(name = "leaf")]
async fn leaf(name: &'static str) {
    yield_now().await;
    library(name).await;
}

#[test]
fn what_is_around_goes_along_into_tasks_and_threads() {
    program::run(|| {
        for runtime in [current_thread(), multi_thread()] {
            let (guard, memory) = start(Convention::Traceloop);
            runtime.block_on(async { tokio::spawn(spread()).await.unwrap() });
            let mut seen = handed_on(&exported(&guard, &memory));
            seen.sort();
            assert_eq!(
                seen,
                [
                    "carried < leaf.task: spread, -, fan out.leaf",
                    "fan out.task < spread.workflow: spread, -, -",
                    "in a thread < fan out.task: spread, -, fan out",
                    "joined < leaf.task: spread, -, fan out.leaf",
                    "leaf.task < fan out.task: spread, -, fan out",
                    "leaf.task < fan out.task: spread, -, fan out",
                    "leaf.task < fan out.task: spread, -, fan out",
                    "spawned < leaf.task: spread, -, fan out.leaf",
                    "spread.workflow < -: spread, -, -",
                ]
            );
        }
    });
}

#[workflow(name = "hurried")]
async fn hurried(go: Arc<Notify>) -> [JoinHandle<()>; 1] {
    leaves_work_behind(go)
}

#[task(name = "submit")]
fn leaves_work_behind(go: Arc<Notify>) -> [JoinHandle<()>; 1] {
    [llmetry::spawn(async move {
        go.notified().await;
        leaf("late").await;
    })]
}

#[test]
fn a_task_that_outlives_its_workflow_keeps_the_name() {
    program::run(|| {
        let (guard, memory) = start(Convention::Traceloop);
        current_thread().block_on(async {
            let go = Arc::new(Notify::new());
            let [task] = hurried(Arc::clone(&go)).await;
            let ended = exported(&guard, &memory);
            assert_eq!(names(&ended), ["hurried.workflow", "submit.task"]);
            go.notify_one();
            task.await.unwrap();
            let late = exported(&guard, &memory);
            assert_eq!(
                handed_on(&late),
                ["leaf.task < -: hurried, -, submit", "late < leaf.task: hurried, -, submit.leaf"]
            );
            assert_eq!(late[0].parent_span_id, ended[1].span_context.span_id());
            assert_eq!(late[0].span_context.trace_id(), ended[1].span_context.trace_id());
        });
    });
}

#[workflow(name = "visit")]
async fn visit() {
    library("before").await;
    let here = llmetry::current();
    here.set_property("visitor", "John Doe");
    here.set_property("attempt", 1);
    here.set_property("attempt", 2);
    library("after").await;
    step_of_visit().await;
    here.set_property("late", true);
    library("last").await;
}

#[task(name = "step")]
async fn step_of_visit() {
    llmetry::current().set_property("step", 0.5);
    library("in step").await;
}

#[test]
fn properties_are_handed_on_from_where_they_are_set() {
    program::run(|| {
        for convention in BOTH {
            let spans = spans_of(convention, visit());
            let of = |span: &SpanData| {
                ["visitor", "attempt", "late", "step"]
                    .map(|key| attribute(span, &property(convention, key)).cloned())
            };
            let (john, two) = (Some(Value::from("John Doe")), Some(Value::I64(2)));
            let (late, step) = (Some(Value::Bool(true)), Some(Value::F64(0.5)));
            assert_eq!(
                of(&spans[0]),
                [john.clone(), two.clone(), late.clone(), None],
                "the workflow has all"
            );
            assert_eq!(of(named(&spans, "before")), [None, None, None, None]);
            assert_eq!(of(named(&spans, "after")), [john.clone(), two.clone(), None, None]);
            assert_eq!(of(&spans[3]), [john.clone(), two.clone(), None, step.clone()], "{}", spans[3].name);
            assert_eq!(of(named(&spans, "in step")), [john.clone(), two.clone(), None, step]);
            assert_eq!(of(named(&spans, "last")), [john, two, late, None], "nothing of the step's");
            for span in &spans {
                let mut keys: Vec<_> = span.attributes.iter().map(|known| known.key.as_str()).collect();
                keys.sort_unstable();
                assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?} on {}", span.name);
            }
        }
    });
}

async fn says_who_asks() {
    // On a span that is not ours.
    let span = global::tracer("library").start("request");
    let inside = async {
        llmetry::current().set_user_id("u-1");
        llmetry::current().set_property("tier", "gold");
        tokio::join!(conversation("c-1"), conversation("c-2"));
        library("between").await;
    };
    inside.with_context(Context::current_with_span(span)).await;
    conversation("c-3").await;
    library("outside").await;
}

#[task(name = "talk")]
async fn conversation(id: &'static str) {
    library("early").await;
    llmetry::current().set_conversation_id(id);
    llmetry::current().set_property("topic", id);
    yield_now().await;
    library(id).await;
}

#[test]
fn who_is_asking_stands_on_every_span_inside() {
    program::run(|| {
        for convention in BOTH {
            let spans = spans_of(convention, says_who_asks());
            let (user, session) = match convention {
                Convention::Traceloop => {
                    (property(convention, "user_id"), property(convention, "session_id"))
                }
                _ => ("user.id".to_owned(), "gen_ai.conversation.id".to_owned()),
            };
            let (tier, topic) = (property(convention, "tier"), property(convention, "topic"));
            let keys = ["gen_ai.conversation.id", &session, &topic, &user, &tier];
            let of = |span: &SpanData| keys.map(|key| text(span, key)).join(" ");
            assert_eq!(of(named(&spans, "request")), "- - - u-1 gold");
            assert_eq!(of(named(&spans, "between")), "- - - u-1 gold");
            assert_eq!(of(named(&spans, "c-1")), "c-1 c-1 c-1 u-1 gold");
            assert_eq!(of(named(&spans, "c-2")), "c-2 c-2 c-2 u-1 gold");
            assert_eq!(of(named(&spans, "c-3")), "c-3 c-3 c-3 - -");
            assert_eq!(of(named(&spans, "outside")), "- - - - -");
            let mut tasks: Vec<_> =
                spans.iter().filter(|span| span.name.starts_with("talk")).map(of).collect();
            tasks.sort();
            assert_eq!(tasks, ["c-1 c-1 c-1 u-1 gold", "c-2 c-2 c-2 u-1 gold", "c-3 c-3 c-3 - -"]);
            let early = spans.iter().filter(|span| span.name == "early").map(of);
            assert_eq!(early.collect::<Vec<_>>(), ["- - - u-1 gold", "- - - u-1 gold", "- - - - -"]);
            let other = match convention {
                Convention::Traceloop => "user.id",
                _ => "traceloop.association.properties.user_id",
            };
            assert!(spans.iter().all(|span| attribute(span, other).is_none()), "{other}");
        }
    });
}

#[test]
fn the_environment_names_the_convention() {
    let variables = [("LLMETRY_CONVENTION", "traceloop"), ("OTEL_TRACES_EXPORTER", "none")];
    program::with_env(&variables, || {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        a_task();
        assert_eq!(names(&exported(&guard, &memory)), ["t.task"]);
        drop(guard);
        // The builder overrules it.
        let (guard, memory) = start(Convention::GenAi);
        a_task();
        assert_eq!(names(&exported(&guard, &memory)), ["t"]);
    });
}
