//! tower: a layer that observes the calls of the service inside, over `http::Request` (hyper-util, tonic).
//!
//! In: requests on their way to the service, and its answers. Out: the same, with a client span for each call. The service's readiness is
//! passed on as it is. `reqwest_service` and `async_openai` put the same layer over their requests.

use std::any::{Any, type_name};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::call::body::ObservedBody;
use crate::call::observed::{Call, Ended, Outgoing};
use crate::scope::InTrace;

/// A tower layer: each request that passes is a call with a span of its own, whose context goes with the request; model, tokens and
/// finish reasons are read from request and answer as they pass. The span ends with the answer's body.
///
/// It takes services over
/// - `http::Request<B>` for any `B`, such as hyper-util's client or a channel of tonic; their answers' bodies become [`ObservedBody`].
///   The request is read if its body is `Full<Bytes>`, `Bytes`, `String` or `&'static str`, or if a [`ShownBody`] is among its
///   extensions; of others the span has what path and headers say, and the answer;
/// - `reqwest::Request` (feature `reqwest`): `reqwest::Client` is such a service;
/// - `async_openai`'s `HttpRequestFactory` (feature `async-openai`).
///
/// Outside of a retry layer all attempts are one call: one span, whose context goes with each of them if the layer sees them (with
/// async-openai), or with all of them alike. Inside of it each attempt is a call.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use tower::ServiceBuilder;
///
/// let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
/// let client = ServiceBuilder::new().layer(llmetry::LlmLayer::new()).service(client);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LlmLayer {
    _private: (),
}

impl LlmLayer {
    /// The layer; it has no settings of its own.
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl<S> Layer<S> for LlmLayer {
    type Service = LlmService<S>;

    fn layer(&self, inner: S) -> LlmService<S> {
        LlmService { inner }
    }
}

/// A service whose calls are observed. Made by [`LlmLayer`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LlmService<S> {
    pub(super) inner: S,
}

/// The bytes of a request whose body does not show them (a boxed one, a channel's), put among its extensions: a handle, no copy.
///
/// ```
/// use bytes::Bytes;
/// let bytes = Bytes::from_static(br#"{"model": "m", "messages": []}"#);
/// # let body = ();
/// let request = http::Request::post("http://127.0.0.1:8000/v1/chat/completions")
///     .extension(llmetry::ShownBody(bytes.clone()))
///     .body(body);
/// ```
#[derive(Clone, Debug)]
pub struct ShownBody(pub Bytes);

impl<S, B, A> Service<Request<B>> for LlmService<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Error: 'static,
    B: 'static,
    A: Body,
{
    type Response = Response<ObservedBody<A>>;
    type Error = S::Error;
    type Future = LlmFuture<S::Future, Response<A>, Self::Response>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let call = start(&mut request);
        LlmFuture::new(call, observed, || self.inner.call(request))
    }
}

/// The call that `request` begins, whose context is in the headers now.
fn start<B: 'static>(request: &mut Request<B>) -> Call {
    let (host, port) = target(request.uri(), request.headers());
    let mut held = Bytes::new();
    let mut call = Call::start(Outgoing {
        method: request.method().as_str(),
        host: &host,
        port,
        path: request.uri().path(),
        body: shown(request, &mut held),
    });
    call.inject(request.headers_mut(), &host);
    if let Some(put) = replaceable(request)
        && let Some(body) = call.changed_body(request.headers_mut())
    {
        put(request.body_mut(), body.into());
    }
    call
}

/// How other bytes are put into the request's body; `None` if it is not of one piece, or only shows what somebody else will send.
fn replaceable<B: 'static>(request: &Request<B>) -> Option<fn(&mut dyn Any, Bytes)> {
    let body: &dyn Any = request.body();
    if request.extensions().get::<ShownBody>().is_some() {
        None
    } else if body.is::<Full<Bytes>>() {
        Some(|body, bytes| {
            if let Some(body) = body.downcast_mut() {
                *body = Full::new(bytes);
            }
        })
    } else if body.is::<Bytes>() {
        Some(|body, bytes| {
            if let Some(body) = body.downcast_mut() {
                *body = bytes;
            }
        })
    } else if body.is::<String>() {
        Some(|body, bytes| {
            // What was valid before is so with ours in it.
            if let (Some(body), Ok(text)) = (body.downcast_mut(), String::from_utf8(bytes.into())) {
                *body = text;
            }
        })
    } else {
        None
    }
}

/// Host and port; of a request that has only a path, those of its `host` header.
fn target(uri: &Uri, headers: &HeaderMap) -> (String, Option<u16>) {
    let header = || headers.get(http::header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let authority = uri.authority().cloned().or_else(header);
    let known = match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    };
    let Some(authority) = authority else { return (String::new(), None) };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    (host, authority.port_u16().or(known))
}

/// The request's bytes, where they can be seen without taking any; `held` keeps a handle of them.
fn shown<'a, B: 'static>(request: &'a Request<B>, held: &'a mut Bytes) -> Option<&'a [u8]> {
    if let Some(ShownBody(bytes)) = request.extensions().get() {
        return Some(bytes);
    }
    let body: &dyn Any = request.body();
    if let Some(full) = body.downcast_ref::<Full<Bytes>>() {
        // It shows nothing itself; its clone is a handle, and gives all of it at once.
        let mut full = full.clone();
        let Poll::Ready(Some(Ok(frame))) =
            Pin::new(&mut full).poll_frame(&mut Context::from_waker(Waker::noop()))
        else {
            return None;
        };
        *held = frame.into_data().ok()?;
        return Some(held);
    }
    body.downcast_ref::<Bytes>()
        .map(Bytes::as_ref)
        .or_else(|| body.downcast_ref::<String>().map(String::as_bytes))
        .or_else(|| body.downcast_ref::<&'static str>().map(|text| text.as_bytes()))
}

pin_project! {
    /// The answer to an observed call, on its way. Made by [`LlmService`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct LlmFuture<F, A, O> {
        #[pin]
        future: InTrace<F>,
        call: Option<Call>,
        observed: fn(A, Call) -> O,
    }
}

impl<F, A, O> LlmFuture<F, A, O> {
    /// The future that `send` makes, run as `call`'s own code; `observed` puts the call into the answer.
    pub(super) fn new(call: Call, observed: fn(A, Call) -> O, send: impl FnOnce() -> F) -> Self {
        Self { future: InTrace::call(call.context(), send), call: Some(call), observed }
    }
}

impl<F, A, O, E> Future for LlmFuture<F, A, O>
where
    F: Future<Output = Result<A, E>>,
    E: 'static,
{
    type Output = Result<O, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.future.poll(task));
        let Some(call) = this.call.take() else { panic!("future polled after completion") };
        Poll::Ready(match answer {
            Ok(answer) => Ok((this.observed)(answer, call)),
            Err(error) => {
                call.end(&Ended::Failed(kind(&error)));
                Err(error)
            }
        })
    }
}

impl<F, A, O> fmt::Debug for LlmFuture<F, A, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmFuture").finish_non_exhaustive()
    }
}

/// The same answer, whose body is seen as it passes.
fn observed<A: Body>(answer: Response<A>, mut call: Call) -> Response<ObservedBody<A>> {
    call.head(answer.status(), answer.headers());
    answer.map(|body| ObservedBody::new(body, call))
}

/// What went wrong: reqwest's errors in a few words, of others the type's name.
fn kind<E: 'static>(error: &E) -> Cow<'static, str> {
    let any: &dyn Any = error;
    let boxed = any.downcast_ref::<Box<dyn Error + Send + Sync>>();
    #[cfg(feature = "reqwest")]
    {
        let within = || boxed.and_then(|boxed| boxed.downcast_ref());
        let known = any.downcast_ref().or_else(within);
        #[cfg(feature = "async-openai")]
        let known = known.or_else(|| super::async_openai::transport_error(any));
        if let Some(error) = known {
            return super::reqwest::kind_of(error);
        }
    }
    // The name of a box says nothing.
    Cow::Borrowed(if boxed.is_some() { "request" } else { type_name::<E>() })
}
