//! Against a receiver on a real socket, and against some that are none.

mod server;

use std::io::{Read, Write};
use std::net::TcpListener;

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use self::server::{Says, Server};
use super::super::super::stdout::tests::span;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Nothing here takes as long.
const LONG: Duration = Duration::from_secs(60);

fn setting(address: impl fmt::Display, timeout: Duration) -> OtlpSetting {
    let headers = vec![("authorization".to_owned(), "Bearer sesame".to_owned())];
    OtlpSetting { endpoint: format!("http://{address}"), headers, timeout }
}

fn to(address: impl fmt::Display) -> GrpcExporter {
    exporter(&setting(address, TIMEOUT)).unwrap()
}

/// What becomes of two spans, in short, and its text.
fn offer(exporter: &mut GrpcExporter) -> (String, String) {
    let verdict = exporter.export(vec![span(1, 0, "a", 0, 1), span(2, 1, "b", 0, 1)], TIMEOUT);
    let (short, text) = match verdict {
        Verdict::Delivered { rejected, message } => (format!("delivered, {rejected} rejected"), message),
        Verdict::Later { after: None, error } => ("later".to_owned(), error),
        Verdict::Later { after: Some(after), error } => (format!("in {after:?}"), error),
        Verdict::TooLarge { error } => ("too large".to_owned(), error),
        Verdict::Refused { error } => ("refused".to_owned(), error),
    };
    assert!(!text.contains("sesame"), "{text}");
    (short, text)
}

#[test]
fn a_batch_arrives_as_it_was_under_the_resource_that_was_set_last() {
    let server = Server::new([Says::ok(), Says::ok()]);
    let mut exporter = to(server.address);
    for name in ["first", "second"] {
        let service = KeyValue::new("service.name", name);
        exporter.set_resource(&Resource::builder_empty().with_attribute(service).build());
        assert_eq!(offer(&mut exporter), ("delivered, 0 rejected".to_owned(), String::new()));

        let request = server.requests.recv().unwrap();
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer sesame");
        let agent = request.metadata().get("user-agent").unwrap().to_str().unwrap();
        assert!(agent.starts_with(USER_AGENT), "{agent}");
        let [of_resource] = request.get_ref().resource_spans.as_slice() else { panic!("{request:?}") };
        let [attribute] = of_resource.resource.as_ref().unwrap().attributes.as_slice() else {
            panic!("{request:?}")
        };
        assert_eq!(attribute.key, "service.name");
        assert_eq!(attribute.value.as_ref().unwrap().value, Some(Value::StringValue(name.to_owned())));
        let spans = &of_resource.scope_spans[0].spans;
        assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    }
}

#[test]
fn rejected_spans_are_counted_and_never_more_than_there_were() {
    let cases = [
        (1, "too old", 1, "too old"),
        (0, "a note", 0, "a note"),
        (300, "", 2, ""),
        (1, "not sesame", 1, "not ***"),
    ];
    let server = Server::new(cases.map(|(rejected_spans, message, ..)| {
        let error_message = message.to_owned();
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
        Says::Answer(ExportTraceServiceResponse { partial_success })
    }));
    let mut exporter = to(server.address);
    for (.., rejected, message) in cases {
        assert_eq!(offer(&mut exporter), (format!("delivered, {rejected} rejected"), message.to_owned()));
    }
}

#[test]
fn each_status_has_its_verdict() {
    let status = |code| Says::Status(Status::new(code, "sesame is wrong"));
    let timed = |code, delay| {
        let details = ErrorDetails::with_retry_info(Some(delay));
        Says::Status(Status::with_error_details(code, "busy", details))
    };
    let too_large = |code, message: &str| Says::Status(Status::new(code, message));
    let seconds = Duration::from_secs;
    let cases = [
        (status(Code::Cancelled), "later", "Cancelled: *** is wrong"),
        (status(Code::Unknown), "refused", "Unknown"),
        (status(Code::InvalidArgument), "refused", "InvalidArgument"),
        (status(Code::DeadlineExceeded), "later", "DeadlineExceeded"),
        (status(Code::NotFound), "refused", "NotFound"),
        (status(Code::AlreadyExists), "refused", "AlreadyExists"),
        (status(Code::PermissionDenied), "refused", "are the headers right?"),
        (status(Code::ResourceExhausted), "refused", "ResourceExhausted"),
        (timed(Code::ResourceExhausted, seconds(7)), "in 7s", "ResourceExhausted: busy"),
        (status(Code::FailedPrecondition), "refused", "FailedPrecondition"),
        (status(Code::Aborted), "later", "Aborted"),
        (status(Code::OutOfRange), "later", "OutOfRange"),
        (status(Code::Unimplemented), "refused", "It is usually 4317"),
        (status(Code::Internal), "refused", "Internal"),
        (status(Code::Unavailable), "later", "Unavailable"),
        (timed(Code::Unavailable, seconds(3)), "in 3s", "Unavailable: busy"),
        (status(Code::DataLoss), "later", "DataLoss"),
        (status(Code::Unauthenticated), "refused", "are the headers right?"),
        // A size, in the words of several receivers.
        (
            too_large(
                Code::ResourceExhausted,
                "grpc: received message larger than max (5000000 vs. 4194304)",
            ),
            "too large",
            "4194304",
        ),
        (
            too_large(
                Code::ResourceExhausted,
                "grpc: received message after decompression larger than max 4194304",
            ),
            "too large",
            "4194304",
        ),
        (
            too_large(
                Code::OutOfRange,
                "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes",
            ),
            "too large",
            "limit",
        ),
        (
            too_large(Code::ResourceExhausted, "gRPC message exceeds maximum size 4194304: 5000000"),
            "too large",
            "4194304",
        ),
        // From something in between that speaks HTTP only.
        (Says::Http(413), "too large", "413"),
        (Says::Http(429), "later", "429"),
        (Says::Http(503), "later", "503"),
        (Says::Http(500), "refused", "500"),
        (Says::Http(401), "refused", "are the headers right?"),
        (Says::Http(404), "refused", "It is usually 4317"),
        (Says::Http(200), "refused", "grpc-status"),
    ];
    let (says, expected): (Vec<_>, Vec<_>) =
        cases.into_iter().map(|(says, verdict, words)| (says, (verdict, words))).unzip();
    let server = Server::new(says);
    let mut exporter = to(server.address);
    for (verdict, words) in expected {
        let (short, text) = offer(&mut exporter);
        assert_eq!(short, verdict, "{text}");
        assert!(text.starts_with(&format!("export to http://{} failed: ", server.address)), "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_time_that_is_out_of_bounds_is_a_time() {
    let hostile = Duration::new(u64::MAX, 0);
    let details = ErrorDetails::with_retry_info(Some(hostile));
    let status = Status::with_error_details(Code::Unavailable, "", details);
    let server = Server::new([Says::Status(status)]);
    let (short, text) = offer(&mut to(server.address));
    assert_eq!(short, "in 86400s", "{text}");
}

#[test]
fn a_receiver_that_is_away_is_named_with_the_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (short, text) = offer(&mut to(free));
    assert_eq!(short, "later", "{text}");
    assert!(text.contains(&format!("export to http://{free} failed: ")), "{text}");
    assert!(text.to_lowercase().contains("refused"), "{text}");
}

#[test]
fn a_receiver_that_dies_and_returns_gets_the_next_batch() {
    let server = Server::new([Says::ok()]);
    let address = server.address;
    let mut exporter = to(address);
    assert_eq!(offer(&mut exporter).0, "delivered, 0 rejected");
    drop(server);
    // The first attempt may meet the dead connection, the second finds nobody.
    for _ in 0..2 {
        let (short, text) = offer(&mut exporter);
        assert_eq!(short, "later", "{text}");
    }
    let server = Server::at(address, [Says::ok()]);
    assert_eq!(offer(&mut exporter), ("delivered, 0 rejected".to_owned(), String::new()));
    assert_eq!(server.requests.try_iter().count(), 1);
}

#[test]
fn a_connection_that_died_in_a_pause_costs_no_attempt() {
    let server = Server::new([Says::ok()]);
    let address = server.address;
    let mut exporter = to(address);
    assert_eq!(offer(&mut exporter).0, "delivered, 0 rejected");
    drop(server);
    let _server = Server::at(address, [Says::ok()]);
    std::thread::sleep(PAUSE + Duration::from_millis(100));
    assert_eq!(offer(&mut exporter), ("delivered, 0 rejected".to_owned(), String::new()));
}

#[test]
fn a_receiver_that_hangs_is_met_anew_on_another_connection() {
    let server = Server::new([Says::Nothing, Says::ok()]);
    let mut exporter = exporter(&setting(server.address, LONG)).unwrap();
    let soon = Duration::from_millis(300);
    let verdict = exporter.export(vec![span(1, 0, "a", 0, 1)], soon);
    assert!(matches!(verdict, Verdict::Later { after: None, .. }), "{verdict:?}");
    assert!(exporter.connection.is_none());
    assert_eq!(offer(&mut exporter).0, "delivered, 0 rejected");
}

#[test]
fn silence_costs_the_shorter_of_two_limits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let soon = Duration::from_millis(300);
    for (of_setting, of_attempt) in [(soon, LONG), (LONG, soon), (LONG, Duration::ZERO)] {
        let begin = Instant::now();
        let mut exporter = exporter(&setting(address, of_setting)).unwrap();
        let verdict = exporter.export(vec![span(1, 0, "a", 0, 1)], of_attempt);
        let Verdict::Later { after: None, error } = verdict else { panic!("{verdict:?}") };
        assert!(error.contains("no answer within"), "{error}");
        assert!(begin.elapsed() < LONG, "{:?}", begin.elapsed());
    }
}

/// What becomes of two spans where `answer` is all that comes.
fn offer_to_something_else(answer: &'static [u8]) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).unwrap();
        stream.write_all(answer).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Until the client goes away.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut exporter = to(address);
    let result = offer(&mut exporter);
    drop(exporter);
    thread.join().unwrap();
    result
}

#[test]
fn something_that_is_no_grpc_is_told_from_something_that_goes_away() {
    let (short, text) = offer_to_something_else(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(short, "refused", "{text}");
    assert!(text.contains("It is usually 4317"), "{text}");
    let (short, text) = offer_to_something_else(b"");
    assert_eq!(short, "later", "{text}");
    // GOAWAY, and nothing wrong.
    let (short, text) =
        offer_to_something_else(b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(short, "later", "{text}");
}

#[cfg(feature = "otlp-grpc-tls")]
#[test]
fn something_that_is_no_tls_is_told_from_something_that_goes_away() {
    for (bytes, verdict, words) in
        [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "refused", "does it speak TLS"), (b"", "later", "")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("https://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The record's head, and what it says is its length.
            let mut head = [0; 5];
            stream.read_exact(&mut head).unwrap();
            stream.read_exact(&mut vec![0; usize::from(head[3]) << 8 | usize::from(head[4])]).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let setting = OtlpSetting { endpoint, headers: Vec::new(), timeout: TIMEOUT };
        let (short, text) = offer(&mut exporter(&setting).unwrap());
        assert_eq!(short, verdict, "{text}");
        assert!(text.contains(words), "{text}");
        thread.join().unwrap();
    }
}

#[test]
fn it_can_be_built_and_dropped_inside_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        drop(exporter(&setting("127.0.0.1:1", Duration::from_secs(1))).unwrap());
        assert!(exporter(&setting("ho st", Duration::from_secs(1))).unwrap_err().is_exporter());
    });
}

#[test]
fn settings_that_grpc_does_not_allow_are_refused() {
    let mut setting = setting("127.0.0.1:1", Duration::from_secs(1));
    assert!(!format!("{:?}", exporter(&setting).unwrap()).contains("sesame"));
    setting.headers.push(("x-key".to_owned(), "sesame\n".to_owned()));
    let error = exporter(&setting).unwrap_err().to_string();
    assert!(error.contains("header `x-key` is not valid") && !error.contains("sesame"), "{error}");
}
