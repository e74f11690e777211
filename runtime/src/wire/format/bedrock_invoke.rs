//! Bedrock `InvokeModel` (`/model/{id}/invoke`, `/invoke-with-response-stream`): bodies of the model's own making.
//!
//! Documented: the bodies of Anthropic (Messages, and the older `prompt`), Amazon Nova (Converse's form), Titan text and embeddings,
//! Cohere, Llama, Mistral, and those that speak OpenAI's chat. A model may be an opaque ARN, so the body's own form tells whose it
//! is. A stream is of AWS frames, each with a document of the model wrapped in base64 under `bytes`; the last one has
//! `amazon-bedrock-invocationMetrics`. The headers `x-amzn-bedrock-*-token-count` count where the body does not (Claude 2, Mistral,
//! Cohere); they leave cached tokens out, too.

use super::{anthropic, bedrock_converse, cohere, openai_chat, openai_embeddings, parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::{Operation, RequestFacts, Usage};
use crate::wire::json::Value;
use crate::wire::response::Head;
use crate::wire::words::Word;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    for place in [
        root,
        root.get(Word::InferenceConfig),
        root.get(Word::TextGenerationConfig),
        root.get(Word::Parameters),
    ] {
        parameters::sampling(place, facts);
    }
    let embedding = root.get(Word::SingleEmbeddingParams);
    facts.dimensions = parameters::first(root, &[Word::Dimensions, Word::OutputDimension], Value::int)
        .or_else(|| embedding.get(Word::EmbeddingDimension).int());
    facts.encoding_formats = root.get(Word::EmbeddingTypes).texts();
    let is_embedding = embedding.exists()
        || [
            Word::InputTexts,
            Word::InputType,
            Word::EmbeddingTypes,
            Word::EmbeddingsTypes,
            Word::OutputDimension,
            Word::Dimensions,
        ]
        .iter()
        .any(|word| root.get(*word).exists());
    facts.operation = if root.get(Word::Messages).exists() || root.get(Word::ChatHistory).exists() {
        Some(Operation::Chat)
    } else if is_embedding {
        Some(Operation::Embeddings)
    } else if [Word::Prompt, Word::Inputs, Word::TextGenerationConfig]
        .iter()
        .any(|word| root.get(*word).exists())
    {
        Some(Operation::TextCompletion)
    } else if root.get(Word::InputText).exists() {
        // Titan's texts and embeddings both have `inputText`; the model's name tells, if it can be read.
        let is_titan_text = facts.model.as_deref().is_some_and(|model| model.contains("titan-text"));
        Some(if is_titan_text { Operation::TextCompletion } else { Operation::Embeddings })
    } else if root.get(Word::Message).exists() {
        Some(Operation::Chat)
    } else {
        None
    };
    let input =
        [Word::Messages, Word::Prompt, Word::InputText, Word::InputTexts, Word::Inputs, Word::Message];
    parameters::content(root, &[Word::System, Word::Preamble], &input, facts);
}

pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    document(root, draft);
    errors::in_answer(root, draft);
}

pub(super) fn event(root: Value<'_>, draft: &mut Draft) {
    document(root, draft);
    // Claude's and Nova's events have names of their own.
    if root.get(Word::Type).exists() {
        anthropic::event("", root, draft);
    }
    for (word, name) in [
        (Word::BlockStart, "contentBlockStart"),
        (Word::BlockDelta, "contentBlockDelta"),
        (Word::MessageStop, "messageStop"),
        (Word::Metadata, "metadata"),
    ] {
        if root.get(word).is_object() {
            bedrock_converse::event(name, root.get(word), draft);
        }
    }
    // A guardrail's answer is one document, the only one.
    draft.is_complete |= root.get(Word::GuardrailAction).text().as_deref() == Some("INTERVENED");
    let metrics = root.get(Word::InvocationMetrics);
    if metrics.is_object() {
        draft.is_complete = true;
        if draft.facts.usage == Usage::default() {
            let parts = usage::Parts {
                fresh: metrics.get(Word::InputTokenCount).count(),
                output: metrics.get(Word::OutputTokenCount).count(),
                read: metrics.get(Word::CacheReadCount).count(),
                write: metrics.get(Word::CacheWriteCount).count(),
                reasoning: None,
            };
            draft.usage(parts.usage());
        }
    }
}

fn document(root: Value<'_>, draft: &mut Draft) {
    if root.get(Word::Choices).exists() {
        openai_chat::answer(root, draft);
        // Mistral and DeepSeek have another word here; vLLM's `stop_reason` beside a finish reason is something else.
        for (place, choice) in root.get(Word::Choices).items().enumerate() {
            if !choice.get(Word::FinishReason).exists() {
                let index = choice.get(Word::Index).count().unwrap_or(place as u64);
                draft.finish_reason(index, choice.get(Word::StopReason));
            }
        }
        return;
    }
    if root.get(Word::Output).get(Word::Message).is_object() {
        return bedrock_converse::answer(root, draft);
    }
    if root.get(Word::Type).text().as_deref() == Some("message") {
        return anthropic::answer(root, draft);
    }
    if root.get(Word::Type).text().as_deref() == Some("completion") || root.get(Word::Completion).exists() {
        draft.choice(0);
        draft.text(0, root.get(Word::Completion));
        draft.finish_reason(0, root.get(Word::StopReason));
    } else if root.get(Word::Results).exists() || root.get(Word::OutputText).exists() {
        titan(root, draft);
    } else if root.get(Word::Generation).exists() {
        draft.choice(0);
        draft.text(0, root.get(Word::Generation));
        draft.finish_reason(0, root.get(Word::StopReason));
        let input = root.get(Word::PromptTokenCountSnake).count();
        let output = root.get(Word::GenerationTokenCount).count();
        if input.is_some() || output.is_some() {
            let before = draft.facts.usage;
            let (input, output) = (input.or(before.input), output.or(before.output));
            draft.usage(Usage { input, output, ..Usage::default() });
        }
    } else if root.get(Word::Outputs).exists() {
        for (index, output) in root.get(Word::Outputs).items().enumerate() {
            draft.choice(index as u64);
            draft.text(index as u64, output.get(Word::Text));
            draft.finish_reason(index as u64, output.get(Word::StopReason));
        }
    } else if root.get(Word::EventType).exists() {
        cohere::event_v1(root, draft);
    } else if [Word::Generations, Word::FinishReason, Word::Text].iter().any(|word| root.get(*word).exists())
    {
        cohere::answer_v1(None, root, draft);
    }
    vectors(root, draft);
}

fn titan(root: Value<'_>, draft: &mut Draft) {
    let mut output = None;
    for (index, result) in root.get(Word::Results).items().enumerate() {
        draft.choice(index as u64);
        draft.text(index as u64, result.get(Word::OutputText));
        draft.finish_reason(index as u64, result.get(Word::CompletionReason));
        output = match (output, result.get(Word::TokenCount).count()) {
            (Some(sum), Some(count)) => Some(count.saturating_add(sum)),
            (sum, count) => count.or(sum),
        };
    }
    if root.get(Word::OutputText).exists() {
        let index = root.get(Word::Index).count().unwrap_or(0);
        draft.choice(index);
        draft.text(index, root.get(Word::OutputText));
        draft.finish_reason(index, root.get(Word::CompletionReason));
        output = root.get(Word::TotalTokenCountOutput).count();
    }
    let before = draft.facts.usage;
    let input = root.get(Word::InputTextTokenCount).count().or(before.input);
    draft.usage(Usage { input, output: output.or(before.output), ..Usage::default() });
}

fn vectors(root: Value<'_>, draft: &mut Draft) {
    if root.get(Word::Embedding).exists() || root.get(Word::EmbeddingsByType).exists() {
        let by_type = root.get(Word::EmbeddingsByType).get(Word::FloatVectors);
        let vector = if root.get(Word::Embedding).exists() { root.get(Word::Embedding) } else { by_type };
        draft.facts.embedding_dimensions = openai_embeddings::dimensions(vector);
        let input = root.get(Word::InputTextTokenCount).count();
        draft.usage(Usage { input, ..Usage::default() });
    } else if root.get(Word::Embeddings).exists() {
        draft.id(root.get(Word::Id));
        draft.facts.embedding_dimensions = cohere::dimensions(root.get(Word::Embeddings));
    }
}

/// What the headers count, for bodies that do not.
pub(crate) fn usage_of_headers(head: &Head) -> Usage {
    let parts = usage::Parts {
        fresh: head.input_tokens,
        output: head.output_tokens,
        read: head.cache_read_tokens,
        write: head.cache_write_tokens,
        reasoning: None,
    };
    parts.usage()
}
