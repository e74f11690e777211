//! One exchange, sent in each way, and all that the program sees of it.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use llmetry::testing::{RecordedSpan, Trace, record};
use llmetry::{LlmMiddleware, RequestBuilderExt, task};
use opentelemetry::trace::SpanKind;
use reqwest::{Request, RequestBuilder, Response};

use crate::server::{Received, Script, Server};

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const ASK: &str =
    r#"{"model":"small","messages":[{"role":"user","content":"Why?"}],"temperature":0.5}"#;
pub(crate) const ASK_STREAM: &str = r#"{"model":"small","messages":[{"role":"user","content":"Why?"}],"stream":true,"stream_options":{"include_usage":true}}"#;
pub(crate) const ANSWER: &str = r#"{"id":"c-1","model":"small-1","choices":[{"index":0,"message":{"role":"assistant","content":"Because."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;
pub(crate) const EVENTS: &str = concat!(
    "data: {\"id\":\"c-1\",\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Be\"}}]}\n\n",
    "data: {\"id\":\"c-1\",\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"cäuse\"}}]}\r\n\r\n",
    ": ping\n\n",
    "data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\n",
    "data: [DONE]\n\n",
);

/// How a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Without us: what is seen then is right.
    Bare,
    Traced,
    Client,
    Middleware,
}

impl Way {
    pub(crate) const OURS: [Self; 3] = [Self::Traced, Self::Client, Self::Middleware];

    pub(crate) async fn send(self, client: reqwest::Client, request: Request) -> reqwest::Result<Response> {
        match self {
            Self::Bare => client.execute(request).await,
            Self::Traced => RequestBuilder::from_parts(client, request).send_traced().await,
            Self::Client => llmetry::reqwest::Client::from(client).execute(request).await,
            Self::Middleware => {
                let stack = reqwest_middleware::ClientBuilder::new(client).with(LlmMiddleware::new()).build();
                stack.execute(request).await.map_err(|error| match error {
                    reqwest_middleware::Error::Reqwest(error) => error,
                    reqwest_middleware::Error::Middleware(error) => panic!("{error:?}"),
                })
            }
        }
    }
}

/// What the program saw.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    /// Status and its reason, version, headers, URL, announced length, address of the peer; `None`: no answer came.
    head: Option<String>,
    pub(crate) chunks: Vec<Bytes>,
    /// The error in words, and what it says of itself.
    error: Option<String>,
}

impl Seen {
    fn new(answer: reqwest::Result<&Response>, server: SocketAddr) -> Self {
        let shown = |what: &dyn Debug| format!("{what:?}").replace(&server.to_string(), "SERVER");
        match answer {
            Ok(answer) => {
                let whole = [
                    shown(&answer.status()),
                    shown(&answer.version()),
                    shown(answer.headers()),
                    shown(&answer.url().as_str()),
                    shown(&answer.content_length()),
                    shown(&answer.remote_addr()),
                    // Has the reason's own words, which an extension holds.
                    shown(&answer.error_for_status_ref().err().map(|error| error.to_string())),
                ];
                let head = whole.join("\n").replace(&server.port().to_string(), "PORT");
                Self { head: Some(head), chunks: Vec::new(), error: None }
            }
            Err(error) => Self { head: None, chunks: Vec::new(), error: Some(said(&error, server)) },
        }
    }
}

fn said(error: &reqwest::Error, server: SocketAddr) -> String {
    let kinds = [
        error.is_timeout(),
        error.is_connect(),
        error.is_body(),
        error.is_decode(),
        error.is_request(),
        error.is_redirect(),
        error.is_builder(),
    ];
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let root = causes.last().map(ToString::to_string);
    let text = format!("{error} {kinds:?} {:?} {root:?}", error.url().map(reqwest::Url::as_str));
    text.replace(&server.port().to_string(), "PORT")
}

/// All of an exchange.
pub(crate) struct Exchange {
    pub(crate) seen: Seen,
    pub(crate) received: Vec<Received>,
    pub(crate) trace: Trace,
}

impl Exchange {
    /// The one span of the call; its parent is the function that made it, and its context went with each request.
    #[track_caller]
    pub(crate) fn span(&self) -> &RecordedSpan {
        let asks = self.trace.span("asks");
        let calls: Vec<_> = self.trace.children(asks).collect();
        assert_eq!((calls.len(), self.trace.spans().len()), (1, 2), "{}", self.trace);
        let call = calls[0];
        assert_eq!(*call.kind(), SpanKind::Client);
        assert!(!asks.is_error(), "a call's error is the caller's to judge");
        for request in &self.received {
            assert_eq!(request.header("traceparent"), Some(&*traceparent(call)), "{}", request.line);
            assert_eq!(request.headers.get_all("traceparent").iter().count(), 1);
        }
        call
    }
}

pub(crate) fn traceparent(span: &RecordedSpan) -> String {
    format!("00-{}-{}-01", span.trace_id(), span.span_id())
}

#[track_caller]
pub(crate) fn text(span: &RecordedSpan, key: &str) -> Option<String> {
    span.attribute(key).map(ToString::to_string)
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
    /// Of the whole call.
    pub(crate) timeout: Option<Duration>,
}

impl Default for Question {
    fn default() -> Self {
        Self { path: CHAT, body: ASK, timeout: None }
    }
}

impl Question {
    pub(crate) fn stream() -> Self {
        Self { body: ASK_STREAM, ..Self::default() }
    }

    pub(crate) fn request(&self, server: &Server) -> Request {
        let mut request = reqwest::Client::new()
            .post(server.url(self.path))
            .header("content-type", "application/json")
            .header("authorization", "Bearer secret")
            .body(self.body);
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        request.build().unwrap()
    }
}

#[task]
async fn asks(way: Way, client: reqwest::Client, request: Request, server: &Server) -> Seen {
    let mut answer = match way.send(client, request).await {
        Ok(answer) => answer,
        Err(error) => return Seen::new(Err(error), server.address),
    };
    let mut seen = Seen::new(Ok(&answer), server.address);
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => seen.chunks.push(chunk),
            Ok(None) => break,
            Err(error) => {
                seen.error = Some(said(&error, server.address));
                break;
            }
        }
        let passed: usize = seen.chunks.iter().map(Bytes::len).sum();
        if passed == server.promised() {
            server.reset();
        }
    }
    seen
}

/// Sends `question` in `way` and reads the whole answer.
pub(crate) async fn exchange(
    way: Way,
    question: &Question,
    client: reqwest::Client,
    scripts: impl FnOnce(SocketAddr) -> Vec<Script>,
) -> Exchange {
    let server = Server::start(scripts).await;
    let (seen, trace) = record(asks(way, client, question.request(&server), &server)).await;
    Exchange { seen, received: server.received(), trace }
}

/// Sends `question` bare and in each of our ways; the program must see the same, and the server too, but for our header. Gives back
/// what was ours.
pub(crate) async fn exchanges(
    question: &Question,
    client: &reqwest::Client,
    scripts: impl Fn(SocketAddr) -> Vec<Script>,
) -> Vec<Exchange> {
    let bare = exchange(Way::Bare, question, client.clone(), &scripts).await;
    assert_eq!(bare.trace.spans().len(), 1, "the bare client has no span");
    let mut ours = Vec::new();
    for way in Way::OURS {
        let exchange = exchange(way, question, client.clone(), &scripts).await;
        assert_eq!(exchange.seen, bare.seen, "{way:?}");
        assert_eq!(sent(&exchange.received), sent(&bare.received), "{way:?}");
        ours.push(exchange);
    }
    ours
}

/// What came to the server, without what differs by right: our header, the server's port, and the order of headers.
fn sent(received: &[Received]) -> Vec<String> {
    let shown = |request: &Received| {
        let port = request.header("host").unwrap().rsplit(':').next().unwrap();
        let headers = request.headers.iter().filter(|(name, _)| *name != "traceparent");
        let mut headers: Vec<_> = headers.map(|header| format!("{header:?}").replace(port, "PORT")).collect();
        headers.sort();
        format!("{} {headers:?} {}", request.line, String::from_utf8_lossy(&request.body))
    };
    received.iter().map(shown).collect()
}
