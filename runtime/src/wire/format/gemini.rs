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

#[cfg(test)]
mod tests {
    use crate::wire::facts::Format::Gemini;
    use crate::wire::facts::Operation;
    use crate::wire::response::Head;
    use crate::wire::tests::{ask, embeddings, failed, kept, read, sse, tools, unary};

    #[test]
    fn a_whole_answer() {
        let facts = unary(
            Gemini,
            r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"},{"functionCall":{"name":"f","args":{"x":1}}},
                {"executableCode":{"code":"1","id":"e1"}},{"codeExecutionResult":{"output":"1"}},{"text":"b"},
                {"toolCall":{"toolType":"GOOGLE_SEARCH_WEB","id":"s1"}}],"role":"model"},"finishReason":"STOP"},
                {"content":{"parts":[{"functionCall":{"id":"c2","name":"g"}}]},"finishReason":"MAX_TOKENS","index":1}],
                "modelVersion":"gemini-x","responseId":"r1","usageMetadata":{"promptTokenCount":10,"toolUsePromptTokenCount":3,
                "candidatesTokenCount":5,"thoughtsTokenCount":4,"cachedContentTokenCount":2,"totalTokenCount":22}}"#,
        );
        assert_eq!((facts.id.as_deref(), facts.model.as_deref()), (Some("r1"), Some("gemini-x")));
        assert_eq!(facts.finish_reasons(), Some(vec!["STOP", "MAX_TOKENS"]));
        assert_eq!((facts.usage.input, facts.usage.output), (Some(13), Some(9)));
        assert_eq!((facts.usage.cache_read, facts.usage.reasoning), (Some(2), Some(4)));
        assert_eq!(tools(&facts.tool_calls), [":f", "c2:g"]);
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some(r#"{"x":1}"#));
        assert_eq!(tools(&facts.server_tool_calls), ["e1:code_execution", "s1:GOOGLE_SEARCH_WEB"]);
        assert_eq!((facts.text(), facts.choices[0].reasoning.as_deref()), (Some("ab"), Some("hm")));
    }

    const CHUNKS: [&str; 3] = [
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":10,"thoughtsTokenCount":90}}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"b"}]}}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":1}}"#,
        r#"{"candidates":[{"content":{},"finishReason":"STOP"}],"responseId":"r","usageMetadata":{"promptTokenCount":11,"candidatesTokenCount":2}}"#,
    ];

    #[test]
    fn the_last_usage_of_a_stream_counts() {
        let facts = sse(Gemini, &CHUNKS);
        assert_eq!((facts.usage.input, facts.usage.output, facts.usage.reasoning), (Some(11), Some(2), None));
        assert_eq!((facts.text(), facts.stream_complete), (Some("ab"), Some(true)));
        assert_eq!(sse(Gemini, &CHUNKS[..2]).stream_complete, Some(false));
    }

    #[test]
    fn a_stream_may_be_one_list() {
        let body = format!("[{}\n]\n", CHUNKS.join("\n,\r\n"));
        let head = Head::new(200).header("content-type", "application/json; charset=UTF-8");
        let facts = read(Gemini, Operation::GenerateContent, true, &head, body.as_bytes());
        assert_eq!(facts, sse(Gemini, &CHUNKS));
    }

    #[test]
    fn enums_may_be_numbers_and_prompts_blocked() {
        let facts = unary(Gemini, r#"{"candidates":[{"finishReason":2},{"finishReason":99,"index":1}]}"#);
        assert_eq!(facts.finish_reasons(), Some(vec!["MAX_TOKENS", "99"]));
        let blocked = unary(Gemini, r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{}}"#);
        assert_eq!((blocked.block_reason.as_deref(), blocked.choices.len()), (Some("SAFETY"), 0));
    }

    #[test]
    fn vectors_of_one_text_and_of_many() {
        for body in
            [r#"{"embedding":{"values":[1,2,3]}}"#, r#"{"embeddings":[{"values":[1,2,3]},{"values":[1]}]}"#]
        {
            assert_eq!(embeddings(Gemini, body).embedding_dimensions, Some(3));
        }
    }

    #[test]
    fn errors_also_inside_a_list() {
        let error = r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"reason":"RATE_LIMIT_EXCEEDED"}]}}"#;
        let names = ["RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "429"];
        assert_eq!(failed(Gemini, 429, error), names);
        assert_eq!(failed(Gemini, 429, &format!("[{error}]")), names);
    }

    #[test]
    fn a_request() {
        let facts = ask(
            Gemini,
            r#"{"contents":[{"parts":[{"text":"hi"}]}],"systemInstruction":{"parts":[]},"generationConfig":{"temperature":0.5,"topP":0.9,
                "topK":40,"maxOutputTokens":100,"candidateCount":2,"stopSequences":["x"],"seed":1,"responseMimeType":"application/json",
                "thinkingConfig":{"thinkingLevel":"low"}}}"#,
        );
        assert_eq!((facts.temperature, facts.top_p, facts.top_k), (Some(0.5), Some(0.9), Some(40)));
        assert_eq!((facts.max_tokens, facts.choice_count, facts.seed), (Some(100), Some(2), Some(1)));
        assert_eq!((facts.output_type, facts.reasoning_level.as_deref()), (Some("json"), Some("low")));
        assert_eq!(kept(facts.content.system), Some(r#"{"parts":[]}"#));
    }
}
