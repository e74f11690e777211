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
#[cfg(feature = "stdout")]
pub(crate) const GEN_AI_REQUEST_MODEL: &str = "gen_ai.request.model";
/// Read by the tree.
#[cfg(feature = "stdout")]
pub(crate) const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Read by the tree.
#[cfg(feature = "stdout")]
pub(crate) const GEN_AI_USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Read by the tree.
#[cfg(feature = "stdout")]
pub(crate) const GEN_AI_USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";

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
