//! The span of a call to a model: its name, and what request and answer say, in the words of OpenTelemetry's GenAI conventions.
//!
//! In: route and facts of `wire`. Out: attributes. The same in all dialects. Does not: read bodies, decide when a span is written, or
//! write messages (`messages` does).

use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::keys;
use crate::wire::{Facts, Format, Operation, RequestFacts, Route};

/// Whom a call goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) port: Option<u16>,
}

/// `{operation} {model}`, or the method of a call that is none to a model.
pub(crate) fn name(method: &str, operation: Option<Operation>, model: Option<&str>) -> Cow<'static, str> {
    match (operation, model) {
        (Some(operation), Some(model)) => Cow::Owned(format!("{} {model}", operation.name())),
        (Some(operation), None) => Cow::Borrowed(operation.name()),
        (None, _) => Cow::Owned(method.to_owned()),
    }
}

/// What is known when the call begins: what a sampler or a live view would want to see.
pub(crate) fn request(
    method: &str,
    server: &Server,
    route: &Route,
    operation: Option<Operation>,
    facts: &RequestFacts,
) -> Vec<KeyValue> {
    let mut list = List(Vec::with_capacity(16));
    match operation {
        Some(operation) => {
            list.put(keys::GEN_AI_OPERATION_NAME, Some(operation.name()));
            list.put(keys::GEN_AI_PROVIDER_NAME, provider(route));
        }
        None => list.put(keys::HTTP_REQUEST_METHOD, Some(method.to_owned())),
    }
    list.put(keys::GEN_AI_REQUEST_MODEL, facts.model.clone());
    list.put(keys::SERVER_ADDRESS, Some(server.address.clone()).filter(|address| !address.is_empty()));
    list.put(keys::SERVER_PORT, server.port.map(i64::from));
    list.put(keys::OPENAI_API_TYPE, api_type(route.format));
    list.put(keys::GEN_AI_REQUEST_STREAM, Some(true).filter(|_| facts.stream));
    list.put(keys::GEN_AI_REQUEST_TEMPERATURE, facts.temperature);
    list.put(keys::GEN_AI_REQUEST_TOP_P, facts.top_p);
    list.put(keys::GEN_AI_REQUEST_TOP_K, facts.top_k);
    list.put(keys::GEN_AI_REQUEST_MAX_TOKENS, facts.max_tokens);
    list.put(keys::GEN_AI_REQUEST_FREQUENCY_PENALTY, facts.frequency_penalty);
    list.put(keys::GEN_AI_REQUEST_PRESENCE_PENALTY, facts.presence_penalty);
    list.put(keys::GEN_AI_REQUEST_SEED, facts.seed);
    list.put(keys::GEN_AI_REQUEST_STOP_SEQUENCES, texts(&facts.stop_sequences));
    list.put(keys::GEN_AI_REQUEST_CHOICE_COUNT, facts.choice_count.filter(|count| *count != 1));
    list.put(keys::GEN_AI_REQUEST_REASONING_LEVEL, facts.reasoning_level.clone());
    list.put(keys::GEN_AI_OUTPUT_TYPE, facts.output_type);
    list.put(keys::GEN_AI_REQUEST_ENCODING_FORMATS, texts(&facts.encoding_formats));
    list.put(keys::GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID, facts.previous_response_id.clone());
    list.0
}

/// The provider of a call, by its name.
pub(crate) fn provider_name(name: &str) -> KeyValue {
    KeyValue::new(keys::GEN_AI_PROVIDER_NAME, name.to_owned())
}

/// What the answer said, written once, at its end. `first_chunk` is in seconds since the request began.
pub(crate) fn response(facts: &Facts, first_chunk: Option<f64>) -> Vec<KeyValue> {
    let mut list = List(Vec::with_capacity(16));
    let usage = &facts.usage;
    list.put(keys::GEN_AI_RESPONSE_ID, facts.id.clone());
    list.put(keys::GEN_AI_RESPONSE_MODEL, facts.model.clone());
    let reasons = facts.finish_reasons().unwrap_or_default();
    list.put(keys::GEN_AI_RESPONSE_FINISH_REASONS, texts(&reasons));
    list.put(keys::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, first_chunk);
    list.put(keys::GEN_AI_USAGE_INPUT_TOKENS, count(usage.input));
    list.put(keys::GEN_AI_USAGE_OUTPUT_TOKENS, count(usage.output));
    let total = match (usage.input, usage.output) {
        (Some(input), Some(output)) => Some(input.saturating_add(output)),
        (Some(input), None) if facts.embedding_dimensions.is_some() => Some(input),
        _ => None,
    };
    list.put(keys::GEN_AI_USAGE_TOTAL_TOKENS, count(total));
    list.put(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, count(usage.cache_read));
    list.put(keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, count(usage.cache_write));
    // The name that the convention had before: several backends read only that.
    list.put(keys::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS, count(usage.cache_write));
    list.put(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, count(usage.reasoning));
    list.put(keys::GEN_AI_EMBEDDINGS_DIMENSION_COUNT, count(facts.embedding_dimensions));
    list.put(keys::OPENAI_RESPONSE_SERVICE_TIER, facts.service_tier.clone());
    list.put(keys::OPENAI_RESPONSE_SYSTEM_FINGERPRINT, facts.system_fingerprint.clone());
    list.0
}

/// The status code of an answer that is an error, or of a call that is none to a model.
pub(crate) fn status(code: u16) -> KeyValue {
    KeyValue::new(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(code))
}

/// By the host; a host that nobody knows is named by what it speaks, as the convention has it.
fn provider(route: &Route) -> Option<&'static str> {
    let spoken = route.format.map(|format| match format {
        Format::OpenAiChat
        | Format::OpenAiCompletions
        | Format::OpenAiEmbeddings
        | Format::OpenAiResponses => "openai",
        Format::Anthropic => "anthropic",
        Format::Gemini => "gcp.gemini",
        Format::Ollama => "ollama",
        Format::BedrockConverse | Format::BedrockInvoke => "aws.bedrock",
        Format::CohereV1 | Format::CohereV2 => "cohere",
    });
    route.provider.or(route.provider_hint).or(spoken)
}

fn api_type(format: Option<Format>) -> Option<&'static str> {
    match format? {
        Format::OpenAiChat => Some("chat_completions"),
        Format::OpenAiResponses => Some("responses"),
        _ => None,
    }
}

fn count(tokens: Option<u64>) -> Option<i64> {
    tokens.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX))
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Option<Value> {
    let list = || texts.iter().map(|text| StringValue::from(text.as_ref().to_owned())).collect();
    (!texts.is_empty()).then(|| Value::Array(Array::String(list())))
}

struct List(Vec<KeyValue>);

impl List {
    fn put(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        self.0.extend(value.map(|value| KeyValue::new(key, value)));
    }
}
