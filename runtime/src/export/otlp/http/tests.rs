//! Against a receiver of a few lines on a real socket.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender, channel};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

use super::super::super::stdout::tests::span;
use super::super::MAX_MESSAGE_CHARS;
use super::*;

/// A request as it arrived: lines of the head, and the body.
struct Received {
    head: Vec<String>,
    body: Vec<u8>,
}

/// Gives the answers one after the other, each on a connection of its own, and then no more.
fn receiver(answers: Vec<Vec<u8>>) -> (SocketAddr, mpsc::Receiver<Received>) {
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

/// Nothing here takes as long.
const LONG: Duration = Duration::from_secs(60);

fn service(name: &'static str) -> Resource {
    Resource::builder_empty().with_attribute(KeyValue::new("service.name", name)).build()
}

/// The names of the services whose spans are in `request`.
fn services(request: &ExportTraceServiceRequest) -> Vec<&str> {
    let resources = request.resource_spans.iter().filter_map(|spans| spans.resource.as_ref());
    let values = resources.flat_map(|resource| &resource.attributes).map(|attribute| {
        assert_eq!(attribute.key, "service.name");
        attribute.value.as_ref().unwrap().value.as_ref().unwrap()
    });
    values.map(|value| if let Value::StringValue(name) = value { name.as_str() } else { "?" }).collect()
}

#[test]
fn a_batch_arrives_as_it_was() {
    let (address, requests) = receiver(vec![answer("200 OK", "", b"")]);
    let mut exporter = to(address, TIMEOUT);
    exporter.set_resource(&service("bot"));
    let mut child = span(3, 2, "child", 1, 2);
    child.attributes.push(KeyValue::new("gen_ai.usage.input_tokens", 12));
    let verdict = exporter.export(vec![span(2, 0, "root", 0, 5), child], TIMEOUT);
    assert!(matches!(verdict, Verdict::Delivered { rejected: 0, .. }), "{verdict:?}");

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
    assert_eq!(services(&request), ["bot"]);
    let spans = &of_resource.scope_spans[0].spans;
    assert_eq!(of_resource.scope_spans[0].scope.as_ref().unwrap().name, "llmetry");
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["root", "child"]);
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    assert_eq!(spans[1].end_time_unix_nano - spans[1].start_time_unix_nano, 1_000_000);
    assert_eq!(spans[1].attributes[0].key, "gen_ai.usage.input_tokens");
}

#[test]
fn spans_go_out_under_the_resource_that_was_set_last() {
    let (address, requests) = receiver(vec![answer("200 OK", "", b""), answer("200 OK", "", b"")]);
    let mut exporter = to(address, TIMEOUT);
    for name in ["first", "second"] {
        exporter.set_resource(&service(name));
        exporter.export(vec![span(1, 0, "a", 0, 1)], TIMEOUT);
        let body = requests.recv().unwrap().body;
        assert_eq!(services(&ExportTraceServiceRequest::decode(body.as_slice()).unwrap()), [name]);
    }
}

/// A verdict in short, and its text.
fn short(verdict: Verdict) -> (String, String) {
    match verdict {
        Verdict::Delivered { rejected, message } => (format!("delivered, {rejected} rejected"), message),
        Verdict::Later { after: None, error } => ("later".to_owned(), error),
        Verdict::Later { after: Some(after), error } => (format!("in {after:?}"), error),
        Verdict::TooLarge { error } => ("too large".to_owned(), error),
        Verdict::Refused { error } => ("refused".to_owned(), error),
    }
}

/// What becomes of two spans where the receiver says `bytes`; it is asked once.
fn verdict_on(bytes: Vec<u8>) -> (String, String) {
    let (address, requests) = receiver(vec![bytes]);
    let mut exporter = to(address, TIMEOUT);
    let (short, text) = short(exporter.export(vec![span(1, 0, "a", 0, 1), span(2, 0, "b", 0, 1)], TIMEOUT));
    assert_eq!(requests.iter().count(), 1);
    assert!(!text.contains("sesame"), "{text}");
    if !short.starts_with("delivered") {
        assert!(text.starts_with(&format!("export to http://{address}/v1/traces failed: ")), "{text}");
    }
    (short, text)
}

#[test]
fn each_answer_has_its_verdict() {
    let location = "Location: http://127.0.0.1:1/elsewhere\r\n";
    for (status, headers, verdict, words) in [
        ("200 OK", "", "delivered, 0 rejected", ""),
        ("202 Accepted", "", "delivered, 0 rejected", ""),
        ("204 No Content", "", "delivered, 0 rejected", ""),
        // The target would get the headers.
        ("307 Temporary Redirect", location, "refused", "307 Temporary Redirect; redirects are not followed"),
        ("400 Bad Request", "", "refused", "400 Bad Request"),
        ("401 Unauthorized", "", "refused", "401 Unauthorized; are the headers right?"),
        ("403 Forbidden", "", "refused", "are the headers right?"),
        ("404 Not Found", "", "refused", "is the path right?"),
        ("408 Request Timeout", "", "refused", "408"),
        ("413 Payload Too Large", "", "too large", "413"),
        ("429 Too Many Requests", "", "later", "429"),
        ("429 Too Many Requests", "Retry-After: 7\r\n", "in 7s", "429"),
        ("500 Internal Server Error", "Retry-After: 7\r\n", "refused", "500"),
        ("501 Not Implemented", "", "refused", "501"),
        ("502 Bad Gateway", "", "later", "502"),
        ("503 Service Unavailable", "Retry-After: 99999999999999999999\r\n", "in 86400s", "503"),
        ("503 Service Unavailable", "Retry-After: sesame\r\n", "later", "503"),
        ("504 Gateway Timeout", "", "later", "504"),
        ("599 X", "", "refused", "599"),
    ] {
        let body: &[u8] = if status.starts_with('2') { b"" } else { b"sesame is wrong" };
        let (short, text) = verdict_on(answer(status, headers, body));
        assert_eq!(short, verdict, "{status}: {text}");
        assert!(text.contains(words), "{status}: {text}");
    }
}

#[test]
fn rejected_spans_are_counted_and_never_more_than_there_were() {
    let partial = |rejected_spans, error_message: &str| {
        let error_message = error_message.to_owned();
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    };
    for (body, rejected, message) in [
        (partial(1, "too old"), 1, "too old"),
        (partial(0, "a note"), 0, "a note"),
        (partial(300, ""), 2, ""),
        (partial(-1, ""), 0, ""),
        (partial(1, "Bearer sesame\nis wrong"), 1, "*** *** is wrong"),
        (br#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}"#.to_vec(), 1, "too old"),
    ] {
        let (short, text) = verdict_on(answer("200 OK", "", &body));
        assert_eq!((short, text.as_str()), (format!("delivered, {rejected} rejected"), message));
    }
    let (_, text) = verdict_on(answer("200 OK", "", &partial(1, &"x".repeat(10_000))));
    assert_eq!(text.len(), MAX_MESSAGE_CHARS);
}

#[test]
fn a_success_in_other_words_is_none() {
    let large = vec![b'x'; usize::try_from(MAX_RESPONSE_BYTES).unwrap() + 1];
    for (bytes, words) in [
        (
            answer("200 OK", "Content-Type: text/html\r\n", b"<html>sesame</html>"),
            "something that is not OTLP",
        ),
        (answer("200 OK", "", &large), "larger than 4194304 bytes"),
        // The receiver has the spans: they are not sent again.
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec(), "answered 200 OK, and then: "),
        // The port for gRPC: SETTINGS, and GOAWAY for want of a preface.
        (b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01".to_vec(), "It is usually 4318"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec(), "It is usually 4318"),
    ] {
        let (short, text) = verdict_on(bytes);
        assert_eq!(short, "refused", "{text}");
        assert!(text.contains(words), "{text}");
    }
}

/// A hand-shake that the other side breaks off may go better next time; words that are none of TLS will be the same.
#[cfg(feature = "tls")]
#[test]
fn something_that_is_no_tls_is_told_from_something_that_goes_away() {
    for (bytes, verdict, words) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "refused", "does it speak TLS"),
        // An alert: the hand-shake has failed.
        (b"\x15\x03\x03\0\x02\x02\x28", "refused", "does it speak TLS"),
        (b"", "later", ""),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The record's head, and what it says is its length.
            let mut head = [0; 5];
            stream.read_exact(&mut head).unwrap();
            stream.read_exact(&mut vec![0; usize::from(head[3]) << 8 | usize::from(head[4])]).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let endpoint = format!("https://{address}/v1/traces");
        let setting = OtlpSetting { endpoint, headers: Vec::new(), timeout: TIMEOUT };
        let mut exporter = exporter(&setting).unwrap();
        let (short, text) = short(exporter.export(vec![span(1, 0, "a", 0, 1)], TIMEOUT));
        assert_eq!(short, verdict, "{text}");
        assert!(text.contains(words), "{text}");
        thread.join().unwrap();
    }
}

#[test]
fn a_receiver_that_is_away_is_named_with_the_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (short, text) = short(to(free, TIMEOUT).export(vec![span(1, 0, "a", 0, 1)], TIMEOUT));
    assert_eq!(short, "later", "{text}");
    assert!(text.contains(&free.to_string()) && text.to_lowercase().contains("refused"), "{text}");
}

#[test]
fn a_receiver_that_goes_away_is_asked_again_on_another_connection() {
    // It says nothing and closes; then it takes the next one.
    let (address, requests) = receiver(vec![Vec::new(), answer("200 OK", "", b"")]);
    let mut exporter = to(address, TIMEOUT);
    let (first, text) = short(exporter.export(vec![span(1, 0, "a", 0, 1)], TIMEOUT));
    assert_eq!(first, "later", "{text}");
    let (second, text) = short(exporter.export(vec![span(1, 0, "a", 0, 1)], TIMEOUT));
    assert_eq!(second, "delivered, 0 rejected", "{text}");
    assert_eq!(requests.iter().count(), 2);
}

/// The connection was kept, and the receiver closed it while nothing was sent.
#[test]
fn a_connection_that_died_in_a_pause_costs_no_attempt() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut exporter = to(listener.local_addr().unwrap(), TIMEOUT);
    let (sender, closed) = channel();
    let thread = std::thread::spawn(move || {
        let (requests, _kept) = channel();
        for _ in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &requests);
            sender.send(()).unwrap();
        }
    });
    for _ in 0..2 {
        let (short, text) = short(exporter.export(vec![span(1, 0, "a", 0, 1)], TIMEOUT));
        assert_eq!(short, "delivered, 0 rejected", "{text}");
        closed.recv().unwrap();
    }
    thread.join().unwrap();
}

#[test]
fn a_receiver_that_hangs_costs_the_shorter_of_two_limits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let soon = Duration::from_millis(300);
    for (of_setting, of_attempt) in [(soon, LONG), (LONG, soon), (LONG, Duration::ZERO)] {
        let begin = Instant::now();
        let (short, text) = short(to(address, of_setting).export(vec![span(1, 0, "a", 0, 1)], of_attempt));
        assert_eq!(short, "later", "{text}");
        assert!(text.contains("timeout") || text.contains("no time left"), "{text}");
        assert!(begin.elapsed() < LONG, "{:?}", begin.elapsed());
    }
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
