//! `tracing` spans: the layer of `tracing-opentelemetry` over our provider.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// A layer whose spans nest in ours, and ours in theirs, and leave through our pipeline.
pub(crate) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + 'static + use<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let tracer: Tracer = provider.tracer("tracing");
    // Where code stands and which thread ran it are in the logs already; on every span they cost more than the span.
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
}
