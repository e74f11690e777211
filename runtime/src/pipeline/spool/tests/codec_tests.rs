//! Any record as bytes and back.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "random numbers are cut to what is asked for"
)]

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event as OtelEvent, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::*;
use crate::record::{Ending, EntityPath, ErrorInfo, Event, Extra, Inherited};

/// xorshift; its seed is printed by whoever fails.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(name: &str) -> Self {
        let seed = dir::random() | 1;
        println!("{name}: seed {seed}");
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(super) fn bool(&mut self) -> bool {
        self.next() & 64 != 0
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.bool().then(|| make(self))
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        let most = if self.below(20) == 0 { 3_000 } else { 20 };
        self.many(most, |random| ['a', 'ü', '\n', '𝄞', '"'][random.below(5)]).into_iter().collect()
    }

    fn time(&mut self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.next() >> 2)
    }

    fn value(&mut self) -> Value {
        match self.below(8) {
            0 => self.bool().into(),
            1 => self.next().cast_signed().into(),
            2 => f64::from_bits(self.next()).into(),
            3 => Value::Array(Array::Bool(self.many(3, Self::bool))),
            4 => Value::Array(Array::I64(self.many(3, |random| random.next().cast_signed()))),
            5 => Value::Array(Array::F64(self.many(3, |random| random.next() as f64))),
            6 => Value::Array(Array::String(self.many(3, |random| random.text().into()))),
            _ => self.text().into(),
        }
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        self.many(5, |random| KeyValue::new(random.text(), random.value()))
    }

    fn context(&mut self) -> SpanContext {
        let state = match self.below(3) {
            0 => TraceState::from_key_value([("vendor", "v1"), ("other", "2")]).unwrap(),
            _ => TraceState::NONE,
        };
        let (trace, span) = (u128::from(self.next()), self.next());
        let flags = TraceFlags::new((self.next() & 1) as u8);
        SpanContext::new(TraceId::from(trace), SpanId::from(span), flags, self.bool(), state)
    }

    fn status(&mut self) -> Status {
        match self.below(3) {
            0 => Status::Unset,
            1 => Status::Ok,
            _ => Status::error(self.text()),
        }
    }

    fn extra(&mut self) -> Extra {
        Extra {
            attributes: self.attributes(),
            dropped_attributes: self.next() as u32,
            events: self.many(3, |random| Event {
                name: random.text().into(),
                time: random.time(),
                attributes: random.attributes(),
            }),
            dropped_events: self.next() as u32,
            links: self.many(2, |random| (random.context(), random.attributes())),
            dropped_links: 2,
            error: self.maybe(|random| ErrorInfo {
                type_name: random.text().into(),
                message: random.maybe(Self::text),
                fingerprint: random.next(),
                with_event: random.bool(),
            }),
            input: self.maybe(|random| random.text().into()),
            output: self.maybe(|random| random.text().into()),
            status: self.maybe(Self::status),
            name: self.maybe(|random| random.text().into()),
            trace_state: self.context().trace_state().clone(),
            heap_bytes: 0,
        }
    }

    fn inherited(&mut self) -> Inherited {
        Inherited {
            conversation_id: self.maybe(|random| random.text().into()),
            user_id: self.maybe(|random| random.text().into()),
            agent_name: self.maybe(|random| random.text().into()),
            workflow_name: self.maybe(|random| random.text().into()),
            path: self.maybe(|random| {
                let text = random.text();
                EntityPath { around: text.len(), text: text.into() }
            }),
            properties: self.many(3, |random| (random.text().into(), random.value())),
            content: None,
        }
    }

    fn own(&mut self) -> SpanRecord {
        let ending = [
            Ending::Returned,
            Ending::Panicked,
            Ending::Cancelled,
            Ending::Incomplete { failed: true },
            Ending::Incomplete { failed: false },
        ][self.below(5)];
        SpanRecord {
            site: if self.bool() { &TASK } else { &CALL },
            trace_id: (self.next(), self.next()),
            span_id: self.next(),
            parent_id: self.next(),
            start: self.next(),
            end: self.next(),
            parent_is_remote: self.bool(),
            ending,
            inherited: self.maybe(Self::inherited).map(Arc::new),
            extra: self.maybe(Self::extra).map(Box::new),
        }
    }

    fn foreign(&mut self) -> SpanData {
        let mut events = SpanEvents::default();
        events.events = self.many(3, |random| {
            OtelEvent::new(random.text(), random.time(), random.attributes(), random.next() as u32)
        });
        events.dropped_count = 5;
        let mut links = SpanLinks::default();
        links.links = self.many(3, |random| Link::new(random.context(), random.attributes(), 4));
        links.dropped_count = 6;
        let mut scope = InstrumentationScope::builder(self.text()).with_attributes(self.attributes());
        if self.bool() {
            scope = scope.with_version(self.text()).with_schema_url(self.text());
        }
        SpanData {
            span_context: self.context(),
            parent_span_id: SpanId::from(self.next()),
            parent_span_is_remote: self.bool(),
            span_kind: [SpanKind::Client, SpanKind::Server, SpanKind::Internal][self.below(3)].clone(),
            name: Cow::Owned(self.text()),
            start_time: self.time(),
            end_time: self.time(),
            attributes: self.attributes(),
            dropped_attributes_count: 9,
            events,
            links,
            status: self.status(),
            instrumentation_scope: scope.build(),
        }
    }

    pub(super) fn record(&mut self) -> Record {
        if self.below(4) == 0 { Record::Foreign(Box::new(self.foreign())) } else { Record::Own(self.own()) }
    }
}

#[test]
fn every_record_comes_back_as_it_was() {
    let mut random = Random::new("every_record_comes_back_as_it_was");
    for _ in 0..2_000 {
        let record = random.record();
        let inline = random.bool();
        let bytes = codec::full(&record, inline);
        assert_eq!(bytes.len() % WORD, 0);
        let again = codec::decode(&bytes, &Site::numbered, &mut Own).expect("our own bytes are read");
        let (mut expected, mut found) = (shown(&record), shown(&again));
        // Once from the table, once from the frame: another static of the same content.
        for text in [&mut expected, &mut found] {
            if let Some(at) = text.find("number: ") {
                let end = at + text[at..].find('}').unwrap();
                text.replace_range(at..end, "");
            }
        }
        assert_eq!(found, expected);
        // Cut short it may be another record, never a panic.
        let _ = codec::decode(&bytes[..random.below(bytes.len())], &Site::numbered, &mut Own);
    }
}
