//! `LlmLayer` over the services that it is meant for.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use llmetry::testing::{RecordedSpan, Trace, record};
use llmetry::{LlmLayer, LlmService, ShownBody, task};
use opentelemetry::Value;
use opentelemetry::trace::SpanKind;
use tower::retry::{Policy, RetryLayer};
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::server::{Answer, End, Received, Server};

const PATH: &str = "/v1/chat/completions";
const ASKED: &str = r#"{"model": "m", "temperature": 0.5, "messages": [{"role": "user", "content": "hi"}]}"#;
const STREAM_ASKED: &str =
    r#"{"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}"#;
const ANSWER: &str = r#"{"id": "c-1", "model": "m-1", "choices": [{"index": 0, "message": {"role": "assistant",
    "content": "hello"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}"#;
const STREAM: &str = concat!(
    "data: {\"id\":\"c-1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hel\"}}]}\n\n",
    "data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n",
    "data: [DONE]\n\n",
);

fn run<F: Future>(future: F) -> (F::Output, Trace) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(record(future))
}

fn hyper<B>() -> LlmService<Client<HttpConnector, B>>
where
    B: Body + Send,
    B::Data: Send,
{
    ServiceBuilder::new().layer(LlmLayer::new()).service(Client::builder(TokioExecutor::new()).build_http())
}

fn post<B>(url: String, body: B) -> Request<B> {
    Request::post(url).header("content-type", "application/json").body(body).unwrap()
}

/// An annotated function around the call, so that there is a parent.
#[task]
async fn asks<F: Future>(call: F) -> F::Output {
    call.await
}

#[track_caller]
fn assert_goes_with(request: &Received, span: &RecordedSpan) {
    let expected = format!("00-{}-{}-01", span.trace_id(), span.span_id());
    assert_eq!(request.header("traceparent"), Some(&*expected));
}

#[track_caller]
fn number(span: &RecordedSpan, key: &str) -> Option<i64> {
    match span.attribute(key) {
        Some(Value::I64(number)) => Some(*number),
        None => None,
        other => panic!("{key}: {other:?}"),
    }
}

#[track_caller]
fn text(span: &RecordedSpan, key: &str) -> Option<String> {
    span.attribute(key).map(ToString::to_string)
}

#[track_caller]
fn assert_answered(span: &RecordedSpan) {
    assert_eq!(text(span, "gen_ai.response.id").as_deref(), Some("c-1"));
    assert_eq!(text(span, "gen_ai.response.model").as_deref(), Some("m-1"));
    assert_eq!(number(span, "gen_ai.usage.input_tokens"), Some(7));
    assert_eq!(number(span, "gen_ai.usage.output_tokens"), Some(3));
}

#[test]
fn hyper_utils_client_is_observed() {
    let ((request, body, port), trace) = run(async {
        let server = Server::start([Answer::json(200, ANSWER)]).await;
        let request = post(server.url(PATH), Full::new(Bytes::from_static(ASKED.as_bytes())));
        let answer = asks(hyper().oneshot(request)).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (server.request(), body, server.address.port())
    });
    assert_eq!(body, ANSWER.as_bytes());
    assert_eq!((request.line.as_str(), &*request.body), ("POST /v1/chat/completions", ASKED.as_bytes()));
    assert_eq!(trace.to_string(), "asks\n  chat m\n");
    let span = trace.span("chat m");
    assert_eq!(*span.kind(), SpanKind::Client);
    assert_goes_with(&request, span);
    assert_answered(span);
    assert_eq!(text(span, "server.address").as_deref(), Some("127.0.0.1"));
    assert_eq!(number(span, "server.port"), Some(i64::from(port)));
    assert_eq!(span.attribute("gen_ai.request.temperature"), Some(&Value::F64(0.5)));
    assert_eq!(span.attribute("gen_ai.response.time_to_first_chunk"), None, "it is no stream");
}

#[test]
fn a_stream_passes_however_it_is_cut() {
    for size in [1, 7, 4096] {
        let (body, trace) = run(async {
            let server = Server::start([Answer::stream(STREAM, size)]).await;
            let request = post(server.url(PATH), Full::new(Bytes::from_static(STREAM_ASKED.as_bytes())));
            let answer = asks(hyper().oneshot(request)).await.unwrap();
            answer.into_body().collect().await.unwrap().to_bytes()
        });
        assert_eq!(body, STREAM.as_bytes());
        let span = trace.span("chat m");
        assert_answered(span);
        assert!(matches!(span.attribute("gen_ai.response.time_to_first_chunk"), Some(Value::F64(_))));
        assert!(!span.is_cancelled() && !span.is_error());
    }
}

#[test]
fn a_stream_that_is_dropped_is_cancelled_and_says_what_it_knows() {
    let first = STREAM.find("\n\n").unwrap() + 2;
    let ((), trace) = run(async {
        let server = Server::start([Answer::stream(&STREAM[..first], first).ending(End::Silence)]).await;
        let request = post(server.url(PATH), Full::new(Bytes::from_static(STREAM_ASKED.as_bytes())));
        let mut body = asks(hyper().oneshot(request)).await.unwrap().into_body();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), STREAM.as_bytes()[..first]);
    });
    let span = trace.span("chat m");
    assert!(span.is_cancelled());
    assert_eq!(text(span, "gen_ai.response.id").as_deref(), Some("c-1"));
    assert_eq!(number(span, "gen_ai.usage.output_tokens"), None);
}

#[test]
fn a_call_that_is_dropped_before_its_answer_is_cancelled() {
    let ((), trace) = run(async {
        let server = Server::start([Answer::json(200, "").ending(End::Silence)]).await;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
        let call = hyper().oneshot(post(url, Full::new(Bytes::from_static(ASKED.as_bytes()))));
        // Nobody answers.
        assert!(tokio::time::timeout(Duration::from_millis(50), asks(call)).await.is_err());
        drop(server);
    });
    assert_eq!(trace.to_string(), "asks cancelled\n  chat m cancelled\n");
}

#[test]
fn errors_have_a_type() {
    let refused = r#"{"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}"#;
    let cases = [
        (Answer::json(429, refused), "rate_limit_exceeded"),
        (Answer::json(503, "<html>"), "503"),
        (Answer::stream(&STREAM[..40], 40).ending(End::Broken), "body"),
    ];
    for (answer, expected) in cases {
        let (_, trace) = run(async {
            let server = Server::start([answer]).await;
            let request = post(server.url(PATH), Full::new(Bytes::from_static(STREAM_ASKED.as_bytes())));
            hyper().oneshot(request).await.unwrap().into_body().collect().await
        });
        assert_eq!(trace.to_string(), format!("chat m !{expected}\n"));
    }
    // Nobody listens there.
    let (answer, trace) = run(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
        drop(listener);
        hyper().oneshot(post(url, Full::new(Bytes::from_static(ASKED.as_bytes())))).await
    });
    assert!(answer.unwrap_err().is_connect());
    assert_eq!(trace.to_string(), "chat m !hyper_util::client::legacy::client::Error\n");
}

#[test]
fn a_body_that_shows_nothing_is_shown_by_an_extension() {
    let ask = |shown: Option<Bytes>| {
        run(async {
            let server = Server::start([Answer::json(200, ANSWER)]).await;
            let body = Full::new(Bytes::from_static(ASKED.as_bytes())).boxed_unsync();
            let mut request = post(server.url(PATH), body);
            request.extensions_mut().extend({
                let mut extensions = http::Extensions::new();
                shown.map(|bytes| extensions.insert(ShownBody(bytes)));
                extensions
            });
            let answer = hyper().oneshot(request).await.unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), ANSWER.as_bytes());
            assert_eq!(server.request().body, ASKED.as_bytes());
        })
        .1
    };
    let hidden = ask(None);
    assert_eq!(hidden.to_string(), "chat\n", "the path says what it is");
    assert_answered(hidden.span("chat"));
    assert_eq!(ask(Some(Bytes::from_static(ASKED.as_bytes()))).to_string(), "chat m\n");
}

#[test]
fn an_answer_that_is_a_stream_is_one_even_if_nobody_saw_that_it_was_asked_for() {
    let ((), trace) = run(async {
        let server = Server::start([Answer::stream(STREAM, 16).ending(End::Silence)]).await;
        let body = Full::new(Bytes::from_static(STREAM_ASKED.as_bytes())).boxed_unsync();
        let mut answer = hyper().oneshot(post(server.url(PATH), body)).await.unwrap().into_body();
        let mut length = 0;
        while length < STREAM.len() {
            length += answer.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        // All is said, and nobody waits for the connection's end.
    });
    assert_eq!(trace.to_string(), "chat\n");
    let span = trace.span("chat");
    assert_answered(span);
    assert!(matches!(span.attribute("gen_ai.response.time_to_first_chunk"), Some(Value::F64(_))));
}

/// Answers with what it is asked; panics if it was not asked before whether it is ready.
#[derive(Clone, Default)]
struct Strict {
    ready: bool,
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called before it was ready");
        std::future::ready(Ok(Response::new(ANSWER.to_owned())))
    }
}

#[test]
fn readiness_is_passed_on_and_text_bodies_are_read() {
    let ((), trace) = run(async {
        let mut service = ServiceBuilder::new().layer(LlmLayer::new()).service(Strict::default());
        for _ in 0..2 {
            let request = post(format!("http://example.test{PATH}"), ASKED.to_owned());
            let ready = ServiceExt::<Request<String>>::ready(&mut service).await.unwrap();
            let answer = ready.call(request).await.unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), ANSWER.as_bytes());
        }
        let request =
            Request::post(PATH).header("host", "[::1]:8000").body(Bytes::from_static(ASKED.as_bytes()));
        let ready = ServiceExt::<Request<Bytes>>::ready(&mut service).await.unwrap();
        ready.call(request.unwrap()).await.unwrap();
    });
    assert_eq!(trace.to_string(), "chat m\nchat m\nchat m cancelled\n");
    let last = trace.spans().last().unwrap();
    assert_eq!(text(last, "server.address").as_deref(), Some("::1"), "of the header, where the path is all");
    assert_eq!(number(last, "server.port"), Some(8000));
}

/// Tries again until the status is none of an error.
#[derive(Clone)]
struct Again;

impl<B: Clone, A, E> Policy<Request<B>, Response<A>, E> for Again {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Request<B>, answer: &mut Result<Response<A>, E>) -> Option<Self::Future> {
        let failed = answer.as_ref().is_ok_and(|answer| answer.status().is_server_error());
        failed.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

#[test]
fn inside_of_a_retry_layer_each_attempt_is_a_call_and_outside_all_are_one() {
    type Answered<B> = Pin<Box<dyn Future<Output = (Vec<Received>, B)>>>;
    let ask = |inside: bool| -> Answered<Bytes> {
        Box::pin(async move {
            let server = Server::start([Answer::json(503, "{}"), Answer::json(200, ANSWER)]).await;
            let request = post(server.url(PATH), Full::new(Bytes::from_static(ASKED.as_bytes())));
            let client = Client::builder(TokioExecutor::new()).build_http();
            let body = if inside {
                let service = ServiceBuilder::new().layer(RetryLayer::new(Again)).layer(LlmLayer::new());
                service.service(client).oneshot(request).await.unwrap().into_body().collect().await
            } else {
                let service = ServiceBuilder::new().layer(LlmLayer::new()).layer(RetryLayer::new(Again));
                service.service(client).oneshot(request).await.unwrap().into_body().collect().await
            };
            (server.received(), body.unwrap().to_bytes())
        })
    };
    let ((received, body), trace) = run(ask(true));
    assert_eq!(body, ANSWER.as_bytes());
    assert_eq!(trace.to_string(), "chat m !503\nchat m\n");
    for (request, span) in received.iter().zip(trace.spans()) {
        assert_goes_with(request, span);
    }
    let ((received, body), trace) = run(ask(false));
    assert_eq!(body, ANSWER.as_bytes());
    assert_eq!((received.len(), trace.to_string().as_str()), (2, "chat m\n"));
    for request in &received {
        assert_goes_with(request, trace.span("chat m"));
    }
    assert_answered(trace.span("chat m"));
}

#[test]
fn tonics_calls_pass_with_their_trailers() {
    async fn answer(_: Request<tonic::body::Body>) -> Result<Response<tonic::body::Body>, Infallible> {
        let status = async {
            Some(Ok(HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())])))
        };
        let body = Full::new(Bytes::from_static(b"frame")).with_trailers(status);
        Ok(Response::new(tonic::body::Body::new(body)))
    }
    fn takes_a_channel<S: tonic::client::GrpcService<tonic::body::Body>>(channel: S) -> S {
        channel
    }
    let (answer, trace) = run(async {
        let channel = ServiceBuilder::new().layer(LlmLayer::new()).service_fn(answer);
        let request =
            post("http://example.test/inference.Model/Infer".to_owned(), tonic::body::Body::empty());
        let answer = asks(takes_a_channel(channel).oneshot(request)).await.unwrap();
        answer.into_body().collect().await.unwrap()
    });
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(answer.to_bytes(), "frame");
    assert_eq!(trace.to_string(), "asks\n  POST\n", "a call, though none whose words we know");
    assert_eq!(number(trace.span("POST"), "http.response.status_code"), Some(200));
}

#[test]
fn reqwests_client_is_observed_as_a_service() {
    let ((request, url, chunks), trace) = run(async {
        let server = Server::start([Answer::stream(STREAM, 16)]).await;
        let url = server.url(PATH);
        let request = reqwest::Client::new().post(&url).body(STREAM_ASKED).build().unwrap();
        let client = ServiceBuilder::new().layer(LlmLayer::new()).service(reqwest::Client::new());
        let mut answer = asks(client.oneshot(request)).await.unwrap();
        assert_eq!(answer.url().as_str(), url);
        let mut chunks = Vec::new();
        while let Some(chunk) = answer.chunk().await.unwrap() {
            chunks.extend_from_slice(&chunk);
        }
        (server.request(), url, chunks)
    });
    assert!(url.ends_with(PATH));
    assert_eq!(chunks, STREAM.as_bytes());
    assert_eq!(trace.to_string(), "asks\n  chat m\n");
    assert_goes_with(&request, trace.span("chat m"));
    assert_answered(trace.span("chat m"));
}

#[test]
fn reqwests_errors_keep_their_kind_in_a_stack_of_layers() {
    let (failed, trace) = run(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
        drop(listener);
        let client = reqwest::Client::new();
        let request = client.post(url).body(ASKED).build().unwrap();
        let stack =
            ServiceBuilder::new().layer(LlmLayer::new()).timeout(Duration::from_secs(20)).service(client);
        stack.oneshot(request).await.is_err()
    });
    assert!(failed);
    assert_eq!(trace.to_string(), "chat m !connect\n", "the timeout layer has boxed it");
}
