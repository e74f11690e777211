//! A span that foreign code made through the OpenTelemetry SDK.
//!
//! In: a [`SpanData`]. Out: bytes, and back. Does not: know spans of ours.

use std::borrow::Cow;

use opentelemetry::trace::{Event as OtelEvent, Link, SpanId, SpanKind};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::values::{In, Out};

impl Out {
    pub(super) fn foreign(&mut self, data: &SpanData) {
        self.context(&data.span_context);
        self.u64(u64::from_be_bytes(data.parent_span_id.to_bytes()));
        self.u8(u8::from(data.parent_span_is_remote));
        self.u8(match data.span_kind {
            SpanKind::Client => 0,
            SpanKind::Server => 1,
            SpanKind::Producer => 2,
            SpanKind::Consumer => 3,
            SpanKind::Internal => 4,
        });
        self.text(&data.name);
        self.time(data.start_time);
        self.time(data.end_time);
        self.attributes(&data.attributes);
        self.u32(data.dropped_attributes_count);
        self.list(&data.events.events, |out, event| {
            out.text(&event.name);
            out.time(event.timestamp);
            out.attributes(&event.attributes);
            out.u32(event.dropped_attributes_count);
        });
        self.u32(data.events.dropped_count);
        self.list(&data.links.links, |out, link| {
            out.context(&link.span_context);
            out.attributes(&link.attributes);
            out.u32(link.dropped_attributes_count);
        });
        self.u32(data.links.dropped_count);
        self.status(&data.status);
        let scope = &data.instrumentation_scope;
        self.text(scope.name());
        self.option(scope.version(), Self::text);
        self.option(scope.schema_url(), Self::text);
        let attributes: Vec<KeyValue> = scope.attributes().cloned().collect();
        self.attributes(&attributes);
    }
}

impl In<'_> {
    pub(super) fn foreign(&mut self) -> Option<SpanData> {
        let span_context = self.context()?;
        let parent_span_id = SpanId::from(self.u64()?);
        let parent_span_is_remote = self.bool()?;
        let span_kind = match self.u8()? {
            0 => SpanKind::Client,
            1 => SpanKind::Server,
            2 => SpanKind::Producer,
            3 => SpanKind::Consumer,
            4 => SpanKind::Internal,
            _ => return None,
        };
        let name = Cow::Owned(self.text()?);
        let (start_time, end_time) = (self.time()?, self.time()?);
        let attributes = self.attributes()?;
        let dropped_attributes_count = self.u32()?;
        let mut events = SpanEvents::default();
        events.events = self.list(|input| {
            Some(OtelEvent::new(input.text()?, input.time()?, input.attributes()?, input.u32()?))
        })?;
        events.dropped_count = self.u32()?;
        let mut links = SpanLinks::default();
        links.links =
            self.list(|input| Some(Link::new(input.context()?, input.attributes()?, input.u32()?)))?;
        links.dropped_count = self.u32()?;
        let status = self.status()?;
        let mut scope = InstrumentationScope::builder(self.text()?);
        if let Some(version) = self.option(Self::text)? {
            scope = scope.with_version(version);
        }
        if let Some(url) = self.option(Self::text)? {
            scope = scope.with_schema_url(url);
        }
        let instrumentation_scope = scope.with_attributes(self.attributes()?).build();
        Some(SpanData {
            span_context,
            parent_span_id,
            parent_span_is_remote,
            span_kind,
            name,
            start_time,
            end_time,
            attributes,
            dropped_attributes_count,
            events,
            links,
            status,
            instrumentation_scope,
        })
    }
}
