//! Every attribute key that llmetry writes. Nothing else in the crate spells one.

/// `gen_ai.operation.name`
pub(crate) const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
/// `gen_ai.workflow.name`
pub(crate) const GEN_AI_WORKFLOW_NAME: &str = "gen_ai.workflow.name";
/// `gen_ai.agent.name`
pub(crate) const GEN_AI_AGENT_NAME: &str = "gen_ai.agent.name";
/// `gen_ai.tool.name`
pub(crate) const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
/// `gen_ai.tool.type`
pub(crate) const GEN_AI_TOOL_TYPE: &str = "gen_ai.tool.type";
/// `gen_ai.conversation.id`
pub(crate) const GEN_AI_CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// `gen_ai.tool.call.arguments`: JSON, only when content is on.
pub(crate) const GEN_AI_TOOL_CALL_ARGUMENTS: &str = "gen_ai.tool.call.arguments";
/// `gen_ai.tool.call.result`: JSON, only when content is on.
pub(crate) const GEN_AI_TOOL_CALL_RESULT: &str = "gen_ai.tool.call.result";
/// `input.value`: JSON, only when content is on.
pub(crate) const INPUT_VALUE: &str = "input.value";
/// `input.mime_type`
pub(crate) const INPUT_MIME_TYPE: &str = "input.mime_type";
/// `output.value`: JSON, only when content is on.
pub(crate) const OUTPUT_VALUE: &str = "output.value";
/// `output.mime_type`
pub(crate) const OUTPUT_MIME_TYPE: &str = "output.mime_type";
/// `openinference.span.kind`: types the structural spans for backends that do not know the operations.
pub(crate) const OPENINFERENCE_SPAN_KIND: &str = "openinference.span.kind";
/// `user.id`
pub(crate) const USER_ID: &str = "user.id";
/// `error.type`
pub(crate) const ERROR_TYPE: &str = "error.type";
/// `exception.type`
pub(crate) const EXCEPTION_TYPE: &str = "exception.type";
/// `exception.message`
pub(crate) const EXCEPTION_MESSAGE: &str = "exception.message";
/// `llmetry.outcome`: `cancelled` for a future that was dropped before its end.
pub(crate) const LLMETRY_OUTCOME: &str = "llmetry.outcome";
/// `llmetry.stream.items`: how many items came out of a returned stream.
pub(crate) const LLMETRY_STREAM_ITEMS: &str = "llmetry.stream.items";
/// `llmetry.entity.version`: the `version` argument of the attribute.
pub(crate) const LLMETRY_ENTITY_VERSION: &str = "llmetry.entity.version";

/// `traceloop.span.kind`
pub(crate) const TRACELOOP_SPAN_KIND: &str = "traceloop.span.kind";
/// `traceloop.entity.name`
pub(crate) const TRACELOOP_ENTITY_NAME: &str = "traceloop.entity.name";
/// `traceloop.entity.version`: the `version` argument of the attribute.
pub(crate) const TRACELOOP_ENTITY_VERSION: &str = "traceloop.entity.version";
/// `traceloop.entity.path`: the tasks and tools around a span.
pub(crate) const TRACELOOP_ENTITY_PATH: &str = "traceloop.entity.path";
/// `traceloop.entity.input`: the arguments.
pub(crate) const TRACELOOP_ENTITY_INPUT: &str = "traceloop.entity.input";
/// `traceloop.entity.output`: the result.
pub(crate) const TRACELOOP_ENTITY_OUTPUT: &str = "traceloop.entity.output";
/// `traceloop.workflow.name`
pub(crate) const TRACELOOP_WORKFLOW_NAME: &str = "traceloop.workflow.name";
/// What stands before a property's key.
pub(crate) const TRACELOOP_ASSOCIATION_PROPERTIES: &str = "traceloop.association.properties.";
/// The conversation, as a property.
pub(crate) const TRACELOOP_SESSION_ID: &str = "traceloop.association.properties.session_id";
/// The user, as a property.
pub(crate) const TRACELOOP_USER_ID: &str = "traceloop.association.properties.user_id";

/// Read by the tree, written by whoever observes an LLM call.
#[cfg(any(feature = "stdout", feature = "llm"))]
pub(crate) const GEN_AI_REQUEST_MODEL: &str = "gen_ai.request.model";
/// Read by the tree too.
#[cfg(any(feature = "stdout", feature = "llm"))]
pub(crate) const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
/// What the names of all token counts begin with.
#[cfg(feature = "sdk")]
pub(crate) const GEN_AI_USAGE: &str = "gen_ai.usage.";
/// Read by the tree too.
#[cfg(any(feature = "stdout", feature = "llm"))]
pub(crate) const GEN_AI_USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Read by the tree too.
#[cfg(any(feature = "stdout", feature = "llm"))]
pub(crate) const GEN_AI_USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";

// Of calls to models; what they mean is said by the GenAI conventions, and by `llm`.
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_PROVIDER_NAME: &str = "gen_ai.provider.name";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_STREAM: &str = "gen_ai.request.stream";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_TOP_P: &str = "gen_ai.request.top_p";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_TOP_K: &str = "gen_ai.request.top_k";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_FREQUENCY_PENALTY: &str = "gen_ai.request.frequency_penalty";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_PRESENCE_PENALTY: &str = "gen_ai.request.presence_penalty";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_SEED: &str = "gen_ai.request.seed";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_STOP_SEQUENCES: &str = "gen_ai.request.stop_sequences";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_CHOICE_COUNT: &str = "gen_ai.request.choice.count";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_REASONING_LEVEL: &str = "gen_ai.request.reasoning.level";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_OUTPUT_TYPE: &str = "gen_ai.output.type";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_ENCODING_FORMATS: &str = "gen_ai.request.encoding_formats";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID: &str = "gen_ai.request.previous_response.id";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_RESPONSE_ID: &str = "gen_ai.response.id";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_USAGE_TOTAL_TOKENS: &str = "gen_ai.usage.total_tokens";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: &str = "gen_ai.usage.cache_write.input_tokens";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_EMBEDDINGS_DIMENSION_COUNT: &str = "gen_ai.embeddings.dimension.count";
#[cfg(feature = "llm")]
pub(crate) const OPENAI_API_TYPE: &str = "openai.api.type";
#[cfg(feature = "llm")]
pub(crate) const OPENAI_RESPONSE_SERVICE_TIER: &str = "openai.response.service_tier";
#[cfg(feature = "llm")]
pub(crate) const OPENAI_RESPONSE_SYSTEM_FINGERPRINT: &str = "openai.response.system_fingerprint";
#[cfg(feature = "llm")]
pub(crate) const SERVER_ADDRESS: &str = "server.address";
#[cfg(feature = "llm")]
pub(crate) const SERVER_PORT: &str = "server.port";
#[cfg(feature = "llm")]
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
#[cfg(feature = "llm")]
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_INPUT_MESSAGES: &str = "gen_ai.input.messages";
#[cfg(feature = "llm")]
pub(crate) const GEN_AI_OUTPUT_MESSAGES: &str = "gen_ai.output.messages";

/// Key prefixes that belong to conventions; a user's property may not start with one.
const RESERVED: [&str; 10] = [
    "gen_ai.",
    "openinference.",
    "traceloop.",
    "llm.",
    "input.",
    "output.",
    "langfuse.",
    "otel.",
    "service.",
    "telemetry.",
];

/// Whether `key` lies in a namespace that a convention owns.
pub(crate) fn is_reserved(key: &str) -> bool {
    RESERVED.iter().any(|prefix| key.starts_with(prefix))
}
