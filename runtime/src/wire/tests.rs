//! What the formats' tests share, and tests over all formats: framing, bounds, hostile answers.

use super::event_stream;
use super::facts::{Content, Facts, Format, Kept, Operation, RequestFacts};
use super::request::RequestReader;
use super::response::{Head, ResponseReader};
use super::route::Route;

pub(super) const KEEP: Content = Content::Keep { bytes: 1 << 20 };
const SSE: &str = "text/event-stream";
const FRAMES: &str = "application/vnd.amazon.eventstream";

/// Facts of an answer; the same however it is cut.
pub(super) fn read(format: Format, operation: Operation, stream: bool, head: &Head, body: &[u8]) -> Facts {
    let mut found: Option<Facts> = None;
    for size in [1, 3, 4096] {
        let mut reader = ResponseReader::new(Some(format), Some(operation), stream, head.clone(), KEEP);
        body.chunks(size).for_each(|piece| reader.push(piece));
        let facts = reader.finish();
        assert_eq!(*found.get_or_insert_with(|| facts.clone()), facts, "pieces of {size}");
    }
    found.unwrap_or_default()
}

pub(super) fn unary(format: Format, body: &str) -> Facts {
    let head = Head::new(200).header("Content-Type", "application/json");
    read(format, Operation::Chat, false, &head, body.as_bytes())
}

pub(super) fn embeddings(format: Format, body: &str) -> Facts {
    let head = Head::new(200).header("content-type", "application/json");
    read(format, Operation::Embeddings, false, &head, body.as_bytes())
}

/// A stream of server-sent events, of their data.
pub(super) fn sse(format: Format, events: &[&str]) -> Facts {
    let body = events.iter().fold(String::new(), |body, data| body + "data: " + data + "\n\n");
    read(format, Operation::Chat, true, &Head::new(200).header("content-type", SSE), body.as_bytes())
}

/// A stream of AWS frames, of their names and payloads.
pub(super) fn frames(format: Format, events: &[(&str, &str)]) -> Facts {
    let body: Vec<u8> =
        events.iter().flat_map(|(name, payload)| event_stream::tests::event(name, payload)).collect();
    read(format, Operation::Chat, true, &Head::new(200).header("content-type", FRAMES), &body)
}

/// A stream of documents, a line each.
pub(super) fn lines(format: Format, documents: &[&str]) -> Facts {
    let head = Head::new(200).header("content-type", "application/x-ndjson");
    read(format, Operation::Chat, true, &head, documents.join("\n").as_bytes())
}

pub(super) fn failed(format: Format, status: u16, body: &str) -> Vec<String> {
    let facts = read(format, Operation::Chat, false, &Head::new(status), body.as_bytes());
    assert_eq!((&facts.id, &facts.choices), (&None, &Vec::new()), "an error says nothing else");
    facts.error.unwrap_or_default().names
}

/// Facts of a request; the same however it is cut.
pub(super) fn ask(format: Format, body: &str) -> RequestFacts {
    let route = Route { format: Some(format), ..Route::default() };
    let mut found: Option<RequestFacts> = None;
    for size in [1, 3, 4096] {
        let mut reader = RequestReader::new(&route, KEEP);
        body.as_bytes().chunks(size).for_each(|piece| reader.push(piece));
        let facts = reader.finish();
        assert!(!facts.partial, "{body}");
        assert_eq!(*found.get_or_insert_with(|| facts.clone()), facts, "pieces of {size}");
    }
    found.unwrap_or_default()
}

/// What was kept of a request's content; JSON begins with a bracket in these tests.
pub(super) fn kept(content: Option<Kept>) -> Option<&'static str> {
    let text: &str = match content? {
        Kept::Text(text) if !text.starts_with(['[', '{']) => text.leak(),
        Kept::Json(json) if json.starts_with(['[', '{']) => json.leak(),
        other => panic!("{other:?}"),
    };
    Some(text)
}

/// Names of tools as `id:name`.
pub(super) fn tools(calls: &[super::ToolCall]) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    calls.iter().map(|call| format!("{}:{}", text(&call.id), text(&call.name))).collect()
}

/// Without content a document costs less than this, whatever comes: 4 608 values and 64 KiB of facts, buffers being up to twice as
/// large as what is in them.
const BOUND_DOCUMENT: usize = 640 * 1024;
/// A whole reader: the document, 128 choices, 512 tools of two names of a kilobyte.
const BOUND: usize = 2 * 1024 * 1024;
/// A document that is wrapped in another has to be held while its frame is not over, at most a mebibyte of it.
const BOUND_WRAPPED: usize = BOUND + 3 * 1024 * 1024;

/// Pieces of hostile answers; each is repeated without end.
fn hostile() -> Vec<(&'static [u8], &'static [u8])> {
    vec![
        (b"", b"x"),
        (b"", b"\xff\xfe\x80"),
        (b"", b"["),
        (b"", b"{\"choices\":["),
        (b"", b"{\"a\":["),
        (b"", b"\\"),
        (b"", b"]"),
        (b"{\"id\":\"", b"x"),
        (b"{\"id\":\"", b"\\ud800"),
        (b"{\"", b"x"),
        (b"{", b"\"id\":\"0123456789012345678901234567890123456789\","),
        (b"{\"usage\":", b"9"),
        (b"{\"usage\":", b"-"),
        (b"{\"choices\":[", b"{\"index\":0,\"finish_reason\":\"stop\"},"),
        (b"{\"data\":[{\"embedding\":[", b"0.1,"),
        (b"{\"data\":[", b"{\"embedding\":[1,2]},"),
        (b"data: {\"id\":\"", b"x"),
        (b"data: ", b"["),
        (b"", b"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\"}]}}]}\n\n"),
        (b"event: ", b"x"),
        (b"", b"data: \n"),
        (b"", b"\r\n"),
        (b"", b"{}\n"),
        (b"\0\0\0\x10", b"\0\0\0\0"),
        (b"", b"\0"),
        (b"\xff\xff\xff\xff\0\0\0\0", b"\xff"),
    ]
}

fn endless(
    format: Format,
    stream: bool,
    content_type: &str,
    start: &[u8],
    unit: &[u8],
    length: usize,
) -> usize {
    const PIECE: usize = 8 * 1024;
    let head = Head::new(200).header("content-type", content_type);
    let mut reader = ResponseReader::new(Some(format), None, stream, head, Content::Off);
    let mut most = 0;
    reader.push(start);
    let piece = unit.repeat(PIECE / unit.len());
    for _ in 0..length / piece.len() {
        reader.push(&piece);
        most = most.max(reader.memory());
    }
    let _ = reader.finish();
    most
}

#[test]
fn endless_answers_cost_a_bounded_memory() {
    for (format, content_type) in [
        (Format::OpenAiChat, SSE),
        (Format::OpenAiEmbeddings, "application/json"),
        (Format::Ollama, "application/x-ndjson"),
        (Format::BedrockInvoke, FRAMES),
    ] {
        for (start, unit) in hostile() {
            let most = endless(format, true, content_type, start, unit, 2 * BOUND_DOCUMENT);
            assert!(most < BOUND_DOCUMENT, "{format:?} {:?}: {most}", String::from_utf8_lossy(unit));
        }
    }
}

#[test]
fn no_format_stumbles_over_any_framing() {
    for format in Format::ALL {
        for (start, unit) in hostile() {
            for content_type in ["application/json", SSE, FRAMES, "application/x-ndjson", ""] {
                for stream in [false, true] {
                    let most = endless(format, stream, content_type, start, unit, 16 * 1024);
                    assert!(most < BOUND_DOCUMENT);
                }
            }
        }
    }
}

#[test]
fn many_large_facts_cost_a_bounded_memory() {
    let long = "x".repeat(5_000);
    for number in [0, 1] {
        let mut reader = ResponseReader::new(
            Some([Format::OpenAiChat, Format::OpenAiResponses][number]),
            None,
            true,
            Head::new(200).header("content-type", SSE),
            Content::Off,
        );
        for index in 0..3_000 {
            let tool = format!(
                r#"{{"index":{index},"id":"{long}","function":{{"name":"{long}"}},"type":"function_call","call_id":"{long}"}}"#
            );
            let event = format!(
                "data: {{\"choices\":[{{\"index\":{index},\"finish_reason\":\"{long}\",\"delta\":{{\"tool_calls\":[{tool}]}}}}],\
                 \"type\":\"response.output_item.added\",\"output_index\":{index},\"item\":{tool}}}\n\n"
            );
            reader.push(event.as_bytes());
        }
        assert!(reader.memory() < BOUND, "{}", reader.memory());
        let facts = reader.finish();
        assert_eq!(facts.tool_calls.len(), 512);
        assert_eq!(facts.tool_calls[0].id.as_ref().map(String::len), Some(1024));
    }
}

#[test]
fn a_wrapped_document_without_end_costs_a_bounded_memory() {
    let payload = format!("{{\"bytes\":\"{}\"}}", "eyJ4".repeat(2 * 1024 * 1024));
    let frame = event_stream::tests::event("chunk", &payload);
    let head = Head::new(200).header("content-type", FRAMES);
    let mut reader = ResponseReader::new(Some(Format::BedrockInvoke), None, true, head, Content::Off);
    let mut most = 0;
    for piece in frame.chunks(64 * 1024) {
        reader.push(piece);
        most = most.max(reader.memory());
    }
    assert!((1024 * 1024..BOUND_WRAPPED).contains(&most), "{most}");
}

#[test]
fn content_is_kept_up_to_its_bound() {
    let text = "ä".repeat(1000);
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let head = Head::new(200).header("content-type", SSE);
    for bytes in [0, 1, 3, 2_000, 2_001, 5_001] {
        let content = Content::Keep { bytes };
        let mut reader = ResponseReader::new(Some(Format::OpenAiChat), None, true, head.clone(), content);
        for _ in 0..4 {
            reader.push(event.as_bytes());
        }
        assert!(reader.has_content());
        let facts = reader.finish();
        let kept = facts.text().unwrap_or_default();
        assert!(kept.chars().all(|character| character == 'ä'), "no character is cut in two");
        assert!(kept.len() <= bytes && kept.len() + 2 > bytes.min(8_000), "{bytes}: {}", kept.len());
    }
}

#[test]
fn an_encoded_body_and_one_without_format_are_not_read() {
    let body = br#"{"id":"x","error":{"code":"word"}}"#;
    let encoded = Head::new(400).header("Content-Encoding", "gzip");
    let facts = read(Format::OpenAiChat, Operation::Chat, false, &encoded, body);
    assert_eq!(facts.error.map(|error| error.names), Some(vec!["400".to_owned()]));
    let facts = read(Format::OpenAiChat, Operation::Chat, false, &encoded.decoded(), body);
    assert_eq!(facts.error.map(|error| error.names), Some(vec!["word".to_owned(), "400".to_owned()]));
    let mut reader = ResponseReader::new(None, None, false, Head::new(200), KEEP);
    reader.push(body);
    assert_eq!(reader.finish(), Facts::default());
}

#[test]
fn what_broke_off_says_what_was_said() {
    let whole = r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"content":"hel"#;
    let facts = unary(Format::OpenAiChat, whole);
    assert_eq!((facts.id.as_deref(), facts.partial), (Some("x"), true));
    let facts = unary(Format::OpenAiChat, "no json at all");
    assert_eq!((facts.choices.len(), facts.partial), (0, true));
    let facts = sse(Format::OpenAiChat, &[r#"{"id":"x"#, "nonsense", r#"{"model":"m","choices":[]}"#]);
    assert_eq!((facts.id, facts.model.as_deref()), (None, Some("m")));
    assert_eq!(facts.stream_complete, Some(false));
}

/// A damaged frame: what came before it counts, what comes after it is not believed.
#[test]
fn a_damaged_frame_ends_the_reading() {
    let mut body = event_stream::tests::event("messageStart", r#"{"role":"assistant"}"#);
    let mut damaged = event_stream::tests::event("contentBlockDelta", r#"{"delta":{"text":"a"}}"#);
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    body.extend(damaged);
    body.extend(event_stream::tests::event("messageStop", r#"{"stopReason":"end_turn"}"#));
    let head = Head::new(200).header("content-type", FRAMES);
    let facts = read(Format::BedrockConverse, Operation::Chat, true, &head, &body);
    assert_eq!((facts.choices.len(), facts.finish_reasons(), facts.text()), (1, None, None));
    assert_eq!((facts.stream_complete, facts.partial), (Some(false), true));
}

/// The server says one content type and sends another thing.
#[test]
fn the_first_byte_tells_where_the_type_does_not() {
    let body = b"data: {\"id\":\"x\"}\n\ndata: [DONE]\n\n";
    for content_type in ["", "text/plain", "application/json"] {
        let head = Head::new(200).header("content-type", content_type);
        let facts = read(Format::OpenAiChat, Operation::Chat, true, &head, body);
        assert_eq!((facts.id.as_deref(), facts.stream_complete), (Some("x"), Some(true)), "{content_type}");
    }
    let head = Head::new(200);
    let facts = read(Format::OpenAiChat, Operation::Chat, true, &head, b" \n{\"id\":\"x\"}");
    assert_eq!(
        (facts.id.as_deref(), facts.stream_complete),
        (Some("x"), None),
        "a gateway that does not stream"
    );
    let facts = read(Format::OpenAiChat, Operation::Chat, true, &head, b"\x0c{\"id\":\"x\"}");
    assert_eq!((facts.id, facts.partial), (None, true), "a form feed is no white space");
}
