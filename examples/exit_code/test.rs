//! The example as a process of its own, against a receiver: what arrives of a program that ended by `exit(1)`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

/// A receiver of OTLP over HTTP, and the spans that it has been given.
fn receiver() -> (String, Arc<Mutex<Vec<Span>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let spans = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&spans);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let request = ExportTraceServiceRequest::decode(&*body(stream.unwrap())).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            received.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        }
    });
    (endpoint, spans)
}

/// The body of one request, answered with "taken".
fn body(stream: TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the request is cut off");
        match line.trim_end().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.into_inner().write_all(answer.as_bytes()).unwrap();
    body
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    match span.attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key}: {other:?}"),
    }
}

fn has_failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
}

#[test]
fn the_trace_of_a_program_that_exits_is_complete() {
    // Cargo builds the examples before their tests, beside them.
    let this = std::env::current_exe().unwrap();
    let program: PathBuf = [this.parent().unwrap(), "../examples/exit_code".as_ref()].iter().collect();
    assert!(program.exists(), "the example is not built: `cargo test -p llmetry-examples` builds it");
    let (endpoint, spans) = receiver();
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        if ["OTEL_", "LLMETRY_", "TRACELOOP_", "BEDROCK_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "the exit code is the program's: {said}");
    assert!(said.contains("refused with 403"), "{said}");

    let spans = spans.lock().unwrap();
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|span| (&span.span_id[..], span)).collect();
    assert_eq!(by_id.len(), spans.len(), "no span twice");
    let mut names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    names.sort_unstable();
    let tool = "execute_tool load_ticket";
    let call = "chat amazon.nova-lite-v1:0";
    assert_eq!(names, [call, tool, tool, tool, "invoke_workflow summarise_tickets", "summarise"], "{said}");
    for span in spans.iter() {
        let is_root = span.parent_span_id.is_empty();
        assert_eq!(is_root, span.name == "invoke_workflow summarise_tickets", "{}", span.name);
        assert!(is_root || by_id.contains_key(&span.parent_span_id[..]), "the parent of {}", span.name);
        assert_eq!(span.trace_id, spans[0].trace_id);
        let was_open = is_root || span.name == "summarise";
        let outcome = attribute(span, "llmetry.outcome");
        assert_eq!(outcome.as_deref(), was_open.then_some("incomplete"), "{}", span.name);
        // The call has an error of its own: its answer was one.
        assert_eq!(has_failed(span), was_open || span.name == call, "{}", span.name);
    }
    let call = spans.iter().find(|span| span.name == call).unwrap();
    assert_eq!(attribute(call, "http.response.status_code").as_deref(), Some("403"));
    assert!(attribute(call, "error.type").is_some(), "{call:?}");
}
