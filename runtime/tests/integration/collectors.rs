//! Collectors that are up, down, silent, or answer what nobody likes to hear: what the account and the end of the program say then.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use llmetry::Report;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::program;
use crate::support::{LONG, assert_adds_up, current_thread, step_async, steps};

/// A collector.
enum Collector {
    /// Nobody listens.
    Down,
    /// Takes connections and says nothing.
    Silent,
    /// Answers with this status.
    Says(u16),
}

/// Where it is, how many requests it has read, and what keeps it alive.
fn collector(kind: &Collector) -> (SocketAddr, Arc<AtomicUsize>, Option<TcpListener>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    match kind {
        Collector::Down => (address, requests, None),
        Collector::Silent => (address, requests, Some(listener)),
        Collector::Says(status) => {
            let (counted, status) = (Arc::clone(&requests), *status);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let spans = decoded(&read_request(&mut stream)).len();
                    counted.fetch_add(spans, Ordering::Relaxed);
                    let answer =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
            (address, requests, None)
        }
    }
}

/// The body of one request with a length.
fn read_request(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(body) = body_of(&bytes) {
            return body.to_vec();
        }
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the request is cut off");
        bytes.extend_from_slice(&chunk[..read]);
    }
}

/// The body, once it is there whole.
fn body_of(request: &[u8]) -> Option<&[u8]> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    request.get(end..end + length)
}

/// Names of the spans in a body.
fn decoded(body: &[u8]) -> Vec<String> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect()
}

/// Runs a program that sends 40 spans to a collector, checks its account, and gives back how many spans the collector has read.
///
/// Called from `test` itself: the closure names it.
fn send_to(kind: &Collector, run: impl FnOnce(&[(&str, &str)])) -> usize {
    let (address, spans, _alive) = collector(kind);
    let endpoint = format!("http://{address}");
    run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    spans.load(Ordering::Relaxed)
}

/// Forty spans through what the environment says, and what became of them.
fn forty(deadline: Duration) -> Report {
    let guard = llmetry::init("faults").unwrap();
    steps(40);
    let report = guard.shutdown(deadline);
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.started, report.stats.open, report.stats.dropped_total()), (40, 0, 0));
    steps(1);
    report
}

#[test]
fn a_collector_that_is_up_gets_everything() {
    let spans = send_to(&Collector::Says(200), |variables| {
        program::with_env(variables, || assert!(forty(LONG).is_complete()));
    });
    assert_eq!(spans, 40);
}

#[test]
fn a_collector_on_this_machine_is_not_looked_for_behind_a_proxy() {
    let spans = send_to(&Collector::Says(200), |variables| {
        // Nobody listens there.
        let proxy =
            [("HTTP_PROXY", "http://127.0.0.1:1"), ("http_proxy", "http://127.0.0.1:1"), ("NO_PROXY", "")];
        let variables = [variables, &proxy].concat();
        program::with_env(&variables, || assert!(forty(LONG).is_complete()));
    });
    assert_eq!(spans, 40);
}

#[test]
fn a_collector_that_is_down_costs_the_spans_and_nothing_else() {
    send_to(&Collector::Down, |variables| {
        let said = program::with_env(variables, || {
            let report = forty(LONG);
            assert!(report.in_time && !report.is_complete());
            assert_eq!((report.stats.failed, report.stats.exported), (40, 0));
        });
        assert_eq!(said.stderr.matches("export failed").count(), 1, "{}", said.stderr);
    });
}

#[test]
fn a_collector_that_never_answers_cannot_hold_up_the_shutdown() {
    send_to(&Collector::Silent, |variables| {
        program::with_env(variables, || {
            let report = forty(Duration::from_millis(200));
            assert_eq!(report.stats.exported, 0, "nobody has confirmed anything");
            assert_eq!(report.stats.failed + report.stats.queued, 40);
            assert!(!report.is_complete());
            // Given up with the deadline, or counted by it: either way the caller is free.
            assert_eq!(report.in_time, report.stats.queued == 0, "{report:?}");
        });
    });
}

#[test]
fn the_export_timeout_ends_a_wait_for_a_silent_collector() {
    send_to(&Collector::Silent, |variables| {
        let variables = [variables, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "50")]].concat();
        program::with_env(&variables, || {
            let report = forty(LONG);
            assert!(report.in_time);
            assert_eq!((report.stats.failed, report.stats.queued), (40, 0));
        });
    });
}

#[test]
fn a_collector_that_refuses_is_not_a_delivery() {
    for status in ["400", "401", "404", "500"] {
        send_to(&Collector::Says(status.parse().unwrap()), |variables| {
            let variables = [variables, &[("EXPECTED", status)]].concat();
            program::with_env(&variables, || {
                let report = forty(LONG);
                assert_eq!((report.stats.failed, report.stats.exported), (40, 0));
                let error = report.stats.last_error.unwrap();
                assert!(error.contains(&std::env::var("EXPECTED").unwrap()), "{error}");
            });
        });
    }
}

/// Reads requests on the runtime of the program itself, which has no other thread.
async fn serve(listener: tokio::net::TcpListener, names: Arc<Mutex<Vec<String>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let names = Arc::clone(&names);
        tokio::spawn(async move {
            let mut request = Vec::new();
            while body_of(&request).is_none() {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0, "the request is cut off");
            }
            names.lock().unwrap().extend(decoded(body_of(&request).unwrap()));
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
    }
}

#[test]
fn a_program_may_be_its_own_collector() {
    // Free a moment ago; the program binds it again.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let endpoint = format!("http://{address}");
    program::with_env(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("ADDRESS", &address)], || {
        current_thread().block_on(async {
            let listener = tokio::net::TcpListener::bind(std::env::var("ADDRESS").unwrap()).await.unwrap();
            let names = Arc::default();
            tokio::spawn(serve(listener, Arc::clone(&names)));
            let guard = llmetry::init("own-collector").unwrap();
            step_async().await;
            let report = guard.shutdown_async(LONG).await;
            assert!(report.is_complete(), "{report}");
            let mut names = names.lock().unwrap().clone();
            names.sort();
            assert_eq!(names, ["step", "step_async"]);
        });
    });
}

/// Forks that find the parent's connection open and its exporter at work.
#[cfg(unix)]
#[test]
fn forked_processes_have_connections_of_their_own() {
    const FORKS: usize = 10;
    let spans = send_to(&Collector::Says(200), |variables| {
        program::with_env(variables, || {
            let guard = llmetry::init("forks").unwrap();
            for _ in 0..FORKS {
                steps(3);
                guard.flush(LONG);
                steps(3);
                let child = crate::system::fork(|| steps(2));
                assert_eq!(crate::system::wait(child).code(), Some(0));
            }
            let report = guard.shutdown(LONG);
            assert!(report.is_complete(), "{report}");
            assert_eq!(report.stats.exported, 6 * FORKS as u64);
        });
    });
    assert_eq!(spans, 8 * FORKS);
}
