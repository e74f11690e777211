//! The words of the conventions: attribute keys, span names, and which of them a record gets.
//!
//! In: a finished [`SpanRecord`]. Out: span name, attributes, events and status after the OpenTelemetry GenAI conventions
//! with `openinference.span.kind` on structural spans. Does not: know spans in flight, exporters or configuration.

mod genai;
pub(crate) mod keys;

pub(crate) use genai::inherited_attributes;
#[cfg(feature = "sdk")]
pub(crate) use genai::{attributes, content, name, outcome};
