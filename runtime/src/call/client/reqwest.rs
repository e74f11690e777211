//! reqwest 0.13: trace context on one request, or a whole call observed.
//!
//! In: a `RequestBuilder`, or a client of reqwest. Out: the same answers, with a client span for each call. Redirects are followed, and
//! bodies decoded, by reqwest below this; what is read here is what the caller reads.

#[cfg(feature = "reqwest-client")]
pub(crate) mod client;

use std::borrow::Cow;

use http::HeaderMap;
use reqwest::{Request, RequestBuilder, Response, ResponseBuilderExt};

use crate::call::body::ObservedBody;
use crate::call::inject_for;
use crate::call::observed::{Call, Ended, Outgoing};
use crate::scope::InTrace;

/// Puts the current trace into a request of reqwest 0.13.
pub trait RequestBuilderExt {
    /// This request with `traceparent` (and `tracestate`, if there is one) of the current span, and with `baggage` if the
    /// request's host may have it. Without a current trace the request stays as it is.
    ///
    /// Nothing more: the call has no span of its own. [`send_traced`](Self::send_traced) gives it one.
    ///
    /// ```no_run
    /// use llmetry::RequestBuilderExt;
    /// # async fn example() -> Result<(), reqwest::Error> {
    /// let models = reqwest::Client::new()
    ///     .get("http://127.0.0.1:8000/v1/models")
    ///     .with_trace_context()
    ///     .send()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    fn with_trace_context(self) -> Self;

    /// As `send`, and the call has a span of its own: its context goes with the request, and model, tokens and finish reasons are read from
    /// request and answer as they pass. The span ends with the answer's body.
    ///
    /// ```no_run
    /// use llmetry::RequestBuilderExt;
    /// # async fn example(body: String) -> Result<(), reqwest::Error> {
    /// let answer = reqwest::Client::new()
    ///     .post("http://127.0.0.1:8000/v1/chat/completions")
    ///     .header("content-type", "application/json")
    ///     .body(body)
    ///     .send_traced()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `send`.
    fn send_traced(self) -> impl Future<Output = reqwest::Result<Response>> + Send;
}

impl RequestBuilderExt for RequestBuilder {
    fn with_trace_context(self) -> Self {
        let mut headers = HeaderMap::new();
        // The builder does not show its URL; a copy does. A body that cannot be copied (a stream) leaves the host unknown, and
        // an unknown host gets no baggage.
        let host = || {
            let request = self.try_clone()?.build().ok()?;
            request.url().host_str().map(str::to_owned)
        };
        inject_for(&mut headers, host);
        self.headers(headers)
    }

    async fn send_traced(self) -> reqwest::Result<Response> {
        let (client, request) = self.build_split();
        observe(request?, |request| client.execute(request), kind_of).await
    }
}

/// Sends `request` by `send` as an observed call; `kind` says what an error was.
pub(super) async fn observe<F, E>(
    mut request: Request,
    send: impl FnOnce(Request) -> F,
    kind: impl FnOnce(&E) -> Cow<'static, str>,
) -> Result<Response, E>
where
    F: Future<Output = Result<Response, E>>,
{
    let call = start(&mut request);
    match InTrace::new(call.context(), send(request)).await {
        Ok(response) => Ok(observed(response, call)),
        Err(error) => {
            call.end(&Ended::Failed(kind(&error)));
            Err(error)
        }
    }
}

/// The call that `request` begins, whose context is in the headers now.
pub(super) fn start(request: &mut Request) -> Call {
    let host = host(request);
    let mut call = Call::start(Outgoing {
        method: request.method().as_str(),
        host: &host,
        port: request.url().port_or_known_default(),
        path: request.url().path(),
        body: request.body().and_then(reqwest::Body::as_bytes),
    });
    call.inject(request.headers_mut(), &host);
    if let Some(body) = call.changed_body(request.headers_mut()) {
        *request.body_mut() = Some(body.into());
    }
    call
}

pub(super) fn host(request: &Request) -> String {
    request.url().host_str().unwrap_or_default().to_owned()
}

/// The same answer, whose body is seen as it passes.
pub(super) fn observed(response: Response, mut call: Call) -> Response {
    if !call.is_observed() {
        return response;
    }
    call.head(response.status(), response.headers());
    let url = response.url().clone();
    let (mut parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    // reqwest keeps the URL where only it can put it.
    if let Ok(with_url) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(with_url.into_parts().0.extensions);
    }
    let body = reqwest::Body::wrap(ObservedBody::new(body, call).with_kind(kind_of));
    http::Response::from_parts(parts, body).into()
}

/// What went wrong, in a few words.
pub(super) fn kind_of(error: &reqwest::Error) -> Cow<'static, str> {
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else if error.is_redirect() {
        "redirect"
    } else if error.is_body() || error.is_decode() {
        "body"
    } else if error.is_builder() {
        "builder"
    } else {
        "request"
    };
    Cow::Borrowed(kind)
}
