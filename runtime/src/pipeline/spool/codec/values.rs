//! Values and what is built of them, as bytes and back: the alphabet of all else.
//!
//! In: numbers, texts, lists, and OpenTelemetry's values, attributes, contexts and times. Out: their bytes, one behind the other; and from
//! bytes that may have come from anywhere the same, or nothing. Does not: know spans.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::WORD;

/// What has been written.
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn length(&mut self, length: usize) {
        self.u32(u32::try_from(length).unwrap_or(u32::MAX));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.length(items.len());
        for item in items {
            write(self, item);
        }
    }

    pub(super) fn context(&mut self, context: &SpanContext) {
        self.0.extend(context.trace_id().to_bytes());
        self.0.extend(context.span_id().to_bytes());
        self.u8(context.trace_flags().to_u8());
        self.u8(u8::from(context.is_remote()));
        self.text(&context.trace_state().header());
    }

    pub(super) fn status(&mut self, status: &Status) {
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
    pub(super) fn time(&mut self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.u64(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn attributes(&mut self, attributes: &[KeyValue]) {
        self.list(attributes, |out, attribute| {
            out.text(attribute.key.as_str());
            out.value(&attribute.value);
        });
    }

    pub(super) fn value(&mut self, value: &Value) {
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

    /// All that was written, as whole words.
    pub(super) fn into_words(mut self) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(WORD), 0);
        self.0
    }
}

/// What is still to be read.
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl<'a> In<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        self.u8().map(|byte| byte != 0)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn str(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    pub(super) fn text(&mut self) -> Option<String> {
        self.str().map(str::to_owned)
    }

    /// `None` when it cannot be read, `Some(None)` when there is nothing.
    #[expect(clippy::option_option, reason = "two questions")]
    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Some(None) }
    }

    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // An item takes at least a byte; nothing is reserved on the word of a length.
        (0..self.u32()?).map(|_| read(self)).collect::<Option<Vec<T>>>()
    }

    pub(super) fn context(&mut self) -> Option<SpanContext> {
        let trace_id = TraceId::from_bytes(self.take()?);
        let span_id = SpanId::from_bytes(self.take()?);
        let flags = TraceFlags::new(self.u8()?);
        let is_remote = self.bool()?;
        Some(SpanContext::new(trace_id, span_id, flags, is_remote, self.trace_state()?))
    }

    pub(super) fn trace_state(&mut self) -> Option<TraceState> {
        let text = self.str()?;
        if text.is_empty() { Some(TraceState::NONE) } else { TraceState::from_str(text).ok() }
    }

    pub(super) fn status(&mut self) -> Option<Status> {
        Some(match self.u8()? {
            0 => Status::Unset,
            1 => Status::Ok,
            2 => Status::error(self.text()?),
            _ => return None,
        })
    }

    pub(super) fn time(&mut self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(self.u64()?))
    }

    pub(super) fn attributes(&mut self) -> Option<Vec<KeyValue>> {
        self.list(|input| Some(KeyValue::new(input.text()?, input.value()?)))
    }

    pub(super) fn value(&mut self) -> Option<Value> {
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
