//! The dialect `genai`: OpenTelemetry GenAI names plus OpenInference kinds where backends need them.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;

use super::keys;
use crate::record::{Ending, Event, Inherited, Kind, Site, SpanRecord};

/// The span's name: the operation and the entity's name, the bare name for a task, which has no operation.
pub(super) fn name(site: &Site) -> Cow<'static, str> {
    match operation(site.kind) {
        Some(operation) => Cow::Owned(format!("{operation} {}", site.name)),
        None => Cow::Borrowed(site.name),
    }
}

fn operation(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Workflow => Some("invoke_workflow"),
        Kind::Agent => Some("invoke_agent"),
        Kind::Tool => Some("execute_tool"),
        Kind::Task | Kind::Call => None,
    }
}

/// The attributes of an annotated function, then what it inherited; what its user added is not here.
pub(super) fn attributes(site: &'static Site, inherited: Option<&Inherited>) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(8);
    add_operation(site, &mut attributes);
    let openinference = match site.kind {
        Kind::Workflow | Kind::Task => Some("CHAIN"),
        Kind::Agent => Some("AGENT"),
        // The operation alone types a tool everywhere, and a call.
        Kind::Tool | Kind::Call => None,
    };
    if let Some(kind) = openinference {
        attributes.push(KeyValue::new(keys::OPENINFERENCE_SPAN_KIND, kind));
    }
    if let Some(version) = version(site) {
        attributes.push(KeyValue::new(keys::LLMETRY_ENTITY_VERSION, version));
    }
    if let Some(inherited) = inherited {
        add_inherited(inherited, &mut attributes);
    }
    attributes
}

/// What the function does, in OpenTelemetry's own keys.
pub(super) fn add_operation(site: &'static Site, attributes: &mut Vec<KeyValue>) {
    if let Some(operation) = operation(site.kind) {
        attributes.push(KeyValue::new(keys::GEN_AI_OPERATION_NAME, operation));
    }
    match site.kind {
        Kind::Workflow => attributes.push(KeyValue::new(keys::GEN_AI_WORKFLOW_NAME, site.name)),
        Kind::Tool => {
            attributes.push(KeyValue::new(keys::GEN_AI_TOOL_NAME, site.name));
            attributes.push(KeyValue::new(keys::GEN_AI_TOOL_TYPE, "function"));
        }
        // An agent's name is inherited by everything inside, itself included.
        Kind::Agent | Kind::Task | Kind::Call => {}
    }
}

/// The version, as attributes know numbers.
pub(super) fn version(site: &Site) -> Option<i64> {
    site.version.map(|version| i64::try_from(version).unwrap_or(i64::MAX))
}

/// What a span takes over from the spans around it, foreign spans too.
pub(super) fn add_inherited(inherited: &Inherited, attributes: &mut Vec<KeyValue>) {
    let named = [
        (keys::GEN_AI_CONVERSATION_ID, &inherited.conversation_id),
        (keys::USER_ID, &inherited.user_id),
        (keys::GEN_AI_AGENT_NAME, &inherited.agent_name),
    ];
    let named = named.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value.clone()?)));
    let properties =
        inherited.properties.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    attributes.extend(named.chain(properties));
}

/// Captured arguments and result, both JSON.
pub(super) fn content(
    site: &Site,
    input: Option<&str>,
    output: Option<&str>,
    attributes: &mut Vec<KeyValue>,
) {
    let (input_keys, output_keys) = match site.kind {
        Kind::Tool => ((keys::GEN_AI_TOOL_CALL_ARGUMENTS, None), (keys::GEN_AI_TOOL_CALL_RESULT, None)),
        Kind::Workflow | Kind::Task | Kind::Agent | Kind::Call => (
            (keys::INPUT_VALUE, Some(keys::INPUT_MIME_TYPE)),
            (keys::OUTPUT_VALUE, Some(keys::OUTPUT_MIME_TYPE)),
        ),
    };
    for (text, (key, mime_type)) in [(input, input_keys), (output, output_keys)] {
        let Some(text) = text else { continue };
        attributes.push(KeyValue::new(key, text.to_owned()));
        attributes.extend(mime_type.map(|key| KeyValue::new(key, "application/json")));
    }
}

/// Status of a finished span; the attributes and the event that go with it are appended.
pub(crate) fn outcome(
    record: &SpanRecord,
    attributes: &mut Vec<KeyValue>,
    mut push_event: impl FnMut(Event),
    end: std::time::SystemTime,
) -> Status {
    let error = record.extra.as_ref().and_then(|extra| extra.error.as_ref());
    match record.ending {
        Ending::Panicked => {
            attributes.push(KeyValue::new(keys::ERROR_TYPE, "panic"));
            return Status::error("panic");
        }
        Ending::Cancelled => {
            attributes.push(KeyValue::new(keys::LLMETRY_OUTCOME, "cancelled"));
            return Status::Unset;
        }
        Ending::Incomplete { .. } => attributes.push(KeyValue::new(keys::LLMETRY_OUTCOME, "incomplete")),
        Ending::Returned => {}
    }
    match (record.ending, error) {
        (_, Some(error)) => {
            attributes.push(KeyValue::new(keys::ERROR_TYPE, error.type_name.clone()));
            if error.with_event {
                let mut exception = vec![KeyValue::new(keys::EXCEPTION_TYPE, error.type_name.clone())];
                if let Some(message) = &error.message {
                    exception.push(KeyValue::new(keys::EXCEPTION_MESSAGE, message.clone()));
                }
                push_event(Event { name: Cow::Borrowed("exception"), time: end, attributes: exception });
            }
            Status::error(error.message.clone().unwrap_or_default())
        }
        (Ending::Incomplete { failed: true }, None) => {
            Status::error("the process failed while the span was open")
        }
        (_, None) => Status::Unset,
    }
}
