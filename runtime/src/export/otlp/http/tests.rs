//! Against a receiver of a few lines on a real socket.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

use super::super::super::stdout::tests::{export, span};
use super::*;

/// A request as it arrived: lines of the head, and the body.
struct Received {
    head: Vec<String>,
    body: Vec<u8>,
}

/// Gives the answers one after the other, each on a connection of its own, and then no more.
fn receiver(answers: Vec<Vec<u8>>) -> (SocketAddr, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, &answer, &sender);
        }
    });
    (address, requests)
}

fn serve(stream: TcpStream, answer: &[u8], requests: &Sender<Received>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length =
        head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    requests.send(Received { head, body }).unwrap();
    // A client that has read enough goes away.
    let _ = reader.into_inner().write_all(answer);
}

fn answer(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn to(address: impl fmt::Display, timeout: Duration) -> HttpExporter {
    let headers = vec![
        ("authorization".to_owned(), "Bearer sesame".to_owned()),
        ("user-agent".to_owned(), "mine".to_owned()),
    ];
    exporter(&OtlpSetting { endpoint: format!("http://{address}/v1/traces"), headers, timeout }).unwrap()
}

const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn a_batch_arrives_as_it_was() {
    let (address, requests) = receiver(vec![answer("200 OK", "", b"")]);
    let mut exporter = to(address, TIMEOUT);
    exporter.set_resource(
        &Resource::builder_empty().with_attribute(KeyValue::new("service.name", "bot")).build(),
    );
    let mut child = span(3, 2, "child", 1, 2);
    child.attributes.push(KeyValue::new("gen_ai.usage.input_tokens", 12));
    export(&exporter, vec![span(2, 0, "root", 0, 5), child]).unwrap();

    let Received { head, body } = requests.recv().unwrap();
    assert_eq!(head[0], "POST /v1/traces HTTP/1.1");
    let header = |name: &str| -> Vec<&str> {
        head.iter()
            .filter_map(|line| line.split_once(": "))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    };
    assert_eq!(header("content-type"), ["application/x-protobuf"]);
    assert_eq!(header("authorization"), ["Bearer sesame"]);
    // Configured headers win over those that opentelemetry-otlp sets, and stand there once.
    assert_eq!(header("user-agent"), ["mine"]);

    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let [of_resource] = request.resource_spans.as_slice() else { panic!("{request:?}") };
    let resource = of_resource.resource.as_ref().unwrap();
    let value = resource.attributes[0].value.as_ref().and_then(|value| value.value.clone());
    assert_eq!(
        (resource.attributes[0].key.as_str(), value),
        ("service.name", Some(Value::StringValue("bot".to_owned())))
    );
    let spans = &of_resource.scope_spans[0].spans;
    assert_eq!(of_resource.scope_spans[0].scope.as_ref().unwrap().name, "llmetry");
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["root", "child"]);
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    assert_eq!(spans[1].end_time_unix_nano - spans[1].start_time_unix_nano, 1_000_000);
    assert_eq!(spans[1].attributes[0].key, "gen_ai.usage.input_tokens");
}

/// The error of exporting one span against `answers`, and how many requests there were.
fn failure(answers: Vec<Vec<u8>>) -> (String, usize) {
    let (address, requests) = receiver(answers);
    let error = export(&to(address, TIMEOUT), vec![span(1, 0, "a", 0, 1)]).unwrap_err().to_string();
    assert!(error.contains(&format!("export to http://{address}/v1/traces failed: ")), "{error}");
    assert!(!error.contains("sesame"), "{error}");
    (error, requests.try_iter().count())
}

#[test]
fn an_answer_that_is_no_success_is_an_error_that_says_why() {
    let (error, requests) = failure(vec![answer("401 Unauthorized", "", b"sesame is wrong")]);
    assert!(error.contains("401 Unauthorized; are the headers right?"), "{error}");
    assert_eq!(requests, 1);
    // The target would get the headers.
    let location = "Location: http://127.0.0.1:1/elsewhere\r\n";
    let (error, requests) = failure(vec![answer("307 Temporary Redirect", location, b"")]);
    assert!(error.contains("307 Temporary Redirect; redirects are not followed"), "{error}");
    assert_eq!(requests, 1);
}

#[test]
fn a_receiver_that_is_busy_is_asked_again() {
    let (address, requests) =
        receiver(vec![answer("503 Service Unavailable", "", b""), answer("200 OK", "", b"")]);
    export(&to(address, TIMEOUT), vec![span(1, 0, "a", 0, 1)]).unwrap();
    assert_eq!(requests.iter().count(), 2);
}

#[test]
fn rejected_spans_are_not_reported_as_delivered() {
    let response = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 300,
            error_message: "too old".to_owned(),
        }),
    };
    let (error, _) = failure(vec![answer("200 OK", "", &response.encode_to_vec())]);
    assert!(error.contains("300 of 1 spans were rejected: too old"), "{error}");
    // A warning alone is none, and neither is what cannot be read.
    let warning = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 0,
            error_message: "note".to_owned(),
        }),
    };
    assert_eq!(rejected(&warning.encode_to_vec()), None);
    for bytes in [
        &b""[..],
        b"\x0a",
        b"\x0a\xff",
        b"\x0a\x02\x08",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"{}",
        b"\x0d1234",
    ] {
        assert_eq!(rejected(bytes), None, "{bytes:?}");
    }
}

#[test]
fn a_receiver_that_is_away_is_named_with_the_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = export(&to(free, TIMEOUT), vec![span(1, 0, "a", 0, 1)]).unwrap_err().to_string();
    assert!(error.contains(&free.to_string()) && error.to_lowercase().contains("refused"), "{error}");
}

#[test]
fn a_receiver_that_hangs_costs_the_timeout_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let exporter = to(listener.local_addr().unwrap(), Duration::from_millis(300));
    let begin = Instant::now();
    let error = export(&exporter, vec![span(1, 0, "a", 0, 1)]).unwrap_err().to_string();
    assert!(error.contains("timeout") || error.contains("no time left"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[test]
fn a_response_is_read_up_to_a_limit() {
    let large = vec![b'x'; usize::try_from(MAX_RESPONSE_BYTES).unwrap() + 1];
    let (error, _) = failure(vec![answer("200 OK", "", &large)]);
    assert!(error.contains("response body exceeded"), "{error}");
}

#[test]
fn settings_that_http_does_not_allow_are_refused() {
    let setting = |endpoint: &str, value: &str| OtlpSetting {
        endpoint: endpoint.to_owned(),
        headers: vec![("x-key".to_owned(), value.to_owned())],
        timeout: TIMEOUT,
    };
    let error = exporter(&setting("http://host", "sesame\n")).unwrap_err().to_string();
    assert!(error.contains("header `x-key` is not valid") && !error.contains("sesame"), "{error}");
    assert!(exporter(&setting("http://ho st", "v")).unwrap_err().is_exporter());
    assert!(!format!("{:?}", exporter(&setting("http://host", "sesame")).unwrap()).contains("sesame"));
}
