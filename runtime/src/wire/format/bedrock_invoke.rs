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
    for place in [root, root.get(Word::InferenceConfig), root.get(Word::TextGenerationConfig)] {
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

#[cfg(test)]
mod tests {
    use crate::wire::event_stream::tests::event;
    use crate::wire::facts::Format::BedrockInvoke;
    use crate::wire::facts::{Facts, Operation};
    use crate::wire::response::Head;
    use crate::wire::tests::{ask, embeddings, read, tools, unary};

    fn base64(text: &str) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in text.as_bytes().chunks(3) {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for digit in 0..4 {
                let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap();
                out.push(if digit <= chunk.len() { char::from(DIGITS[index]) } else { '=' });
            }
        }
        out
    }

    fn wrapped(documents: &[&str]) -> Facts {
        let frame =
            |document: &&str| event("chunk", &format!("{{\"bytes\":\"{}\",\"p\":\"ab\"}}", base64(document)));
        let body: Vec<u8> = documents.iter().flat_map(frame).collect();
        let head = Head::new(200).header("content-type", "application/vnd.amazon.eventstream");
        read(BedrockInvoke, Operation::Chat, true, &head, &body)
    }

    const METRICS: &str = r#""amazon-bedrock-invocationMetrics":{"inputTokenCount":8,"outputTokenCount":9,"cacheReadInputTokenCount":2}"#;

    #[test]
    fn whole_answers_are_told_by_their_form() {
        for (body, text, reason, input, output) in [
            (
                r#"{"type":"message","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#,
                "a",
                "end_turn",
                Some(1),
                Some(2),
            ),
            (
                r#"{"type":"completion","completion":"a","stop_reason":"stop_sequence"}"#,
                "a",
                "stop_sequence",
                None,
                None,
            ),
            (
                r#"{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2}}"#,
                "a",
                "end_turn",
                Some(1),
                Some(2),
            ),
            (
                r#"{"inputTextTokenCount":1,"results":[{"tokenCount":2,"outputText":"a","completionReason":"FINISH"}]}"#,
                "a",
                "FINISH",
                Some(1),
                Some(2),
            ),
            (
                r#"{"generation":"a","prompt_token_count":1,"generation_token_count":2,"stop_reason":"stop"}"#,
                "a",
                "stop",
                Some(1),
                Some(2),
            ),
            (r#"{"outputs":[{"text":"a","stop_reason":"length"}]}"#, "a", "length", None, None),
            (
                r#"{"choices":[{"index":0,"message":{"content":"a"},"stop_reason":"stop"}]}"#,
                "a",
                "stop",
                None,
                None,
            ),
            (
                r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
                "a",
                "stop",
                Some(1),
                Some(2),
            ),
            (
                r#"{"generations":[{"finish_reason":"COMPLETE","text":"a"}],"id":"x"}"#,
                "a",
                "COMPLETE",
                None,
                None,
            ),
            (r#"{"response_id":"r","text":"a","finish_reason":"MAX_TOKENS"}"#, "a", "MAX_TOKENS", None, None),
        ] {
            let facts = unary(BedrockInvoke, body);
            assert_eq!((facts.text(), facts.finish_reasons()), (Some(text), Some(vec![reason])), "{body}");
            assert_eq!((facts.usage.input, facts.usage.output), (input, output), "{body}");
        }
    }

    #[test]
    fn headers_count_where_the_body_does_not() {
        let head = Head::new(200)
            .header("x-amzn-bedrock-input-token-count", "10")
            .header("x-amzn-bedrock-output-token-count", "4")
            .header("x-amzn-bedrock-cache-read-input-token-count", "6");
        let facts = |body: &str| read(BedrockInvoke, Operation::Chat, false, &head, body.as_bytes()).usage;
        let usage = facts(r#"{"completion":"a","stop_reason":"stop"}"#);
        assert_eq!((usage.input, usage.output, usage.cache_read), (Some(16), Some(4), Some(6)));
        let usage = facts(r#"{"output":{"message":{"content":[]}},"usage":{"inputTokens":7}}"#);
        assert_eq!((usage.input, usage.output, usage.cache_read), (Some(7), Some(4), None), "count by count");
    }

    #[test]
    fn streams_are_wrapped_documents() {
        let claude = wrapped(&[
            r#"{"type":"message_start","message":{"id":"msg","model":"c","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"text":"a"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}"#,
            &format!("{{\"type\":\"message_stop\",{METRICS}}}"),
        ]);
        assert_eq!((claude.text(), tools(&claude.tool_calls)), (Some("a"), vec!["t:f".to_owned()]));
        assert_eq!((claude.usage.input, claude.usage.output), (Some(3), Some(5)), "the body's counts");
        assert_eq!(claude.stream_complete, Some(true));
        let nova = wrapped(&[
            r#"{"messageStart":{"role":"assistant"}}"#,
            r#"{"contentBlockDelta":{"delta":{"text":"a"},"contentBlockIndex":0}}"#,
            r#"{"messageStop":{"stopReason":"end_turn"}}"#,
            r#"{"metadata":{"usage":{"inputTokens":1,"outputTokens":2}}}"#,
        ]);
        assert_eq!(
            (nova.text(), nova.finish_reasons(), nova.usage.output),
            (Some("a"), Some(vec!["end_turn"]), Some(2))
        );
        let titan = wrapped(&[
            r#"{"outputText":"a","index":0,"totalOutputTextTokenCount":null,"completionReason":null,"inputTextTokenCount":4}"#,
            r#"{"outputText":"b","index":0,"totalOutputTextTokenCount":6,"completionReason":"FINISH","inputTextTokenCount":null}"#,
        ]);
        assert_eq!((titan.text(), titan.usage.input, titan.usage.output), (Some("ab"), Some(4), Some(6)));
        let old = wrapped(&[
            r#"{"type":"completion","completion":"a","stop_reason":null}"#,
            &format!(
                "{{\"type\":\"completion\",\"completion\":\"b\",\"stop_reason\":\"stop_sequence\",{METRICS}}}"
            ),
        ]);
        assert_eq!((old.text(), old.usage.input, old.usage.output), (Some("ab"), Some(10), Some(9)));
        let blocked = wrapped(&[r#"{"outputText":"no","amazon-bedrock-guardrailAction":"INTERVENED"}"#]);
        assert_eq!((blocked.finish_reasons(), blocked.stream_complete), (None, Some(true)));
        assert_eq!(wrapped(&[r#"{"outputText":"a"}"#]).stream_complete, Some(false));
    }

    #[test]
    fn vectors_in_every_vendors_form() {
        for body in [
            r#"{"embedding":[1,2,3],"inputTextTokenCount":5}"#,
            r#"{"embeddingsByType":{"float":[1,2,3]}}"#,
            r#"{"embeddings":[[1,2,3],[1]]}"#,
            r#"{"embeddings":{"float":[[1,2,3]]}}"#,
            r#"{"embeddings":[{"embeddingType":"TEXT","embedding":[1,2,3]}]}"#,
        ] {
            assert_eq!(embeddings(BedrockInvoke, body).embedding_dimensions, Some(3), "{body}");
        }
    }

    #[test]
    fn the_body_tells_what_is_asked_for() {
        let operation = |body: &str| ask(BedrockInvoke, body).operation.map(Operation::name);
        for (body, expected) in [
            (r#"{"messages":[]}"#, "chat"),
            (r#"{"prompt":"p"}"#, "text_completion"),
            (r#"{"inputs":"p","parameters":{"max_new_tokens":5}}"#, "text_completion"),
            (r#"{"inputText":"p","textGenerationConfig":{}}"#, "text_completion"),
            (r#"{"inputText":"p","dimensions":256}"#, "embeddings"),
            (r#"{"inputText":"p"}"#, "embeddings"),
            (r#"{"texts":["p"],"input_type":"search_query"}"#, "embeddings"),
            (r#"{"inputs":[{"content":[]}],"input_type":"search_query"}"#, "embeddings"),
            (r#"{"message":"p","chat_history":[]}"#, "chat"),
            (r#"{"message":"p"}"#, "chat"),
        ] {
            assert_eq!(operation(body), Some(expected), "{body}");
        }
        let titan = r#"{"inputText":"p","textGenerationConfig":{"maxTokenCount":5,"topP":0.5,"stopSequences":["x"]}}"#;
        assert_eq!(
            (ask(BedrockInvoke, titan).max_tokens, ask(BedrockInvoke, titan).top_p),
            (Some(5), Some(0.5))
        );
    }
}
