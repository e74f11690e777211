//! What documents of each format say, a file a format.
//!
//! In: a document. Out: what it says, written into a request's facts or into the draft of an answer's. A format's file has
//! `request`, `answer` for the document of a whole answer, and `event` for one of a stream; no file knows how documents are found.

mod anthropic;
mod bedrock_converse;
mod bedrock_invoke;
mod cohere;
mod gemini;
mod ollama;
mod openai_chat;
mod openai_embeddings;
mod openai_responses;
mod parameters;
mod usage;

use super::draft::Draft;
use super::facts::{Format, Operation, RequestFacts};
use super::json::Value;
use super::words::Word;

pub(super) use bedrock_invoke::usage_of_headers;
pub(super) use usage::Parts;

/// What a request's document says.
pub(super) fn request(format: Format, root: Value<'_>, facts: &mut RequestFacts) {
    match format {
        Format::OpenAiChat | Format::OpenAiCompletions => openai_chat::request(root, facts),
        Format::OpenAiEmbeddings => openai_embeddings::request(root, facts),
        Format::OpenAiResponses => openai_responses::request(root, facts),
        Format::Anthropic => anthropic::request(root, facts),
        Format::Gemini => gemini::request(root, facts),
        Format::Ollama => ollama::request(root, facts),
        Format::BedrockConverse => bedrock_converse::request(root, facts),
        Format::BedrockInvoke => bedrock_invoke::request(root, facts),
        Format::CohereV1 | Format::CohereV2 => cohere::request(root, facts),
    }
}

/// What the document of a whole answer says.
pub(super) fn answer(format: Format, operation: Option<Operation>, root: Value<'_>, draft: &mut Draft) {
    match format {
        Format::OpenAiChat | Format::OpenAiCompletions => openai_chat::answer(root, draft),
        Format::OpenAiEmbeddings => openai_embeddings::answer(root, draft),
        Format::OpenAiResponses => openai_responses::answer(root, draft),
        Format::Anthropic => anthropic::answer(root, draft),
        Format::Gemini => gemini::answer(root, draft),
        Format::Ollama => ollama::answer(root, draft),
        Format::BedrockConverse => bedrock_converse::answer(root, draft),
        Format::BedrockInvoke => bedrock_invoke::answer(root, draft),
        Format::CohereV1 => cohere::answer_v1(operation, root, draft),
        Format::CohereV2 => cohere::answer_v2(operation, root, draft),
    }
}

/// What a document of a stream says. `name` is the event's, where the framing has names.
pub(super) fn event(format: Format, name: &str, root: Value<'_>, draft: &mut Draft) {
    match format {
        Format::OpenAiChat | Format::OpenAiCompletions => openai_chat::answer(root, draft),
        Format::OpenAiEmbeddings => openai_embeddings::answer(root, draft),
        Format::OpenAiResponses => openai_responses::event(name, root, draft),
        Format::Anthropic => anthropic::event(name, root, draft),
        Format::Gemini => gemini::event(root, draft),
        Format::Ollama => ollama::answer(root, draft),
        Format::BedrockConverse => bedrock_converse::event(name, root, draft),
        Format::BedrockInvoke => bedrock_invoke::event(root, draft),
        Format::CohereV1 => cohere::event_v1(root, draft),
        Format::CohereV2 => cohere::event_v2(name, root, draft),
    }
}

/// A document's type: the event's name, or what the document says of itself.
fn kind<'a>(name: &'a str, root: Value<'a>) -> std::borrow::Cow<'a, str> {
    root.get(Word::Type).text().unwrap_or_else(|| name.into())
}
