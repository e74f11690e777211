//! Anthropic Messages (`POST /v1/messages`), on Anthropic's hosts, Vertex (`rawPredict`) and inside Bedrock's `InvokeModel`.
//!
//! Documented: `id`, `model`, `stop_reason`, `content[]` of typed blocks, `usage`, whose `input_tokens` leave the cached ones out. A
//! stream: `message_start` (the message without content), for each block `content_block_start`, `content_block_delta` and
//! `content_block_stop` under its `index`, `message_delta` (stop reason, and counts that overwrite), `message_stop`; `ping` and
//! `error` anywhere. Blocks: `text`, `thinking`, `tool_use` (the caller's tools), `server_tool_use` and `mcp_tool_use` (the
//! provider's), results of these.
//!
//! In the wild: counts of a `message_delta` larger than those of the start, after tools of the provider ran; `usage.iterations`, which
//! the sums do not include and which is not read.

use super::{kind, parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::RequestFacts;
use crate::wire::json::Value;
use crate::wire::words::Word;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    parameters::top(root, facts);
    parameters::sampling(root, facts);
    facts.reasoning_level = root.get(Word::OutputConfig).get(Word::Effort).string();
    parameters::content(root, &[Word::System], &[Word::Messages, Word::Prompt], facts);
}

pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    message(root, draft);
    for (index, block) in root.get(Word::Content).items().enumerate() {
        self::block(index as u64, block, draft);
        draft.text(0, block.get(Word::Text));
        draft.reasoning(0, block.get(Word::Thinking));
        draft.arguments(0, index as u64, block.get(Word::Input));
    }
    errors::in_answer(root, draft);
}

pub(super) fn event(name: &str, root: Value<'_>, draft: &mut Draft) {
    let index = root.get(Word::Index).count().unwrap_or(0);
    match &*kind(name, root) {
        "message_start" => message(root.get(Word::Message), draft),
        "content_block_start" => {
            let block = root.get(Word::ContentBlock);
            self::block(index, block, draft);
            draft.text(0, block.get(Word::Text));
            draft.reasoning(0, block.get(Word::Thinking));
        }
        "content_block_delta" => {
            let delta = root.get(Word::Delta);
            draft.text(0, delta.get(Word::Text));
            draft.reasoning(0, delta.get(Word::Thinking));
            draft.arguments(0, index, delta.get(Word::PartialJson));
        }
        "message_delta" => {
            draft.finish_reason(0, root.get(Word::Delta).get(Word::StopReason));
            counts(root, draft);
        }
        "message_stop" => draft.is_complete = true,
        "error" => errors::in_answer(root, draft),
        _ => {}
    }
}

fn message(message: Value<'_>, draft: &mut Draft) {
    draft.id(message.get(Word::Id));
    draft.model(message.get(Word::Model));
    if message.get(Word::Content).exists() || message.get(Word::StopReason).exists() {
        draft.choice(0);
    }
    draft.finish_reason(0, message.get(Word::StopReason));
    counts(message, draft);
}

fn counts(place: Value<'_>, draft: &mut Draft) {
    let found = place.get(Word::Usage);
    if found.is_object() {
        usage::anthropic(found, &mut draft.parts);
        draft.usage(draft.parts.usage());
    }
}

fn block(index: u64, block: Value<'_>, draft: &mut Draft) {
    let is_server = match block.get(Word::Type).text().as_deref() {
        Some("tool_use") => false,
        Some("server_tool_use" | "mcp_tool_use") => true,
        _ => return,
    };
    draft.tool(0, index, block.get(Word::Id), block.get(Word::Name), is_server);
}

#[cfg(test)]
mod tests {
    use crate::wire::facts::Format::Anthropic;
    use crate::wire::tests::{ask, failed, kept, sse, tools, unary};

    #[test]
    fn a_whole_answer_in_any_order_of_keys() {
        let facts = unary(
            Anthropic,
            r#"{"content":[{"signature":"s","thinking":"hm","type":"thinking"},{"text":"a","type":"text"},
                {"id":"srvtoolu_1","input":{"query":"x"},"name":"web_search","type":"server_tool_use"},
                {"content":[{"text":"no","type":"text"}],"tool_use_id":"srvtoolu_1","type":"web_search_tool_result"},
                {"id":"mcptoolu_1","input":{},"name":"ask","type":"mcp_tool_use"},
                {"text":"b","type":"text"},{"id":"toolu_1","input":{"a":[1]},"name":"f","type":"tool_use"}],
                "id":"msg_1","model":"claude-x","role":"assistant","stop_reason":"tool_use","type":"message",
                "usage":{"cache_creation_input_tokens":3,"cache_read_input_tokens":5,"input_tokens":10,"output_tokens":7,
                "output_tokens_details":{"thinking_tokens":2},"iterations":[{"input_tokens":1000,"output_tokens":1000}]}}"#,
        );
        assert_eq!((facts.id.as_deref(), facts.model.as_deref()), (Some("msg_1"), Some("claude-x")));
        assert_eq!(facts.finish_reasons(), Some(vec!["tool_use"]));
        assert_eq!((facts.usage.input, facts.usage.output), (Some(18), Some(7)), "cached tokens are input");
        assert_eq!((facts.usage.cache_read, facts.usage.cache_write), (Some(5), Some(3)));
        assert_eq!(facts.usage.reasoning, Some(2));
        assert_eq!(tools(&facts.tool_calls), ["toolu_1:f"]);
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some(r#"{"a":[1]}"#));
        assert_eq!(tools(&facts.server_tool_calls), ["srvtoolu_1:web_search", "mcptoolu_1:ask"]);
        assert_eq!((facts.text(), facts.choices[0].reasoning.as_deref()), (Some("ab"), Some("hm")));
    }

    #[test]
    fn counts_of_a_delta_overwrite_and_what_it_leaves_out_stays() {
        let facts = sse(
            Anthropic,
            &[
                r#"{"type":"message_start","message":{"id":"msg","model":"c","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
                r#"{"type":"ping"}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":":1}"}}"#,
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hi"}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":100,"output_tokens":9}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        );
        assert_eq!((facts.usage.input, facts.usage.output), (Some(104), Some(9)));
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some("{\"a\":1}"));
        assert_eq!((facts.text(), facts.stream_complete), (Some("hi"), Some(true)));
    }

    #[test]
    fn errors_in_mid_stream_and_by_status() {
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#;
        let facts =
            sse(Anthropic, &[r#"{"type":"message_start","message":{"id":"msg","content":[]}}"#, error]);
        assert_eq!(facts.error.unwrap().names, ["overloaded_error"]);
        assert_eq!((facts.id.as_deref(), facts.stream_complete), (Some("msg"), Some(false)));
        assert_eq!(failed(Anthropic, 529, error), ["overloaded_error", "529"]);
    }

    #[test]
    fn a_request() {
        let facts = ask(
            Anthropic,
            r#"{"max_tokens":64,"messages":[],"model":"c","system":[{"type":"text","text":"s"}],"stop_sequences":["a","b"],"top_k":5,"stream":true}"#,
        );
        assert_eq!((facts.max_tokens, facts.top_k, facts.stream), (Some(64), Some(5), true));
        assert_eq!(facts.stop_sequences, ["a", "b"]);
        assert_eq!(kept(facts.content.system), Some(r#"[{"type":"text","text":"s"}]"#));
    }
}
