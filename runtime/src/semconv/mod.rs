//! The words of the conventions: attribute keys, span names, and which of them a record gets.
//!
//! In: a finished [`SpanRecord`](crate::record::SpanRecord), and the [`Convention`]. Out: span name, attributes, events and status; and
//! which values a convention wants to be handed on to the spans inside. Does not: know spans in flight, exporters or configuration.
//!
//! A file a dialect. What an outcome looks like is the same in all of them.

mod genai;
pub(crate) mod keys;
#[cfg(feature = "llm")]
pub(crate) mod llm;
mod traceloop;

use std::borrow::Cow;

use opentelemetry::KeyValue;

#[cfg(feature = "sdk")]
pub(crate) use self::genai::outcome;
use crate::record::{Inherited, Kind, Site};

/// In which words spans are written: their names and the keys of their attributes.
///
/// Set by `Builder::convention` or `LLMETRY_CONVENTION`. Which spans there are, their parents, times and statuses are the same in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Convention {
    /// OpenTelemetry's conventions for generative AI, with `openinference.span.kind` for backends that do not know workflows and
    /// tasks by those. The default.
    ///
    /// `#[tool] fn search` is the span `execute_tool search`.
    #[default]
    GenAi,
    /// OpenLLMetry's, for Traceloop and for dashboards that were made with its SDK.
    ///
    /// `#[tool] fn search` is the span `search.tool`, with `traceloop.span.kind`, `traceloop.entity.name` and
    /// `traceloop.entity.version`; `traceloop.workflow.name` and `traceloop.entity.path` stand on every span inside, foreign ones too;
    /// user, conversation and properties are `traceloop.association.properties.…`. The keys of OpenTelemetry (`gen_ai.…`) stay beside
    /// them, `openinference.span.kind` does not.
    Traceloop,
}

/// The span's name.
pub(crate) fn name(convention: Convention, site: &Site) -> Cow<'static, str> {
    match convention {
        Convention::GenAi => genai::name(site),
        Convention::Traceloop => traceloop::name(site),
    }
}

/// The attributes of an annotated function, then what it inherited; what its user added is not here.
pub(crate) fn attributes(
    convention: Convention,
    site: &'static Site,
    inherited: Option<&Inherited>,
) -> Vec<KeyValue> {
    match convention {
        Convention::GenAi => genai::attributes(site, inherited),
        Convention::Traceloop => traceloop::attributes(site, inherited),
    }
}

/// Captured arguments and result, both JSON.
pub(crate) fn content(
    convention: Convention,
    site: &Site,
    input: Option<&str>,
    output: Option<&str>,
    attributes: &mut Vec<KeyValue>,
) {
    match convention {
        Convention::GenAi => genai::content(site, input, output, attributes),
        Convention::Traceloop => traceloop::content(input, output, attributes),
    }
}

/// Whether `operation`, the value of `gen_ai.operation.name`, is a call to a model, and not work around one.
#[cfg(feature = "llm")]
pub(crate) fn is_model_call(operation: &opentelemetry::Value) -> bool {
    const AROUND: [&str; 7] =
        ["create_agent", "execute_tool", "invoke_agent", "invoke_workflow", "plan", "retrieval", "run_step"];
    !AROUND.contains(&&*operation.as_str())
}

/// Makes numbers of token counts that came as text: `tracing` has unsigned numbers and OpenTelemetry has none, so the layer between
/// them writes text, which no backend adds up.
#[cfg(feature = "sdk")]
pub(crate) fn count_tokens(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if attribute.key.as_str().starts_with(keys::GEN_AI_USAGE)
            && let opentelemetry::Value::String(text) = &attribute.value
            && let Ok(count) = text.as_str().parse::<i64>()
        {
            attribute.value = count.into();
        }
    }
}

/// What a foreign span takes over from the spans around it.
pub(crate) fn inherited_attributes(convention: Convention, inherited: &Inherited) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(8);
    match convention {
        Convention::GenAi => genai::add_inherited(inherited, &mut attributes),
        Convention::Traceloop => traceloop::add_inherited(inherited, None, &mut attributes),
    }
    attributes
}

/// Whether a span of `kind` hands on more than it took over. Asked at every start.
#[inline]
pub(crate) fn adds_to_inherited(convention: Convention, kind: Kind) -> bool {
    kind == Kind::Agent || convention == Convention::Traceloop
}

/// What the span of `site` hands on to the spans inside, with `around` around it.
#[inline(never)]
pub(crate) fn handed_on(
    convention: Convention,
    site: &'static Site,
    around: Option<&Inherited>,
) -> Inherited {
    let mut inherited = around.cloned().unwrap_or_default();
    if site.kind == Kind::Agent {
        inherited.agent_name = Some(site.name.into());
    }
    if convention == Convention::Traceloop {
        traceloop::hand_on(site, &mut inherited);
    }
    inherited
}

#[cfg(all(test, feature = "sdk"))]
mod tests {
    use super::*;

    #[test]
    fn only_token_counts_that_are_numbers_become_numbers() {
        let text = |key: &'static str, value: &'static str| KeyValue::new(key, value);
        let mut attributes = [
            text("gen_ai.usage.input_tokens", "11"),
            text("gen_ai.usage.reasoning_tokens", "0"),
            text("gen_ai.usage.input_tokens", "many"),
            text("gen_ai.response.id", "12"),
        ];
        count_tokens(&mut attributes);
        let expected = [
            KeyValue::new("gen_ai.usage.input_tokens", 11),
            KeyValue::new("gen_ai.usage.reasoning_tokens", 0),
            text("gen_ai.usage.input_tokens", "many"),
            text("gen_ai.response.id", "12"),
        ];
        assert_eq!(attributes, expected);
    }
}
