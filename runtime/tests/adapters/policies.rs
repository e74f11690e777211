//! What goes with a request, and where to: settings, in programs of their own.

use llmetry::export::MemoryExporter;
use llmetry::{Builder, LlmMiddleware, RequestBuilderExt, Sampler, task};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use reqwest::{Body, RequestBuilder};
use tokio::runtime;

use crate::exchange::{ANSWER, ASK, ASK_STREAM, CHAT, EVENTS, Question, Way};
use crate::program;
use crate::server::{Received, Script, Server};

const BY_HAND: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STREAM: &str = r#"{"model":"small","messages":[],"stream":true}"#;
const COUNTED: &str =
    r#"{"model":"small","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;

/// A program with one request.
struct Program {
    received: Received,
    spans: Vec<SpanData>,
}

impl Program {
    /// Sends what `request` makes to `http://{host}`, which is loopback in truth, with baggage.
    fn run(
        settings: Option<Builder>,
        host: &str,
        path: &str,
        request: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Self {
        let memory = MemoryExporter::new();
        let guard = settings.map(|settings| settings.exporter(memory.clone()).init().unwrap());
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let received = runtime.block_on(async {
            let server = Server::playing([Script::json("200 OK", ANSWER)]).await;
            let client = reqwest::Client::builder().resolve(host, server.address).build().unwrap();
            let url = format!("http://{host}:{}{path}", server.address.port());
            asks(request(client.post(url).header("content-type", "application/json"))).await;
            server.received().remove(0)
        });
        drop(guard);
        Self { received, spans: memory.spans() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.received.header(name)
    }

    fn call(&self) -> &SpanData {
        let calls: Vec<_> = self.spans.iter().filter(|span| span.span_kind == SpanKind::Client).collect();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0]
    }

    fn traceparent(&self) -> String {
        let ids = &self.call().span_context;
        format!("00-{}-{}-01", ids.trace_id(), ids.span_id())
    }
}

#[task]
async fn asks(request: RequestBuilder) {
    use opentelemetry::context::FutureExt;
    let context = Context::current_with_baggage([KeyValue::new("user.tier", "gold")]);
    let answer = request.send_traced().with_context(context).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), ANSWER);
}

fn plain(request: RequestBuilder) -> RequestBuilder {
    request.body(ASK)
}

fn by_hand(request: RequestBuilder) -> RequestBuilder {
    request.header("traceparent", BY_HAND).header("tracestate", "mine=1").body(ASK)
}

#[test]
fn trace_context_goes_everywhere_and_baggage_nowhere_else() {
    program::run(|| {
        for (host, has_baggage) in [("api.example.com", false), ("localhost", true)] {
            let program = Program::run(Some(llmetry::builder()), host, CHAT, plain);
            assert_eq!(program.header("traceparent"), Some(&*program.traceparent()), "{host}");
            assert_eq!(program.header("tracestate"), None);
            assert_eq!(program.header("baggage").is_some(), has_baggage, "{host}");
        }
    });
}

#[test]
fn trace_context_goes_to_the_hosts_that_may_have_it() {
    program::run(|| {
        for (host, is_in) in [
            ("a.internal", true),
            ("gateway", true),
            ("127.0.0.1", true),
            ("api.example.com", false),
            ("internal", false),
        ] {
            let settings = llmetry::builder()
                .trace_context_hosts(["*.internal"])
                .trace_context_hosts(["gateway"])
                .baggage_hosts(["internal"]);
            let program = Program::run(Some(settings), host, CHAT, plain);
            let expected = program.traceparent();
            assert_eq!(program.header("traceparent"), is_in.then_some(&*expected), "{host}");
            assert_eq!(
                program.header("baggage").is_some(),
                ["internal", "127.0.0.1"].contains(&host),
                "{host}"
            );
        }
    });
}

#[test]
fn a_request_with_trace_context_alone_follows_the_same_rule() {
    program::run(|| {
        let settings = llmetry::builder().trace_context_hosts(["gateway"]).exporter(MemoryExporter::new());
        let _guard = settings.init().unwrap();
        assert!(header("http://gateway/", None));
        assert!(!header("http://api.example.com/", None));
        assert!(!header("http://gateway/", Some(stream())), "a host that cannot be seen is not allowed");
    });
}

#[task]
fn header(url: &str, body: Option<Body>) -> bool {
    let request = reqwest::Client::new().post(url);
    let request = if let Some(body) = body { request.body(body) } else { request };
    request.with_trace_context().build().unwrap().headers().contains_key("traceparent")
}

fn stream() -> Body {
    Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(STREAM)]))
}

#[test]
fn trace_context_set_by_hand_is_kept() {
    program::run(|| {
        for settings in [llmetry::builder(), llmetry::builder().trace_context_hosts(["gateway"])] {
            let program = Program::run(Some(settings), "api.example.com", CHAT, by_hand);
            assert_eq!(program.header("traceparent"), Some(BY_HAND));
            assert_eq!(program.header("tracestate"), Some("mine=1"));
            program.call();
        }
    });
}

#[test]
fn trace_context_set_by_hand_gives_way_where_the_program_says_so() {
    program::run(|| {
        let settings = || llmetry::builder().replace_trace_context(true);
        let program = Program::run(Some(settings()), "api.example.com", CHAT, by_hand);
        assert_eq!(program.header("traceparent"), Some(&*program.traceparent()));
        assert_eq!(program.header("tracestate"), None, "it belonged to the other one");
        assert_eq!(program.received.headers.get_all("traceparent").iter().count(), 1);
        let settings = settings().trace_context_hosts(["gateway"]);
        let program = Program::run(Some(settings), "api.example.com", CHAT, by_hand);
        assert_eq!((program.header("traceparent"), program.header("tracestate")), (None, None));
    });
}

#[test]
fn a_trace_that_is_not_sampled_says_so_and_has_no_span() {
    program::run(|| {
        let settings = llmetry::builder().sampler(Sampler::AlwaysOff).force_stream_usage(true);
        let program = Program::run(Some(settings), "127.0.0.1", CHAT, |request| request.body(STREAM));
        assert!(program.spans.is_empty());
        let header = program.header("traceparent").unwrap();
        assert!(header.starts_with("00-") && header.ends_with("-00") && header.len() == 55, "{header}");
        assert_eq!(program.received.body, STREAM.as_bytes());
    });
}

#[test]
fn before_init_nothing_is_touched() {
    program::run(|| {
        let program = Program::run(None, "api.example.com", CHAT, by_hand);
        assert_eq!(program.header("traceparent"), Some(BY_HAND));
        let program = Program::run(None, "127.0.0.1", CHAT, plain);
        assert_eq!(program.header("traceparent"), None);
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for way in Way::OURS {
            let received = runtime.block_on(async {
                let server = Server::playing([Script::events(EVENTS, 10)]).await;
                let request = Question::stream().request(&server);
                let answer = way.send(reqwest::Client::new(), request).await.unwrap();
                assert_eq!(answer.url().path(), CHAT);
                assert_eq!(answer.bytes().await.unwrap(), EVENTS);
                server.received().remove(0)
            });
            assert_eq!(received.header("traceparent"), None);
            assert_eq!(received.body, ASK_STREAM.as_bytes());
        }
    });
}

#[test]
fn streams_are_asked_to_count_only_where_the_program_says_so() {
    program::run(|| {
        let on = || Some(llmetry::builder().force_stream_usage(true));
        let with = |settings, path: &str, body: &'static str| {
            let program = Program::run(settings, "127.0.0.1", path, |request| request.body(body));
            program.call();
            let length: usize = program.header("content-length").unwrap().parse().unwrap();
            assert_eq!(program.received.body.len(), length);
            String::from_utf8(program.received.body).unwrap()
        };
        assert_eq!(with(Some(llmetry::builder()), CHAT, STREAM), STREAM);
        assert_eq!(with(on(), CHAT, STREAM), COUNTED);
        assert_eq!(with(on(), "/v1/completions", STREAM), COUNTED);
        assert_eq!(with(on(), CHAT, ASK), ASK);
        assert_eq!(with(on(), CHAT, ASK_STREAM), ASK_STREAM);
        assert_eq!(with(on(), "/v1/responses", STREAM), STREAM);
        assert_eq!(with(on(), "/v1/messages", STREAM), STREAM);
        assert_eq!(with(on(), "/v1/models", STREAM), STREAM);
        assert_eq!(with(on(), CHAT, "{\"stream\":true"), "{\"stream\":true");
    });
}

#[test]
fn a_request_that_was_changed_is_still_one_call() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let settings = llmetry::builder().force_stream_usage(true).exporter(memory.clone());
        let guard = settings.init().unwrap();
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = runtime.block_on(async {
            let server = Server::playing([Script::json("200 OK", ANSWER)]).await;
            let stack = reqwest_middleware::ClientBuilder::new(reqwest::Client::new());
            let stack = stack.with(LlmMiddleware::new()).with(LlmMiddleware::new()).build();
            stack.post(server.url(CHAT)).body(STREAM).send().await.unwrap().text().await.unwrap();
            server.received().remove(0).body
        });
        drop(guard);
        assert_eq!(body, COUNTED.as_bytes());
        assert_eq!(memory.spans().len(), 1);
    });
}

#[test]
fn a_length_that_the_program_said_follows_and_a_signed_body_stays() {
    program::run(|| {
        let on = || Some(llmetry::builder().force_stream_usage(true));
        let program = Program::run(on(), "127.0.0.1", CHAT, |request| {
            request.header("content-length", STREAM.len()).body(STREAM)
        });
        assert_eq!(program.received.body, COUNTED.as_bytes());
        assert_eq!(program.header("content-length").unwrap(), COUNTED.len().to_string());
        let program = Program::run(on(), "127.0.0.1", CHAT, |request| {
            request.header("content-digest", "sha-256=:x:").body(STREAM)
        });
        assert_eq!(program.received.body, STREAM.as_bytes());
        let program = Program::run(on(), "127.0.0.1", CHAT, |request| request.body(stream()));
        let body = String::from_utf8(program.received.body.clone()).unwrap();
        assert!(body.contains(STREAM), "a body that cannot be seen stays: {body}");
        assert_eq!(program.call().name, "chat");
    });
}

#[cfg(feature = "tower")]
#[test]
fn towers_requests_are_asked_to_count_where_their_bodies_can_be_changed() {
    use bytes::Bytes;
    use http_body::Body;
    use http_body_util::{BodyExt, Full};
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    use tower::ServiceExt;

    async fn sent<B>(body: B, shown: Option<llmetry::ShownBody>) -> Vec<u8>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let server = Server::playing([Script::json("200 OK", ANSWER)]).await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut request = http::Request::post(server.url(CHAT)).body(body).unwrap();
        if let Some(shown) = shown {
            request.extensions_mut().insert(shown);
        }
        let client = tower::ServiceBuilder::new().layer(llmetry::LlmLayer::new()).service(client);
        let answer = client.oneshot(request).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), ANSWER);
        server.received().remove(0).body
    }
    program::run(|| {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().force_stream_usage(true).exporter(memory.clone()).init().unwrap();
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            assert_eq!(
                sent(Full::new(Bytes::from_static(STREAM.as_bytes())), None).await,
                COUNTED.as_bytes()
            );
            assert_eq!(sent(STREAM.to_owned(), None).await, COUNTED.as_bytes());
            let shown = llmetry::ShownBody(Bytes::from_static(STREAM.as_bytes()));
            assert_eq!(sent(STREAM.to_owned(), Some(shown)).await, STREAM.as_bytes(), "it may be another's");
            assert_eq!(sent(ASK.to_owned(), None).await, ASK.as_bytes());
        });
        drop(guard);
        assert_eq!(memory.spans().len(), 4);
    });
}
