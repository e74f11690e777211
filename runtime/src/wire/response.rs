//! The reader of an answer: finds its documents, and has its format's file read them.

use super::draft::Draft;
use super::errors;
use super::event_stream::Frames;
use super::facts::{Content, Facts, Format, Operation};
use super::format;
use super::framing::Piece;
use super::json::{Document, Side};
use super::sse::Events;
use super::values::Values;
use super::words::Word;

/// What of an answer's head matters.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The status code.
    pub(super) status: u16,
    content_type: Option<String>,
    is_encoded: bool,
    request_id: Option<String>,
    error_type: Option<String>,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) cache_read_tokens: Option<u64>,
    pub(super) cache_write_tokens: Option<u64>,
}

impl Head {
    /// Names, in lower case, of the headers that [`Head::header`] takes.
    pub const HEADERS: [&str; 8] = [
        "content-type",
        "content-encoding",
        "x-amzn-requestid",
        "x-amzn-errortype",
        "x-amzn-bedrock-input-token-count",
        "x-amzn-bedrock-output-token-count",
        "x-amzn-bedrock-cache-read-input-token-count",
        "x-amzn-bedrock-cache-write-input-token-count",
    ];

    /// An answer with this status.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A header of it; those that do not matter are passed over.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let Some(known) = Self::HEADERS.iter().position(|known| name.eq_ignore_ascii_case(known)) else {
            return self;
        };
        let text = || Some(value.trim().to_owned()).filter(|value| !value.is_empty() && value.len() <= 256);
        let count = || value.trim().parse().ok();
        match known {
            0 => self.content_type = text().map(|value| value.to_ascii_lowercase()),
            1 => self.is_encoded = !matches!(value.trim(), "" | "identity"),
            2 => self.request_id = text(),
            3 => self.error_type = text(),
            4 => self.input_tokens = count(),
            5 => self.output_tokens = count(),
            6 => self.cache_read_tokens = count(),
            _ => self.cache_write_tokens = count(),
        }
        self
    }

    /// The bytes that will be pushed are decoded, whatever `content-encoding` said.
    #[must_use]
    pub fn decoded(mut self) -> Self {
        self.is_encoded = false;
        self
    }

    fn is_error(&self) -> bool {
        self.status >= 400
    }

    fn has_type(&self, types: &[&str]) -> bool {
        let essence = self.content_type.as_deref().and_then(|content_type| content_type.split(';').next());
        essence.is_some_and(|essence| types.contains(&essence.trim()))
    }
}

#[derive(Debug)]
enum Framing {
    /// Nothing of the body is read.
    Unread,
    /// The first byte will tell.
    Unknown,
    /// One document.
    Whole,
    Values(Values),
    Events(Events),
    /// Frames, and the document that is wrapped in the frame's, if the format does so.
    Frames(Frames, Option<Box<Document>>),
}

/// Reads an answer, in pieces cut anywhere.
///
/// With [`Content::Off`] nothing of the body is copied but facts, each at most a kilobyte.
#[derive(Debug)]
pub struct ResponseReader {
    format: Option<Format>,
    operation: Option<Operation>,
    /// A stream was asked for.
    stream: bool,
    content: Content,
    head: Head,
    framing: Framing,
    document: Document,
    draft: Draft,
}

impl ResponseReader {
    /// A reader for the answer to a request of this format and operation that did, or did not, ask for a stream.
    ///
    /// Without a format only the words of an error are read.
    pub fn new(
        format: Option<Format>,
        operation: Option<Operation>,
        stream: bool,
        head: Head,
        content: Content,
    ) -> Self {
        let framing = framing(format, &head, content);
        let document = Document::new(Side::Response, content.bytes());
        Self { format, operation, stream, content, head, framing, document, draft: Draft::new(content) }
    }

    /// The body's next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if matches!(self.framing, Framing::Unknown) {
            let Some(byte) = bytes.iter().find(|byte| !b" \t\r\n".contains(byte)) else { return };
            self.framing = self.framing_by(*byte);
        }
        // Taken out for the time of the reading, since what it finds is written into `self`.
        let mut framing = std::mem::replace(&mut self.framing, Framing::Unread);
        match &mut framing {
            Framing::Unread | Framing::Unknown => {}
            Framing::Whole => {
                self.document.push(bytes);
            }
            Framing::Values(values) => {
                while values.next(&mut bytes, &mut self.document) {
                    self.event("");
                }
            }
            Framing::Events(events) => {
                while let Some(piece) = events.next(&mut bytes) {
                    match piece {
                        Piece::Data(data) => {
                            self.document.push(data);
                        }
                        Piece::End if events.is_done_mark() => self.done_mark(),
                        Piece::End => self.event(events.name()),
                    }
                }
            }
            Framing::Frames(frames, wrapped) => {
                while let Some(piece) = frames.next(&mut bytes) {
                    match piece {
                        Piece::Data(data) => {
                            self.document.push(data);
                        }
                        Piece::End => self.frame(frames, wrapped.as_deref_mut()),
                    }
                }
            }
        }
        self.framing = framing;
    }

    /// Whether something of the answer itself came: not only an id, a role, a ping. Of an answer that is no stream it is not known
    /// before its end.
    pub fn has_content(&self) -> bool {
        self.draft.has_content
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let framing = match &self.framing {
            Framing::Events(events) => events.memory(),
            Framing::Frames(frames, wrapped) => {
                frames.memory() + wrapped.as_ref().map_or(0, |wrapped| wrapped.memory())
            }
            _ => 0,
        };
        framing + self.document.memory() + self.draft.memory()
    }

    /// What the answer says, as far as it was pushed.
    pub fn finish(mut self) -> Facts {
        let mut partial = false;
        let mut is_stream = true;
        match std::mem::replace(&mut self.framing, Framing::Unread) {
            Framing::Unread | Framing::Unknown => is_stream = false,
            Framing::Whole => {
                is_stream = false;
                self.document.end();
                partial = !self.document.is_done();
                if let (Some(format), false) = (self.format, self.head.is_error()) {
                    format::answer(format, self.operation, self.document.root(), &mut self.draft);
                }
            }
            Framing::Values(_) => {
                self.document.end();
                partial = !self.document.is_empty() && !self.document.is_done();
                if self.document.is_done() {
                    self.event("");
                }
            }
            Framing::Events(events) => {
                if events.has_rest() {
                    if events.is_done_mark() {
                        self.done_mark();
                    } else if self.document.is_done() {
                        self.event(events.name());
                    } else {
                        partial = true;
                    }
                }
            }
            Framing::Frames(frames, _) => partial = frames.is_broken() || !self.document.is_empty(),
        }
        if self.head.is_error() {
            let root = self.document.root();
            let header = self.head.error_type.as_deref();
            self.draft.error(errors::of_status(root, self.head.status, header));
        } else {
            self.heads_facts();
            let is_complete = self.is_complete();
            self.draft.facts.stream_complete = (is_stream && self.stream).then_some(is_complete);
        }
        self.draft.facts.partial = partial;
        let mut facts = self.draft.finish();
        if let (Some(error), Content::Off) = (&mut facts.error, self.content) {
            error.message = None;
        }
        facts
    }

    /// What stands in headers where the body does not say it.
    fn heads_facts(&mut self) {
        let facts = &mut self.draft.facts;
        match self.format {
            Some(Format::BedrockConverse) => facts.id = facts.id.take().or(self.head.request_id.take()),
            Some(Format::BedrockInvoke) => {
                let (said, counted) = (facts.usage, format::usage_of_headers(&self.head));
                if said.input.is_none() {
                    facts.usage = counted;
                }
                facts.usage.output = said.output.or(counted.output);
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        let facts = &self.draft.facts;
        let has_ended = || {
            let choices = &facts.choices;
            facts.error.is_none()
                && !choices.is_empty()
                && choices.iter().all(|choice| choice.finish_reason.is_some())
        };
        match self.format {
            // Some who speak these do not say `[DONE]`.
            Some(Format::OpenAiChat | Format::OpenAiCompletions | Format::BedrockInvoke) => {
                self.draft.is_complete || has_ended()
            }
            _ => self.draft.is_complete,
        }
    }

    fn framing_by(&self, first: u8) -> Framing {
        let lines = matches!(self.format, Some(Format::Ollama | Format::CohereV1)) && self.stream;
        let list = self.format == Some(Format::Gemini) && self.stream && first == b'[';
        match first {
            b'{' | b'[' if lines || list => Framing::Values(Values::default()),
            b':' | b'a'..=b'z' | 0xef if self.stream => Framing::Events(Events::default()),
            _ => Framing::Whole,
        }
    }

    /// A document of a stream came to its end.
    fn event(&mut self, name: &str) {
        // A document that is none says nothing; so does one that was cut.
        if let (Some(format), true) = (self.format, self.document.is_done()) {
            let root = self.document.root();
            format::event(format, name, root, &mut self.draft);
            if name == "error" {
                errors::event(root, &mut self.draft);
            }
        }
        self.document.clear();
    }

    fn done_mark(&mut self) {
        self.draft.is_complete = true;
        self.document.clear();
    }

    fn frame(&mut self, frames: &Frames, wrapped: Option<&mut Document>) {
        let frame = frames.frame();
        if frame.is_error {
            errors::named(&frame.name, self.document.root(), &mut self.draft);
            self.document.clear();
            return;
        }
        let Some(wrapped) = wrapped else { return self.event(&frame.name) };
        wrapped.clear();
        if let Some(bytes) = self.document.root().get(Word::Bytes).bytes() {
            unwrap(bytes, wrapped);
        }
        wrapped.end();
        if let (Some(format), true) = (self.format, wrapped.is_done()) {
            format::event(format, &frame.name, wrapped.root(), &mut self.draft);
        }
        self.document.clear();
    }
}

/// By what the head says; many do not say it right, then the first byte tells.
fn framing(format: Option<Format>, head: &Head, content: Content) -> Framing {
    if head.is_encoded || format.is_none() && !head.is_error() {
        return Framing::Unread;
    }
    if head.is_error() {
        return Framing::Whole;
    }
    if head.has_type(&["text/event-stream"]) {
        return Framing::Events(Events::default());
    }
    if head.has_type(&["application/vnd.amazon.eventstream"]) {
        let wrapped = (format == Some(Format::BedrockInvoke))
            .then(|| Box::new(Document::new(Side::Response, content.bytes())));
        return Framing::Frames(Frames::new(), wrapped);
    }
    if head.has_type(&[
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/stream+json",
    ]) {
        return Framing::Values(Values::default());
    }
    Framing::Unknown
}

/// Has `document` read what `base64` stands for.
fn unwrap(base64: &[u8], document: &mut Document) {
    let mut block = [0; 384];
    let (mut length, mut bits, mut held) = (0, 0_u32, 0);
    for byte in base64 {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            block[length] = (bits >> held).to_le_bytes()[0];
            length += 1;
            if length == block.len() {
                document.push(&block);
                length = 0;
            }
        }
    }
    document.push(&block[..length]);
}
