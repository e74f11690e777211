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
