//! OTLP: spans to an OpenTelemetry receiver, over HTTP or gRPC.
//!
//! In: batches. Out: requests of opentelemetry-otlp, through clients that are ours, so that nothing depends on a runtime of the user's
//! or on what other crates switch on. Does not: queue, or let header values into error texts.

#[cfg(feature = "otlp-grpc")]
pub(super) mod grpc;
#[cfg(feature = "otlp-http")]
pub(super) mod http;

use opentelemetry_sdk::error::OTelSdkError;

/// The error of an export to `endpoint`, with its cause.
fn export_error(endpoint: &str, what: impl std::fmt::Display) -> OTelSdkError {
    OTelSdkError::InternalFailure(format!("export to {endpoint} failed: {what}"))
}
