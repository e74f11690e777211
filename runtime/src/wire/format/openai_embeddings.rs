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

#[cfg(test)]
mod tests {
    use crate::wire::facts::Format::OpenAiEmbeddings;
    use crate::wire::tests::{ask, embeddings, kept};

    #[test]
    fn vectors_are_counted_as_numbers_and_in_base64() {
        let numbers = r#"{"data":[{"embedding":[0.1,-2e-3,3],"index":0},{"embedding":[1]}],"model":"m","usage":{"prompt_tokens":5,"total_tokens":5}}"#;
        let facts = embeddings(OpenAiEmbeddings, numbers);
        assert_eq!((facts.embedding_dimensions, facts.usage.input), (Some(3), Some(5)));
        assert_eq!(facts.model.as_deref(), Some("m"));
        for (base64, dimensions) in [("AACAPw==", 1), ("AACAPwAAAEA=", 2), ("AACAPwAAAEAAAEBA", 3)] {
            let body = format!("{{\"data\":[{{\"embedding\":\"{base64}\"}}]}}");
            let facts = embeddings(OpenAiEmbeddings, &body);
            assert_eq!(facts.embedding_dimensions, Some(dimensions), "{base64}");
        }
    }

    #[test]
    fn a_total_alone_is_the_input() {
        let facts = embeddings(OpenAiEmbeddings, r#"{"data":[],"usage":{"total_tokens":6}}"#);
        assert_eq!(
            (facts.usage.input, facts.usage.output, facts.embedding_dimensions),
            (Some(6), None, None)
        );
    }

    #[test]
    fn a_request() {
        let facts = ask(
            OpenAiEmbeddings,
            r#"{"input":["a","b"],"model":"e","encoding_format":"base64","dimensions":256}"#,
        );
        assert_eq!((facts.model.as_deref(), facts.dimensions), (Some("e"), Some(256)));
        assert_eq!((facts.encoding_formats, facts.stream), (vec!["base64".to_owned()], false));
        assert_eq!(kept(facts.content.input), Some(r#"["a","b"]"#));
    }
}
