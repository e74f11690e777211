//! One observed call: its span, what goes with its request, and what its answer says.
//!
//! In: an adapter's view of one HTTP exchange, piece by piece: the request, the head of the answer, the chunks of its body, how it ended.
//! Out: a client span with the facts of `wire` in the words of `semconv`, and trace context for the request's headers. Does not: know an
//! HTTP client, change a byte, keep a body, or fail.
//!
//! Without anybody listening, and inside of a span that somebody else, or another adapter, has opened for this very call, a [`Call`] is
//! nothing: it only has the headers that go with the request.

use std::borrow::Cow;
use std::time::Instant;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use opentelemetry::Context;

use super::{foreign, inject, stream_usage};
use crate::hub;
use crate::messages;
use crate::scope::{self, ClientSpan};
use crate::semconv::llm::{self, Server};
use crate::wire::{self, Content, Facts, Format, Head, Operation, RequestContent, RequestFacts};
use crate::wire::{RequestReader, ResponseReader, Route};

/// What an adapter knows of a request before it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a str,
    /// Without port and brackets.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    pub(crate) path: &'a str,
    /// `None`: it cannot be seen (a stream).
    pub(crate) body: Option<&'a [u8]>,
}

/// A call that is under way. Dropped before [`Call::end`] it was cancelled.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub(crate) struct Call {
    context: Option<Context>,
    /// `None`: nothing of it is recorded.
    observed: Option<Box<Observed>>,
}

/// How the exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The body has come to its end.
    Complete,
    /// Sending or receiving failed; the kind of failure, low cardinality.
    Failed(Cow<'static, str>),
    /// The caller has lost interest.
    Dropped,
}

/// The request that the context belongs to. Seen again further down, by a second adapter, it is the same call; another request, even if
/// it goes to the same place, is another call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UnderWay(String);

impl UnderWay {
    fn new(outgoing: &Outgoing<'_>) -> Self {
        let Outgoing { method, host, port, path, body } = outgoing;
        Self(format!("{method} {host} {port:?} {path} {:?}", body.map(<[u8]>::len)))
    }

    /// Any request: who describes a call by hand does not say by which it is sent.
    const fn any() -> Self {
        Self(String::new())
    }

    fn is_here(&self) -> bool {
        let context = scope::current_context();
        let here = context.as_ref().and_then(|context| context.get::<Self>());
        here.is_some_and(|here| here == self || *here == Self::any())
    }
}

#[derive(Debug)]
struct Observed {
    span: ClientSpan,
    format: Option<Format>,
    operation: Option<Operation>,
    stream: bool,
    started: Instant,
    first_chunk: Option<f64>,
    status: Option<u16>,
    reader: Option<ResponseReader>,
    /// How the answer is read.
    content: Content,
    /// The body to send in place of the program's own, where it asked for that.
    changed_body: Option<Vec<u8>>,
}

impl Call {
    /// Opens the call's span under what is current.
    pub(crate) fn start(outgoing: Outgoing<'_>) -> Self {
        if hub::epoch() == 0 || UnderWay::new(&outgoing).is_here() {
            return Self { context: scope::current_context(), observed: None };
        }
        Self::open(
            |span| Observed::new(span, outgoing),
            |changed| UnderWay::new(&Outgoing { body: changed.or(outgoing.body), ..outgoing }),
        )
    }

    /// As [`Call::start`], of a call that nobody reads: these are its facts.
    pub(crate) fn start_by_hand(provider: &str, server: &Server, request: &RequestFacts) -> Self {
        let describe = |span| {
            let mut observed = Observed::described(span, "", server, &Route::default(), request);
            observed.span.set([llm::provider_name(provider)]);
            observed.content = observed.span.output_content();
            observed
        };
        Self::open(describe, |_| UnderWay::any())
    }

    fn open(
        observe: impl FnOnce(ClientSpan) -> Observed,
        under_way: impl FnOnce(Option<&[u8]>) -> UnderWay,
    ) -> Self {
        if hub::epoch() == 0 || foreign::is_model_call() {
            return Self { context: scope::current_context(), observed: None };
        }
        let span = ClientSpan::start();
        let context = span.context().or_else(scope::current_context);
        let observed = span.is_recording().then(|| Box::new(observe(span)));
        let changed = observed.as_ref().and_then(|observed| observed.changed_body.as_deref());
        let context = context.map(|context| context.with_value(under_way(changed)));
        Self { context, observed }
    }

    /// Puts the call's own context into the headers of a request; to be called for each attempt.
    pub(crate) fn inject(&self, headers: &mut HeaderMap, host: &str) {
        inject_context(self.context.as_ref(), headers, host);
    }

    /// As [`Call::inject`], for attempts that are made while the call is elsewhere.
    #[cfg(feature = "async-openai")]
    pub(crate) fn injector(&self) -> impl Fn(&mut HeaderMap, &str) + Send + Sync + use<> {
        let context = self.context.clone();
        move |headers, host| inject_context(context.as_ref(), headers, host)
    }

    /// The body to send in place of the request's own (`Builder::force_stream_usage`), and `headers` made to fit it. `None` is the rule.
    pub(crate) fn changed_body(&mut self, headers: &mut HeaderMap) -> Option<Vec<u8>> {
        let body = self.observed.as_mut()?.changed_body.take()?;
        stream_usage::fits(headers, body.len()).then_some(body)
    }

    /// The context in which the call's own code is to run.
    pub(crate) fn context(&self) -> Context {
        self.context.clone().unwrap_or_default()
    }

    /// Whether the answer is of interest.
    pub(crate) fn is_observed(&self) -> bool {
        self.observed.is_some()
    }

    /// The answer's head has come.
    pub(crate) fn head(&mut self, status: StatusCode, headers: &HeaderMap) {
        if let Some(observed) = &mut self.observed {
            observed.head(status.as_u16(), headers);
        }
    }

    /// A piece of the answer's body has come.
    #[inline]
    pub(crate) fn chunk(&mut self, bytes: &[u8]) {
        if let Some(observed) = &mut self.observed {
            observed.chunk(bytes);
        }
    }

    /// A piece of the answer of a call that nobody reads.
    pub(crate) fn chunk_by_hand(&mut self) {
        if let Some(observed) = &mut self.observed {
            observed.note_chunk();
        }
    }

    /// The content that may be kept of the request, and of the answer.
    pub(crate) fn content(&self) -> (Content, Content) {
        let span = self.observed.as_ref().map(|observed| &observed.span);
        span.map_or_else(Default::default, |span| (span.input_content(), span.output_content()))
    }

    /// The call is over; this is what was asked, and these are the facts of its answer.
    pub(crate) fn end_by_hand(&mut self, asked: &RequestContent, facts: &Facts, ended: &Ended) {
        let Some(observed) = self.observed.take() else { return };
        // The form in which `by_hand` writes messages.
        if let (Some(operation), true) = (observed.operation, observed.span.input_content() != Content::Off) {
            observed.span.capture(messages::request(Format::OpenAiChat, operation, asked));
        }
        observed.close(facts, ended);
    }

    /// The call is over.
    pub(crate) fn end(mut self, ended: &Ended) {
        if let Some(observed) = self.observed.take() {
            observed.end(ended);
        }
    }
}

fn inject_context(context: Option<&Context>, headers: &mut HeaderMap, host: &str) {
    if let Some(context) = context {
        inject::into_call(context, headers, host);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(observed) = self.observed.take() {
            observed.end(&Ended::Dropped);
        }
    }
}

impl Observed {
    fn new(span: ClientSpan, outgoing: Outgoing<'_>) -> Self {
        let Outgoing { method, host, port, path, body } = outgoing;
        let route = wire::route(method, host, path);
        let mut reader = RequestReader::new(&route, span.input_content());
        if let Some(body) = body {
            reader.push(body);
        }
        let mut request = reader.finish();
        // Of a request whose body cannot be seen, the path tells.
        request.operation = request.operation.or(route.operation).filter(|_| route.format.is_some());
        let changed_body = body
            .filter(|_| inject::policy(|policy| policy.forces_stream_usage))
            .and_then(|body| stream_usage::added(body, route.format, &request));
        let server = Server { address: host.to_owned(), port };
        Self { changed_body, ..Self::described(span, method, &server, &route, &request) }
    }

    fn described(
        span: ClientSpan,
        method: &str,
        server: &Server,
        route: &Route,
        request: &RequestFacts,
    ) -> Self {
        let operation = request.operation;
        span.describe(
            llm::name(method, operation, request.model.as_deref()),
            llm::request(method, server, route, operation, request),
        );
        if let (Some(format), Some(operation)) = (route.format, operation) {
            span.capture(messages::request(format, operation, &request.content));
        }
        Self {
            span,
            format: route.format,
            operation,
            stream: request.stream,
            started: Instant::now(),
            first_chunk: None,
            status: None,
            reader: None,
            content: Content::Off,
            changed_body: None,
        }
    }

    fn head(&mut self, status: u16, headers: &HeaderMap) {
        let head = Head::HEADERS.iter().fold(Head::new(status), |head, name| {
            match headers.get(*name).and_then(|value| value.to_str().ok()) {
                Some(value) => head.header(name, value),
                None => head,
            }
        });
        // Of a request whose body cannot be seen, the answer tells.
        self.stream |= headers
            .get(CONTENT_TYPE)
            .is_some_and(|content_type| content_type.as_bytes().starts_with(b"text/event-stream"));
        self.status = Some(status);
        self.content = self.span.output_content();
        let Self { format, operation, stream, content, .. } = *self;
        self.reader = Some(ResponseReader::new(format, operation, stream, head, content));
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.note_chunk();
        if let Some(reader) = &mut self.reader {
            reader.push(bytes);
        }
    }

    fn note_chunk(&mut self) {
        if self.stream && self.first_chunk.is_none() {
            self.first_chunk = Some(self.started.elapsed().as_secs_f64());
        }
    }

    fn end(mut self, ended: &Ended) {
        let facts = self.reader.take().map(ResponseReader::finish).unwrap_or_default();
        self.close(&facts, ended);
    }

    fn close(self, facts: &Facts, ended: &Ended) {
        let Self { span, operation, first_chunk, status, content, .. } = self;
        if operation.is_some() {
            span.set(llm::response(facts, first_chunk));
            // It was on when the answer began, and still is.
            if content != Content::Off && span.output_content() != Content::Off {
                span.capture(messages::response(facts));
            }
        }
        let is_error_status = status.is_some_and(|status| status >= 400);
        if let Some(status) = status.filter(|_| is_error_status || operation.is_none()) {
            span.set([llm::status(status)]);
        }
        let said = facts.error.as_ref().and_then(|error| error.names.first());
        if let Some(name) = said {
            let message = facts.error.as_ref().and_then(|error| error.message.as_deref());
            span.fail(Cow::Owned(name.clone()), message);
        } else if let (true, Some(status)) = (is_error_status, status) {
            span.fail(Cow::Owned(status.to_string()), None);
        } else if let Ended::Failed(kind) = ended {
            span.fail(kind.clone(), None);
        } else if *ended == Ended::Dropped && facts.stream_complete != Some(true) {
            // Not the whole answer: the span ends as cancelled.
            return;
        }
        span.end();
    }
}
