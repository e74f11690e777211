//! Our `SpanProcessor`: for spans that foreign code makes with the OpenTelemetry SDK.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanContext, TraceContextExt};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::hub::{self, Installed};
use crate::pipeline::Record;
use crate::pipeline::control::Pipeline;
use crate::scope::inherit;
use crate::semconv;

/// Sends the spans of an OpenTelemetry provider through llmetry's pipeline, with what they inherit from the annotated functions
/// around them.
///
/// `init` installs a provider that has one. A program with a provider of its own, and `Builder::globals(false)`, adds the one of
/// `Guard::span_processor` to it. Shutting that provider down leaves the pipeline running: it belongs to the guard.
#[derive(Clone, Debug)]
pub struct PipelineProcessor {
    pipeline: Arc<Pipeline>,
    /// The number of its installation.
    epoch: u32,
}

impl PipelineProcessor {
    pub(crate) fn new(installed: &Installed) -> Self {
        Self { pipeline: Arc::clone(&installed.pipeline), epoch: installed.epoch }
    }

    /// Calls `f` with the pipeline: in a forked process with the one that is there now, if any; its parent's has stayed behind.
    fn with<R>(&self, f: impl FnOnce(&Pipeline) -> R) -> Option<R> {
        if hub::is_own(self.epoch) {
            return Some(f(&self.pipeline));
        }
        hub::installed().map(|installed| f(&installed.pipeline))
    }
}

fn ids(context: &SpanContext) -> (u128, u64) {
    (u128::from_be_bytes(context.trace_id().to_bytes()), u64::from_be_bytes(context.span_id().to_bytes()))
}

impl SpanProcessor for PipelineProcessor {
    // Runs while OpenTelemetry's thread-local is borrowed: nothing here may attach a context.
    fn on_start(&self, span: &mut Span, parent: &Context) {
        if !span.span_context().is_sampled() {
            return;
        }
        let Some(convention) = self.with(|pipeline| {
            pipeline.intake.count_foreign_start();
            pipeline.convention
        }) else {
            return;
        };
        let parent_span = parent.span();
        let (_, parent_id) = ids(parent_span.span_context());
        let (trace_id, span_id) = ids(span.span_context());
        #[cfg(feature = "llm")]
        if let Some(data) = span.exported_data() {
            crate::call::foreign::started(span_id, parent_id, &data.attributes);
        }
        let Some(inherited) = inherit::around(parent_span.span_context(), trace_id, parent_id, parent) else {
            return;
        };
        for attribute in semconv::inherited_attributes(convention, &inherited) {
            span.set_attribute(attribute);
        }
        inherit::remember_foreign(trace_id, span_id, inherited);
    }

    fn on_end(&self, mut span: SpanData) {
        let (trace_id, span_id) = ids(&span.span_context);
        inherit::forget_foreign(trace_id, span_id);
        #[cfg(feature = "llm")]
        crate::call::foreign::ended(span_id);
        // Sampling "record only" reaches this far; such spans are for local processors, not for exporters.
        if !span.span_context.is_sampled() {
            return;
        }
        // Begun before this process was forked: its end in the parent is the one that counts.
        if hub::is_from_before_fork(span.start_time) {
            return;
        }
        semconv::count_tokens(&mut span.attributes);
        let record = Record::Foreign(Box::new(span));
        self.with(|pipeline| crate::scope::push_foreign(&pipeline.intake, record));
    }

    fn force_flush(&self) -> OTelSdkResult {
        let timeout = Duration::from_secs(5);
        let in_time = self.with(|pipeline| pipeline.flush(timeout).in_time).unwrap_or(true);
        if in_time { Ok(()) } else { Err(OTelSdkError::Timeout(timeout)) }
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
