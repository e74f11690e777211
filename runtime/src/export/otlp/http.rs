//! OTLP over HTTP, with a blocking client of our own on ureq.
//!
//! opentelemetry-otlp makes the request and repeats it where that helps. The client holds the time limit over all repetitions, sets the
//! configured headers last (opentelemetry-otlp lets the environment's overwrite them), follows no redirect (the headers are meant for
//! the configured host only), limits the response, and remembers why a request failed, which opentelemetry-otlp forgets.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, Uri};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, ResponseBodyTooLarge};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::super::{OtlpSetting, without_credentials};
use super::export_error;
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
        // opentelemetry-otlp looks at the status itself.
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false);
    // HTTP_PROXY and its like are followed, but not to this machine: no proxy finds the receiver here.
    let is_here = setting.endpoint.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback));
    let config = if is_here { config.proxy(None) } else { config };
    let agent = config.build().new_agent();
    let attempts = Arc::new(Attempts::default());
    let client = Client { agent, headers, attempts: Arc::clone(&attempts) };
    let inner = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(&setting.endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(setting.timeout)
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let endpoint = without_credentials(&setting.endpoint);
    Ok(HttpExporter { inner, attempts, endpoint, timeout: setting.timeout })
}

/// See the module.
#[derive(Debug)]
pub(crate) struct HttpExporter {
    inner: opentelemetry_otlp::SpanExporter,
    attempts: Arc<Attempts>,
    endpoint: String,
    timeout: Duration,
}

impl SpanExporter for HttpExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.attempts.begin(self.timeout);
        let spans = batch.len();
        let result = self.inner.export(batch).await;
        match (result, self.attempts.end()) {
            (Ok(()), Some(Trouble::Rejected { count, message })) => Err(export_error(
                &self.endpoint,
                format!("{count} of {spans} spans were rejected: {message}"),
            )),
            (Ok(()), _) => Ok(()),
            (Err(_), Some(Trouble::Failed(cause))) => Err(export_error(&self.endpoint, cause)),
            (Err(OTelSdkError::InternalFailure(text)), _) => Err(export_error(&self.endpoint, text)),
            (Err(other), _) => Err(other),
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// One export: it may take several requests.
#[derive(Debug, Default)]
struct Attempts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    deadline: Option<Instant>,
    trouble: Option<Trouble>,
}

/// What the last request met with.
#[derive(Debug)]
enum Trouble {
    Failed(String),
    /// The receiver answered 200 and did not take all spans.
    Rejected {
        count: u64,
        message: String,
    },
}

impl Attempts {
    fn begin(&self, timeout: Duration) {
        *lock(&self.0) = State { deadline: Some(Instant::now() + timeout), trouble: None };
    }

    fn end(&self) -> Option<Trouble> {
        std::mem::take(&mut *lock(&self.0)).trouble
    }

    /// `None` when there is none.
    fn time_left(&self) -> Option<Duration> {
        let left = lock(&self.0).deadline?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn met(&self, trouble: Option<Trouble>) {
        lock(&self.0).trouble = trouble;
    }
}

struct Client {
    agent: ureq::Agent,
    headers: Vec<(HeaderName, HeaderValue)>,
    attempts: Arc<Attempts>,
}

/// Without header values.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Client {
    /// Blocks: it runs on the pipeline's thread, which has nothing else to do.
    async fn send_bytes(
        &self,
        mut request: Request<Bytes>,
    ) -> std::result::Result<Response<Bytes>, HttpError> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        match self.send(request) {
            Ok(response) => {
                self.attempts.met(trouble_in(&response));
                Ok(response)
            }
            Err(error) => {
                self.attempts.met(Some(Trouble::Failed(with_causes(&*error))));
                Err(error)
            }
        }
    }
}

impl Client {
    fn send(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let Some(left) = self.attempts.time_left() else { return Err("no time left".into()) };
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, &body[..]);
        let request = self.agent.configure_request(request).timeout_global(Some(left)).build();
        let (parts, body) = self.agent.run(request)?.into_parts();
        let mut bytes = Vec::new();
        // One byte more than allowed tells a body of just that size from a larger one.
        body.into_reader().take(MAX_RESPONSE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_RESPONSE_BYTES {
            return Err(Box::new(ResponseBodyTooLarge::new()));
        }
        Ok(Response::from_parts(parts, bytes.into()))
    }
}

/// What opentelemetry-otlp does not tell its caller about a response. Bodies of errors are left out: they may repeat the request.
fn trouble_in(response: &Response<Bytes>) -> Option<Trouble> {
    let status = response.status();
    if status.is_success() {
        let (count, message) = rejected(response.body())?;
        return Some(Trouble::Rejected { count, message });
    }
    let more = match status.as_u16() {
        300..=399 => "; redirects are not followed",
        401 | 403 => "; are the headers right?",
        404 => "; is the path right?",
        _ => "",
    };
    Some(Trouble::Failed(format!("the receiver answered {status}{more}")))
}

/// `rejected_spans` and `error_message` of an `ExportTraceServiceResponse`, if spans were rejected. The message is three fields in two
/// levels, read here by hand: field 1 holds the partial success, in which field 1 is the count and field 2 the text.
fn rejected(body: &[u8]) -> Option<(u64, String)> {
    let partial = fields(body).find_map(|field| match field {
        (1, Field::Bytes(bytes)) => Some(bytes),
        _ => None,
    })?;
    let (mut count, mut message) = (0, String::new());
    for field in fields(partial) {
        match field {
            (1, Field::Number(number)) => count = number,
            (2, Field::Bytes(bytes)) => {
                message = String::from_utf8_lossy(&bytes[..bytes.len().min(500)]).into_owned();
            }
            _ => {}
        }
    }
    (count > 0).then_some((count, message))
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message, as far as they can be read.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(value)
            }
            // Not used in this message.
            _ => return None,
        };
        Some((key >> 3, field))
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The texts of `error` and of what caused it.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests;
