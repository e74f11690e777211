//! Gemini `generateContent`, also of Vertex.
//!
//! Documented: `contents[]` of `role` (`user`, `model`, none) and `parts[]`: `text` (with `thought`, it is reasoning), `inlineData`,
//! `fileData`, `functionCall`, `functionResponse` (with `parts` of its own, if it is more than JSON), `executableCode`, `codeExecutionResult`; `systemInstruction` is a content of its own.
//! Keys may be written with underscores, too.

use super::super::json::Json;
use super::super::message::{self, Message};

pub(super) fn message(content: &Json) -> Message {
    let blocks = content.get("parts");
    let parts = match blocks {
        Some(single @ Json::Object(_)) => std::slice::from_ref(single),
        other => other.map_or(&[][..], Json::items),
    };
    let parts = parts.iter().flat_map(|block| std::iter::once(block).chain(inside(block)));
    let parts = parts.map(|block| part(block).unwrap_or_else(|| message::generic(block))).collect();
    Message::of(content, parts, blocks.is_some())
}

/// What a tool has given back beside its JSON.
fn inside(block: &Json) -> &[Json] {
    let answer = block.first(&["functionResponse", "function_response"]);
    answer.and_then(|answer| answer.get("parts")).map_or(&[], Json::items)
}

pub(super) fn part(block: &Json) -> Option<Json> {
    if let Some(text) = block.text() {
        return Some(message::text(text));
    }
    if let Some(text) = block.text_of(&["text"]) {
        let is_thought = block.get("thought") == Some(&Json::Bool(true));
        return Some(if is_thought { message::reasoning(text) } else { message::text(text) });
    }
    if let Some(call) = block.first(&["functionCall", "function_call"]) {
        let name = call.text_of(&["name"]);
        return Some(message::tool_call(call.text_of(&["id"]), name, call.get("args")));
    }
    if let Some(answer) = block.first(&["functionResponse", "function_response"]) {
        let id = answer.text_of(&["id"]);
        let name = answer.text_of(&["name"]).filter(|_| id.is_none());
        return Some(message::tool_call_response(id, name, answer.get("response")));
    }
    if let Some(data) = block.first(&["inlineData", "inline_data"]) {
        let mime_type = data.text_of(&["mimeType", "mime_type"]);
        return Some(message::blob(message::modality(mime_type), mime_type, data.text_of(&["data"])?));
    }
    let file = block.first(&["fileData", "file_data"])?;
    let mime_type = file.text_of(&["mimeType", "mime_type"]);
    let uri = file.text_of(&["fileUri", "file_uri"])?;
    Some(message::uri(message::modality(mime_type), mime_type, uri))
}
