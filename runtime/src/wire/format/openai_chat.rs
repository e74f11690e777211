//! OpenAI chat completions and the older completions (`POST /v1/chat/completions`, `/v1/completions`), and all who speak them.
//!
//! Documented: `id`, `model`, `choices[]` of `index`, `finish_reason` and `message` (chat), `text` (completions) or, in a stream,
//! `delta`; `usage`, in a stream only if `stream_options.include_usage` asks for it, in a last chunk whose `choices` are empty. A
//! stream is of server-sent events without names, and ends with `[DONE]`. Tool calls of a stream come in pieces under their `index`.
//!
//! In the wild: empty strings for what is absent (Azure's first chunk); `content` as a list of parts, with `thinking` inside (Mistral);
//! usage on a chunk with choices, or in `x_groq`; streams that end without `[DONE]` after their finish reason; an `error` object in
//! a chunk of a stream that began well.

use super::{parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::RequestFacts;
use crate::wire::json::Value;
use crate::wire::words::Word;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    parameters::top(root, facts);
    parameters::sampling(root, facts);
    let format = root.get(Word::ResponseFormat);
    facts.output_type = format.get(Word::Type).text().and_then(|word| parameters::output_type(&word));
    facts.reasoning_level = root
        .get(Word::ReasoningEffort)
        .string()
        .or_else(|| root.get(Word::Reasoning).get(Word::Effort).string());
    parameters::content(root, &[], &[Word::Messages, Word::Prompt], facts);
}

/// A whole answer and a chunk of a stream have the same form.
pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    draft.id(root.get(Word::Id));
    draft.model(root.get(Word::Model));
    for (slot, word) in [
        (&mut draft.facts.service_tier, Word::ServiceTier),
        (&mut draft.facts.system_fingerprint, Word::SystemFingerprint),
    ] {
        if slot.is_none() {
            *slot = root.get(word).string();
        }
    }
    let counts = [root.get(Word::Usage), root.get(Word::XGroq).get(Word::Usage)];
    if let Some(usage) = counts.into_iter().find_map(usage::openai) {
        draft.usage(usage);
    }
    for (place, choice) in root.get(Word::Choices).items().enumerate() {
        self::choice(place as u64, choice, draft);
    }
    errors::in_answer(root, draft);
}

fn choice(place: u64, choice: Value<'_>, draft: &mut Draft) {
    let index = choice.get(Word::Index).count().unwrap_or(place);
    draft.choice(index);
    draft.finish_reason(index, choice.get(Word::FinishReason));
    draft.text(index, choice.get(Word::Text));
    let message = [Word::Message, Word::Delta].map(|word| choice.get(word));
    let Some(message) = message.into_iter().find(|message| message.is_object()) else { return };
    content(index, message.get(Word::Content), draft);
    draft.reasoning(index, message.get(Word::ReasoningContent));
    draft.reasoning(index, message.get(Word::Reasoning));
    draft.refusal(index, message.get(Word::Refusal));
    for (place, call) in message.get(Word::ToolCalls).items().enumerate() {
        tool(index, place as u64, call, draft);
    }
    let call = message.get(Word::FunctionCallSnake);
    if call.is_object() {
        draft.tool(index, u64::MAX, Value::get(call, Word::Id), call.get(Word::Name), false);
        draft.arguments(index, u64::MAX, call.get(Word::Arguments));
    }
}

/// A text, or a list of parts.
fn content(choice: u64, content: Value<'_>, draft: &mut Draft) {
    draft.text(choice, content);
    for part in content.items() {
        draft.text(choice, part);
        draft.text(choice, part.get(Word::Text));
        draft.reasoning(choice, part.get(Word::Thinking));
        draft.refusal(choice, part.get(Word::Refusal));
        for thought in part.get(Word::Thinking).items() {
            draft.reasoning(choice, thought.get(Word::Text));
        }
    }
}

fn tool(choice: u64, place: u64, call: Value<'_>, draft: &mut Draft) {
    let index = call.get(Word::Index).count().unwrap_or(place);
    let function = [Word::Function, Word::Custom].map(|word| call.get(word));
    let function = function.into_iter().find(|function| function.is_object()).unwrap_or(function[0]);
    draft.tool(choice, index, call.get(Word::Id), function.get(Word::Name), false);
    draft.arguments(choice, index, function.get(Word::Arguments));
    draft.arguments(choice, index, function.get(Word::Input));
}
