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

#[cfg(test)]
mod tests {
    use crate::wire::facts::Format::{CohereV1, CohereV2};
    use crate::wire::facts::Operation;
    use crate::wire::response::Head;
    use crate::wire::tests::{ask, embeddings, failed, kept, read, sse, tools, unary};

    const USAGE: &str = r#"{"billed_units":{"input_tokens":7,"output_tokens":9},"tokens":{"input_tokens":70,"output_tokens":90},"cached_tokens":64}"#;

    #[test]
    fn whole_answers_of_v2_count_what_is_billed() {
        let facts = unary(
            CohereV2,
            &format!(
                r#"{{"id":"i","finish_reason":"TOOL_CALL","message":{{"role":"assistant","tool_plan":"p","content":[{{"type":"thinking","thinking":"hm"}},
                {{"type":"text","text":"a"}}],"tool_calls":[{{"id":"t","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},"usage":{USAGE}}}"#
            ),
        );
        assert_eq!((facts.id.as_deref(), facts.finish_reasons()), (Some("i"), Some(vec!["TOOL_CALL"])));
        assert_eq!((facts.usage.input, facts.usage.output), (Some(7), Some(9)));
        assert_eq!(facts.usage.cache_read, Some(64));
        assert_eq!((facts.text(), tools(&facts.tool_calls)), (Some("a"), vec!["t:f".to_owned()]));
        let consumed = unary(CohereV2, r#"{"message":{},"usage":{"tokens":{"input_tokens":3}}}"#);
        assert_eq!(consumed.usage.input, Some(3));
    }

    #[test]
    fn a_stream_of_v2() {
        let facts = sse(
            CohereV2,
            &[
                r#"{"id":"i","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}"#,
                r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"a"}}}}"#,
                r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t0","function":{"name":"f","arguments":""}}}}}"#,
                r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}"#,
                r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"t1","function":{"name":"g"}}}}}"#,
                &format!(
                    r#"{{"type":"message-end","delta":{{"finish_reason":"COMPLETE","usage":{USAGE}}}}}"#
                ),
                "[DONE]",
            ],
        );
        assert_eq!((facts.id.as_deref(), facts.text()), (Some("i"), Some("a")));
        assert_eq!(tools(&facts.tool_calls), ["t0:f", "t1:g"]);
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some("{}"));
        assert_eq!((facts.usage.input, facts.stream_complete), (Some(7), Some(true)));
    }

    #[test]
    fn a_stream_of_v1_says_its_answer_again_at_the_end() {
        let body = format!(
            "{}\n{}\n{}\n",
            r#"{"event_type":"stream-start","generation_id":"g","is_finished":false}"#,
            r#"{"event_type":"text-generation","text":"ab","is_finished":false}"#,
            format_args!(
                r#"{{"event_type":"stream-end","finish_reason":"COMPLETE","response":{{"response_id":"r","generation_id":"g","text":"ab","meta":{USAGE}}}}}"#
            ),
        );
        let head = Head::new(200).header("content-type", "application/stream+json");
        let facts = read(CohereV1, Operation::Chat, true, &head, body.as_bytes());
        assert_eq!((facts.id.as_deref(), facts.text()), (Some("r"), Some("ab")));
        assert_eq!((facts.usage.output, facts.stream_complete), (Some(9), Some(true)));
    }

    #[test]
    fn whole_answers_of_v1() {
        let chat = unary(
            CohereV1,
            &format!(
                r#"{{"response_id":"r","generation_id":"g","text":"a","finish_reason":"COMPLETE","tool_calls":[{{"name":"f","parameters":{{"x":1}}}}],"meta":{USAGE}}}"#
            ),
        );
        assert_eq!((chat.id.as_deref(), chat.text(), chat.usage.input), (Some("r"), Some("a"), Some(7)));
        assert_eq!(tools(&chat.tool_calls), [":f"]);
        assert_eq!(chat.tool_calls[0].arguments.as_deref(), Some(r#"{"x":1}"#));
        let body = r#"{"id":"i","generations":[{"id":"a","text":"x","finish_reason":"COMPLETE"},{"id":"b","text":"y","finish_reason":"MAX_TOKENS"}]}"#;
        let generate = unary(CohereV1, body);
        assert_eq!(generate.finish_reasons(), Some(vec!["COMPLETE", "MAX_TOKENS"]));
    }

    #[test]
    fn vectors_by_type_or_as_a_list() {
        for (format, body) in [
            (
                CohereV2,
                r#"{"id":"i","embeddings":{"float":[[1,2,3],[1]]},"meta":{"billed_units":{"input_tokens":2}}}"#,
            ),
            (CohereV2, r#"{"id":"i","embeddings":{"int8":[[1,2,3]]}}"#),
            (CohereV1, r#"{"id":"i","embeddings":[[1,2,3]]}"#),
        ] {
            let facts = embeddings(format, body);
            assert_eq!((facts.embedding_dimensions, facts.id.as_deref()), (Some(3), Some("i")), "{body}");
        }
    }

    #[test]
    fn an_error_has_a_message_only() {
        assert_eq!(failed(CohereV2, 404, r#"{"id":"x","message":"model not found"}"#), ["404"]);
    }

    #[test]
    fn a_request() {
        let facts = ask(
            CohereV2,
            r#"{"model":"c","messages":[],"p":0.5,"k":3,"max_tokens":4,"stop_sequences":["x"],"seed":1,"response_format":{"type":"json_object"},"stream":true}"#,
        );
        assert_eq!((facts.top_p, facts.top_k, facts.max_tokens), (Some(0.5), Some(3), Some(4)));
        assert_eq!((facts.seed, facts.stream, facts.output_type), (Some(1), true, Some("json")));
        let facts = ask(CohereV2, r#"{"model":"e","texts":["a"],"embedding_types":["float","int8"]}"#);
        assert_eq!((facts.encoding_formats.len(), kept(facts.content.input)), (2, Some(r#"["a"]"#)));
    }
}
