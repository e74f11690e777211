//! What was said to a model and by it, as messages in the JSON schema of OpenTelemetry's GenAI conventions.
//!
//! In: the provider's own JSON of a request and the facts of an answer, both of `wire`. Out: [`Json`] for each attribute, to be written,
//! bounded and masked by `content`. Does not: decide whether content is captured, read bodies, or fail. What is not understood becomes a
//! part of type `generic` with all that stood there; what the reader of the wire had to cut off leaves a mark. Texts to embed are not
//! captured, definitions of tools neither.
//!
//! | question | file |
//! | --- | --- |
//! | what was asked? | `input/`, a file a family of formats |
//! | what was answered? | `output` |
//! | how does a message look? | `message` |

mod input;
mod json;
mod message;
mod output;
#[cfg(test)]
mod tests;

use crate::semconv::keys;
use crate::wire::{Facts, Format, Operation, RequestContent};

pub(crate) use self::json::Json;

/// An attribute's key and its value.
pub(crate) type Captured = (&'static str, Json);

/// What was asked: instructions that stand apart, and messages. Nothing of a request that was read without content.
pub(crate) fn request(
    format: Format,
    operation: Operation,
    content: &RequestContent,
) -> impl Iterator<Item = Captured> + use<> {
    let is_conversation = operation != Operation::Embeddings;
    let system = is_conversation.then(|| input::system(format, content)).flatten();
    let messages = is_conversation.then(|| input::messages(format, content)).flatten();
    [(keys::GEN_AI_SYSTEM_INSTRUCTIONS, system), (keys::GEN_AI_INPUT_MESSAGES, messages)]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
}

/// What was answered, a message a choice; to be asked only if the answer was read with content.
pub(crate) fn response(facts: &Facts) -> Option<Captured> {
    Some((keys::GEN_AI_OUTPUT_MESSAGES, output::messages(facts)?))
}
