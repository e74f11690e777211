//! Cohere v1 and v2.
//!
//! Documented, v2: `messages[]` as OpenAI's, with a `tool_plan` beside the calls and `document` parts of what a tool has answered. v1: the
//! `message` of the user is a text; before it stands `chat_history[]` of `role` (`USER`, `CHATBOT`, `SYSTEM`, `TOOL`), `message`,
//! `tool_calls[]` of `name` and `parameters`, and `tool_results[]` of `call` and `outputs`.

use super::super::json::Json;
use super::super::message::{self, Message};
use super::openai_chat;

pub(super) fn message(message: &Json) -> Message {
    let is_first = ["message", "tool_results"].iter().any(|key| message.get(key).is_some());
    if is_first {
        return first(message);
    }
    let mut found = openai_chat::message(message);
    if let Some(plan) = message.text_of(&["tool_plan"]) {
        found.parts.retain(|part| part.text_of(&["type"]) != Some("generic"));
        found.parts.insert(0, message::reasoning(plan));
    }
    found
}

fn first(message: &Json) -> Message {
    let mut parts = Vec::new();
    message::push_text(&mut parts, message.text_of(&["message"]));
    for call in message.get("tool_calls").map_or(&[][..], Json::items) {
        parts.push(message::tool_call(None, call.text_of(&["name"]), call.get("parameters")));
    }
    for result in message.get("tool_results").map_or(&[][..], Json::items) {
        let name = result.get("call").and_then(|call| call.text_of(&["name"]));
        parts.push(message::tool_call_response(None, name, result.get("outputs")));
    }
    Message::of(message, parts, message.get("message").is_some())
}
