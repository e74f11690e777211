//! What a provider says went wrong.
//!
//! Shapes: `{"error": {"code", "type", "status", "message", "details": [{"reason"}]}}` (OpenAI, Anthropic, Google and those that do
//! as they do), the same without the outer object (older vLLM, Mistral), `{"__type", "message"}` (AWS), `{"message"}` (Cohere, Bedrock),
//! `{"error": "…", "error_type"}` (Hugging Face), `{"error": "…"}` (Ollama).

use super::draft::Draft;
use super::facts::WireError;
use super::json::Value;
use super::words::Word;

/// The words of an error's body, the most specific one first. Nothing if there is no error in it.
pub(super) fn inside(root: Value<'_>) -> Option<WireError> {
    let error = root.get(Word::Error);
    // Some answers that went well have an `error` that is empty.
    if error.is_object() {
        let found = words(error);
        return (!found.names.is_empty() || found.message.is_some() || has_message(error)).then_some(found);
    }
    error.has_text().then(|| {
        let mut found = WireError::default();
        push(&mut found.names, root.get(Word::ErrorType));
        found.message = error.string();
        found
    })
}

/// An error status: the body's words, and the status.
pub(super) fn of_status(root: Value<'_>, status: u16, header: Option<&str>) -> WireError {
    // Google's streams without events have a list around everything.
    let root = root.items().next().unwrap_or(root);
    let mut error = inside(root).unwrap_or_else(|| words(root));
    // `ValidationException:http://internal.amazon.com/…`, `com.amazon.coral.service#ValidationException`
    if let Some(name) = header.map(short_name).filter(|name| !name.is_empty()) {
        insert(&mut error.names, 0, name.to_owned());
    }
    insert(&mut error.names, usize::MAX, status.to_string());
    error
}

/// An error in mid-stream whose name stands outside of its body.
pub(super) fn named(name: &str, root: Value<'_>, draft: &mut Draft) {
    let mut error = inside(root).unwrap_or_else(|| words(root));
    insert(&mut error.names, 0, name.to_owned());
    draft.error(error);
}

/// An event that is an error, its words inside an object or not.
pub(super) fn event(root: Value<'_>, draft: &mut Draft) {
    draft.error(inside(root).unwrap_or_else(|| words(root)));
}

/// An error inside an answer that began well.
pub(super) fn in_answer(root: Value<'_>, draft: &mut Draft) {
    if let Some(error) = inside(root) {
        draft.error(error);
    }
}

fn has_message(error: Value<'_>) -> bool {
    error.get(Word::Message).has_text()
}

fn words(error: Value<'_>) -> WireError {
    let mut names = Vec::new();
    let code = error.get(Word::Code);
    if code.text().is_some_and(|code| !is_number(&code)) {
        push(&mut names, code);
    }
    // `error` is the type of the object around it, no word for what went wrong.
    if let Some(name) = error.get(Word::UnderscoreType).text() {
        insert(&mut names, usize::MAX, short_name(&name).to_owned());
    }
    for word in [Word::Type, Word::Status, Word::ErrorType] {
        if error.get(word).text().is_some_and(|text| text != "error" && !is_number(&text)) {
            push(&mut names, error.get(word));
        }
    }
    for detail in error.get(Word::Details).items() {
        push(&mut names, detail.get(Word::Reason));
    }
    if let Some(number) = code.int().map(|int| int.to_string()) {
        insert(&mut names, usize::MAX, number);
    }
    push(&mut names, code);
    let message = [Word::Message, Word::Detail].into_iter().find_map(|word| error.get(word).string());
    WireError { names, message }
}

fn push(names: &mut Vec<String>, value: Value<'_>) {
    if let Some(name) = value.string() {
        insert(names, usize::MAX, name);
    }
}

fn insert(names: &mut Vec<String>, at: usize, name: String) {
    if !names.contains(&name) {
        names.insert(at.min(names.len()), name);
    }
}

/// AWS writes a name's home before or behind it.
fn short_name(name: &str) -> &str {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    name.rsplit('#').next().unwrap_or(name).trim()
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
