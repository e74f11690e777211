//! Bedrock Converse (`/model/{id}/converse`, `/converse-stream`), and Amazon Nova's own bodies, which have the same form.
//!
//! Documented: `output.message.content[]`, `stopReason`, `usage`, whose `inputTokens` leave the cached ones out; the id is the header
//! `x-amzn-requestid`; there is no model but the URL's. Blocks: `text`, `toolUse`, `reasoningContent`. A stream is of AWS frames:
//! `messageStart`, `contentBlockStart`, `contentBlockDelta`, `contentBlockStop` under `contentBlockIndex`, `messageStop`, `metadata`;
//! exceptions are frames of their own.
//!
//! In the wild: a tool of the provider is a `toolUse` with `type: server_tool_use`; the cached counts stand there twice.

use super::{parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::RequestFacts;
use crate::wire::json::Value;
use crate::wire::words::Word;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    parameters::sampling(root.get(Word::InferenceConfig), facts);
    parameters::sampling(root.get(Word::AdditionalFields), facts);
    parameters::content(root, &[Word::System], &[Word::Messages], facts);
}

pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    let message = root.get(Word::Output).get(Word::Message);
    if message.is_object() || root.get(Word::StopReasonCamel).exists() {
        draft.choice(0);
    }
    for (index, block) in message.get(Word::Content).items().enumerate() {
        draft.text(0, block.get(Word::Text));
        reasoning(block.get(Word::ReasoningBlock), draft);
        tool(index as u64, block.get(Word::ToolUse), draft);
    }
    draft.finish_reason(0, root.get(Word::StopReasonCamel));
    if let Some(usage) = usage::bedrock(root.get(Word::Usage)) {
        draft.usage(usage);
    }
}

pub(super) fn event(name: &str, root: Value<'_>, draft: &mut Draft) {
    let index = root.get(Word::BlockIndex).count().unwrap_or(0);
    match name {
        "messageStart" => {
            draft.choice(0);
        }
        "contentBlockStart" => tool(index, root.get(Word::Start).get(Word::ToolUse), draft),
        "contentBlockDelta" => {
            let delta = root.get(Word::Delta);
            draft.text(0, delta.get(Word::Text));
            draft.reasoning(0, delta.get(Word::ReasoningBlock).get(Word::Text));
            draft.arguments(0, index, delta.get(Word::ToolUse).get(Word::Input));
        }
        "messageStop" => {
            draft.finish_reason(0, root.get(Word::StopReasonCamel));
            draft.is_complete = true;
        }
        "metadata" => {
            if let Some(usage) = usage::bedrock(root.get(Word::Usage)) {
                draft.usage(usage);
            }
        }
        name if name.ends_with("Exception") => errors::named(name, root, draft),
        _ => {}
    }
}

fn reasoning(block: Value<'_>, draft: &mut Draft) {
    draft.reasoning(0, block.get(Word::ReasoningTextBlock).get(Word::Text));
}

fn tool(index: u64, call: Value<'_>, draft: &mut Draft) {
    if call.is_object() {
        let is_server = call.get(Word::Type).text().as_deref() == Some("server_tool_use");
        draft.tool(0, index, call.get(Word::ToolUseId), call.get(Word::Name), is_server);
        draft.arguments(0, index, call.get(Word::Input));
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::event_stream::tests::{event, frame};
    use crate::wire::facts::Format::BedrockConverse;
    use crate::wire::facts::Operation;
    use crate::wire::response::Head;
    use crate::wire::tests::{ask, frames, kept, read, tools};

    #[test]
    fn a_whole_answer() {
        let head =
            Head::new(200).header("X-Amzn-RequestId", "req-1").header("content-type", "application/json");
        let body = r#"{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"},
            {"toolUse":{"input":{"x":1},"name":"f","toolUseId":"t1"}},
            {"toolUse":{"input":{},"name":"code","toolUseId":"t2","type":"server_tool_use"}}],"role":"assistant"}},
            "stopReason":"tool_use","usage":{"inputTokens":10,"outputTokens":5,"totalTokens":115,"cacheReadInputTokens":60,
            "cacheReadInputTokenCount":60,"cacheWriteInputTokens":40,"cacheWriteInputTokenCount":40}}"#;
        let facts = read(BedrockConverse, Operation::Chat, false, &head, body.as_bytes());
        assert_eq!((facts.id.as_deref(), facts.model.as_deref()), (Some("req-1"), None));
        assert_eq!((facts.usage.input, facts.usage.output), (Some(110), Some(5)));
        assert_eq!((facts.usage.cache_read, facts.usage.cache_write), (Some(60), Some(40)));
        assert_eq!(tools(&facts.tool_calls), ["t1:f"]);
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some(r#"{"x":1}"#));
        assert_eq!(tools(&facts.server_tool_calls), ["t2:code"]);
        assert_eq!((facts.text(), facts.finish_reasons()), (Some("a"), Some(vec!["tool_use"])));
        assert_eq!(facts.choices[0].reasoning.as_deref(), Some("hm"));
    }

    const STREAM: [(&str, &str); 8] = [
        ("messageStart", r#"{"role":"assistant"}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a"},"p":"abc"}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolUse":{"name":"f","toolUseId":"t"}}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"x\""}}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":":1}"}}}"#),
        ("messageStop", r#"{"stopReason":"tool_use"}"#),
        ("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":4}}"#),
    ];

    #[test]
    fn a_stream() {
        let facts = frames(BedrockConverse, &STREAM);
        assert_eq!((facts.text(), tools(&facts.tool_calls)), (Some("a"), vec!["t:f".to_owned()]));
        assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some("{\"x\":1}"));
        assert_eq!((facts.usage.input, facts.stream_complete, facts.partial), (Some(3), Some(true), false));
        assert_eq!(frames(BedrockConverse, &STREAM[..3]).stream_complete, Some(false));
    }

    #[test]
    fn an_exception_is_a_frame_of_its_own() {
        let mut body = event(STREAM[0].0, STREAM[0].1);
        let headers = [(":exception-type", "throttlingException"), (":message-type", "exception")];
        body.extend(frame(&headers, br#"{"message":"slow down"}"#));
        let head = Head::new(200).header("content-type", "application/vnd.amazon.eventstream");
        let facts = read(BedrockConverse, Operation::Chat, true, &head, &body);
        let error = facts.error.unwrap();
        assert_eq!(
            (error.names, error.message.as_deref()),
            (vec!["throttlingException".to_owned()], Some("slow down"))
        );
        assert_eq!(facts.stream_complete, Some(false));
    }

    #[test]
    fn errors_are_named_by_a_header() {
        let name = "ValidationException:http://internal.amazon.com/coral/";
        for (head, body) in [
            (Head::new(400).header("x-amzn-ErrorType", name), r#"{"message":"m"}"#),
            (Head::new(400), r#"{"__type":"com.amazon.coral.service#ValidationException","message":"m"}"#),
        ] {
            let facts = read(BedrockConverse, Operation::Chat, false, &head, body.as_bytes());
            assert_eq!(facts.error.unwrap().names, ["ValidationException", "400"]);
        }
    }

    #[test]
    fn a_request() {
        let facts = ask(
            BedrockConverse,
            r#"{"additionalModelRequestFields":{"top_k":7},"inferenceConfig":{"maxTokens":5,"temperature":0.1,"topP":0.2,"stopSequences":["x"]},"messages":[],"system":[{"text":"s"}]}"#,
        );
        assert_eq!((facts.max_tokens, facts.temperature, facts.top_p), (Some(5), Some(0.1), Some(0.2)));
        assert_eq!((facts.top_k, facts.stop_sequences), (Some(7), vec!["x".to_owned()]));
        assert_eq!(kept(facts.content.system), Some(r#"[{"text":"s"}]"#));
    }
}
