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

#[cfg(test)]
mod tests {
    use crate::wire::facts::Format::{OpenAiChat, OpenAiCompletions};
    use crate::wire::facts::{Operation, Usage};
    use crate::wire::response::Head;
    use crate::wire::tests::{ask, failed, kept, read, sse, tools, unary};

    #[test]
    fn a_whole_answer() {
        let facts = unary(
            OpenAiChat,
            r#"{"id":"chatcmpl-1","model":"gpt-x-2026","service_tier":"default","system_fingerprint":"fp_1","choices":[
                {"index":1,"message":{"content":"b","refusal":null},"finish_reason":"length"},
                {"index":0,"message":{"content":null,"reasoning_content":"hm","tool_calls":[
                    {"id":"call_1","type":"function","function":{"name":"one","arguments":"{\"a\":1}"}},
                    {"id":"call_2","type":"custom","custom":{"name":"two","input":"x"}}]},"finish_reason":"tool_calls"}],
                "usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,
                    "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":0}}}"#,
        );
        assert_eq!((facts.id.as_deref(), facts.model.as_deref()), (Some("chatcmpl-1"), Some("gpt-x-2026")));
        assert_eq!(facts.finish_reasons(), Some(vec!["tool_calls", "length"]));
        assert_eq!(tools(&facts.tool_calls), ["call_1:one", "call_2:two"]);
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some("{\"a\":1}"));
        assert_eq!((facts.text(), facts.choices[1].text.as_deref()), (None, Some("b")));
        assert_eq!(facts.choices[0].reasoning.as_deref(), Some("hm"));
        let usage = Usage {
            input: Some(10),
            output: Some(20),
            cache_read: Some(4),
            total: Some(30),
            ..Usage::default()
        };
        assert_eq!((facts.usage, facts.stream_complete), (usage, None));
        assert_eq!(facts.service_tier.as_deref(), Some("default"));
    }

    #[test]
    fn a_stream_puts_tools_together_and_counts_in_its_last_chunk() {
        let facts = sse(
            OpenAiChat,
            &[
                // Azure begins with empty texts.
                r#"{"id":"","model":"","choices":[],"prompt_filter_results":[]}"#,
                r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
                r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"t1","function":{"name":"b","arguments":""}}]}}]}"#,
                r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t0","function":{"name":"a","arguments":"{"}}]}}]}"#,
                r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}"#,
                r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":null}"#,
                r#"{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":1.0,"completion_tokens":2.0}}"#,
                "[DONE]",
            ],
        );
        assert_eq!((facts.id.as_deref(), facts.model.as_deref()), (Some("c"), Some("m")));
        assert_eq!(tools(&facts.tool_calls), ["t1:b", "t0:a"]);
        assert_eq!(facts.tool_calls[1].arguments.as_deref(), Some("{}"));
        assert_eq!((facts.usage.input, facts.usage.output), (Some(1), Some(2)));
        assert_eq!((facts.finish_reasons(), facts.stream_complete), (Some(vec!["tool_calls"]), Some(true)));
    }

    #[test]
    fn content_may_be_a_list_with_thinking_inside() {
        let facts = sse(
            OpenAiChat,
            &[
                r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}"#,
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"yes"}]}}]}"#,
                r#"{"choices":[{"delta":{"content":"!"},"finish_reason":"stop"}]}"#,
            ],
        );
        assert_eq!((facts.text(), facts.choices[0].reasoning.as_deref()), (Some("yes!"), Some("hm")));
        assert_eq!(facts.stream_complete, Some(true), "a finish reason is an end, too");
    }

    #[test]
    fn an_error_in_mid_stream_is_one() {
        let body = "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\
                    event: error\ndata: {\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\",\"code\":\"tool_use_failed\"}}\n\n";
        let head = Head::new(200).header("content-type", "text/event-stream");
        let facts = read(OpenAiChat, Operation::Chat, true, &head, body.as_bytes());
        let error = facts.error.as_ref().unwrap();
        assert_eq!(error.names, ["tool_use_failed", "invalid_request_error"]);
        assert_eq!(error.message.as_deref(), Some("no"));
        assert_eq!((facts.id.as_deref(), facts.stream_complete), (Some("c"), Some(false)));
    }

    #[test]
    fn counts_of_vendors_stand_in_other_places() {
        let usage = |usage: &str| unary(OpenAiChat, &format!("{{\"choices\":[],{usage}}}")).usage;
        let groq = usage(r#""x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":4}}"#);
        assert_eq!((groq.input, groq.output), (Some(3), Some(4)));
        for cached in [
            r#""num_cached_tokens":7"#,
            r#""prompt_cache_hit_tokens":7"#,
            r#""cached_tokens":7"#,
            r#""prompt_token_details":{"cached_tokens":7}"#,
        ] {
            assert_eq!(usage(&format!("\"usage\":{{{cached}}}")).cache_read, Some(7), "{cached}");
        }
        let beside = usage(
            r#""usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":17,"completion_tokens_details":{"reasoning_tokens":10}}"#,
        );
        assert_eq!((beside.output, beside.reasoning, beside.unexplained_total()), (Some(14), Some(10), None));
        let cost = usage(r#""usage":{"prompt_tokens":3,"cost":0.00012}"#).cost;
        assert_eq!(cost, Some(0.00012));
        let gap = usage(r#""usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":17}"#);
        assert_eq!(gap.unexplained_total(), Some(10));
    }

    #[test]
    fn an_empty_call_and_the_older_kind_of_call() {
        let message = r#"{"tool_calls":[{"id":"","function":{"name":""}}],"function_call":{"name":"old","arguments":"{}"}}"#;
        let facts = unary(OpenAiChat, &format!("{{\"choices\":[{{\"message\":{message}}}]}}"));
        assert_eq!(tools(&facts.tool_calls), [":old"]);
    }

    #[test]
    fn the_older_completions() {
        let facts = unary(
            OpenAiCompletions,
            r#"{"id":"cmpl","choices":[{"index":0,"text":"a","finish_reason":"stop"},{"index":1,"text":"b","finish_reason":"stop"}]}"#,
        );
        assert_eq!((facts.text(), facts.choices.len()), (Some("a"), 2));
    }

    #[test]
    fn errors_have_words_numbers_or_nothing_but_a_status() {
        for (body, names) in [
            (r#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#, &["c", "t", "404"][..]),
            (r#"{"error":{"message":"m","type":"t","code":null}}"#, &["t", "404"]),
            (r#"{"error":{"code":"404","message":"m"}}"#, &["404"]),
            (r#"{"error":{"code":429,"message":"m"}}"#, &["429", "404"]),
            (
                r#"{"object":"error","message":"m","type":"NotFoundError","code":404}"#,
                &["NotFoundError", "404"],
            ),
            (r#"{"error":"m","error_type":"overloaded"}"#, &["overloaded", "404"]),
            (r#"{"detail":"m"}"#, &["404"]),
            ("<html>", &["404"]),
            ("", &["404"]),
        ] {
            assert_eq!(failed(OpenAiChat, 404, body), names, "{body}");
        }
    }

    #[test]
    fn a_request() {
        let facts = ask(
            OpenAiChat,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"model":"gpt-x","stream":true,
                "stream_options":{"include_usage":true},"temperature":1,"top_p":0.5,"max_completion_tokens":64,"n":2,"seed":-3,
                "stop":"END","frequency_penalty":0.1,"presence_penalty":0.2,"reasoning_effort":"low","service_tier":"flex","tools":[{"type":"function"}],
                "response_format":{"type":"json_schema","json_schema":{"name":"x","stop":["no"]}}}"#,
        );
        assert_eq!(
            (facts.model.as_deref(), facts.stream, facts.stream_usage),
            (Some("gpt-x"), true, Some(true))
        );
        assert_eq!((facts.temperature, facts.top_p, facts.max_tokens), (Some(1.0), Some(0.5), Some(64)));
        assert_eq!((facts.choice_count, facts.seed), (Some(2), Some(-3)));
        assert_eq!((facts.frequency_penalty, facts.presence_penalty), (Some(0.1), Some(0.2)));
        assert_eq!(
            (facts.stop_sequences, facts.service_tier.as_deref()),
            (vec!["END".to_owned()], Some("flex"))
        );
        assert_eq!((facts.reasoning_level.as_deref(), facts.output_type), (Some("low"), Some("json")));
        let messages = r#"[{"role":"user","content":[{"type":"text","text":"hi"}]}]"#;
        assert_eq!(kept(facts.content.input), Some(messages));
        assert_eq!(kept(facts.content.tools), Some(r#"[{"type":"function"}]"#));
    }

    #[test]
    fn the_first_chunk_with_content_is_told() {
        use crate::wire::{Content, ResponseReader};
        let head = Head::new(200).header("content-type", "text/event-stream");
        let mut reader = ResponseReader::new(Some(OpenAiChat), None, true, head, Content::Off);
        reader.push(b": ping\n\ndata: {\"id\":\"c\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n");
        assert!(!reader.has_content());
        reader.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
        assert!(reader.has_content());
    }
}
