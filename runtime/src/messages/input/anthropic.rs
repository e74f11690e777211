//! Anthropic Messages, also as a body of Bedrock's `InvokeModel`.
//!
//! Documented: `system` is a text or a list of text blocks; `messages[]` of `role` and `content` (a text or blocks): `text`, `image` and
//! `document` with a `source` (`base64`, `text`, `url`, `file`, `content`), `tool_use`, `tool_result`, `thinking`, `redacted_thinking`,
//! `server_tool_use` and what such a tool gave back (`web_search_tool_result` and the like).

use super::super::json::Json;
use super::super::message::{self, Message};
use super::content_parts;

pub(super) fn message(message: &Json) -> Message {
    Message::of(message, content_parts(message, part), message.get("content").is_some())
}

pub(super) fn part(block: &Json) -> Option<Json> {
    if let Some(text) = block.text() {
        return Some(message::text(text));
    }
    let id = block.text_of(&["id"]);
    let name = block.text_of(&["name"]);
    match block.text_of(&["type"])? {
        "text" => block.text_of(&["text"]).map(message::text),
        "thinking" => block.text_of(&["thinking"]).map(message::reasoning),
        "redacted_thinking" => Some(message::encrypted_reasoning()),
        "tool_use" if name.is_some() => Some(message::tool_call(id, name, block.get("input"))),
        "tool_result" => {
            Some(message::tool_call_response(block.text_of(&["tool_use_id"]), None, block.get("content")))
        }
        "server_tool_use" => Some(message::server_tool_call(id, name, block.get("input"))),
        kind if kind.ends_with("_tool_result") => {
            Some(message::server_tool_call_response(block.text_of(&["tool_use_id"]), block.get("content")?))
        }
        "image" => source("image", block.get("source")?),
        "document" => source("document", block.get("source")?),
        _ => None,
    }
}

fn source(modality: &'static str, source: &Json) -> Option<Json> {
    let mime_type = source.text_of(&["media_type"]);
    match source.text_of(&["type"])? {
        "base64" => Some(message::blob(modality, mime_type, source.text_of(&["data"])?)),
        "text" => source.text_of(&["data"]).map(message::text),
        "url" => Some(message::uri(modality, mime_type, source.text_of(&["url"])?)),
        "file" => Some(message::file(modality, source.text_of(&["file_id"])?)),
        _ => None,
    }
}
