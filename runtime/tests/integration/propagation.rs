//! Headers out and in: W3C trace context and baggage, and what of it other people's bytes can do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use http::{HeaderMap, HeaderValue};
use llmetry::testing::record_sync;
use llmetry::{RequestBuilderExt, task};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags};
use opentelemetry::{Context, KeyValue, global};

use crate::program;
use crate::support::{LONG, current_thread};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn headers<const N: usize>(lines: [(&'static str, &str); N]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn extracted(headers: &HeaderMap) -> SpanContext {
    llmetry::extract(headers).span().span_context().clone()
}

fn valid(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

#[test]
fn what_goes_out_comes_in_again() {
    #[task]
    fn out() -> (HeaderMap, SpanContext) {
        let mut headers = HeaderMap::new();
        llmetry::inject(&mut headers);
        (headers, Context::current().span().span_context().clone())
    }
    let ((headers, sent), trace) = record_sync(out);
    assert_eq!(headers.len(), 1, "no empty tracestate, no baggage: {headers:?}");
    let received = extracted(&headers);
    assert!(received.is_remote() && received.is_sampled());
    assert_eq!((received.trace_id(), received.span_id()), (sent.trace_id(), sent.span_id()));
    assert_eq!(received.span_id().to_string(), trace.span("out").span_id());
}

#[test]
fn an_invalid_traceparent_is_ignored() {
    let zeros = |n| "0".repeat(n);
    let long = format!("{}-{}", valid("01"), "x".repeat(100_000));
    let cases = [
        String::new(),
        "00".to_owned(),
        "-".repeat(55),
        valid("01")[..54].to_owned(),
        valid("01").replace('-', "_"),
        valid("01").to_uppercase(),
        valid("0G"),
        valid("0x"),
        format!("ff{}", &valid("01")[2..]),
        format!("FF{}", &valid("01")[2..]),
        format!("0g{}", &valid("01")[2..]),
        format!("00-{}-{SPAN}-01", zeros(32)),
        format!("00-{TRACE}-{}-01", zeros(16)),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
        format!("00-{}-{SPAN}-01", &TRACE[1..]),
        format!("00-{TRACE}0-{SPAN}-01"),
        format!("{}-more", valid("01")),
        format!("{}-", valid("01")),
        format!("{}00", valid("01")),
        format!("01-{TRACE}-{SPAN}-01more"),
        format!("{},{}", valid("01"), valid("01")),
        valid("é1"),
        format!("00-{}é-{SPAN}-01", &TRACE[2..]),
        long,
    ];
    for case in cases {
        let context = extracted(&headers([("traceparent", &case)]));
        assert!(!context.is_valid(), "{case:.80}");
    }
    assert!(!extracted(&headers([("traceparent", &valid("01")), ("traceparent", &valid("01"))])).is_valid());
    assert!(!extracted(&headers([("tracestate", "a=b")])).is_valid());
}

#[test]
fn a_valid_traceparent_is_understood() {
    let later = format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings");
    for (header, sampled) in [
        (valid("00"), false),
        (valid("01"), true),
        (valid("02"), false),
        (valid("ff"), true),
        (format!(" {} ", valid("01")), true),
        (format!("01-{TRACE}-{SPAN}-01"), true),
        (later, true),
    ] {
        let context = extracted(&headers([("traceparent", &header)]));
        assert_eq!(context.trace_id().to_string(), TRACE, "{header}");
        assert_eq!(context.span_id().to_string(), SPAN, "{header}");
        assert!(context.is_remote());
        let expected = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        assert_eq!(context.trace_flags(), expected, "{header}");
    }
}

#[test]
fn tracestate_goes_through_within_its_limits() {
    #[task]
    fn outer() -> Option<String> {
        inner()
    }
    #[task]
    fn inner() -> Option<String> {
        let mut headers = headers([("tracestate", "of=another")]);
        llmetry::inject(&mut headers);
        headers.get("tracestate").map(|value| value.to_str().unwrap().to_owned())
    }
    let sent_on = |states: &[&str]| {
        let mut headers = headers([("traceparent", &valid("01"))]);
        for state in states {
            headers.append("tracestate", state.parse().unwrap());
        }
        let (sent, trace) = record_sync(|| {
            let _attached = llmetry::extract(&headers).attach();
            outer()
        });
        assert!(trace.spans().is_empty(), "it is the caller's trace, not the recording's");
        sent
    };
    assert_eq!(sent_on(&["vendor=1,other=2"]).as_deref(), Some("vendor=1,other=2"));
    assert_eq!(sent_on(&["vendor=1", "other=2"]).as_deref(), Some("vendor=1,other=2"));
    let many: Vec<_> = (0..33).map(|n| format!("k{n}=v")).collect();
    let long = format!("k={}", "v".repeat(600));
    for dropped in [&*many.join(","), &long, "no equals sign", "UPPER=1", "", ","] {
        assert_eq!(sent_on(&[dropped]), None, "{dropped:.60}");
    }
}

#[task]
fn with_baggage(baggage: Vec<KeyValue>, host: Option<&'static str>) -> HeaderMap {
    let _attached = Context::current_with_baggage(baggage).attach();
    let mut headers = HeaderMap::new();
    llmetry::inject_for(&mut headers, || host.map(str::to_owned));
    assert!(headers.contains_key("traceparent"));
    headers
}

fn sends_baggage(host: Option<&'static str>) -> bool {
    with_baggage(vec![KeyValue::new("user.tier", "gold")], host).contains_key("baggage")
}

/// Headers as libraries have them.
struct Headers(Vec<String>);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        assert!(!value.is_empty(), "{key}");
        self.0.push(key.to_owned());
    }
}

#[task]
fn through_the_global() -> Vec<String> {
    let context = Context::current_with_baggage([KeyValue::new("user.tier", "gold")]);
    let mut headers = Headers(Vec::new());
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    headers.0
}

#[test]
fn baggage_goes_to_allowed_hosts_only() {
    program::run(|| {
        let guard = llmetry::builder()
            .exporter(llmetry::export::MemoryExporter::new())
            .baggage_hosts(["*.internal", "gateway"])
            .init()
            .unwrap();
        for host in ["localhost", "127.0.0.1", "[::1]", "::1", "a.internal", "GATEWAY", "a.localhost"] {
            assert!(sends_baggage(Some(host)), "{host}");
        }
        for host in [
            "api.openai.com",
            "127.0.0.1.evil.com",
            "localhost.evil.com",
            "internal",
            "evilinternal",
            "agateway",
            "",
        ] {
            assert!(!sends_baggage(Some(host)), "{host}");
        }
        assert!(!sends_baggage(None));
        // A library that asks the global propagator does not say for whom.
        assert_eq!(through_the_global(), ["traceparent"]);
        guard.shutdown(LONG);
    });
}

#[test]
fn baggage_survives_the_round_trip() {
    let values = [("plain", "gold"), ("spaced", "a b,c;d=e\"\\%"), ("unicode", "größe→"), ("empty", "")];
    let baggage: Vec<_> = values.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
    let (headers, _) = record_sync(|| with_baggage(baggage, Some("localhost")));
    let text = headers["baggage"].to_str().unwrap();
    assert!(text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)), "{text}");
    let received = llmetry::extract(&headers);
    for (key, value) in values {
        assert_eq!(received.baggage().get(key).map(ToString::to_string).as_deref(), Some(value), "{text}");
    }
}

#[test]
fn baggage_is_bounded_both_ways() {
    let big = |count: usize, bytes: usize| -> Vec<KeyValue> {
        (0..count).map(|n| KeyValue::new(format!("k{n}"), "v".repeat(bytes))).collect()
    };
    for (count, bytes) in [(10, 4_000), (1, 1 << 20), (60, 200)] {
        let (headers, _) = record_sync(|| with_baggage(big(count, bytes), Some("localhost")));
        let sent = headers.get("baggage").map_or(0, HeaderValue::len);
        assert!(sent <= 8192, "{sent}");
    }
    // Ten megabytes: nothing of it is taken, and nothing breaks.
    let huge = format!("k={}", "v".repeat(10 << 20));
    let incoming = headers([("traceparent", &valid("01")), ("baggage", &huge)]);
    let context = llmetry::extract(&incoming);
    assert!(context.baggage().is_empty());
    assert!(context.span().span_context().is_valid(), "the parent stays");
    let many = (0..100_000).map(|n| format!("{n}=1")).collect::<Vec<_>>().join(",");
    assert!(llmetry::extract(&headers([("baggage", &many)])).baggage().len() <= 180);
    let members = (0..200).map(|n| format!("{n}=1")).collect::<Vec<_>>().join(",");
    let taken = llmetry::extract(&headers([("baggage", &members)])).baggage().len();
    assert!((1..=64).contains(&taken), "{taken}");
    for broken in ["", ",,,", "novalue", "=v", "k=%", "k=%G1", "k=%ff", ";;;", "k=v;p=%"] {
        let context = llmetry::extract(&headers([("baggage", broken)]));
        assert!(context.baggage().len() <= 1, "{broken}");
    }
}

#[test]
fn without_a_trace_no_header_is_written() {
    let mut untouched = headers([("traceparent", "mine")]);
    llmetry::inject(&mut untouched);
    assert_eq!(untouched["traceparent"], "mine");
    let mut empty = HeaderMap::new();
    llmetry::inject_for(&mut empty, || Some("localhost".to_owned()));
    assert!(empty.is_empty());
}

#[test]
fn the_global_propagator_extracts_for_libraries() {
    struct Map<'a>(&'a HeaderMap);
    impl Extractor for Map<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key)?.to_str().ok()
        }
        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(http::HeaderName::as_str).collect()
        }
    }
    program::run(|| {
        let _guard = llmetry::builder().exporter(llmetry::export::MemoryExporter::new()).init().unwrap();
        let incoming = headers([("traceparent", &valid("01")), ("baggage", "user.tier=gold")]);
        let context = global::get_text_map_propagator(|propagator| propagator.extract(&Map(&incoming)));
        assert_eq!(context.span().span_context().trace_id().to_string(), TRACE);
        assert_eq!(context.baggage().len(), 1);
    });
}

/// Takes `requests` requests, one after the other, and gives their heads back.
fn server(requests: usize) -> (std::net::SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heads = thread::spawn(move || {
        let mut heads = Vec::new();
        while heads.len() < requests {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            heads.push(String::from_utf8(head).unwrap());
        }
        heads
    });
    (address, heads)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[task]
async fn asks(url: String) -> String {
    let context = Context::current_with_baggage([KeyValue::new("user.tier", "gold")]);
    let request = {
        let _attached = context.attach();
        reqwest::Client::new().get(url).with_trace_context()
    };
    request.send().await.unwrap().error_for_status().unwrap();
    Context::current().span().span_context().span_id().to_string()
}

#[test]
fn a_real_server_receives_the_current_span() {
    let (address, heads) = server(2);
    let runtime = current_thread();
    let ((), trace) = record_sync(|| {
        let asked = runtime.block_on(asks(format!("http://{address}/v1/models")));
        assert_eq!(asked.len(), 16);
    });
    let plain =
        async { reqwest::Client::new().get(format!("http://{address}/")).with_trace_context().send().await };
    runtime.block_on(plain).unwrap();
    let heads = heads.join().unwrap();
    let span = trace.span("asks");
    let expected = format!("00-{}-{}-01", span.trace_id(), span.span_id());
    assert_eq!(header(&heads[0], "traceparent"), Some(&*expected), "{}", heads[0]);
    assert_eq!(header(&heads[0], "baggage"), Some("user.tier=gold"), "loopback may have it");
    assert_eq!(header(&heads[0], "tracestate"), None);
    for name in ["traceparent", "tracestate", "baggage"] {
        assert_eq!(header(&heads[1], name), None, "outside of any trace");
    }
}
