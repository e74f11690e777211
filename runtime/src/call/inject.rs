//! W3C trace context and baggage, out of and into `http` headers.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use crate::hosts::{HostPatterns, Policy};
use crate::hub;
use crate::scope;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What W3C Baggage asks everybody to carry, and what we carry at most.
const MAX_BAGGAGE_BYTES: usize = 8192;
const MAX_BAGGAGE_MEMBERS: usize = 64;
/// What W3C Trace Context asks for.
const MAX_TRACESTATE_BYTES: usize = 512;
const MAX_TRACESTATE_MEMBERS: usize = 32;

/// Writes the current trace into `headers` as W3C `traceparent` and, if there is one, `tracestate`; values that stand there
/// already are replaced. Without a current trace `headers` stay as they are.
///
/// Baggage is not written, since it goes to allow-listed hosts only: [`inject_for`] knows the host.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// llmetry::inject(&mut headers);
/// assert!(headers.is_empty(), "no current trace, no header");
/// ```
pub fn inject(headers: &mut HeaderMap) {
    if let Some(context) = scope::current_context() {
        write_trace(&context, headers);
    }
}

/// As [`inject`], and baggage too if the host may have it. `host` is asked only where it decides something.
///
/// Hosts that may have baggage: loopback, and those of `Builder::baggage_hosts`. Hosts that may have trace context: every one, or those of
/// `Builder::trace_context_hosts`.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// llmetry::inject_for(&mut headers, || Some("127.0.0.1".to_owned()));
/// ```
pub fn inject_for(headers: &mut HeaderMap, host: impl FnOnce() -> Option<String>) {
    if let Some(context) = scope::current_context() {
        policy(|policy| write(&context, headers, policy, host));
    }
}

/// Writes `context` into the headers of an observed call. A `traceparent` that stands there was put there by hand, and is kept unless the
/// policy says otherwise.
#[cfg(feature = "llm")]
pub(super) fn into_call(context: &Context, headers: &mut HeaderMap, host: &str) {
    policy(|policy| {
        if headers.contains_key(TRACEPARENT) {
            if !policy.replaces_trace_context || !context.span().span_context().is_valid() {
                return;
            }
            headers.remove(TRACEPARENT);
            headers.remove(TRACESTATE);
        }
        write(context, headers, policy, || Some(host.to_owned()));
    });
}

/// What is asked of the rules in force.
pub(super) fn policy<R>(ask: impl FnOnce(&Policy) -> R) -> R {
    match hub::installed() {
        Some(installed) => ask(&installed.outgoing),
        None => ask(&Policy::default()),
    }
}

fn write(context: &Context, headers: &mut HeaderMap, policy: &Policy, host: impl FnOnce() -> Option<String>) {
    let everywhere = policy.trace_context.is_every();
    let has_baggage = !context.baggage().is_empty();
    let host = if everywhere && !has_baggage { None } else { host() };
    let is_in = |hosts: &HostPatterns| host.as_ref().is_some_and(|host| hosts.matches(host));
    if everywhere || is_in(&policy.trace_context) {
        write_trace(context, headers);
    }
    if has_baggage
        && is_in(&policy.baggage)
        && let Some(value) = baggage_header(context)
    {
        headers.insert(BAGGAGE, value);
    }
}

fn write_trace(context: &Context, headers: &mut HeaderMap) {
    let span = context.span();
    let ids = span.span_context();
    if !ids.is_valid() {
        return;
    }
    let flags = ids.trace_flags() & TraceFlags::SAMPLED;
    let value = format!("00-{}-{}-{:02x}", ids.trace_id(), ids.span_id(), flags);
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(TRACEPARENT, value);
        let state = ids.trace_state().header();
        match HeaderValue::from_str(&state) {
            Ok(state) if !state.is_empty() => _ = headers.insert(TRACESTATE, state),
            // A state that belongs to another trace must not go along with ours.
            _ => _ = headers.remove(TRACESTATE),
        }
    }
}

fn baggage_header(context: &Context) -> Option<HeaderValue> {
    let mut text = String::new();
    for (key, (value, metadata)) in context.baggage() {
        let mut member = format!("{}={}", key.as_str(), percent_encode(value.as_str()));
        let metadata = metadata.as_str().trim();
        if !metadata.is_empty() {
            member.push(';');
            member.push_str(metadata);
        }
        // A member that would break the limit is left out; the others go.
        if text.len() + member.len() + 1 > MAX_BAGGAGE_BYTES {
            continue;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&member);
    }
    HeaderValue::from_str(&text).ok().filter(|_| !text.is_empty())
}

/// Baggage octets as W3C Baggage lists them; everything else as `%XX`.
fn percent_encode(value: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'!' | b'#'..=b'$' | b'&'..=b'+' | b'-'..=b':' | b'<'..=b'[' | b']'..=b'~' => {
                encoded.push(char::from(byte));
            }
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

fn percent_decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The caller's trace and baggage out of incoming `headers`: a context to be the parent of what is done for that request.
///
/// Headers are somebody else's bytes: an invalid `traceparent` is ignored, and what is started in the context is then a root;
/// limits are those of W3C.
///
/// ```
/// use opentelemetry::trace::TraceContextExt;
/// let mut headers = http::HeaderMap::new();
/// let id = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// headers.insert("traceparent", id.parse().unwrap());
/// let parent = llmetry::extract(&headers);
/// assert!(parent.span().span_context().is_remote());
/// let _inside = parent.attach(); // annotated functions called now are children of the caller's span
/// ```
pub fn extract(headers: &HeaderMap) -> Context {
    let mut context = Context::new();
    if let Some(ids) = remote_parent(headers) {
        context = context.with_remote_span_context(ids);
    }
    let members = baggage_members(headers);
    if members.is_empty() { context } else { context.with_baggage(members) }
}

fn remote_parent(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (trace_id, span_id, flags) = parse_traceparent(value.trim())?;
    let ids = SpanContext::new(trace_id, span_id, flags, true, trace_state(headers));
    ids.is_valid().then_some(ids)
}

/// `version-trace_id-parent_id-flags`, lower-case hexadecimal; a later version may have more behind it.
fn parse_traceparent(value: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let bytes = value.as_bytes();
    let is_hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if bytes.len() < 55 || !value.is_ascii() || bytes[2] != b'-' || bytes[35] != b'-' || bytes[52] != b'-' {
        return None;
    }
    let (version, rest) = (&value[..2], &bytes[55..]);
    let parts = [&bytes[..2], &bytes[3..35], &bytes[36..52], &bytes[53..55]];
    let well_formed = parts.into_iter().all(is_hex)
        && version != "ff"
        && (rest.is_empty() || (version != "00" && rest[0] == b'-'));
    if !well_formed {
        return None;
    }
    let flags = u8::from_str_radix(&value[53..55], 16).ok()?;
    Some((
        TraceId::from_hex(&value[3..35]).ok()?,
        SpanId::from_hex(&value[36..52]).ok()?,
        TraceFlags::new(flags) & TraceFlags::SAMPLED,
    ))
}

/// A state that is too long or malformed is dropped whole, as W3C says; the parent stays.
fn trace_state(headers: &HeaderMap) -> TraceState {
    let mut members = Vec::new();
    let mut bytes = 0;
    for value in headers.get_all(TRACESTATE) {
        let Ok(value) = value.to_str() else { return TraceState::NONE };
        bytes += value.len();
        for member in value.split(',').map(str::trim).filter(|member| !member.is_empty()) {
            let Some((key, value)) = member.split_once('=') else { return TraceState::NONE };
            members.push((key.to_owned(), value.to_owned()));
            if members.len() > MAX_TRACESTATE_MEMBERS || bytes > MAX_TRACESTATE_BYTES {
                return TraceState::NONE;
            }
        }
    }
    TraceState::from_key_value(members).unwrap_or_default()
}

fn baggage_members(headers: &HeaderMap) -> Vec<KeyValueMetadata> {
    let mut members = Vec::new();
    let mut bytes = 0;
    for value in headers.get_all(BAGGAGE) {
        let Ok(value) = value.to_str() else { continue };
        bytes += value.len();
        if bytes > MAX_BAGGAGE_BYTES {
            break;
        }
        for member in value.split(',') {
            if members.len() == MAX_BAGGAGE_MEMBERS {
                return members;
            }
            let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
            let Some((key, value)) = pair.split_once('=') else { continue };
            let (key, Some(value)) = (key.trim(), percent_decode(value.trim())) else { continue };
            if !key.is_empty() {
                members.push(KeyValueMetadata::new(key.to_owned(), value, metadata.trim()));
            }
        }
    }
    members
}
