//! Cohere v1 (`/v1/chat`, `/v1/generate`, `/v1/embed`) and v2 (`/v2/chat`, `/v2/embed`).
//!
//! Documented, v2: `id`, `finish_reason`, `message.content[]`, `message.tool_calls[]`, `usage` of `billed_units` and `tokens`; a stream is of
//! typed server-sent events: `message-start` (the id), `content-delta`, `tool-call-start`, `tool-call-delta` under `index`,
//! `message-end` with reason and usage, and behind it `[DONE]`. v1: `response_id` (an answer's) and `generation_id`, `text`,
//! `finish_reason`, `tool_calls[]` of `name` and `parameters`, `meta` of `billed_units` and `tokens`; a stream has a document a line with
//! `event_type`, the last is `stream-end` with the whole answer under `response`. Neither says its model. Vectors stand in
//! `embeddings`, of v2 by type.

use super::{kind, openai_embeddings, parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::{Operation, RequestFacts};
use crate::wire::json::Value;
use crate::wire::words::Word;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    parameters::top(root, facts);
    parameters::sampling(root, facts);
    let format = root.get(Word::ResponseFormat).get(Word::Type).text();
    facts.output_type = format.and_then(|word| parameters::output_type(&word));
    facts.encoding_formats = root.get(Word::EmbeddingTypes).texts();
    facts.dimensions = root.get(Word::OutputDimension).int();
    let input = [Word::Messages, Word::Message, Word::Prompt, Word::InputTexts, Word::Inputs];
    parameters::content(root, &[Word::Preamble], &input, facts);
}

pub(super) fn answer_v1(operation: Option<Operation>, root: Value<'_>, draft: &mut Draft) {
    for word in [Word::ResponseIdSnake, Word::Id, Word::GenerationId] {
        draft.id(root.get(word));
    }
    if operation == Some(Operation::Embeddings) {
        draft.facts.embedding_dimensions = dimensions(root.get(Word::Embeddings));
    } else {
        generation(0, root, draft);
        for (index, generation) in root.get(Word::Generations).items().enumerate() {
            self::generation(index as u64, generation, draft);
        }
    }
    if let Some(usage) = usage::cohere(root.get(Word::Meta)) {
        draft.usage(usage);
    }
}

/// An answer of chat, one of the answers of generate.
fn generation(index: u64, place: Value<'_>, draft: &mut Draft) {
    let (text, reason) = (place.get(Word::Text), place.get(Word::FinishReason));
    if text.exists() || reason.exists() {
        draft.choice(index);
    }
    draft.text(index, text);
    draft.finish_reason(index, reason);
    for call in place.get(Word::ToolCalls).items() {
        let number = draft.next_tool();
        draft.tool(index, number, call.get(Word::Id), call.get(Word::Name), false);
        draft.arguments(index, number, call.get(Word::Parameters));
    }
}

pub(super) fn event_v1(root: Value<'_>, draft: &mut Draft) {
    match root.get(Word::EventType).text().as_deref() {
        Some("text-generation") => {
            draft.choice(0);
            draft.text(0, root.get(Word::Text));
        }
        Some("stream-end") => {
            draft.is_complete = true;
            // The answer is said again, as a whole.
            draft.forget_output();
            answer_v1(None, root.get(Word::Response), draft);
            draft.finish_reason(0, root.get(Word::FinishReason));
        }
        _ => errors::in_answer(root, draft),
    }
}

pub(super) fn answer_v2(operation: Option<Operation>, root: Value<'_>, draft: &mut Draft) {
    draft.id(root.get(Word::Id));
    for word in [Word::Usage, Word::Meta] {
        if let Some(usage) = usage::cohere(root.get(word)) {
            draft.usage(usage);
        }
    }
    if operation == Some(Operation::Embeddings) {
        draft.facts.embedding_dimensions = dimensions(root.get(Word::Embeddings));
        return;
    }
    let message = root.get(Word::Message);
    if message.is_object() {
        draft.choice(0);
        content(message.get(Word::Content), draft);
        for (index, call) in message.get(Word::ToolCalls).items().enumerate() {
            tool(index as u64, call, draft);
        }
    }
    draft.finish_reason(0, root.get(Word::FinishReason));
}

pub(super) fn event_v2(name: &str, root: Value<'_>, draft: &mut Draft) {
    let delta = root.get(Word::Delta);
    let message = delta.get(Word::Message);
    let index = root.get(Word::Index).count().unwrap_or(0);
    match &*kind(name, root) {
        "message-start" => {
            draft.id(root.get(Word::Id));
            draft.choice(0);
        }
        "content-start" | "content-delta" => content(message.get(Word::Content), draft),
        "tool-call-start" => tool(index, message.get(Word::ToolCalls), draft),
        "tool-call-delta" => {
            let function = message.get(Word::ToolCalls).get(Word::Function);
            draft.arguments(0, index, function.get(Word::Arguments));
        }
        "message-end" => {
            draft.is_complete = true;
            draft.finish_reason(0, delta.get(Word::FinishReason));
            if let Some(usage) = usage::cohere(delta.get(Word::Usage)) {
                draft.usage(usage);
            }
            errors::in_answer(delta, draft);
        }
        _ => errors::in_answer(root, draft),
    }
}

/// A block, or a list of blocks.
fn content(content: Value<'_>, draft: &mut Draft) {
    for block in content.items().chain([content]) {
        draft.text(0, block.get(Word::Text));
        draft.reasoning(0, block.get(Word::Thinking));
    }
}

fn tool(index: u64, call: Value<'_>, draft: &mut Draft) {
    let function = call.get(Word::Function);
    draft.tool(0, index, call.get(Word::Id), function.get(Word::Name), false);
    draft.arguments(0, index, function.get(Word::Arguments));
}

/// Vectors as a list, or in lists by type.
pub(super) fn dimensions(embeddings: Value<'_>) -> Option<u64> {
    let by_type = [Word::FloatVectors, Word::Int8Vectors].map(|word| embeddings.get(word));
    let lists = by_type.into_iter().chain([embeddings.get(Word::Base64), embeddings]);
    let first = lists.into_iter().find_map(|list| list.items().next())?;
    // Nova has objects here.
    let inner = first.get(Word::Embedding);
    openai_embeddings::dimensions(if inner.exists() { inner } else { first })
}
