//! A span as bytes, and back.
//!
//! In: a [`Record`]. Out: whole words of bytes, for a frame; and from bytes that may have come from anywhere the record, or nothing. Does
//! not: believe a length, or allocate more than the bytes that are there, times the size of an attribute.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event as OtelEvent, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::layout::WORD;
use crate::pipeline::Record;
use crate::record::{
    Ending, EntityPath, ErrorInfo, Event, Extra, Inherited, Kind, Site, SpanRecord, attribute_bytes,
};

/// Bytes of a span to which nothing was added.
pub(super) const PLAIN: usize = 7 * WORD;

// The first word: the site's number, what follows, how it ended, and where its parent is.
const SHAPE: u64 = 0xff << 32;
const PLAIN_OWN: u64 = 1 << 32;
const FULL_OWN: u64 = 2 << 32;
const FOREIGN: u64 = 3 << 32;
const ENDING: u32 = 40;
const REMOTE: u64 = 1 << 48;
/// The site stands in the frame: the table has no room for it.
const INLINE: u64 = 1 << 49;

/// A span of ours to which nothing was added and whose site stands in the table.
#[inline]
pub(super) fn plain(record: &SpanRecord) -> [u8; PLAIN] {
    own_words(record, PLAIN_OWN)
}

#[inline]
fn own_words(record: &SpanRecord, shape: u64) -> [u8; PLAIN] {
    let first = u64::from(record.site.number())
        | shape
        | ending_code(record.ending) << ENDING
        | if record.parent_is_remote { REMOTE } else { 0 };
    let words = [
        first,
        record.trace_id.0,
        record.trace_id.1,
        record.span_id,
        record.parent_id,
        record.start,
        record.end,
    ];
    let mut bytes = [0; PLAIN];
    for (place, word) in bytes.chunks_exact_mut(WORD).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

const fn ending_code(ending: Ending) -> u64 {
    match ending {
        Ending::Returned => 0,
        Ending::Panicked => 1,
        Ending::Cancelled => 2,
        Ending::Incomplete { failed: false } => 3,
        Ending::Incomplete { failed: true } => 4,
    }
}

const fn ending_of(code: u64) -> Option<Ending> {
    Some(match code {
        0 => Ending::Returned,
        1 => Ending::Panicked,
        2 => Ending::Cancelled,
        3 => Ending::Incomplete { failed: false },
        4 => Ending::Incomplete { failed: true },
        _ => return None,
    })
}

/// Any record, whole words. `inline`: with all that is known of its site.
pub(super) fn full(record: &Record, inline: bool) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(512));
    match record {
        Record::Own(record) => {
            let shape = if inline { FULL_OWN | INLINE } else { FULL_OWN };
            out.0.extend(own_words(record, shape));
            if inline {
                out.site(record.site);
            }
            out.option(record.inherited.as_deref(), Out::inherited);
            out.option(record.extra.as_deref(), Out::extra);
        }
        Record::Foreign(data) => {
            out.u64(FOREIGN);
            out.foreign(data);
        }
    }
    out.0.resize(out.0.len().next_multiple_of(WORD), 0);
    out.0
}

/// The record in `bytes`; `site` knows the table.
pub(super) fn decode(
    bytes: &[u8],
    site: &dyn Fn(u32) -> Option<&'static Site>,
    sites: &mut dyn Intern,
) -> Option<Record> {
    let mut input = In(bytes);
    let first = input.u64()?;
    let shape = first & SHAPE;
    if shape == FOREIGN {
        return Some(Record::Foreign(Box::new(input.foreign()?)));
    }
    let trace_id = (input.u64()?, input.u64()?);
    let (span_id, parent_id) = (input.u64()?, input.u64()?);
    let (start, end) = (input.u64()?, input.u64()?);
    let site = if first & INLINE == 0 {
        site(u32::try_from(first & 0xffff_ffff).ok()?)?
    } else {
        sites.intern(input.site()?)?
    };
    let (inherited, extra) = match shape {
        PLAIN_OWN => (None, None),
        FULL_OWN => (input.option(In::inherited)?, input.option(In::extra)?),
        _ => return None,
    };
    Some(Record::Own(SpanRecord {
        site,
        trace_id,
        span_id,
        parent_id,
        start,
        end,
        parent_is_remote: first & REMOTE != 0,
        ending: ending_of(first >> ENDING & 0xff)?,
        inherited: inherited.map(Arc::new),
        extra: extra.map(Box::new),
    }))
}

/// The id of the span in `bytes`.
pub(super) fn span_id(record: &Record) -> u64 {
    match record {
        Record::Own(record) => record.span_id,
        Record::Foreign(data) => u64::from_be_bytes(data.span_context.span_id().to_bytes()),
    }
}

/// What a file says of a site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SiteFacts {
    pub(super) kind: u8,
    pub(super) name: String,
    pub(super) version: Option<u64>,
    pub(super) err_is_error: bool,
    pub(super) file: String,
    pub(super) line: u32,
}

/// Makes sites of what files say of them.
pub(super) trait Intern {
    fn intern(&mut self, facts: SiteFacts) -> Option<&'static Site>;
}

const KINDS: [Kind; 5] = [Kind::Workflow, Kind::Task, Kind::Agent, Kind::Tool, Kind::Call];

impl SiteFacts {
    pub(super) fn kind(&self) -> Option<Kind> {
        KINDS.get(usize::from(self.kind)).copied()
    }
}

/// An entry of the table of sites.
pub(super) fn site_entry(site: &'static Site) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(128));
    out.u32(site.number());
    out.site(site);
    out.0.resize(out.0.len().next_multiple_of(WORD), 0);
    out.0
}

/// The site's number and what is said of it.
pub(super) fn decode_site_entry(bytes: &[u8]) -> Option<(u32, SiteFacts)> {
    let mut input = In(bytes);
    Some((input.u32()?, input.site()?))
}

/// A list of attributes, whole words.
pub(super) fn attributes<'a>(attributes: impl Iterator<Item = (&'a str, &'a Value)>) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(512));
    let attributes: Vec<_> = attributes.collect();
    out.length(attributes.len());
    for (key, value) in attributes {
        out.text(key);
        out.value(value);
    }
    out.0.resize(out.0.len().next_multiple_of(WORD), 0);
    out.0
}

pub(super) fn decode_attributes(bytes: &[u8]) -> Option<Vec<KeyValue>> {
    In(bytes).attributes()
}

struct Out(Vec<u8>);

impl Out {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.u32(u32::try_from(length).unwrap_or(u32::MAX));
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.length(items.len());
        for item in items {
            write(self, item);
        }
    }

    fn site(&mut self, site: &Site) {
        self.u8(KINDS
            .iter()
            .position(|kind| *kind == site.kind)
            .and_then(|kind| u8::try_from(kind).ok())
            .unwrap_or(0));
        self.u8(u8::from(site.err_is_error));
        self.option(site.version, Self::u64);
        self.u32(site.line);
        self.text(site.name);
        self.text(site.file);
    }

    fn inherited(&mut self, inherited: &Inherited) {
        for text in
            [&inherited.conversation_id, &inherited.user_id, &inherited.agent_name, &inherited.workflow_name]
        {
            self.option(text.as_ref(), |out, text| out.text(text.as_str()));
        }
        self.option(inherited.path.as_ref(), |out, path| {
            out.length(path.around);
            out.text(&path.text);
        });
        self.list(&inherited.properties, |out, (key, value)| {
            out.text(key.as_str());
            out.value(value);
        });
    }

    fn extra(&mut self, extra: &Extra) {
        self.attributes(&extra.attributes);
        self.u32(extra.dropped_attributes);
        self.list(&extra.events, |out, event| {
            out.text(&event.name);
            out.time(event.time);
            out.attributes(&event.attributes);
        });
        self.u32(extra.dropped_events);
        self.list(&extra.links, |out, (context, attributes)| {
            out.context(context);
            out.attributes(attributes);
        });
        self.u32(extra.dropped_links);
        self.option(extra.error.as_ref(), |out, error| {
            out.text(&error.type_name);
            out.option(error.message.as_deref(), Self::text);
            out.u64(error.fingerprint);
            out.u8(u8::from(error.with_event));
        });
        self.option(extra.input.as_deref(), Self::text);
        self.option(extra.output.as_deref(), Self::text);
        self.option(extra.status.as_ref(), Self::status);
        self.option(extra.name.as_deref(), Self::text);
        self.text(&extra.trace_state.header());
    }

    fn foreign(&mut self, data: &SpanData) {
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

    fn context(&mut self, context: &SpanContext) {
        self.0.extend(context.trace_id().to_bytes());
        self.0.extend(context.span_id().to_bytes());
        self.u8(context.trace_flags().to_u8());
        self.u8(u8::from(context.is_remote()));
        self.text(&context.trace_state().header());
    }

    fn status(&mut self, status: &Status) {
        match status {
            Status::Unset => self.u8(0),
            Status::Ok => self.u8(1),
            Status::Error { description } => {
                self.u8(2);
                self.text(description);
            }
        }
    }

    /// Nanoseconds since 1970, as every receiver wants them.
    fn time(&mut self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.u64(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    }

    fn attributes(&mut self, attributes: &[KeyValue]) {
        self.list(attributes, |out, attribute| {
            out.text(attribute.key.as_str());
            out.value(&attribute.value);
        });
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(value) => {
                self.u8(0);
                self.u8(u8::from(*value));
            }
            Value::I64(value) => {
                self.u8(1);
                self.u64(value.cast_unsigned());
            }
            Value::F64(value) => {
                self.u8(2);
                self.u64(value.to_bits());
            }
            Value::String(text) => {
                self.u8(3);
                self.text(text.as_str());
            }
            Value::Array(Array::Bool(items)) => {
                self.u8(4);
                self.list(items, |out, item| out.u8(u8::from(*item)));
            }
            Value::Array(Array::I64(items)) => {
                self.u8(5);
                self.list(items, |out, item| out.u64(item.cast_unsigned()));
            }
            Value::Array(Array::F64(items)) => {
                self.u8(6);
                self.list(items, |out, item| out.u64(item.to_bits()));
            }
            Value::Array(Array::String(items)) => {
                self.u8(7);
                self.list(items, |out, item| out.text(item.as_str()));
            }
            // A kind that OpenTelemetry may add: as a text it is not lost.
            other => {
                self.u8(3);
                self.text(&other.to_string());
            }
        }
    }
}

/// What is still to be read.
struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn bool(&mut self) -> Option<bool> {
        self.u8().map(|byte| byte != 0)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn str(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn text(&mut self) -> Option<String> {
        self.str().map(str::to_owned)
    }

    /// `None` when it cannot be read, `Some(None)` when there is nothing.
    #[expect(clippy::option_option, reason = "two questions")]
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Some(None) }
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // An item takes at least a byte; nothing is reserved on the word of a length.
        (0..self.u32()?).map(|_| read(self)).collect::<Option<Vec<T>>>()
    }

    fn site(&mut self) -> Option<SiteFacts> {
        let kind = self.u8()?;
        let err_is_error = self.bool()?;
        let version = self.option(Self::u64)?;
        let line = self.u32()?;
        Some(SiteFacts { kind, name: self.text()?, version, err_is_error, file: self.text()?, line })
    }

    fn inherited(&mut self) -> Option<Inherited> {
        let mut word = || self.option(|input| input.text().map(StringValue::from));
        let (conversation_id, user_id, agent_name, workflow_name) = (word()?, word()?, word()?, word()?);
        let path = self.option(|input| {
            let around = input.u32()? as usize;
            let text = input.str()?;
            // Whoever takes the path cuts it there.
            text.is_char_boundary(around).then(|| EntityPath { text: text.into(), around })
        })?;
        let properties = self.list(|input| Some((input.text()?.into(), input.value()?)))?;
        Some(Inherited {
            conversation_id,
            user_id,
            agent_name,
            workflow_name,
            path,
            properties,
            content: None,
        })
    }

    fn extra(&mut self) -> Option<Extra> {
        let before = self.0.len();
        let attributes = self.attributes()?;
        let dropped_attributes = self.u32()?;
        let events = self.list(|input| {
            Some(Event {
                name: Cow::Owned(input.text()?),
                time: input.time()?,
                attributes: input.attributes()?,
            })
        })?;
        let dropped_events = self.u32()?;
        let links = self.list(|input| Some((input.context()?, input.attributes()?)))?;
        let dropped_links = self.u32()?;
        let error = self.option(|input| {
            Some(ErrorInfo {
                type_name: Cow::Owned(input.text()?),
                message: input.option(Self::text)?,
                fingerprint: input.u64()?,
                with_event: input.bool()?,
            })
        })?;
        let input = self.option(Self::text)?.map(String::into_boxed_str);
        let output = self.option(Self::text)?.map(String::into_boxed_str);
        let status = self.option(Self::status)?;
        let name = self.option(Self::text)?.map(Cow::Owned);
        let trace_state = self.trace_state()?;
        let heap_bytes = attributes.iter().map(attribute_bytes).sum::<usize>() + (before - self.0.len());
        Some(Extra {
            attributes,
            dropped_attributes,
            events,
            dropped_events,
            links,
            dropped_links,
            error,
            input,
            output,
            status,
            name,
            trace_state,
            heap_bytes,
        })
    }

    fn foreign(&mut self) -> Option<SpanData> {
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

    fn context(&mut self) -> Option<SpanContext> {
        let trace_id = TraceId::from_bytes(self.take()?);
        let span_id = SpanId::from_bytes(self.take()?);
        let flags = TraceFlags::new(self.u8()?);
        let is_remote = self.bool()?;
        Some(SpanContext::new(trace_id, span_id, flags, is_remote, self.trace_state()?))
    }

    fn trace_state(&mut self) -> Option<TraceState> {
        let text = self.str()?;
        if text.is_empty() { Some(TraceState::NONE) } else { TraceState::from_str(text).ok() }
    }

    fn status(&mut self) -> Option<Status> {
        Some(match self.u8()? {
            0 => Status::Unset,
            1 => Status::Ok,
            2 => Status::error(self.text()?),
            _ => return None,
        })
    }

    fn time(&mut self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(self.u64()?))
    }

    fn attributes(&mut self) -> Option<Vec<KeyValue>> {
        self.list(|input| Some(KeyValue::new(input.text()?, input.value()?)))
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.u8()? {
            0 => Value::Bool(self.bool()?),
            1 => Value::I64(self.u64()?.cast_signed()),
            2 => Value::F64(f64::from_bits(self.u64()?)),
            3 => Value::String(self.text()?.into()),
            4 => Value::Array(Array::Bool(self.list(Self::bool)?)),
            5 => Value::Array(Array::I64(self.list(|input| input.u64().map(u64::cast_signed))?)),
            6 => Value::Array(Array::F64(self.list(|input| input.u64().map(f64::from_bits))?)),
            7 => Value::Array(Array::String(self.list(|input| input.text().map(StringValue::from))?)),
            _ => return None,
        })
    }
}
