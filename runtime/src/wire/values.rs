//! JSON documents one after the other: a line each (NDJSON: Ollama, Cohere v1), or the members of one list (Gemini without SSE).
//!
//! In: bytes, cut anywhere, and the document that is under way. Out: where documents end. After a document that is none, the
//! reading goes on with the next line.

use super::json::Document;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Values {
    skipping_line: bool,
}

impl Values {
    /// Feeds `document` from the front of `bytes`; `true` when it came to its end, `false` when the bytes are used up.
    pub(super) fn next(&mut self, bytes: &mut &[u8], document: &mut Document) -> bool {
        while let Some(&byte) = bytes.first() {
            if self.skipping_line {
                self.skipping_line = byte != b'\n';
                *bytes = &bytes[1..];
                continue;
            }
            if document.is_empty() && matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'[' | b',' | b']') {
                *bytes = &bytes[1..];
                continue;
            }
            let taken = document.push(bytes);
            *bytes = &bytes[taken..];
            if document.is_done() {
                return true;
            }
            if !bytes.is_empty() {
                document.clear();
                self.skipping_line = true;
            }
        }
        false
    }
}
