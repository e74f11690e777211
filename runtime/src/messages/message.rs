//! How a message looks: a role, and parts of the convention's types.
//!
//! In: what a format's file has found. Out: [`Json`].

use super::json::Json;

/// A longer text in base64 leaves a mark: nobody looks at an image in an attribute. OpenInference has the same number.
const MAX_BASE64: usize = 32_000;

pub(super) const SYSTEM: &str = "system";
pub(super) const USER: &str = "user";
pub(super) const ASSISTANT: &str = "assistant";
pub(super) const TOOL: &str = "tool";

/// Where something had to be left out.
pub(super) const CUT: &str = "[cut]";
/// In the place of reasoning that the provider has encrypted.
const ENCRYPTED: &str = "[encrypted]";

/// A message as it grows.
#[derive(Debug)]
pub(super) struct Message {
    role: Json,
    name: Option<Json>,
    pub(super) parts: Vec<Json>,
}

impl Message {
    pub(super) fn new(role: &'static str, parts: Vec<Json>) -> Self {
        Self { role: Json::Word(role), name: None, parts }
    }

    /// The message that `message` is: its role and name, with `parts`. If nothing of it was understood, the whole is a part.
    pub(super) fn of(message: &Json, mut parts: Vec<Json>, is_understood: bool) -> Self {
        let is_answer = |part: &Json| part.text_of(&["type"]) == Some("tool_call_response");
        let role = match message.text_of(&["role"]).map(role) {
            // Several formats have what a tool has answered said by the user.
            Some(role) if role.text() == Some(USER) && !parts.is_empty() && parts.iter().all(is_answer) => {
                Json::Word(TOOL)
            }
            Some(role) => role,
            None => Json::Word(USER),
        };
        if parts.is_empty() && !is_understood {
            parts.push(generic(message));
        }
        Self { role, name: message.text_of(&["name"]).map(Json::from), parts }
    }

    /// `finish_reason` only of an answer.
    pub(super) fn json(self, finish_reason: Option<Json>) -> Json {
        Json::schema([
            ("role", Some(self.role)),
            ("parts", Some(Json::List(self.parts))),
            ("name", self.name),
            ("finish_reason", finish_reason),
        ])
    }
}

/// The convention's word for a provider's; an unknown one stays.
fn role(word: &str) -> Json {
    match word.to_lowercase().as_str() {
        "system" | "developer" => Json::Word(SYSTEM),
        "user" => Json::Word(USER),
        "assistant" | "model" | "chatbot" => Json::Word(ASSISTANT),
        "tool" | "function" => Json::Word(TOOL),
        other => other.into(),
    }
}

/// Pushes a text, unless it is empty.
pub(super) fn push_text(parts: &mut Vec<Json>, content: Option<&str>) {
    parts.extend(content.filter(|content| !content.is_empty()).map(text));
}

/// Pushes reasoning, unless it is empty.
pub(super) fn push_reasoning(parts: &mut Vec<Json>, content: Option<&str>) {
    parts.extend(content.filter(|content| !content.is_empty()).map(reasoning));
}

pub(super) fn text(content: &str) -> Json {
    Json::schema([("type", Some(Json::Word("text"))), ("content", Some(content.into()))])
}

pub(super) fn reasoning(content: &str) -> Json {
    Json::schema([("type", Some(Json::Word("reasoning"))), ("content", Some(content.into()))])
}

/// Reasoning that is there, and cannot be read.
pub(super) fn encrypted_reasoning() -> Json {
    reasoning(ENCRYPTED)
}

/// A tool that the model asks for. Arguments that are JSON in a text are taken out of it, so that secrets are known by their keys.
pub(super) fn tool_call(id: Option<&str>, name: Option<&str>, arguments: Option<&Json>) -> Json {
    Json::schema([
        ("type", Some(Json::Word("tool_call"))),
        ("id", id.map(Json::from)),
        ("name", name.map(Json::from)),
        ("arguments", arguments.map(unwrapped)),
    ])
}

/// A tool that the provider runs itself.
pub(super) fn server_tool_call(id: Option<&str>, name: Option<&str>, arguments: Option<&Json>) -> Json {
    let call = Json::schema([("type", name.map(Json::from)), ("arguments", arguments.map(unwrapped))]);
    Json::schema([
        ("type", Some(Json::Word("server_tool_call"))),
        ("id", id.map(Json::from)),
        ("name", name.map(Json::from)),
        ("server_tool_call", Some(call)),
    ])
}

/// What a tool of the provider's has answered.
pub(super) fn server_tool_call_response(id: Option<&str>, response: &Json) -> Json {
    Json::schema([
        ("type", Some(Json::Word("server_tool_call_response"))),
        ("id", id.map(Json::from)),
        ("server_tool_call_response", Some(response.clone())),
    ])
}

/// What a tool has answered; `name` where the format has no ids.
pub(super) fn tool_call_response(id: Option<&str>, name: Option<&str>, response: Option<&Json>) -> Json {
    Json::schema([
        ("type", Some(Json::Word("tool_call_response"))),
        ("id", id.map(Json::from)),
        ("name", name.map(Json::from)),
        ("response", Some(response.cloned().unwrap_or(Json::Null))),
    ])
}

/// Bytes in base64.
pub(super) fn blob(modality: &'static str, mime_type: Option<&str>, content: &str) -> Json {
    let content = if content.len() > MAX_BASE64 {
        Json::Text(format!("[cut, more than {MAX_BASE64} characters of base64]"))
    } else {
        content.into()
    };
    Json::schema([
        ("type", Some(Json::Word("blob"))),
        ("modality", Some(Json::Word(modality))),
        ("mime_type", mime_type.map(Json::from)),
        ("content", Some(content)),
    ])
}

/// Something that the provider keeps.
pub(super) fn file(modality: &'static str, id: &str) -> Json {
    Json::schema([
        ("type", Some(Json::Word("file"))),
        ("modality", Some(Json::Word(modality))),
        ("file_id", Some(id.into())),
    ])
}

/// Something elsewhere; bytes, if the URL has them in itself.
pub(super) fn uri(modality: &'static str, mime_type: Option<&str>, uri: &str) -> Json {
    if let Some((head, content)) = uri.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        let own = head.split(';').next().filter(|own| !own.is_empty());
        return blob(modality, own.or(mime_type), content);
    }
    Json::schema([
        ("type", Some(Json::Word("uri"))),
        ("modality", Some(Json::Word(modality))),
        ("mime_type", mime_type.map(Json::from)),
        ("uri", Some(uri.into())),
    ])
}

/// What is not understood, as it stands.
pub(super) fn generic(value: &Json) -> Json {
    Json::schema([("type", Some(Json::Word("generic"))), ("content", Some(value.clone()))])
}

/// `image/png` is an image; what is neither image, sound nor film is a document.
pub(super) fn modality(mime_type: Option<&str>) -> &'static str {
    match mime_type.and_then(|mime_type| mime_type.split('/').next()) {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "document",
    }
}

fn unwrapped(arguments: &Json) -> Json {
    let inside = arguments.text().and_then(Json::parse);
    // A text that is a number stays a text.
    inside
        .filter(|inside| matches!(inside, Json::Object(_) | Json::List(_)))
        .unwrap_or_else(|| arguments.clone())
}
