//! The reader of a request's body.

use super::facts::{Content, Format, RequestFacts};
use super::format;
use super::json::{Document, Side};
use super::route::Route;

/// Reads a request's body, in pieces cut anywhere.
///
/// Images, files and messages are passed over without a copy, unless content is asked for.
#[derive(Debug)]
pub struct RequestReader {
    format: Option<Format>,
    facts: RequestFacts,
    document: Document,
}

impl RequestReader {
    /// A reader for the request of `route`; without a format it reads nothing.
    pub fn new(route: &Route, content: Content) -> Self {
        let facts = RequestFacts {
            model: route.model.clone(),
            operation: route.operation,
            stream: route.stream,
            ..RequestFacts::default()
        };
        Self { format: route.format, facts, document: Document::new(Side::Request, content.bytes()) }
    }

    /// The body's next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.format.is_some() {
            self.document.push(bytes);
        }
    }

    /// What the request says, as far as it was pushed.
    pub fn finish(mut self) -> RequestFacts {
        if let Some(format) = self.format {
            self.document.end();
            format::request(format, self.document.root(), &mut self.facts);
            self.facts.partial = !self.document.is_done();
        }
        self.facts
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.document.memory()
    }
}
