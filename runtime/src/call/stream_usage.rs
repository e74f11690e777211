//! Asking a stream to end with token counts: the one change that is ever made to a request, and only where the program wants it.
//!
//! In: a request's body and its facts. Out: the body with `stream_options`, or nothing where it is not ours to change. Does not: read the
//! setting (`observed` does), or know an HTTP client.

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};

use crate::wire::{Format, RequestFacts};

const KEY: &[u8] = b"stream_options";
const MEMBER: &[u8] = br#","stream_options":{"include_usage":true}"#;

/// Headers that hold something computed from the body.
const OVER_BODY: [HeaderName; 6] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("x-amz-content-sha256"),
];

/// The body that asks for token counts; `None` where it asks already, is no stream, or is not understood as a whole.
pub(super) fn added(body: &[u8], format: Option<Format>, facts: &RequestFacts) -> Option<Vec<u8>> {
    let speaks = matches!(format, Some(Format::OpenAiChat | Format::OpenAiCompletions));
    if !speaks || !facts.stream || facts.partial {
        return None;
    }
    let end = end_without_options(body)?;
    let mut added = Vec::with_capacity(body.len() + MEMBER.len());
    added.extend_from_slice(&body[..end]);
    added.extend_from_slice(MEMBER);
    added.extend_from_slice(&body[end..]);
    Some(added)
}

/// Makes `headers` those of a body of `length` bytes; `false` if they vouch for the one that was there.
pub(super) fn fits(headers: &mut HeaderMap, length: usize) -> bool {
    let is_signed = headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"))
        || OVER_BODY.iter().any(|name| headers.contains_key(name));
    if !is_signed && headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    !is_signed
}

/// Where the object ends that `body` is, if it has members and none of them is called as ours.
fn end_without_options(body: &[u8]) -> Option<usize> {
    let (mut depth, mut is_key, mut at) = (0_usize, false, 0);
    while let Some(&byte) = body.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                is_key = depth == 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let is_object = byte == b'}' && body[..at].trim_ascii_start().first() == Some(&b'{');
                    let is_last = body[at + 1..].trim_ascii().is_empty();
                    return (is_object && is_last && !is_key).then_some(at);
                }
            }
            b',' if depth == 1 => is_key = true,
            b'"' => {
                let text = text(&body[at + 1..])?;
                // An escape may spell anything.
                if is_key && (text == KEY || text.contains(&b'\\')) {
                    return None;
                }
                is_key = false;
                at += text.len() + 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Up to the quotation mark that ends it.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(&bytes[..at]);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Content, RequestReader, route};

    fn asked(path: &str, body: &str) -> Option<String> {
        let route = route("POST", "127.0.0.1", path);
        let mut reader = RequestReader::new(&route, Content::Off);
        reader.push(body.as_bytes());
        let added = added(body.as_bytes(), route.format, &reader.finish())?;
        Some(String::from_utf8(added).unwrap())
    }

    #[test]
    fn a_stream_without_options_is_asked_to_count() {
        for (body, expected) in [
            (r#"{"stream":true}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
            (
                "\n{\"stream\": true, \"messages\": [{\"stream_options\": \"}\\\"\"}]\n} ",
                "\n{\"stream\": true, \"messages\": [{\"stream_options\": \"}\\\"\"}]\n,\"stream_options\":{\"include_usage\":true}} ",
            ),
            (
                r#"{"model":"stream_options","stream":true}"#,
                r#"{"model":"stream_options","stream":true,"stream_options":{"include_usage":true}}"#,
            ),
        ] {
            for path in ["/v1/chat/completions", "/v1/completions"] {
                assert_eq!(asked(path, body).as_deref(), Some(expected), "{path}");
            }
        }
    }

    #[test]
    fn nothing_else_is_changed() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"[{"stream":true}]"#,
            r#"{"stream":false}"#,
            r#"{"model":"m"}"#,
            r#"{"stream":true,"stream_options":null}"#,
            r#"{"stream":true,"stream_options":{}}"#,
            r#"{"stream_options":{"include_usage":false},"stream":true}"#,
            r#"{"stream":true,"stream\u005foptions":{}}"#,
            r#"{"stream":true"#,
            r#"{"stream":true,}"#,
            r#"{"stream":true}{"stream":true}"#,
            r#"{"stream":true} x"#,
            r#"{"stream":true,"a":"\"#,
            r#"{"stream":true]"#,
        ] {
            assert_eq!(asked("/v1/chat/completions", body), None, "{body}");
        }
        for path in ["/v1/responses", "/v1/messages", "/api/chat", "/v1/embeddings", "/v1/models"] {
            assert_eq!(asked(path, r#"{"stream":true}"#), None, "{path}");
        }
    }

    #[test]
    fn headers_follow_the_body_unless_they_vouch_for_it() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            (fits(&mut headers, 42), headers)
        };
        assert!(fits(&mut HeaderMap::new(), 42));
        let (fits, headers) = with("content-length", "7");
        assert!(fits);
        assert_eq!(headers["content-length"], "42");
        assert!(with("authorization", "Bearer AWS4-").0);
        assert!(!with("authorization", "AWS4-HMAC-SHA256 Credential=key").0);
        assert!(!with("content-digest", "sha-256=:x:").0);
    }
}
