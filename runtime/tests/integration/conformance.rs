//! What OpenLLMetry's decorators do and no other module here shows already. CONFORMANCE.md lists all of it, and which test stands for
//! what.

mod captured;

use std::fmt;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::thread;

use futures_core::Stream;
use http::{HeaderMap, HeaderValue};
use llmetry::export::MemoryExporter;
use llmetry::testing::{RecordedSpan, record, record_sync};
use llmetry::{Convention, RequestBuilderExt, Sampler, agent, task, tool, workflow};
use opentelemetry::Value;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use tokio::task::yield_now;

use crate::dialects::{exported, handed_on, library, spans_of, start};
use crate::program;
use crate::support::{LONG, current_thread, names};

#[derive(Clone, Debug)]
struct Refused(Arc<str>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

struct Writer;

impl Writer {
    #[task]
    async fn draft(&self) {}
}

#[agent]
fn plan() {}

#[test]
fn without_a_name_the_functions_own_is_taken() {
    program::run(|| {
        let spans = spans_of(Convention::Traceloop, async {
            Writer.draft().await;
            plan();
        });
        assert_eq!(names(&spans), ["draft.task", "plan.agent"]);
    });
}

#[workflow(name = "w")]
async fn three_levels() {
    middle().await;
}

#[task(name = "t")]
async fn middle() {
    library("llm").await;
}

#[test]
fn inner_spans_end_first() {
    program::run(|| {
        let (guard, memory) = start(Convention::Traceloop);
        current_thread().block_on(three_levels());
        // Of one thread they are exported in the order of their ends.
        assert!(guard.flush(LONG).is_complete());
        let spans = memory.take();
        assert_eq!(names(&spans), ["llm", "t.task", "w.workflow"]);
        for pair in spans.windows(2) {
            assert!(pair[0].end_time <= pair[1].end_time && pair[0].start_time >= pair[1].start_time);
        }
    });
}

#[tool]
fn takes_and_gives(list: &mut Vec<u8>, refused: Option<Refused>) -> Result<&mut u8, Refused> {
    list.push(7);
    match refused {
        Some(refused) => Err(refused),
        None => Ok(&mut list[0]),
    }
}

#[test]
fn arguments_results_and_errors_are_the_callers_own() {
    let ((), trace) = record_sync(|| {
        let mut list = vec![1];
        *takes_and_gives(&mut list, None).unwrap() += 1;
        let refused = Refused("no".into());
        let error = takes_and_gives(&mut list, Some(refused.clone())).unwrap_err();
        assert!(Arc::ptr_eq(&error.0, &refused.0), "the very same error");
        assert_eq!(list, [2, 7, 7]);
    });
    assert_eq!(trace.spans().len(), 2);
}

#[task]
fn refuses() -> Result<u8, Refused> {
    Err(Refused("no".into()))
}

#[workflow]
fn copes() -> u8 {
    refuses().unwrap_or(3)
}

#[test]
fn an_error_that_is_handled_inside_leaves_the_outer_span_alone() {
    let (output, trace) = record_sync(copes);
    assert_eq!(output, 3);
    assert!(trace.span("refuses").is_error());
    let outer = trace.span("invoke_workflow copes");
    assert_eq!((outer.status(), outer.events().len()), (&Status::Unset, 0));
}

#[test]
fn a_sync_error_has_its_text_with_content_on() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).capture_content(true).init().unwrap();
        refuses().unwrap_err();
        let [span] = exported(&guard, &memory).try_into().unwrap();
        assert_eq!(span.status, Status::error("refused: no"));
        assert_eq!(span.events.len(), 1);
        assert_eq!(span.events[0].name, "exception");
        let said = span.events[0].attributes.iter().map(|known| format!("{}={}", known.key, known.value));
        let said: Vec<_> = said.collect();
        let type_name = std::any::type_name::<Refused>();
        assert_eq!(said, [format!("exception.type={type_name}"), "exception.message=refused: no".to_owned()]);
    });
}

#[task(name = "outer")]
async fn gathers() {
    tokio::join!(leaf_a(), leaf_b(), leaf_c());
}

#[task(name = "a")]
async fn leaf_a() {
    waits_and_calls("call of a").await;
}

#[task(name = "b")]
async fn leaf_b() {
    waits_and_calls("call of b").await;
}

#[tool(name = "c")]
async fn leaf_c() {
    waits_and_calls("call of c").await;
}

async fn waits_and_calls(name: &'static str) {
    for _ in 0..3 {
        yield_now().await;
        library(name).await;
    }
}

#[test]
fn concurrent_siblings_share_a_parent_and_nothing_else() {
    program::run(|| {
        let mut seen = handed_on(&spans_of(Convention::Traceloop, gathers()));
        seen.sort();
        assert_eq!(
            seen,
            [
                "a.task < outer.task: -, -, outer",
                "b.task < outer.task: -, -, outer",
                "c.tool < outer.task: -, -, outer",
                "call of a < a.task: -, -, outer.a",
                "call of a < a.task: -, -, outer.a",
                "call of a < a.task: -, -, outer.a",
                "call of b < b.task: -, -, outer.b",
                "call of b < b.task: -, -, outer.b",
                "call of b < b.task: -, -, outer.b",
                "call of c < c.tool: -, -, outer.c",
                "call of c < c.tool: -, -, outer.c",
                "call of c < c.tool: -, -, outer.c",
                "outer.task < -: -, -, -",
            ]
        );
    });
}

#[task]
async fn awaits() {
    for _ in 0..3 {
        yield_now().await;
    }
    plan();
}

#[workflow]
async fn never_polls() {
    drop(awaits());
    let never = awaits();
    plan();
    drop(never);
}

#[tokio::test]
async fn a_span_covers_what_its_function_awaits() {
    let ((), trace) = record(awaits()).await;
    let (outer, last) = (trace.span("awaits").data(), trace.span("invoke_agent plan").data());
    assert!(outer.start_time <= last.start_time && last.end_time <= outer.end_time);
    assert_eq!(last.parent_span_id, outer.span_context.span_id());
}

#[tokio::test]
async fn a_future_that_is_never_polled_leaves_no_trace() {
    let ((), trace) = record(async {
        never_polls().await;
        plan();
    })
    .await;
    assert_eq!(trace.to_string(), "invoke_workflow never_polls\n  invoke_agent plan\ninvoke_agent plan\n");
}

/// Items with a pause before each; every one is a call of a library. The third is an error, if asked for.
struct Items {
    next: u32,
    fails: bool,
    paused: bool,
}

impl Stream for Items {
    type Item = Result<u32, Refused>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.paused = !self.paused;
        if self.paused {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.next += 1;
        match self.next {
            4 => return Poll::Ready(None),
            n => item(n),
        }
        Poll::Ready(Some(if self.fails && self.next == 3 {
            Err(Refused("no".into()))
        } else {
            Ok(self.next)
        }))
    }
}

#[tool]
fn item(_: u32) {}

#[task]
fn items(fails: bool) -> impl Stream<Item = Result<u32, Refused>> {
    Items { next: 0, fails, paused: false }
}

type Boxed = Pin<Box<dyn Stream<Item = Result<u32, Refused>> + Send>>;

#[task(name = "items")]
async fn items_later(fails: bool) -> Result<Boxed, Refused> {
    yield_now().await;
    Ok(Box::pin(Items { next: 0, fails, paused: false }))
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|task| Pin::new(&mut *stream).poll_next(task)).await
}

/// Reads `most` items, or as many as there are before the end or an error.
#[workflow]
async fn reads(mut stream: impl Stream<Item = Result<u32, Refused>> + Unpin, most: usize) -> Vec<u32> {
    let mut read = Vec::new();
    while read.len() < most {
        match next(&mut stream).await {
            Some(Ok(item)) => read.push(item),
            Some(Err(_)) | None => break,
        }
    }
    // Neither this nor what follows is a part of the stream.
    plan();
    read
}

#[workflow]
async fn streams(fails: bool, later: bool, most: usize) -> Vec<u32> {
    let stream: Boxed = if later { items_later(fails).await.unwrap() } else { Box::pin(items(fails)) };
    let read = reads(stream, most).await;
    plan();
    read
}

fn counted(span: &RecordedSpan) -> Option<&Value> {
    span.attribute("llmetry.stream.items")
}

#[tokio::test]
async fn a_stream_is_one_span_with_those_of_its_items_inside() {
    for later in [false, true] {
        let (read, trace) = record(streams(false, later, 9)).await;
        assert_eq!(read, [1, 2, 3]);
        assert_eq!(
            trace.to_string(),
            "invoke_workflow streams\n  items\n    execute_tool item\n    execute_tool item\n    execute_tool item\n  \
             invoke_workflow reads\n    invoke_agent plan\n  invoke_agent plan\n"
        );
        let (span, reader) = (trace.span("items"), trace.span("invoke_workflow reads"));
        assert_eq!((counted(span), span.status()), (Some(&Value::I64(3)), &Status::Unset));
        assert!(span.data().end_time <= trace.children(reader).next().unwrap().data().start_time);
    }
}

#[tokio::test]
async fn a_stream_that_fails_is_an_error_after_the_items_it_gave() {
    for later in [false, true] {
        let (read, trace) = record(streams(true, later, 9)).await;
        assert_eq!(read, [1, 2]);
        let span = trace.span("items");
        assert!(span.is_error() && !span.is_cancelled(), "{trace}");
        assert_eq!(counted(span), Some(&Value::I64(3)), "the error is an item too");
        assert_eq!(span.events().len(), 1);
        assert!(!trace.span("invoke_workflow streams").is_error(), "it was handled there");
    }
}

#[tokio::test]
async fn a_stream_that_is_given_up_is_cancelled_and_leaves_nothing_behind() {
    for later in [false, true] {
        let (read, trace) = record(async {
            let read = streams(false, later, 1).await;
            plan();
            read
        })
        .await;
        assert_eq!(read, [1]);
        assert_eq!(
            trace.to_string(),
            "invoke_workflow streams\n  items cancelled\n    execute_tool item\n  invoke_workflow reads\n    \
             invoke_agent plan\n  invoke_agent plan\ninvoke_agent plan\n"
        );
        assert_eq!(counted(trace.span("items")), Some(&Value::I64(1)));
        let (_, trace) = record(streams(false, later, 0)).await;
        assert!(trace.span("items").is_cancelled(), "never asked for an item: {trace}");
        assert_eq!(counted(trace.span("items")), Some(&Value::I64(0)));
    }
}

/// Calls a model for each item.
struct Tokens(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Stream for Tokens {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<()>> {
        self.0.as_mut().poll(task).map(|()| None)
    }
}

#[task(name = "tokens")]
fn tokens() -> impl Stream<Item = ()> {
    Tokens(Box::pin(library("llm")))
}

#[task(name = "answer")]
async fn answers() {
    let mut tokens = tokens();
    while let Some(()) = next(&mut tokens).await {}
}

#[workflow(name = "chat")]
async fn chats() {
    answers().await;
}

#[test]
fn a_call_inside_a_stream_keeps_its_place() {
    program::run(|| {
        let spans = spans_of(Convention::Traceloop, chats());
        assert_eq!(
            handed_on(&spans),
            [
                "chat.workflow < -: chat, -, -",
                "answer.task < chat.workflow: chat, -, -",
                "tokens.task < answer.task: chat, -, answer",
                "llm < tokens.task: chat, -, answer.tokens",
            ]
        );
        assert!(spans.windows(2).all(|pair| pair[0].end_time >= pair[1].end_time));
    });
}

#[test]
fn every_exporter_sees_every_span_once() {
    program::run(|| {
        let (one, other) = (MemoryExporter::new(), MemoryExporter::new());
        let guard = llmetry::builder().exporter(one.clone()).exporter(other.clone()).init().unwrap();
        current_thread().block_on(three_levels());
        assert!(guard.flush(LONG).is_complete());
        let (one, other) = (one.take(), other.take());
        assert_eq!(one.len(), 3);
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    });
}

static EVALUATED: AtomicUsize = AtomicUsize::new(0);

fn expensive() -> usize {
    EVALUATED.fetch_add(1, Ordering::Relaxed)
}

#[task(fields(cost = expensive()))]
fn has_fields() {}

#[workflow]
fn calls_one_with_fields() {
    has_fields();
}

#[test]
fn what_is_not_recorded_is_not_worked_for() {
    program::run(|| {
        calls_one_with_fields();
        let off = llmetry::builder().exporter(MemoryExporter::new()).sampler(Sampler::AlwaysOff);
        let guard = off.init().unwrap();
        calls_one_with_fields();
        drop(guard);
        assert_eq!(EVALUATED.load(Ordering::Relaxed), 0, "neither before init nor in an unsampled trace");
        let (guard, memory) = start(Convention::GenAi);
        calls_one_with_fields();
        assert_eq!((exported(&guard, &memory).len(), EVALUATED.load(Ordering::Relaxed)), (2, 1));
    });
}

/// A `main` that fails inside of spans; its guard is dropped by the `?`.
fn main_that_fails(memory: &MemoryExporter) -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = llmetry::builder().exporter(memory.clone()).init()?;
    plan();
    fails_inside()?;
    Ok(())
}

#[workflow]
fn fails_inside() -> Result<u8, Refused> {
    plan();
    refuses()
}

#[test]
fn an_error_out_of_main_leaves_everything_exported() {
    let said = program::run(|| {
        let memory = MemoryExporter::new();
        assert_eq!(main_that_fails(&memory).unwrap_err().to_string(), "refused: no");
        let spans = memory.take();
        let failed = |span: &SpanData| matches!(span.status, Status::Error { .. });
        let (failed, others): (Vec<_>, Vec<_>) = spans.into_iter().partition(failed);
        assert_eq!(names(&failed), ["refuses", "invoke_workflow fails_inside"]);
        assert_eq!(names(&others), ["invoke_agent plan", "invoke_agent plan"]);
    });
    assert_eq!(said.stderr, "");
}

/// Answers every request with the next status, the last one for ever; gives the heads of `requests` requests.
fn server(statuses: Vec<u16>, requests: usize) -> (std::net::SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heads = thread::spawn(move || {
        let mut heads = Vec::new();
        while heads.len() < requests {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            let mut chunk = [0; 4096];
            let body_is_there = |bytes: &[u8]| {
                let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
                let head = String::from_utf8(bytes[..end].to_ascii_lowercase()).unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.map_or(0, |length| length.parse().unwrap());
                (bytes.len() >= end + length).then_some(head)
            };
            let head = loop {
                let read = stream.read(&mut chunk).unwrap();
                assert!(read > 0, "the request is cut off");
                bytes.extend_from_slice(&chunk[..read]);
                if let Some(head) = body_is_there(&bytes) {
                    break head;
                }
            };
            let status = statuses.get(heads.len()).or(statuses.last()).unwrap();
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            heads.push(head);
        }
        heads
    });
    (address, heads)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

const ENDPOINTS: [&str; 5] =
    ["chat/completions", "completions", "embeddings", "responses", "images/generations"];

#[task]
async fn calls_every_endpoint(base: String) {
    let client = reqwest::Client::new();
    for endpoint in ENDPOINTS {
        for stream in [false, true] {
            let body = serde_json::json!({ "model": "m", "stream": stream });
            let request = client.post(format!("{base}/v1/{endpoint}")).header("x-team", "search");
            request.json(&body).with_trace_context().send().await.unwrap();
        }
    }
}

#[test]
fn every_endpoint_is_called_with_the_trace() {
    let (address, heads) = server(vec![200], 2 * ENDPOINTS.len());
    let runtime = current_thread();
    let ((), trace) = record_sync(|| runtime.block_on(calls_every_endpoint(format!("http://{address}"))));
    let span = trace.span("calls_every_endpoint");
    let expected = format!("00-{}-{}-01", span.trace_id(), span.span_id());
    for (index, head) in heads.join().unwrap().iter().enumerate() {
        let line = format!("post /v1/{} ", ENDPOINTS[index / 2]);
        assert!(head.starts_with(&line), "{head}");
        assert_eq!(header(head, "traceparent"), Some(&*expected), "{head}");
        assert_eq!(header(head, "x-team"), Some("search"), "{head}");
    }
}

#[task]
async fn tries_until_it_works(url: String) -> usize {
    let client = reqwest::Client::new();
    let request = client.post(url).body("{}").with_trace_context().build().unwrap();
    for attempt in 1.. {
        let answer = client.execute(request.try_clone().unwrap()).await.unwrap();
        if answer.status().is_success() {
            return attempt;
        }
    }
    0
}

#[test]
fn every_attempt_carries_the_trace() {
    let (address, heads) = server(vec![503, 500, 200], 3);
    let runtime = current_thread();
    let (attempts, trace) =
        record_sync(|| runtime.block_on(tries_until_it_works(format!("http://{address}/v1/chat"))));
    assert_eq!(attempts, 3);
    let span = trace.span("tries_until_it_works");
    let expected = format!("00-{}-{}-01", span.trace_id(), span.span_id());
    for head in heads.join().unwrap() {
        assert_eq!(header(&head, "traceparent"), Some(&*expected), "{head}");
    }
}

#[task]
fn injects(headers: &mut HeaderMap) -> String {
    llmetry::inject(headers);
    llmetry::current().trace_id().unwrap_or_default()
}

#[test]
fn the_callers_headers_stay() {
    let (shared, trace) = record_sync(|| {
        let shared =
            HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer x"))]);
        let mut sent = shared.clone();
        let trace_id = injects(&mut sent);
        assert_eq!(sent["authorization"], "Bearer x");
        assert!(sent["traceparent"].to_str().unwrap().contains(&trace_id));
        assert_eq!(sent.len(), 2);
        let request = reqwest::Client::new().get("http://127.0.0.1/").headers(shared.clone());
        let request = request.with_trace_context().build().unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer x");
        shared
    });
    assert_eq!((shared.len(), trace.spans().len()), (1, 1), "only what is sent has more");
}

#[test]
fn disabled_means_no_header() {
    program::with_env(&[("OTEL_SDK_DISABLED", "true")], || {
        let headers = || {
            let mut headers = HeaderMap::new();
            injects(&mut headers);
            let request = reqwest::Client::new().get("http://127.0.0.1/").with_trace_context();
            (headers, request.build().unwrap().headers().clone())
        };
        let memory = MemoryExporter::new();
        // Whatever the builder says, and a second time too.
        for _ in 0..2 {
            let guard =
                llmetry::builder().exporter(memory.clone()).sampler(Sampler::AlwaysOn).init().unwrap();
            assert_eq!(headers(), (HeaderMap::new(), HeaderMap::new()));
            drop(guard);
        }
        assert!(memory.take().is_empty());
    });
}
