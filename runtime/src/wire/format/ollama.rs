//! Ollama's own formats (`/api/chat`, `/api/generate`, `/api/embed`, `/api/embeddings`).
//!
//! Documented: a stream unless `"stream": false`, a document a line; the last has `done: true`, `done_reason`, `prompt_eval_count` and
//! `eval_count`. Chat says `message.content`, `.thinking` and `.tool_calls` (whole, without ids), generate `response`. There is no id.
//! Embeddings: `embeddings[][]`, of the older form `embedding[]`.
//!
//! In the wild: `prompt_eval_count` is left out when the prompt was cached; an error is `{"error": "…"}`, in mid-stream too.

use super::{openai_embeddings, parameters};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::{Operation, RequestFacts, Usage};
use crate::wire::json::Value;
use crate::wire::words::Word;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    facts.stream = facts.operation != Some(Operation::Embeddings);
    parameters::top(root, facts);
    parameters::sampling(root.get(Word::Options), facts);
    let format = root.get(Word::OutputFormat);
    facts.output_type = if format.is_object() || format.has_text() { Some("json") } else { None };
    facts.reasoning_level = root.get(Word::Think).string();
    facts.dimensions = root.get(Word::Dimensions).int();
    parameters::content(root, &[Word::System], &[Word::Messages, Word::Prompt, Word::Input], facts);
}

/// A whole answer and a line of a stream have the same form.
pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    draft.model(root.get(Word::Model));
    let message = root.get(Word::Message);
    if message.is_object() || root.get(Word::Response).exists() || root.get(Word::Done).exists() {
        draft.choice(0);
    }
    draft.text(0, root.get(Word::Response));
    draft.reasoning(0, root.get(Word::Thinking));
    draft.text(0, message.get(Word::Content));
    draft.reasoning(0, message.get(Word::Thinking));
    for call in message.get(Word::ToolCalls).items() {
        let (number, function) = (draft.next_tool(), call.get(Word::Function));
        draft.tool(0, number, call.get(Word::Id), function.get(Word::Name), false);
        draft.arguments(0, number, function.get(Word::Arguments));
    }
    draft.finish_reason(0, root.get(Word::DoneReason));
    draft.is_complete |= root.get(Word::Done).bool() == Some(true);
    let (input, output) = (root.get(Word::PromptEvalCount).count(), root.get(Word::EvalCount).count());
    if input.is_some() || output.is_some() {
        let cache_read = root.get(Word::PromptEvalCached).count().filter(|count| *count > 0);
        draft.usage(Usage { input, output, cache_read, ..Usage::default() });
    }
    let vectors = root.get(Word::Embeddings).items().next();
    for vector in [vectors, Some(root.get(Word::Embedding))].into_iter().flatten() {
        if vector.exists() && draft.facts.embedding_dimensions.is_none() {
            draft.facts.embedding_dimensions = openai_embeddings::dimensions(vector);
        }
    }
    errors::in_answer(root, draft);
}
