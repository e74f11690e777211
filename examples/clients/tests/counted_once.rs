//! Tokens are counted once, whoever listens to `tracing`; and what async-openai's retries carry.
//!
//! rig opens spans of its own through `tracing`, with the tokens. With our layer they reach our pipeline, and the calls below them only
//! carry their context; with a subscriber that prints, or with none, they reach nobody, and the calls are ours.

#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "a tool of rig looks like this")]

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::middleware::ReqwestService;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::types::chat::CreateChatCompletionRequest;
use async_openai::types::embeddings::CreateEmbeddingRequest;
use futures_util::StreamExt;
use llmetry::export::MemoryExporter;
use llmetry::opentelemetry::Value;
use llmetry::opentelemetry::trace::SpanKind;
use llmetry::{Guard, LlmLayer, workflow};
use llmetry_clients::ObservedHttp;
use llmetry_clients::server::{FLAKY, MODEL, SILENT, Server, TOKENS};
use opentelemetry_sdk::trace::SpanData;
use rig::prelude::*;
use rig::providers::openai::OpenAIConfig as RigConfig;
use rig::tool::ToolExecutionError;
use serde_json::{from_value, json};
use tower::ServiceBuilder;
use tracing::Instrument;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

/// Long enough for two slow cores; nothing waits so long unless it is broken.
const LONG: Duration = Duration::from_secs(20);

static TELEMETRY: LazyLock<(Guard, MemoryExporter)> = LazyLock::new(|| {
    let exporter = MemoryExporter::new();
    let builder = llmetry::builder().exporter(exporter.clone()).force_stream_usage(true);
    (builder.init().unwrap(), exporter)
});

#[derive(Clone, Copy, Debug)]
enum Listening {
    Nobody,
    Printing,
    Ours,
}

const ALL: [Listening; 3] = [Listening::Nobody, Listening::Printing, Listening::Ours];

/// What `work` returned, and the spans that it made. One at a time: the exporter is the process's.
fn run<F: Future>(listening: Listening, work: F) -> (F::Output, Vec<SpanData>) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (guard, exporter) = &*TELEMETRY;
    exporter.reset();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = || runtime.block_on(work);
    let output = match listening {
        Listening::Nobody => work(),
        Listening::Printing => {
            let printing = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
            tracing::subscriber::with_default(printing, work)
        }
        Listening::Ours => {
            // On level TRACE rig tells whole prompts and answers.
            let ours = guard.tracing_layer().with_filter(LevelFilter::INFO);
            let ours = tracing_subscriber::registry().with(ours);
            tracing::subscriber::with_default(ours, work)
        }
    };
    // What the runtime still held is dropped with it.
    drop(runtime);
    guard.flush(LONG);
    (output, exporter.take())
}

fn number(span: &SpanData, key: &str) -> u64 {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map_or(0, |attribute| {
        match attribute.value {
            Value::I64(number) => number.try_into().unwrap(),
            ref other => panic!("{key}: {other:?}"),
        }
    })
}

fn text(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
}

/// The spans that stand for one call to a model each.
fn calls(spans: &[SpanData]) -> Vec<&SpanData> {
    let is_call = |span: &&SpanData| ["chat", "embeddings"].contains(&&*text(span, "gen_ai.operation.name"));
    spans.iter().filter(is_call).collect()
}

fn tokens(calls: &[&SpanData]) -> (u64, u64) {
    let sum = |key: &str| calls.iter().map(|span| number(span, key)).sum();
    (sum("gen_ai.usage.input_tokens"), sum("gen_ai.usage.output_tokens"))
}

fn traceparent(span: &SpanData) -> Option<String> {
    let ids = &span.span_context;
    Some(format!("00-{}-{}-01", ids.trace_id(), ids.span_id()))
}

/// By id: in which order spans end is not the point.
fn sorted(mut headers: Vec<Option<String>>) -> Vec<Option<String>> {
    headers.sort();
    headers
}

#[track_caller]
fn assert_one_trace(spans: &[SpanData]) {
    let traces: std::collections::HashSet<_> =
        spans.iter().map(|span| span.span_context.trace_id()).collect();
    assert_eq!(traces.len(), 1, "{spans:#?}");
}

#[rig::rig_tool(description = "How the weather is in a city", params(city = "The city"), required(city))]
fn get_weather(city: String) -> Result<String, ToolExecutionError> {
    Ok(format!("rain in {city}"))
}

/// rig begins a trace of its own where it finds no span of `tracing`: so there is one, which nests in ours.
#[workflow]
async fn asks_an_agent(server: &Server, stream: bool) -> String {
    runs_an_agent(server, stream).instrument(tracing::info_span!("run")).await
}

async fn runs_an_agent(server: &Server, stream: bool) -> String {
    let client = RigConfig::new("none").with_base_url(&server.base_url).connect(ObservedHttp::default());
    let agent = AgentBuilder::new(client.chat(MODEL)).tool(GetWeather).build();
    let run = agent.prompt("How is the weather in Bern?").max_turns(3);
    if !stream {
        return run.await.unwrap().output().clone();
    }
    let mut events = run.stream();
    let mut last = String::new();
    while let Some(event) = events.next().await {
        last = format!("{:?}", event.unwrap());
    }
    last
}

#[test]
fn an_agent_of_rig_counts_its_tokens_once_whoever_listens() {
    for stream in [false, true] {
        for listening in ALL {
            let (server, spans) = run(listening, async {
                let server = Server::start().await.unwrap();
                let said = asks_an_agent(&server, stream).await;
                assert!(said.contains("It rains in Bern."), "{said}");
                server
            });
            let calls = calls(&spans);
            let what = format!("{listening:?}, stream {stream}: {spans:#?}");
            assert_eq!(calls.len(), 2, "one asks for the tool, one answers; {what}");
            assert_eq!(tokens(&calls), (2 * TOKENS.0, 2 * TOKENS.1), "{what}");
            // Ours have the kind, rig's have not.
            let ours = calls.iter().filter(|span| span.span_kind == SpanKind::Client).count();
            assert_eq!(ours, if matches!(listening, Listening::Ours) { 0 } else { 2 }, "{what}");
            assert_eq!(
                spans.iter().filter(|span| span.span_kind == SpanKind::Client).count(),
                ours,
                "{what}"
            );
            let expected = calls.iter().map(|span| traceparent(span)).collect();
            assert_eq!(
                sorted(server.traceparents()),
                sorted(expected),
                "the server's parent has the tokens; {what}"
            );
            assert_one_trace(&spans);
            assert!(!format!("{spans:?}").contains("in Bern"), "content is off; {what}");
        }
    }
}

type OpenAi = Client<OpenAIConfig>;

fn config(server: &Server) -> OpenAi {
    Client::with_config(OpenAIConfig::new().with_api_base(&server.base_url).with_api_key("none"))
}

/// The layer around the retries: all attempts are one call.
fn one_call(server: &Server) -> OpenAi {
    let layers = ServiceBuilder::new().layer(LlmLayer::new()).layer(OpenAIRetryLayer::default());
    config(server).with_http_service(layers.service(ReqwestService::new(reqwest::Client::new())))
}

/// The layer inside of the retries: each attempt is a call.
fn call_an_attempt(server: &Server) -> OpenAi {
    let layers = ServiceBuilder::new().layer(OpenAIRetryLayer::default()).layer(LlmLayer::new());
    config(server).with_http_service(layers.service(ReqwestService::new(reqwest::Client::new())))
}

fn question(model: &str) -> CreateChatCompletionRequest {
    from_value(json!({
        "model": model,
        "messages": [{"role": "user", "content": "How is the weather in Bern?"}],
        "stream_options": {"include_usage": true},
    }))
    .unwrap()
}

#[workflow]
async fn asks_openai(client: &OpenAi) {
    let answer = client.chat().create(question(MODEL)).await.unwrap();
    assert_eq!(answer.choices[0].message.content.as_deref(), Some("It rains in Bern."));
    let mut stream = client.chat().create_stream(question(MODEL)).await.unwrap();
    let mut said = String::new();
    while let Some(piece) = stream.next().await {
        said.extend(piece.unwrap().choices.into_iter().filter_map(|choice| choice.delta.content));
    }
    assert_eq!(said, "It rains in Bern.");
    let request: CreateEmbeddingRequest = from_value(json!({"model": MODEL, "input": "rain"})).unwrap();
    let vectors = client.embeddings().create(request).await.unwrap();
    assert_eq!(vectors.data[0].embedding.len(), 4);
}

#[test]
fn async_openai_counts_its_tokens_once_whoever_listens() {
    for listening in ALL {
        let (server, spans) = run(listening, async {
            let server = Server::start().await.unwrap();
            asks_openai(&one_call(&server)).await;
            server
        });
        let calls = calls(&spans);
        let names: Vec<&str> = calls.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["chat rain-1", "chat rain-1", "embeddings rain-1"], "{listening:?}");
        assert_eq!(tokens(&calls), (3 * TOKENS.0, 2 * TOKENS.1), "{listening:?}");
        assert!(calls.iter().all(|span| span.span_kind == SpanKind::Client));
        let first_chunks =
            calls.iter().filter(|span| !text(span, "gen_ai.response.time_to_first_chunk").is_empty());
        assert_eq!(first_chunks.count(), 1, "of the stream");
        assert_eq!(number(calls[2], "gen_ai.embeddings.dimension.count"), 4);
        assert_eq!(server.traceparents(), calls.iter().map(|span| traceparent(span)).collect::<Vec<_>>());
        assert_one_trace(&spans);
    }
}

#[test]
fn each_attempt_of_async_openai_carries_the_call_that_it_belongs_to() {
    let (server, spans) = run(Listening::Nobody, async {
        let server = Server::start().await.unwrap();
        one_call(&server).chat().create(question(FLAKY)).await.unwrap();
        server
    });
    assert_eq!(spans.len(), 1, "all attempts are one call");
    assert_eq!(server.traceparents(), [traceparent(&spans[0]), traceparent(&spans[0])]);
    assert_eq!((text(&spans[0], "error.type").as_str(), tokens(&calls(&spans))), ("", TOKENS));

    let (server, spans) = run(Listening::Nobody, async {
        let server = Server::start().await.unwrap();
        call_an_attempt(&server).chat().create(question(FLAKY)).await.unwrap();
        server
    });
    assert_eq!(spans.len(), 2, "each attempt is a call");
    assert_eq!(server.traceparents(), [traceparent(&spans[0]), traceparent(&spans[1])]);
    assert_eq!([text(&spans[0], "error.type"), text(&spans[1], "error.type")], ["503", ""]);
    assert_eq!(tokens(&calls(&spans)), TOKENS);
}

#[test]
fn each_attempt_of_async_openai_asks_for_the_tokens_of_a_stream_where_the_program_wants_that() {
    let (server, spans) = run(Listening::Nobody, async {
        let server = Server::start().await.unwrap();
        let mut question = question(FLAKY);
        question.stream_options = None;
        let mut stream = one_call(&server).chat().create_stream(question).await.unwrap();
        while let Some(piece) = stream.next().await {
            piece.unwrap();
        }
        server
    });
    let asked: Vec<_> = server.bodies().iter().map(|body| body["stream_options"].clone()).collect();
    assert_eq!(asked, [json!({"include_usage": true}), json!({"include_usage": true})]);
    assert_eq!((spans.len(), tokens(&calls(&spans))), (1, TOKENS));
}

#[test]
fn a_stream_of_async_openai_that_is_dropped_is_cancelled() {
    let ((), spans) = run(Listening::Nobody, async {
        let server = Server::start().await.unwrap();
        let mut stream = one_call(&server).chat().create_stream(question(SILENT)).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().choices[0].delta.content.as_deref(), Some("It "));
        drop(stream);
        // A task of async-openai's own reads the stream; it sees that nobody wants it any more.
        tokio::task::yield_now().await;
    });
    assert_eq!(spans.len(), 1);
    assert_eq!(text(&spans[0], "llmetry.outcome"), "cancelled");
    assert_eq!(text(&spans[0], "gen_ai.response.id"), "chatcmpl-1", "what came is said");
}

#[test]
fn what_cannot_be_reached_is_an_error_of_the_call() {
    let (failed, spans) = run(Listening::Nobody, async {
        let mut nobody = Server::start().await.unwrap();
        nobody.base_url = "http://127.0.0.1:1/v1".to_owned();
        let layers = ServiceBuilder::new().layer(LlmLayer::new());
        let client = config(&nobody).with_http_service(layers.service(ReqwestService::default()));
        client.chat().create(question(MODEL)).await.is_err()
    });
    assert!(failed);
    assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["chat rain-1"]);
    assert_eq!(text(&spans[0], "error.type"), "connect");
}
