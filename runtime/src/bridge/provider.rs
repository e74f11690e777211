//! The OpenTelemetry SDK's provider that `init` installs for foreign spans, and the propagator that goes with it.

use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{Context, baggage::BaggageExt};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider, SpanLimits};

use super::processor::PipelineProcessor;
use crate::record::Limits;
use crate::sampling::Sampler;

/// A provider whose spans go through `processor`, sampled by the same rule as ours.
pub(crate) fn provider(
    processor: PipelineProcessor,
    sampler: &Sampler,
    limits: &Limits,
    resource: &Resource,
) -> SdkTracerProvider {
    let count = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    let span_limits = SpanLimits {
        max_attributes_per_span: count(limits.attributes),
        max_events_per_span: count(limits.events),
        max_links_per_span: count(limits.links),
        ..SpanLimits::default()
    };
    SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(sampler.to_sdk())
        .with_id_generator(Ids::default())
        .with_span_limits(span_limits)
        .with_resource(resource.clone())
        .build()
}

/// Random ids, unless `testing::record` asks for a trace. From our own generator, which a fork does not make repeat itself; OpenTelemetry's
/// serves where a thread is ending.
#[derive(Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        #[cfg(feature = "testing")]
        if let Some(forced) =
            Context::map_current(|current| current.get::<crate::scope::ForcedTrace>().copied())
        {
            return TraceId::from(forced.0);
        }
        crate::scope::random_trace_id().map_or_else(|| self.0.new_trace_id(), TraceId::from)
    }

    fn new_span_id(&self) -> SpanId {
        crate::scope::random_span_id().map_or_else(|| self.0.new_span_id(), SpanId::from)
    }
}

/// W3C trace context both ways; baggage is read, but not written: a global propagator does not know the host it writes for, and
/// baggage goes to allow-listed hosts only (`inject` knows them).
#[derive(Debug, Default)]
pub(crate) struct Propagator {
    trace: TraceContextPropagator,
    baggage: BaggagePropagator,
}

impl TextMapPropagator for Propagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.trace.inject_context(context, &mut NoEmptyState(injector));
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let with_trace = self.trace.extract_with_context(context, extractor);
        let with_baggage = self.baggage.extract_with_context(&with_trace, extractor);
        if with_baggage.baggage().is_empty() { with_trace } else { with_baggage }
    }

    fn fields(&self) -> FieldIter<'_> {
        self.trace.fields()
    }
}

/// The SDK's propagator writes an empty `tracestate`; some servers refuse that.
struct NoEmptyState<'a>(&'a mut dyn Injector);

impl Injector for NoEmptyState<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.set(key, value);
        }
    }
}
