//! A real OTLP receiver on loopback, over HTTP and over gRPC, that keeps every span.
//!
//! In: requests, and lines of JSON that a program has printed. Out: the spans of each run. A run is named by the attribute `test.run` of
//! the resource, so that one receiver serves many programs, and a span that is recovered later still is its run's.

mod grpc;
pub mod http;
mod json;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

pub use self::grpc::Grpc;

/// The resource's attribute that names a run.
pub const RUN: &str = "test.run";

/// A span as it arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    pub trace: Vec<u8>,
    pub id: u64,
    /// 0: a root.
    pub parent: u64,
    pub name: String,
    pub is_error: bool,
    pub attributes: Vec<(String, String)>,
    pub resource: Vec<(String, String)>,
    /// Whether it ends before it starts.
    pub is_negative: bool,
}

impl Span {
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().rfind(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    pub fn run(&self) -> &str {
        self.resource.iter().find(|(key, _)| key == RUN).map_or("", |(_, run)| run)
    }

    /// It did not return, and says so.
    pub fn is_marked(&self) -> bool {
        matches!(self.attribute("llmetry.outcome"), Some("incomplete" | "cancelled"))
            || self.attribute("error.type") == Some("panic")
    }
}

/// What arrived of one run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub spans: HashMap<u64, Span>,
    /// Spans that had come before.
    pub duplicates: usize,
}

/// All that has arrived.
#[derive(Debug, Default)]
pub struct Kept {
    runs: Mutex<HashMap<String, Run>>,
}

impl Kept {
    pub fn keep(&self, spans: Vec<Span>) {
        let mut runs = self.lock();
        for span in spans {
            let run = runs.entry(span.run().to_owned()).or_default();
            let known = run.spans.insert(span.id, span).is_some();
            run.duplicates += usize::from(known);
        }
    }

    /// What arrived of `run`, which is over.
    pub fn take(&self, run: &str) -> Run {
        self.lock().remove(run).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receivers of both kinds, which keep in one place.
#[derive(Debug)]
pub struct Receiver {
    pub kept: Arc<Kept>,
    pub http: http::Http,
    pub grpc: Grpc,
}

impl Receiver {
    pub fn start() -> Self {
        let kept = Arc::<Kept>::default();
        let keeps = Arc::clone(&kept);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let http = http::Http::start(any, move |body| match http::decoded(body) {
            Some(request) => {
                keeps.keep(spans(request));
                http::Reply::ok()
            }
            None => http::Reply::status(400),
        });
        Self { http: http.expect("loopback has a port"), grpc: Grpc::start(Arc::clone(&kept)), kept }
    }
}

/// The spans of a request.
pub fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut found = Vec::new();
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.map(|resource| texts(resource.attributes)).unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
            found.push(Span {
                trace: span.trace_id,
                id: id(&span.span_id),
                parent: id(&span.parent_span_id),
                name: span.name,
                is_error: span.status.is_some_and(|status| status.code == StatusCode::Error as i32),
                attributes: texts(span.attributes),
                resource: resource.clone(),
                is_negative: span.end_time_unix_nano < span.start_time_unix_nano,
            });
        }
    }
    found
}

/// Spans that a program has printed, a line each.
pub fn printed(lines: &[u8]) -> Vec<Span> {
    json::spans(lines)
}

fn id(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

fn texts(attributes: Vec<KeyValue>) -> Vec<(String, String)> {
    let text = |value: AnyValue| match value.value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        Some(any_value::Value::IntValue(value)) => value.to_string(),
        Some(any_value::Value::DoubleValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    };
    attributes.into_iter().map(|pair| (pair.key, pair.value.map(text).unwrap_or_default())).collect()
}
