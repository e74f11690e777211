//! Headers and bodies, without a socket.

use super::*;

fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, value.parse().unwrap())])
}

#[test]
fn a_receiver_may_name_a_time_in_seconds_or_as_a_date() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
    for (value, seconds) in [
        ("0", Some(0)),
        (" 120 ", Some(120)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
        ("Sun, 06 Nov 1994 08:49:37 GMX", None),
        // In the past.
        ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
        // Hostile ones.
        ("18446744073709551615", Some(86_400)),
        ("99999999999999999999999999999999", Some(86_400)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ] {
        let after = retry_after(&headers(RETRY_AFTER, value), now);
        assert_eq!(after, seconds.map(Duration::from_secs), "{value:?}");
    }
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

fn partial(rejected_spans: i64, error_message: &str) -> ExportTraceServiceResponse {
    let error_message = error_message.to_owned();
    ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess { rejected_spans, error_message }),
    }
}

#[test]
fn an_answer_may_be_protobuf_or_an_object() {
    let nothing = ExportTraceServiceResponse { partial_success: None };
    let two = partial(2, "too old");
    for (body, answer) in [
        (b"".to_vec(), &nothing),
        (b"\x0a\x00".to_vec(), &partial(0, "")),
        (two.encode_to_vec(), &two),
        (b"{}".to_vec(), &nothing),
        (b" \n{\"partialSuccess\": null, \"more\": [1]}".to_vec(), &nothing),
        (br#"{"partialSuccess":{}}"#.to_vec(), &partial(0, "")),
        (br#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#.to_vec(), &two),
        (br#"{"partialSuccess":{"rejectedSpans":2,"errorMessage":"too old"}}"#.to_vec(), &two),
        (br#"{"partial_success":{"rejected_spans":2,"error_message":"too old"}}"#.to_vec(), &two),
    ] {
        assert_eq!(read(&HeaderMap::new(), &body).as_ref(), Some(answer), "{body:?}");
    }
}

/// A new line and a brace, for instance, are a field and its length.
#[test]
fn protobuf_of_any_length_is_not_taken_for_json() {
    for length in 0..600 {
        let answer = partial(1, &"x".repeat(length));
        assert_eq!(read(&HeaderMap::new(), &answer.encode_to_vec()), Some(answer), "{length}");
    }
}

#[test]
fn anything_else_is_no_answer() {
    let deep = format!("{{\"a\":{}", "[".repeat(10_000));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_JSON_BYTES));
    for body in [
        &b"<html>"[..],
        b"OK",
        b"null",
        b"[]",
        b"\x0a",
        b"\x0a\xff",
        b"\x0a\x02\x08",
        b"\x0d1234",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"{",
        b"{} {}",
        br#"{"partialSuccess":[]}"#,
        br#"{"partialSuccess":{"rejectedSpans":"two"}}"#,
        br#"{"partialSuccess":{"rejectedSpans":1.5}}"#,
        br#"{"partialSuccess":{"rejectedSpans":99999999999999999999}}"#,
        br#"{"partialSuccess":{"errorMessage":5}}"#,
        deep.as_bytes(),
        long.as_bytes(),
    ] {
        assert_eq!(read(&HeaderMap::new(), body), None, "{:?}", String::from_utf8_lossy(body));
    }
    // An unknown field, if nobody says that it is a word.
    assert!(read(&HeaderMap::new(), b"Hi").is_some());
    assert!(read(&headers(CONTENT_TYPE, "text/plain; charset=utf-8"), b"Hi").is_none());
    assert!(read(&headers(CONTENT_TYPE, "text/plain; charset=utf-8"), b"{}").is_some());
}
