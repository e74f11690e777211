//! OpenAI Responses.
//!
//! Documented: `input` is a text or a list of items: messages (`role`, `content`: a text or parts `input_text`, `output_text`,
//! `input_image`, `input_file`, `input_audio`, `refusal`), `function_call` and `custom_tool_call`, what they gave back under
//! `function_call_output` and `custom_tool_call_output`, `reasoning` (its summary; the rest is encrypted), calls of the provider's own tools
//! and of computers and shells, and references to items that the provider keeps.

use super::super::json::Json;
use super::super::message::{self, ASSISTANT, Message, TOOL};
use super::{content_parts, openai_chat};

pub(super) fn message(item: &Json) -> Message {
    let kind = item.text_of(&["type"]);
    let id = item.text_of(&["call_id"]);
    let name = item.text_of(&["name"]);
    match kind {
        Some("function_call" | "custom_tool_call") => {
            let arguments = item.first(&["arguments", "input"]);
            Message::new(ASSISTANT, vec![message::tool_call(id, name, arguments)])
        }
        Some("reasoning") => Message::new(ASSISTANT, vec![reasoning(item)]),
        Some(kind) if kind.ends_with("_call_output") && item.get("output").is_some() => {
            Message::new(TOOL, vec![message::tool_call_response(id, None, item.get("output"))])
        }
        Some(kind) if kind.ends_with("_call_output") => Message::new(TOOL, vec![message::generic(item)]),
        Some(kind) if kind.ends_with("_call") => Message::new(ASSISTANT, vec![message::generic(item)]),
        _ => {
            let parts = content_parts(item, part);
            Message::of(item, parts, item.get("content").is_some())
        }
    }
}

fn reasoning(item: &Json) -> Json {
    let texts = ["summary", "content"].iter().filter_map(|key| item.get(key)).flat_map(Json::items);
    let texts: Vec<_> = texts.filter_map(|part| part.text_of(&["text"])).collect();
    if texts.is_empty() { message::encrypted_reasoning() } else { message::reasoning(&texts.join("\n")) }
}

fn part(block: &Json) -> Option<Json> {
    let modality = match block.text_of(&["type"]) {
        Some("input_image") => "image",
        Some("input_file") => "document",
        _ => return openai_chat::part(block),
    };
    if let Some(id) = block.text_of(&["file_id"]) {
        return Some(message::file(modality, id));
    }
    let uri = block.text_of(&["image_url", "file_url", "file_data"])?;
    Some(message::uri(modality, None, uri))
}
