//! What foreign code finds in the OpenTelemetry `Context` while our span is current: a real span that records.
//!
//! In: calls of the OpenTelemetry API on the current span. Out: changes of the open span in the slab. Does not: end it; its function
//! does. After the end every call is a no-op.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};

use super::{Details, OpenSpans, limits};
use crate::record::Event;
use crate::sync::MutexGuard;

/// Our span as OpenTelemetry sees it.
#[derive(Debug)]
pub(super) struct OwnSpan {
    context: SpanContext,
    index: u32,
}

impl OwnSpan {
    pub(super) fn new(context: SpanContext, index: u32) -> Self {
        Self { context, index }
    }

    fn open(&self) -> Option<MutexGuard<'static, Details>> {
        OpenSpans::get().slot(self.index).find(u64::from_be_bytes(self.context.span_id().to_bytes()))
    }
}

/// The span object of the open span in slot `index`, made anew.
pub(super) fn remade(index: u32) -> OwnSpan {
    let slot = OpenSpans::get().slot(index);
    let span = slot.started();
    let trace_id = u128::from(span.trace_id.0) << 64 | u128::from(span.trace_id.1);
    let trace_state = slot.touch().extra.as_ref().map_or(TraceState::NONE, |extra| extra.trace_state.clone());
    OwnSpan::new(
        SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(span.id),
            TraceFlags::SAMPLED,
            false,
            trace_state,
        ),
        index,
    )
}

impl Span for OwnSpan {
    fn add_event_with_timestamp<T>(&mut self, name: T, time: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        let event = Event { name: name.into(), time, attributes };
        let limits = limits();
        if let Some(mut details) = self.open() {
            details.add_event(event, &limits);
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.open().is_some()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        let limits = limits();
        if let Some(mut details) = self.open() {
            details.set_attribute(attribute, &limits);
        }
    }

    fn set_status(&mut self, status: Status) {
        if let Some(mut details) = self.open() {
            let extra = details.extra();
            // `Ok` is final, and nothing sets back to `Unset`: the specification's order.
            if status != Status::Unset && extra.status != Some(Status::Ok) {
                extra.status = Some(status);
            }
        }
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        let name = new_name.into();
        if let Some(mut details) = self.open() {
            let extra = details.extra();
            extra.heap_bytes += name.len();
            extra.name = Some(name);
        }
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        let limits = limits();
        if let Some(mut details) = self.open() {
            let extra = details.extra();
            if extra.links.len() < limits.links {
                extra.heap_bytes +=
                    128 + attributes.iter().map(crate::record::attribute_bytes).sum::<usize>();
                extra.links.push((span_context, attributes));
            } else {
                extra.dropped_links += 1;
            }
        }
    }

    fn end_with_timestamp(&mut self, _: SystemTime) {}
}
