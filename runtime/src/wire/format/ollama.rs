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

#[cfg(test)]
mod tests {
    use crate::wire::facts::Format::Ollama;
    use crate::wire::tests::{ask, embeddings, failed, kept, lines, tools, unary};

    #[test]
    fn a_stream_has_a_document_a_line() {
        let facts = lines(
            Ollama,
            &[
                r#"{"model":"m","message":{"role":"assistant","thinking":"hm","content":""},"done":false}"#,
                r#"{"model":"m","message":{"content":"a"},"done":false}"#,
                r#"{"model":"m","message":{"tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"function":{"name":"g","arguments":{}}}]},"done":false}"#,
                r#"{"model":"m","message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":9}"#,
            ],
        );
        assert_eq!((facts.model.as_deref(), facts.id.as_deref()), (Some("m"), None));
        assert_eq!((facts.usage.input, facts.usage.output), (Some(7), Some(9)));
        assert_eq!(tools(&facts.tool_calls), [":f", ":g"]);
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some(r#"{"x":1}"#));
        assert_eq!((facts.text(), facts.finish_reasons()), (Some("a"), Some(vec!["stop"])));
        assert_eq!(facts.stream_complete, Some(true));
    }

    #[test]
    fn a_line_that_is_none_is_passed_over_and_a_cached_prompt_not_counted() {
        let facts = lines(
            Ollama,
            &[
                r#"{"response":"a","done":false}"#,
                "{broken",
                r#"{"response":"b","done":true,"eval_count":2}"#,
            ],
        );
        assert_eq!((facts.text(), facts.usage.input, facts.usage.output), (Some("ab"), None, Some(2)));
    }

    #[test]
    fn vectors_and_a_whole_answer() {
        let new = r#"{"model":"e","embeddings":[[1,2,3],[1]],"prompt_eval_count":4}"#;
        assert_eq!(embeddings(Ollama, new).embedding_dimensions, Some(3));
        assert_eq!(embeddings(Ollama, new).usage.input, Some(4));
        assert_eq!(embeddings(Ollama, r#"{"embedding":[1,2]}"#).embedding_dimensions, Some(2));
        let facts = unary(Ollama, r#"{"model":"m","response":"a","done":true,"done_reason":"length"}"#);
        assert_eq!((facts.text(), facts.stream_complete), (Some("a"), None));
    }

    #[test]
    fn errors() {
        assert_eq!(failed(Ollama, 404, r#"{"error":"model 'x' not found"}"#), ["404"]);
        let facts = lines(Ollama, &[r#"{"response":"a","done":false}"#, r#"{"error":"out of memory"}"#]);
        assert_eq!(facts.error.unwrap().message.as_deref(), Some("out of memory"));
        assert_eq!(facts.stream_complete, Some(false));
    }

    #[test]
    fn a_request_is_for_a_stream_unless_it_says_no() {
        assert!(ask(Ollama, r#"{"model":"m","messages":[]}"#).stream);
        let facts = ask(
            Ollama,
            r#"{"model":"m","prompt":"p","stream":false,"format":"json","options":{"temperature":0,"num_predict":5,"top_k":3,"seed":7,"stop":["x"]}}"#,
        );
        assert_eq!((facts.stream, facts.temperature, facts.max_tokens), (false, Some(0.0), Some(5)));
        assert_eq!((facts.top_k, facts.seed, facts.output_type), (Some(3), Some(7), Some("json")));
        assert_eq!((facts.stop_sequences, kept(facts.content.input)), (vec!["x".to_owned()], Some("p")));
    }
}
