//! JSON lines on stdout: one object a span, one span a line, and nothing else.
//!
//! In: batches. Out: one write per batch, flushed, so that lines of other threads stay whole. Does not: hold anything back.
//!
//! The shape is that of OpenTelemetry's stdout exporter for Go, with plain JSON values: `Name`, `SpanContext{TraceID, SpanID,
//! TraceFlags}`, `ParentSpanID` (empty for a root), `SpanKind`, `StartTime` and `EndTime` (RFC 3339 in UTC, with nanoseconds),
//! `Duration` in nanoseconds, `Status{Code, Description}`, `Attributes` as `[{"Key", "Value"}]`, `Events`, `Links`, `Resource`,
//! `InstrumentationScope{Name, Version}`; `DroppedAttributes`, `DroppedEvents`, `DroppedLinks` only where they are not zero.

use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::sync::lock;

/// Writes JSON lines.
pub(crate) struct JsonExporter<W> {
    writer: Mutex<W>,
    /// Written once: it is the same for all spans.
    resource: Vec<u8>,
}

impl<W: Write> JsonExporter<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer: Mutex::new(writer), resource: b"[]".to_vec() }
    }
}

impl<W> fmt::Debug for JsonExporter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonExporter").finish_non_exhaustive()
    }
}

impl<W: Write + Send> SpanExporter for JsonExporter<W> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut lines = Vec::with_capacity(batch.len() * 1024);
        for span in &batch {
            span_object(&mut lines, span, &self.resource);
            lines.push(b'\n');
        }
        write_all(&self.writer, &lines)
    }

    fn set_resource(&mut self, resource: &Resource) {
        let mut attributes: Vec<_> = resource.iter().collect();
        attributes.sort_by_key(|(key, _)| *key);
        self.resource.clear();
        array(&mut self.resource, attributes, |out, (key, value)| pair(out, key.as_str(), value));
    }
}

/// One write, flushed. A reader that has gone away is an error like any other.
pub(super) fn write_all<W: Write>(writer: &Mutex<W>, bytes: &[u8]) -> OTelSdkResult {
    let mut writer = lock(writer);
    writer
        .write_all(bytes)
        .and_then(|()| writer.flush())
        .map_err(|error: io::Error| OTelSdkError::InternalFailure(format!("cannot write to stdout: {error}")))
}

fn span_object(out: &mut Vec<u8>, span: &SpanData, resource: &[u8]) {
    let parent = span.parent_span_id;
    let (code, description) = match &span.status {
        Status::Unset => ("Unset", ""),
        Status::Ok => ("Ok", ""),
        Status::Error { description } => ("Error", description.as_ref()),
    };
    let duration = span.end_time.duration_since(span.start_time).unwrap_or_default();

    begin(out, "Name");
    text(out, &span.name);
    key(out, "SpanContext");
    span_context(out, &span.span_context);
    key(out, "ParentSpanID");
    text(out, &if parent == SpanId::INVALID { String::new() } else { parent.to_string() });
    key(out, "SpanKind");
    text(out, span_kind(&span.span_kind));
    key(out, "StartTime");
    text(out, &rfc3339(span.start_time));
    key(out, "EndTime");
    text(out, &rfc3339(span.end_time));
    key(out, "Duration");
    number(out, duration.as_nanos());
    key(out, "Status");
    begin(out, "Code");
    text(out, code);
    key(out, "Description");
    text(out, description);
    out.push(b'}');
    key(out, "Attributes");
    attributes(out, &span.attributes);
    key(out, "Events");
    array(out, span.events.iter(), event);
    key(out, "Links");
    array(out, span.links.iter(), link);
    dropped(out, "DroppedAttributes", span.dropped_attributes_count);
    dropped(out, "DroppedEvents", span.events.dropped_count);
    dropped(out, "DroppedLinks", span.links.dropped_count);
    key(out, "Resource");
    out.extend_from_slice(resource);
    key(out, "InstrumentationScope");
    scope(out, &span.instrumentation_scope);
    out.push(b'}');
}

fn span_context(out: &mut Vec<u8>, context: &SpanContext) {
    begin(out, "TraceID");
    text(out, &context.trace_id().to_string());
    key(out, "SpanID");
    text(out, &context.span_id().to_string());
    key(out, "TraceFlags");
    text(out, &format!("{:02x}", context.trace_flags().to_u8()));
    out.push(b'}');
}

fn event(out: &mut Vec<u8>, event: &Event) {
    begin(out, "Name");
    text(out, &event.name);
    key(out, "Time");
    text(out, &rfc3339(event.timestamp));
    key(out, "Attributes");
    attributes(out, &event.attributes);
    dropped(out, "DroppedAttributes", event.dropped_attributes_count);
    out.push(b'}');
}

fn link(out: &mut Vec<u8>, link: &Link) {
    begin(out, "SpanContext");
    span_context(out, &link.span_context);
    key(out, "Attributes");
    attributes(out, &link.attributes);
    dropped(out, "DroppedAttributes", link.dropped_attributes_count);
    out.push(b'}');
}

fn scope(out: &mut Vec<u8>, scope: &InstrumentationScope) {
    begin(out, "Name");
    text(out, scope.name());
    key(out, "Version");
    text(out, scope.version().unwrap_or_default());
    out.push(b'}');
}

fn attributes(out: &mut Vec<u8>, attributes: &[KeyValue]) {
    array(out, attributes, |out, attribute| pair(out, attribute.key.as_str(), &attribute.value));
}

fn pair(out: &mut Vec<u8>, name: &str, value: &Value) {
    begin(out, "Key");
    text(out, name);
    key(out, "Value");
    json_value(out, value);
    out.push(b'}');
}

fn json_value(out: &mut Vec<u8>, value: &Value) {
    let boolean =
        |out: &mut Vec<u8>, value: &bool| out.extend_from_slice(if *value { b"true" } else { b"false" });
    match value {
        Value::Bool(value) => boolean(out, value),
        Value::I64(value) => number(out, value),
        Value::F64(value) => float(out, *value),
        Value::String(value) => text(out, value.as_str()),
        Value::Array(Array::Bool(values)) => array(out, values, boolean),
        Value::Array(Array::I64(values)) => array(out, values, number),
        Value::Array(Array::F64(values)) => array(out, values, |out, value| float(out, *value)),
        Value::Array(Array::String(values)) => array(out, values, |out, value| text(out, value.as_str())),
        // A kind of value that OpenTelemetry adds one day.
        other => text(out, &other.to_string()),
    }
}

/// JSON has no names for what is no number.
fn float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        // Writing into a Vec does not fail.
        let _ = serde_json::to_writer(out, &value);
    } else {
        text(
            out,
            if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            },
        );
    }
}

fn number(out: &mut Vec<u8>, value: impl fmt::Display) {
    let _ = write!(out, "{value}");
}

fn text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

fn dropped(out: &mut Vec<u8>, name: &str, count: u32) {
    if count > 0 {
        key(out, name);
        number(out, count);
    }
}

/// Opens an object with its first key.
fn begin(out: &mut Vec<u8>, first: &str) {
    out.push(b'{');
    text(out, first);
    out.push(b':');
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.push(b',');
    text(out, name);
    out.push(b':');
}

fn array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (index, value) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(b']');
}

fn span_kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "Client",
        SpanKind::Server => "Server",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
        SpanKind::Internal => "Internal",
    }
}

/// `2026-11-20T08:09:10.123456789Z`
fn rfc3339(time: SystemTime) -> String {
    // Floor, so that the nanoseconds count forward before 1970 too.
    let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i128::from(after.as_secs()), after.subsec_nanos()),
        Err(error) => {
            let before: Duration = error.duration();
            match before.subsec_nanos() {
                0 => (-i128::from(before.as_secs()), 0),
                nanos => (-i128::from(before.as_secs()) - 1, 1_000_000_000 - nanos),
            }
        }
    };
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// Year, month and day of a day counted from 1970-01-01, after Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>): years begin in March there, so that the leap day comes last.
fn civil_date(days: i128) -> (i128, i128, i128) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
pub(super) mod tests {
    use std::borrow::Cow;

    use opentelemetry::trace::{TraceFlags, TraceId, TraceState};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    /// A span of trace 1 that ran from `start` to `end`, in milliseconds after 2026-11-20T08:09:10Z.
    pub(crate) fn span(id: u64, parent: u64, name: &'static str, start: u64, end: u64) -> SpanData {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(1_795_162_150_000 + millis);
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(1_u128),
                SpanId::from(id),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: Cow::Borrowed(name),
            start_time: at(start),
            end_time: at(end),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("llmetry").with_version("0.1.0").build(),
        }
    }

    /// Exports on the spot: our stdout exporters never wait.
    pub(crate) fn export(exporter: &impl SpanExporter, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut future = std::pin::pin!(exporter.export(batch));
        match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(result) => result,
            std::task::Poll::Pending => panic!("the exporter waits"),
        }
    }

    #[test]
    fn a_span_is_one_line() {
        let mut exporter = JsonExporter::new(Vec::new());
        exporter.set_resource(
            &Resource::builder_empty()
                .with_attributes([KeyValue::new("service.name", "bot"), KeyValue::new("a", 1)])
                .build(),
        );
        let mut plain = span(2, 0, "root \"1\"\n", 0, 1_500);
        plain.span_kind = SpanKind::Client;
        let mut full = span(3, 2, "child", 1, 2);
        full.status = Status::error("bröken");
        full.attributes = vec![
            KeyValue::new("text", "x"),
            KeyValue::new("int", i64::MIN),
            KeyValue::new("float", 1.0),
            KeyValue::new("nan", f64::NAN),
            KeyValue::new("inf", f64::NEG_INFINITY),
            KeyValue::new("bool", true),
            KeyValue::new("list", Value::Array(Array::F64(vec![0.5, f64::INFINITY]))),
            KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "b".into()]))),
        ];
        full.dropped_attributes_count = 2;
        full.events.events.push(Event::new("exception", full.end_time, vec![KeyValue::new("k", "v")], 0));
        full.links.links.push(Link::new(plain.span_context.clone(), Vec::new(), 0));
        export(&exporter, vec![plain, full]).unwrap();

        let lines = String::from_utf8(exporter.writer.into_inner().unwrap()).unwrap();
        assert_eq!(
            lines,
            concat!(
                r#"{"Name":"root \"1\"\n","SpanContext":{"TraceID":"00000000000000000000000000000001","SpanID":"0000000000000002","TraceFlags":"01"},"#,
                r#""ParentSpanID":"","SpanKind":"Client","StartTime":"2026-11-20T08:09:10.000000000Z","EndTime":"2026-11-20T08:09:11.500000000Z","#,
                r#""Duration":1500000000,"Status":{"Code":"Unset","Description":""},"Attributes":[],"Events":[],"Links":[],"#,
                r#""Resource":[{"Key":"a","Value":1},{"Key":"service.name","Value":"bot"}],"InstrumentationScope":{"Name":"llmetry","Version":"0.1.0"}}"#,
                "\n",
                r#"{"Name":"child","SpanContext":{"TraceID":"00000000000000000000000000000001","SpanID":"0000000000000003","TraceFlags":"01"},"#,
                r#""ParentSpanID":"0000000000000002","SpanKind":"Internal","StartTime":"2026-11-20T08:09:10.001000000Z","EndTime":"2026-11-20T08:09:10.002000000Z","#,
                r#""Duration":1000000,"Status":{"Code":"Error","Description":"bröken"},"#,
                r#""Attributes":[{"Key":"text","Value":"x"},{"Key":"int","Value":-9223372036854775808},{"Key":"float","Value":1.0},{"Key":"nan","Value":"NaN"},"#,
                r#"{"Key":"inf","Value":"-Infinity"},{"Key":"bool","Value":true},{"Key":"list","Value":[0.5,"Infinity"]},{"Key":"texts","Value":["a","b"]}],"#,
                r#""Events":[{"Name":"exception","Time":"2026-11-20T08:09:10.002000000Z","Attributes":[{"Key":"k","Value":"v"}]}],"#,
                r#""Links":[{"SpanContext":{"TraceID":"00000000000000000000000000000001","SpanID":"0000000000000002","TraceFlags":"01"},"Attributes":[]}],"#,
                r#""DroppedAttributes":2,"#,
                r#""Resource":[{"Key":"a","Value":1},{"Key":"service.name","Value":"bot"}],"InstrumentationScope":{"Name":"llmetry","Version":"0.1.0"}}"#,
                "\n",
            )
        );
        for line in lines.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }

    #[test]
    fn a_reader_that_went_away_is_an_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = export(&JsonExporter::new(Closed), vec![span(1, 0, "a", 0, 1)]).unwrap_err();
        assert!(error.to_string().contains("cannot write to stdout: broken pipe"), "{error}");
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |seconds: i64, nanos: u32| {
            let whole = Duration::from_secs(seconds.unsigned_abs());
            let base = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
            rfc3339(base + Duration::from_nanos(nanos.into()))
        };
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(at(951_782_399, 999_999_999), "2000-02-28T23:59:59.999999999Z");
        assert_eq!(at(951_782_400, 1), "2000-02-29T00:00:00.000000001Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000000000Z");
        assert_eq!(at(-1, 5), "1969-12-31T23:59:59.000000005Z");
        assert_eq!(at(-86_400, 0), "1969-12-31T00:00:00.000000000Z");
    }
}
