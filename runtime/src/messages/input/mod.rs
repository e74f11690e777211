//! What was asked of a model, from the provider's own JSON, a file a family of formats.
//!
//! In: [`RequestContent`]. Out: a list of parts (instructions that stand apart) and a list of messages. A format's file has `message` for
//! one member of its list of messages, and `part` for one part of a message; `None` from `part` is "not understood".

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod ollama;
mod openai_chat;
mod openai_responses;
mod plain;

use super::json::Json;
use super::message::{self, Message, USER};
use crate::wire::{Format, Kept, RequestContent};

/// Instructions that stand apart from the messages.
pub(super) fn system(format: Format, content: &RequestContent) -> Option<Json> {
    let read = read(content.system.as_ref()?);
    let part = |block: &Json| part(format)(block).unwrap_or_else(|| message::generic(block));
    let mut parts: Vec<Json> = match &read.value {
        Json::List(blocks) => blocks.iter().filter(|block| !is_mark(block)).map(part).collect(),
        whole => match whole.get("parts") {
            Some(blocks) => blocks.items().iter().map(part).collect(),
            None => vec![part(whole)],
        },
    };
    if read.is_cut {
        parts.push(message::text(message::CUT));
    }
    Some(Json::List(parts))
}

/// The messages, or the prompt.
pub(super) fn messages(format: Format, content: &RequestContent) -> Option<Json> {
    let mut messages = Vec::new();
    if let Some(history) = &content.history {
        add(&mut messages, &read(history), cohere::message);
    }
    if let Some(input) = &content.input {
        add(&mut messages, &read(input), message(format));
    }
    (!messages.is_empty())
        .then(|| Json::List(messages.into_iter().map(|message| message.json(None)).collect()))
}

fn part(format: Format) -> fn(&Json) -> Option<Json> {
    match format {
        Format::Anthropic => anthropic::part,
        Format::Gemini => gemini::part,
        Format::BedrockConverse => bedrock::converse_part,
        Format::BedrockInvoke => bedrock::invoke_part,
        Format::OpenAiChat
        | Format::OpenAiCompletions
        | Format::OpenAiEmbeddings
        | Format::OpenAiResponses
        | Format::Ollama
        | Format::CohereV1
        | Format::CohereV2 => openai_chat::part,
    }
}

fn message(format: Format) -> fn(&Json) -> Message {
    match format {
        Format::OpenAiChat | Format::OpenAiCompletions | Format::OpenAiEmbeddings => openai_chat::message,
        Format::OpenAiResponses => openai_responses::message,
        Format::Anthropic => anthropic::message,
        Format::Gemini => gemini::message,
        Format::Ollama => ollama::message,
        Format::BedrockConverse => bedrock::converse_message,
        Format::BedrockInvoke => bedrock::invoke_message,
        Format::CohereV1 | Format::CohereV2 => cohere::message,
    }
}

fn add(messages: &mut Vec<Message>, read: &Read, message: fn(&Json) -> Message) {
    match &read.value {
        Json::List(items) if items.iter().any(|item| matches!(item, Json::Object(_))) => {
            messages.extend(items.iter().map(message));
        }
        whole @ Json::Object(_) => messages.push(message(whole)),
        prompt => messages.extend(plain::messages(prompt)),
    }
    if read.is_cut {
        messages.push(Message::new(USER, vec![message::text(message::CUT)]));
    }
}

/// Content, as far as it was read.
struct Read {
    value: Json,
    is_cut: bool,
}

fn read(content: &Kept) -> Read {
    let content = match content {
        Kept::Text(text) => return Read { value: text.as_str().into(), is_cut: false },
        Kept::Json(content) => content.as_str(),
    };
    match Json::parse(content) {
        Some(value) => Read { value, is_cut: false },
        None => {
            Read { value: Json::beginning(content).map_or_else(|| content.into(), Json::List), is_cut: true }
        }
    }
}

/// A message of `role` and `content`, the commonest form: a text, or a list of parts.
fn content_parts(message: &Json, part: fn(&Json) -> Option<Json>) -> Vec<Json> {
    let mut parts = Vec::new();
    match message.get("content") {
        None => {}
        Some(Json::Text(text)) => message::push_text(&mut parts, Some(text)),
        Some(Json::List(blocks)) => {
            let blocks = blocks.iter().filter(|block| !is_mark(block));
            parts.extend(blocks.map(|block| part(block).unwrap_or_else(|| message::generic(block))));
        }
        Some(other) => parts.push(message::generic(other)),
    }
    parts
}

/// Marks where a cache may begin are no content.
fn is_mark(block: &Json) -> bool {
    block.get("cachePoint").is_some()
}
