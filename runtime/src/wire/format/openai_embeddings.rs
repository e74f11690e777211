//! OpenAI embeddings (`POST /v1/embeddings`), and those who speak it (Mistral, Voyage, vLLM).
//!
//! Documented: `data[].embedding`, a list of numbers, or with `encoding_format: base64` the bytes of 32-bit floats; `model`; `usage`
//! with `prompt_tokens`. Voyage counts `total_tokens` only, which without output are the input.

use super::{parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::RequestFacts;
use crate::wire::json::Value;
use crate::wire::words::Word;

const BYTES_OF_A_FLOAT: u64 = 4;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    parameters::top(root, facts);
    facts.encoding_formats = root.get(Word::EncodingFormat).texts();
    facts.dimensions = parameters::first(root, &[Word::Dimensions, Word::OutputDimension], Value::int);
    parameters::content(root, &[], &[Word::Input], facts);
}

pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    draft.model(root.get(Word::Model));
    draft.id(root.get(Word::Id));
    if let Some(mut usage) = usage::openai(root.get(Word::Usage)) {
        usage.input = usage.input.or(usage.total);
        usage.output = None;
        draft.usage(usage);
    }
    if let Some(first) = root.get(Word::Data).items().next() {
        draft.facts.embedding_dimensions = dimensions(first.get(Word::Embedding));
    }
    errors::in_answer(root, draft);
}

/// The length of a vector, as a list or as floats in base64.
pub(super) fn dimensions(vector: Value<'_>) -> Option<u64> {
    vector.members().or_else(|| vector.base64_length().map(|bytes| bytes / BYTES_OF_A_FLOAT))
}
