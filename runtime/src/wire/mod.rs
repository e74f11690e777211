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
    Choice, Content, Facts, Format, Operation, RequestContent, RequestFacts, ToolCall, Usage, WireError,
};
pub use request::RequestReader;
pub use response::{Head, ResponseReader};
pub use route::{Route, route};
