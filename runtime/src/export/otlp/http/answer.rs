//! What an answer over HTTP says about the batch.
//!
//! In: status, headers and body, or the error in their place. Out: a verdict. Does not: read from the network.

use std::io;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::{Map, Value};

use super::super::super::Verdict;
use super::super::{MAX_PAUSE, NO_TLS, Receiver, is_nonsense, with_causes};

/// A partial success is a number and a sentence. JSON takes many times its length once it is read.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// What stands at the end of a text when HTTP was not understood, or has not understood.
const WRONG_PORT: &str = "; is this the port for OTLP over HTTP? It is usually 4318";

/// The verdict of an answer. `body` counts where the status is a success.
pub(super) fn of_answer(
    receiver: &Receiver,
    spans: usize,
    status: StatusCode,
    headers: &HeaderMap,
    body: io::Result<Vec<u8>>,
) -> Verdict {
    if status.is_success() {
        // The status was there: the receiver may have the spans, and would have them twice.
        return match body.map(|body| read(headers, &body)) {
            Ok(Some(response)) => receiver.delivered(response.partial_success, spans),
            Ok(None) => {
                let what =
                    format!("the receiver answered {status} with something that is not OTLP{WRONG_PORT}");
                Verdict::Refused { error: receiver.failure(what) }
            }
            Err(error) => {
                let what = format!("the receiver answered {status}, and then: {}", with_causes(&error));
                Verdict::Refused { error: receiver.failure(what) }
            }
        };
    }
    // Bodies of errors are left out: they may repeat the request.
    let more = match status.as_u16() {
        300..=399 => "; redirects are not followed",
        401 | 403 => "; are the headers right?",
        404 | 405 => "; is the path right?",
        _ => "",
    };
    let error = receiver.failure(format_args!("the receiver answered {status}{more}"));
    match status.as_u16() {
        413 => Verdict::TooLarge { error },
        429 | 502..=504 => Verdict::Later { after: retry_after(headers, SystemTime::now()), error },
        _ => Verdict::Refused { error },
    }
}

/// The verdict where there was no answer. `Later` where the next attempt may find other circumstances.
pub(super) fn of_error(receiver: &Receiver, error: &ureq::Error) -> Verdict {
    let text = with_causes(error);
    let refused = |more: &str| Verdict::Refused { error: receiver.failure(format_args!("{text}{more}")) };
    match error {
        ureq::Error::Io(cause) if is_nonsense(cause) => refused(NO_TLS),
        ureq::Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidInput => refused(""),
        // The proxy among them: it refuses when it does not reach the receiver.
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::BodyStalled => Verdict::Later { after: None, error: receiver.failure(text) },
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => refused(WRONG_PORT),
        _ => refused(""),
    }
}

/// `Retry-After`, in seconds or as a date. `now` is the time of the answer.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too long to be one is a long time all the same.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(after.min(MAX_PAUSE))
}

/// The answer in `body`, in protobuf, or in JSON, which some receivers answer to everything. `None` when it is neither.
fn read(headers: &HeaderMap, body: &[u8]) -> Option<ExportTraceServiceResponse> {
    // In protobuf a brace would begin a group, and there are none. White space in front of it may be protobuf.
    if body.first() == Some(&b'{') {
        return read_json(body);
    }
    // Some words can be read as unknown fields.
    let is_text = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/"));
    if is_text && !body.is_empty() {
        return read_json(body);
    }
    ExportTraceServiceResponse::decode(body).ok().or_else(|| read_json(body))
}

/// An object; what is not known in it is passed over, as OTLP wants it.
fn read_json(body: &[u8]) -> Option<ExportTraceServiceResponse> {
    if body.len() > MAX_JSON_BYTES {
        return None;
    }
    let answer: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let partial_success = match member(&answer, "partialSuccess", "partial_success") {
        None => None,
        Some(Value::Object(partial)) => Some(ExportTracePartialSuccess {
            rejected_spans: match member(partial, "rejectedSpans", "rejected_spans") {
                None => 0,
                // 64 bits are text in protobuf's JSON.
                Some(Value::String(number)) => number.parse().ok()?,
                Some(number) => number.as_i64()?,
            },
            error_message: match member(partial, "errorMessage", "error_message") {
                None => String::new(),
                Some(text) => text.as_str()?.to_owned(),
            },
        }),
        Some(_) => return None,
    };
    Some(ExportTraceServiceResponse { partial_success })
}

/// A member by either of its names; `null` is none.
fn member<'a>(object: &'a Map<String, Value>, name: &str, other: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.get(other)).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests;
