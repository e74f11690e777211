//! Ollama's own chat.
//!
//! Documented: `messages[]` of `role`, `content`, `thinking`, `images[]` in base64, `tool_calls[]` whose arguments are an object; what a
//! tool has answered has a `tool_name`. Texts for `generate` are plain prompts.

use super::super::json::Json;
use super::super::message::{self, Message};
use super::{content_parts, openai_chat};

pub(super) fn message(message: &Json) -> Message {
    if message.text_of(&["role"]) == Some("tool") && message.get("content").is_some() {
        let (id, name) = (message.text_of(&["tool_call_id"]), message.text_of(&["tool_name"]));
        let part = message::tool_call_response(id, name, message.get("content"));
        return Message::of(message, vec![part], true);
    }
    let mut parts = Vec::new();
    message::push_reasoning(&mut parts, message.text_of(&["thinking"]));
    parts.extend(content_parts(message, openai_chat::part));
    let images = message.get("images").map_or(&[][..], Json::items);
    parts.extend(images.iter().map(|image| match image.text() {
        Some(image) => message::blob("image", None, image),
        None => message::generic(image),
    }));
    parts.extend(openai_chat::tool_calls(message));
    Message::of(message, parts, message.get("content").is_some())
}
