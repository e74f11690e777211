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
