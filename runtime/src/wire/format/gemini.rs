//! Gemini `generateContent` and embeddings, of the Gemini API and of Vertex.
//!
//! Documented: `responseId`, `modelVersion`, `candidates[]` of `index`, `finishReason` and `content.parts[]`, `usageMetadata`,
//! `promptFeedback.blockReason`. A stream (`streamGenerateContent`) has documents of the same form, as server-sent events with
//! `alt=sse`, else as members of one list; the last usage counts. Its end mark is a finish reason. Parts: `text` (a thought if
//! `thought` is true), `functionCall` (the caller's tools), `executableCode` and `toolCall` (the provider's).
//! Embeddings: `embedding.values` or `embeddings[].values`.
//!
//! In the wild: enums as numbers (`finishReason: 2`), if the client asked for it.

use super::{openai_embeddings, parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::RequestFacts;
use crate::wire::json::Value;
use crate::wire::words::Word;

/// `Candidate.FinishReason` by number.
const FINISH_REASONS: [&str; 18] = [
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
    "TOO_MANY_TOOL_CALLS",
];

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    let config = root.get(Word::GenerationConfig);
    parameters::sampling(config, facts);
    let mime = config.get(Word::ResponseMimeType).text();
    facts.output_type = mime.and_then(|mime| parameters::output_type(&mime));
    facts.reasoning_level = config.get(Word::ThinkingConfig).get(Word::ThinkingLevel).string();
    let batch = root.get(Word::Batch).items().next();
    let places = [Some(root), Some(root.get(Word::EmbedContentConfig)), batch];
    facts.dimensions =
        places.into_iter().flatten().find_map(|place| place.get(Word::OutputDimensionality).int());
    parameters::content(
        root,
        &[Word::SystemInstruction, Word::SystemInstructionSnake],
        &[Word::AskedContents],
        facts,
    );
}

pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    draft.id(root.get(Word::ResponseId));
    draft.model(root.get(Word::ModelVersion));
    if let Some(usage) = usage::gemini(root.get(Word::UsageMetadata)) {
        draft.usage(usage);
    }
    if let Some(reason) = root.get(Word::PromptFeedback).get(Word::BlockReason).string() {
        draft.facts.block_reason = Some(reason);
    }
    for (place, candidate) in root.get(Word::Candidates).items().enumerate() {
        self::candidate(place as u64, candidate, draft);
    }
    let vectors = [Some(root.get(Word::Embedding)), root.get(Word::Embeddings).items().next()];
    let vector =
        vectors.into_iter().flatten().map(|vector| vector.get(Word::Values)).find(|values| values.exists());
    if let Some(vector) = vector {
        draft.facts.embedding_dimensions = openai_embeddings::dimensions(vector);
    }
    errors::in_answer(root, draft);
}

pub(super) fn event(root: Value<'_>, draft: &mut Draft) {
    answer(root, draft);
    let is_blocked = draft.facts.block_reason.is_some();
    draft.is_complete = is_blocked || draft.facts.choices.iter().any(|choice| choice.finish_reason.is_some());
}

fn candidate(place: u64, candidate: Value<'_>, draft: &mut Draft) {
    let index = candidate.get(Word::Index).count().unwrap_or(place);
    let choice = draft.choice(index);
    let reason = candidate.get(Word::FinishReasonCamel);
    if let Some(name) = reason.count().and_then(|number| usize::try_from(number).ok()) {
        choice.finish_reason =
            Some(FINISH_REASONS.get(name).map_or_else(|| name.to_string(), |name| (*name).to_owned()));
    }
    draft.finish_reason(index, reason);
    for part in candidate.get(Word::Content).get(Word::Parts).items() {
        if part.get(Word::Thought).bool() == Some(true) {
            draft.reasoning(index, part.get(Word::Text));
        } else {
            draft.text(index, part.get(Word::Text));
        }
        let number = draft.next_tool();
        let call = part.get(Word::FunctionCall);
        if call.is_object() {
            draft.tool(index, number, call.get(Word::Id), call.get(Word::Name), false);
            draft.arguments(index, number, call.get(Word::Args));
        }
        let code = part.get(Word::ExecutableCode);
        if code.is_object() {
            draft.tool_named(index, number, code.get(Word::Id), Some("code_execution".to_owned()), true);
        }
        let call = part.get(Word::ToolCall);
        if call.is_object() {
            draft.tool(index, number, call.get(Word::Id), call.get(Word::ToolType), true);
        }
    }
}
