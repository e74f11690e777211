//! Bedrock Converse, and the bodies of `InvokeModel`, which are each model's own.
//!
//! Documented, Converse: `system[]` and `messages[]` of `role` and `content[]`, whose blocks are named by their only key: `text`, `image`,
//! `document`, `video`, `audio` (a `format` and a `source` of `bytes`, `s3Location` or `text`), `toolUse`, `toolResult`,
//! `reasoningContent`, `guardContent`, `cachePoint`. `InvokeModel`: Claude's blocks have a `type`, Nova's are Converse's, others are
//! OpenAI's; Cohere's have a `message` and a `chat_history`.

use super::super::json::Json;
use super::super::message::{self, Message};
use super::{anthropic, cohere, content_parts, openai_chat};

pub(super) fn converse_message(message: &Json) -> Message {
    Message::of(message, content_parts(message, converse_part), message.get("content").is_some())
}

pub(super) fn invoke_message(message: &Json) -> Message {
    let is_openai = ["tool_calls", "tool_call_id"].iter().any(|key| message.get(key).is_some());
    if is_openai {
        return openai_chat::message(message);
    }
    if message.get("content").is_none() {
        return cohere::message(message);
    }
    Message::of(message, content_parts(message, invoke_part), true)
}

pub(super) fn invoke_part(block: &Json) -> Option<Json> {
    if block.get("type").is_none() {
        return converse_part(block);
    }
    anthropic::part(block).or_else(|| openai_chat::part(block))
}

pub(super) fn converse_part(block: &Json) -> Option<Json> {
    if let Some(text) = block.text().or_else(|| block.text_of(&["text"])) {
        return Some(message::text(text));
    }
    if let Some(call) = block.get("toolUse") {
        let (id, name) = (call.text_of(&["toolUseId"]), call.text_of(&["name"]));
        return Some(message::tool_call(id, name, call.get("input")));
    }
    if let Some(answer) = block.get("toolResult") {
        return Some(message::tool_call_response(
            answer.text_of(&["toolUseId"]),
            None,
            answer.get("content"),
        ));
    }
    if let Some(reasoning) = block.get("reasoningContent") {
        let text = reasoning.get("reasoningText").and_then(|text| text.text_of(&["text"]));
        return Some(text.map_or_else(message::encrypted_reasoning, message::reasoning));
    }
    if let Some(guarded) = block.get("guardContent") {
        return guarded.get("text")?.text_of(&["text"]).map(message::text);
    }
    ["image", "document", "video", "audio"]
        .into_iter()
        .find_map(|modality| media(modality, block.get(modality)?))
}

fn media(modality: &'static str, media: &Json) -> Option<Json> {
    let format = media.text_of(&["format"]);
    // A document's format is a file's ending, and no part of a MIME type.
    let mime_type = format.filter(|_| modality != "document").map(|format| format!("{modality}/{format}"));
    let source = media.get("source")?;
    if let Some(bytes) = source.text_of(&["bytes"]) {
        return Some(message::blob(modality, mime_type.as_deref(), bytes));
    }
    if let Some(place) = source.get("s3Location") {
        return Some(message::uri(modality, mime_type.as_deref(), place.text_of(&["uri"])?));
    }
    source.text_of(&["text"]).map(message::text)
}
