//! Prompts without roles: a text, several of them, or lists of tokens.
//!
//! Documented: OpenAI's older completions take `prompt` as a text, a list of texts (each is answered on its own), a list of tokens or a
//! list of such lists; Llama, Titan, Cohere's `generate` and Ollama's `generate` take a text.

use super::super::json::Json;
use super::super::message::{self, Message, USER};

pub(super) fn messages(prompt: &Json) -> Vec<Message> {
    let of = |part| Message::new(USER, vec![part]);
    match prompt {
        Json::Text(text) => vec![of(message::text(text))],
        Json::List(prompts) if prompts.iter().all(|prompt| prompt.text().is_some()) => {
            prompts.iter().filter_map(Json::text).map(|prompt| of(message::text(prompt))).collect()
        }
        other => vec![of(message::generic(other))],
    }
}
