//! OpenAI chat completions, and all who speak them.
//!
//! Documented: `messages[]` of `role`, `content` (a text or parts), `name`, `tool_calls[]`, the older `function_call`, `refusal`, and
//! `tool_call_id` of what a tool has answered; parts are `text`, `image_url`, `input_audio`, `file`, `refusal`. In the wild:
//! `reasoning_content`, `reasoning` or `reasoning_details[]` sent back; `thinking` and `document_url` parts and an `image_url` that is a text
//! (Mistral); `video_url`, `audio_url`.

use super::super::json::Json;
use super::super::message::{self, Message};
use super::content_parts;

pub(super) fn message(message: &Json) -> Message {
    let role = message.text_of(&["role"]);
    if matches!(role, Some("tool" | "function")) && message.get("content").is_some() {
        let id = message.text_of(&["tool_call_id"]);
        let part = message::tool_call_response(id, None, message.get("content"));
        return Message::of(message, vec![part], true);
    }
    let mut parts = Vec::new();
    match message.text_of(&["reasoning_content", "reasoning"]) {
        Some(reasoning) => message::push_reasoning(&mut parts, Some(reasoning)),
        None => {
            for detail in message.get("reasoning_details").map_or(&[][..], Json::items) {
                message::push_reasoning(&mut parts, detail.text_of(&["text", "summary"]));
            }
        }
    }
    parts.extend(content_parts(message, part));
    message::push_text(&mut parts, message.text_of(&["refusal"]));
    parts.extend(tool_calls(message));
    if let Some(call) = message.get("function_call") {
        parts.push(message::tool_call(None, call.text_of(&["name"]), call.get("arguments")));
    }
    if let Some(id) = message.get("audio").and_then(|audio| audio.text_of(&["id"])) {
        parts.push(message::file("audio", id));
    }
    Message::of(message, parts, message.get("content").is_some() || message.text().is_some())
}

pub(super) fn tool_calls(message: &Json) -> impl Iterator<Item = Json> {
    let calls = message.get("tool_calls").map_or(&[][..], Json::items);
    calls.iter().map(|call| {
        let Some(function) = call.first(&["function", "custom"]) else { return message::generic(call) };
        let arguments = function.first(&["arguments", "input"]);
        message::tool_call(call.text_of(&["id"]), function.text_of(&["name"]), arguments)
    })
}

pub(super) fn part(block: &Json) -> Option<Json> {
    if let Some(text) = block.text() {
        return Some(message::text(text));
    }
    match block.text_of(&["type"]) {
        None | Some("text" | "input_text" | "output_text") => block.text_of(&["text"]).map(message::text),
        Some("refusal") => block.text_of(&["refusal"]).map(message::text),
        Some(kind @ ("image_url" | "video_url" | "audio_url" | "document_url")) => {
            let place = block.get(kind)?;
            let url = place.text().or_else(|| place.text_of(&["url"]))?;
            let modality = match kind {
                "image_url" => "image",
                "video_url" => "video",
                "audio_url" => "audio",
                _ => "document",
            };
            Some(message::uri(modality, None, url))
        }
        Some("input_audio") => {
            let audio = block.get("input_audio")?;
            let mime_type = audio.text_of(&["format"]).map(|format| format!("audio/{format}"));
            Some(message::blob("audio", mime_type.as_deref(), audio.text_of(&["data"])?))
        }
        Some("file") => {
            let file = block.get("file")?;
            let by_id = || Some(message::file("document", file.text_of(&["file_id"])?));
            by_id().or_else(|| Some(message::uri("document", None, file.text_of(&["file_data"])?)))
        }
        Some("thinking") => match block.get("thinking")? {
            Json::Text(text) => Some(message::reasoning(text)),
            thoughts => {
                let thoughts: Option<String> =
                    thoughts.items().iter().map(|thought| thought.text_of(&["text"])).collect();
                thoughts.map(|thoughts| message::reasoning(&thoughts))
            }
        },
        Some(_) => None,
    }
}
