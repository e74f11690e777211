//! What every target does with its bytes: read them whole and cut, with content and without, and compare.
//!
//! The input's first bytes choose where it is cut, whether a stream was asked for, the status and the content's bound; the rest is the body.

use llmetry::wire::{Content, Format, Head, RequestReader, ResponseReader, Route, route};

/// The readers hold no more than this of any body, content aside.
const MOST_HELD: usize = 4 * 1024 * 1024;

struct Plan<'a> {
    cut: usize,
    stream: bool,
    status: u16,
    content: Content,
    body: &'a [u8],
}

fn plan(data: &[u8]) -> Option<Plan<'_>> {
    let [cut, choice, bound, body @ ..] = data else { return None };
    Some(Plan {
        cut: usize::from(*cut).max(1),
        stream: choice & 1 != 0,
        status: [200, 200, 400, 529][usize::from(choice >> 1) & 3],
        content: if choice & 8 != 0 {
            Content::Keep { bytes: usize::from(*bound) * 16 }
        } else {
            Content::Off
        },
        body,
    })
}

/// An answer of this format, framed as `content_type` says.
pub fn answer(format: Option<Format>, content_type: &str, data: &[u8]) {
    let Some(Plan { cut, stream, status, content, body }) = plan(data) else { return };
    let read = |length: usize| {
        let head = Head::new(status).header("content-type", content_type);
        let mut reader = ResponseReader::new(format, None, stream, head, content);
        for piece in body.chunks(length) {
            reader.push(piece);
            assert!(reader.memory() <= MOST_HELD, "{}", reader.memory());
        }
        reader.finish()
    };
    assert_eq!(read(body.len().max(1)), read(cut), "at any cutting");
}

/// Request and answer of this format.
pub fn format(format: Format, data: &[u8]) {
    let Some(Plan { cut, stream, content, body, .. }) = plan(data) else { return };
    let mut route: Route = route("POST", "localhost", "/");
    route.format = Some(format);
    let read = |length: usize| {
        let mut reader = RequestReader::new(&route, content);
        for piece in body.chunks(length) {
            reader.push(piece);
        }
        assert!(reader.memory() <= MOST_HELD, "{}", reader.memory());
        reader.finish()
    };
    assert_eq!(read(body.len().max(1)), read(cut), "at any cutting");
    for content_type in types(format, stream) {
        answer(Some(format), content_type, data);
    }
}

fn types(format: Format, stream: bool) -> &'static [&'static str] {
    match (format, stream) {
        (_, false) => &["application/json"],
        (Format::BedrockConverse | Format::BedrockInvoke, true) => &["application/vnd.amazon.eventstream"],
        (Format::Ollama, true) => &["application/x-ndjson"],
        (Format::CohereV1, true) => &["application/stream+json"],
        _ => &["text/event-stream"],
    }
}
