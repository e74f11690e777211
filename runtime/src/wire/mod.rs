//! The one reader of the wire: what a call to a model was, read from the bytes of its request and its answer.
//!
//! In: a method, a host and a path ([`route()`]); the bytes of a request ([`RequestReader`]); status, a few headers and the bytes of an
//! answer, in pieces cut anywhere ([`ResponseReader`]). Out: typed facts. It opens no spans, reads no clock, knows no HTTP crate and
//! no attribute names; that is the business of `call` and `semconv`. Memory is bounded whatever comes, and nothing panics.
//!
//! Layers: `sse`, `event_stream`, `values` find where documents begin and end; `json` reads a document as it comes and keeps of it
//! only what stands under one of our `words`; a file in `format/` says what that means. All of them take their bytes where they
//! are: nothing is copied but facts, and content if it was asked for.
//!
//! ```
//! use llmetry::wire::{Content, Head, RequestReader, ResponseReader, route};
//!
//! let route = route("POST", "api.openai.com", "/v1/chat/completions");
//! let mut request = RequestReader::new(&route, Content::Off);
//! request.push(br#"{"model": "gpt-x", "stream": true, "messages": []}"#);
//! let request = request.finish();
//!
//! let head = Head::new(200).header("content-type", "text/event-stream");
//! let mut answer = ResponseReader::new(route.format, request.operation, request.stream, head, Content::Off);
//! for piece in ["data: {\"id\": \"c-1\", \"choi", "ces\": []}\n\ndata: [DO", "NE]\n\n"] {
//!     answer.push(piece.as_bytes());
//! }
//! let facts = answer.finish();
//! assert_eq!((facts.id.as_deref(), facts.stream_complete), (Some("c-1"), Some(true)));
//! ```
//!
//! Bytes are those after transport and content decoding. Of a body whose `content-encoding` is not `identity` nothing is read,
//! unless who calls has decoded it.

mod draft;
mod errors;
mod event_stream;
mod facts;
mod format;
mod framing;
mod json;
mod request;
mod response;
mod route;
mod sse;
#[cfg(test)]
mod tests;
mod values;
mod words;

pub use facts::{
    Choice, Content, Facts, Format, Kept, Operation, RequestContent, RequestFacts, ToolCall, Usage, WireError,
};
pub use request::RequestReader;
pub use response::{Head, ResponseReader};
pub use route::{Route, route};
