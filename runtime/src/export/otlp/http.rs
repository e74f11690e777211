//! OTLP over HTTP, with a blocking client of our own on ureq.
//!
//! opentelemetry-otlp makes the request. The client sends it, once, with the configured headers set last (opentelemetry-otlp lets the
//! environment's overwrite them), follows no redirect (the headers are meant for the configured host only), limits the response, and
//! keeps the verdict, for which opentelemetry-otlp's result has no room.

mod answer;

use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, Uri};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::super::{DynExporter, OtlpSetting, Verdict, block_on};
use super::Receiver;
use crate::error::{Error, Result};
use crate::hosts::is_loopback;
use crate::sync::lock;

/// The limit of opentelemetry-http's own clients.
const MAX_RESPONSE_BYTES: u64 = 4 * 1024 * 1024;

/// An exporter to the receiver of `setting`.
///
/// # Errors
///
/// When the endpoint or a header is not what HTTP allows.
pub(crate) fn exporter(setting: &OtlpSetting) -> Result<HttpExporter> {
    let refused = |cause: String| Error::exporter("otlp", cause);
    let mut headers = Vec::with_capacity(setting.headers.len());
    for (name, value) in &setting.headers {
        let invalid = || refused(format!("header `{name}` is not valid"));
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
        value.set_sensitive(true);
        headers.push((HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?, value));
    }
    let config = ureq::Agent::config_builder()
        // A status is an answer, too.
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false);
    // HTTP_PROXY and its like are followed, but not to this machine: no proxy finds the receiver here.
    let is_here = setting.endpoint.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback));
    let config = if is_here { config.proxy(None) } else { config };
    let agent = config.build().new_agent();
    let attempt = Arc::new(Attempt::default());
    let receiver = Arc::new(Receiver::new(setting));
    let client = Client { agent, headers, receiver: Arc::clone(&receiver), attempt: Arc::clone(&attempt) };
    let inner = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(&setting.endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(setting.timeout)
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| refused(error.to_string()))?;
    Ok(HttpExporter { inner, attempt, receiver, timeout: setting.timeout })
}

/// See the module.
#[derive(Debug)]
pub(crate) struct HttpExporter {
    inner: opentelemetry_otlp::SpanExporter,
    attempt: Arc<Attempt>,
    receiver: Arc<Receiver>,
    /// Of one attempt.
    timeout: Duration,
}

impl DynExporter for HttpExporter {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn export(&mut self, batch: Vec<SpanData>, timeout: Duration) -> Verdict {
        let timeout = self.timeout.min(timeout);
        self.attempt.begin(timeout, batch.len());
        // The client blocks, and so the future is ready at once.
        let result = block_on(self.inner.export(batch), timeout);
        self.attempt.end().unwrap_or_else(|| {
            let what = match result {
                Some(Err(error)) => error.to_string(),
                _ => "no request was made".to_owned(),
            };
            Verdict::Refused { error: self.receiver.failure(what) }
        })
    }

    fn shutdown(&mut self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// What exporter and client tell each other past opentelemetry-otlp.
#[derive(Debug, Default)]
struct Attempt(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    timeout: Duration,
    spans: usize,
    verdict: Option<Verdict>,
}

impl Attempt {
    fn begin(&self, timeout: Duration, spans: usize) {
        *lock(&self.0) = State { timeout, spans, verdict: None };
    }

    fn limits(&self) -> (Duration, usize) {
        let state = lock(&self.0);
        (state.timeout, state.spans)
    }

    fn met(&self, verdict: Verdict) {
        lock(&self.0).verdict = Some(verdict);
    }

    fn end(&self) -> Option<Verdict> {
        lock(&self.0).verdict.take()
    }
}

struct Client {
    agent: ureq::Agent,
    headers: Vec<(HeaderName, HeaderValue)>,
    receiver: Arc<Receiver>,
    attempt: Arc<Attempt>,
}

/// Without header values.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Client {
    /// Blocks: it runs on a thread of the pipeline's, which has nothing else to do.
    async fn send_bytes(
        &self,
        mut request: Request<Bytes>,
    ) -> std::result::Result<Response<Bytes>, HttpError> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let (timeout, spans) = self.attempt.limits();
        self.attempt.met(self.send(request, timeout, spans));
        // The verdict stands. opentelemetry-otlp has nothing left to judge.
        Ok(Response::new(Bytes::new()))
    }
}

impl Client {
    fn send(&self, request: Request<Bytes>, timeout: Duration, spans: usize) -> Verdict {
        if timeout.is_zero() {
            return Verdict::Later { after: None, error: self.receiver.failure("no time left") };
        }
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, &body[..]);
        let request = self.agent.configure_request(request).timeout_global(Some(timeout)).build();
        match self.agent.run(request) {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let body = if parts.status.is_success() { read(body) } else { Ok(Vec::new()) };
                answer::of_answer(&self.receiver, spans, parts.status, &parts.headers, body)
            }
            Err(error) => answer::of_error(&self.receiver, &error),
        }
    }
}

fn read(body: ureq::Body) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a body of just that size from a larger one.
    body.into_reader().take(MAX_RESPONSE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_RESPONSE_BYTES {
        return Err(io::Error::other(format!("the answer is larger than {MAX_RESPONSE_BYTES} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
