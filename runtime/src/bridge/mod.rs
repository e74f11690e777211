//! Other people's telemetry: spans of the OpenTelemetry API and of `tracing` join our traces and leave through our pipeline.
//!
//! In: spans that end in any OpenTelemetry provider that has our [`PipelineProcessor`]. Out: records in the intake. Does not: make spans.

mod processor;
mod provider;

#[cfg(feature = "tracing")]
pub(crate) mod tracing;

pub use self::processor::PipelineProcessor;
pub(crate) use self::provider::{Propagator, provider};
