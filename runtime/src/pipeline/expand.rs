//! From a record to what exporters take: `SpanData`, on the thread of the lane whose turn it is. The record stays as it is, for other
//! lanes and for another attempt.

use std::collections::HashSet;
use std::sync::LazyLock;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::Record;
use crate::record::{Event, Kind, SpanRecord};
use crate::scope::clock::Anchor;
use crate::semconv::{self, Convention};

static SCOPE: LazyLock<InstrumentationScope> = LazyLock::new(|| {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build()
});

/// The span that `record` stands for, in the words of `convention`; `anchor` says when its ticks were.
pub(super) fn expand(record: &Record, convention: Convention, anchor: &Anchor) -> SpanData {
    match record {
        Record::Own(record) => expand_own(record, convention, anchor),
        Record::Foreign(data) => {
            let mut data = SpanData::clone(data);
            make_unique(&mut data.attributes);
            data
        }
    }
}

/// Keys are unique in OTLP, and the last value counts; the SDK's spans keep every value that was set.
fn make_unique(attributes: &mut Vec<KeyValue>) {
    let mut seen = HashSet::with_capacity(attributes.len());
    let is_last: Vec<bool> =
        attributes.iter().rev().map(|attribute| seen.insert(attribute.key.as_str())).collect();
    if is_last.iter().all(|last| *last) {
        return;
    }
    let mut keep = is_last.into_iter().rev();
    attributes.retain(|_| keep.next().unwrap_or(true));
}

fn expand_own(record: &SpanRecord, convention: Convention, anchor: &Anchor) -> SpanData {
    let site = record.site;
    let start_time = anchor.wall(record.start);
    let end_time = anchor.wall(record.end.max(record.start));
    let mut events = SpanEvents::default();
    let mut attributes = semconv::attributes(convention, site, record.inherited.as_deref());
    let outcome =
        semconv::outcome(record, &mut attributes, |event| events.events.push(sdk_event(&event)), end_time);
    let mut links = SpanLinks::default();
    let extra = record.extra.as_deref();
    if let Some(extra) = extra {
        semconv::content(convention, site, extra.input.as_deref(), extra.output.as_deref(), &mut attributes);
        for attribute in &extra.attributes {
            set(&mut attributes, attribute.clone());
        }
        // What was added while the span was open comes before the exception that ended it.
        let ended_by = std::mem::take(&mut events.events);
        events.events.extend(extra.events.iter().map(sdk_event));
        events.events.extend(ended_by);
        events.dropped_count = extra.dropped_events;
        links.links.extend(extra.links.iter().map(|(context, attributes)| {
            opentelemetry::trace::Link::new(context.clone(), attributes.clone(), 0)
        }));
        links.dropped_count = extra.dropped_links;
    }
    let trace_state = extra.map(|extra| extra.trace_state.clone()).unwrap_or_default();
    SpanData {
        span_context: span_context(record.trace_id(), record.span_id, trace_state),
        parent_span_id: SpanId::from(record.parent_id),
        parent_span_is_remote: record.parent_is_remote,
        span_kind: if site.kind == Kind::Call { SpanKind::Client } else { SpanKind::Internal },
        name: extra.and_then(|extra| extra.name.clone()).unwrap_or_else(|| semconv::name(convention, site)),
        start_time,
        end_time,
        attributes,
        dropped_attributes_count: extra.map_or(0, |extra| extra.dropped_attributes),
        events,
        links,
        // What code inside said explicitly wins over a plain return, never over an error or a panic.
        status: match (outcome, extra.and_then(|extra| extra.status.clone())) {
            (Status::Unset, Some(status)) => status,
            (outcome, _) => outcome,
        },
        instrumentation_scope: SCOPE.clone(),
    }
}

fn span_context(trace_id: u128, span_id: u64, trace_state: TraceState) -> SpanContext {
    SpanContext::new(TraceId::from(trace_id), SpanId::from(span_id), TraceFlags::SAMPLED, false, trace_state)
}

/// A user's attribute replaces one of ours: keys are unique on a span.
fn set(attributes: &mut Vec<KeyValue>, attribute: KeyValue) {
    match attributes.iter_mut().find(|known| known.key == attribute.key) {
        Some(known) => *known = attribute,
        None => attributes.push(attribute),
    }
}

fn sdk_event(event: &Event) -> opentelemetry::trace::Event {
    opentelemetry::trace::Event::new(event.name.clone(), event.time, event.attributes.clone(), 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::{Ending, ErrorInfo, Extra, Inherited, Kind, Site};

    static TOOL: Site = Site::new(Kind::Tool, "get_weather").version(2);
    static TASK: Site = Site::new(Kind::Task, "summarise");

    fn record(site: &'static Site, ending: Ending) -> SpanRecord {
        SpanRecord {
            site,
            trace_id: (0, 1),
            span_id: 2,
            parent_id: 3,
            start: 1_000,
            end: 2_500,
            parent_is_remote: false,
            ending,
            inherited: None,
            extra: None,
        }
    }

    fn expanded(record: SpanRecord) -> SpanData {
        expand(&Record::Own(record), Convention::GenAi, &Anchor::new())
    }

    fn attribute(data: &SpanData, key: &str) -> Option<String> {
        data.attributes.iter().find(|known| known.key.as_str() == key).map(|known| known.value.to_string())
    }

    #[test]
    fn a_tool_has_its_operation_and_version() {
        let data = expanded(record(&TOOL, Ending::Returned));
        assert_eq!(data.name, "execute_tool get_weather");
        assert_eq!(attribute(&data, "gen_ai.operation.name").as_deref(), Some("execute_tool"));
        assert_eq!(attribute(&data, "gen_ai.tool.name").as_deref(), Some("get_weather"));
        assert_eq!(attribute(&data, "llmetry.entity.version").as_deref(), Some("2"));
        assert_eq!(data.status, Status::Unset);
        assert!(data.end_time > data.start_time);
    }

    #[test]
    fn the_convention_decides_about_words_only() {
        let record = || {
            let mut record = record(&TOOL, Ending::Cancelled);
            record.inherited =
                Some(Arc::new(Inherited { user_id: Some("u-1".into()), ..Inherited::default() }));
            record
        };
        let anchor = Anchor::new();
        let of = |convention| expand(&Record::Own(record()), convention, &anchor);
        let (genai, traceloop) = (of(Convention::GenAi), of(Convention::Traceloop));
        assert_eq!(traceloop.name, "get_weather.tool");
        let user = "traceloop.association.properties.user_id";
        for (key, value) in [("traceloop.entity.version", "2"), (user, "u-1")] {
            assert_eq!(attribute(&traceloop, key).as_deref(), Some(value), "{key}");
            assert_eq!(attribute(&genai, key), None, "{key}");
        }
        for key in ["llmetry.entity.version", "user.id", "openinference.span.kind"] {
            assert_eq!(attribute(&traceloop, key), None, "{key}");
        }
        for key in ["gen_ai.operation.name", "gen_ai.tool.name", "llmetry.outcome"] {
            assert_eq!(attribute(&traceloop, key), attribute(&genai, key), "{key}");
        }
        assert_eq!(genai.span_context, traceloop.span_context);
        assert_eq!((genai.start_time, genai.end_time), (traceloop.start_time, traceloop.end_time));
    }

    #[test]
    fn a_task_keeps_its_bare_name() {
        let data = expanded(record(&TASK, Ending::Cancelled));
        assert_eq!(data.name, "summarise");
        assert_eq!(attribute(&data, "gen_ai.operation.name"), None);
        assert_eq!(attribute(&data, "openinference.span.kind").as_deref(), Some("CHAIN"));
        assert_eq!(attribute(&data, "llmetry.outcome").as_deref(), Some("cancelled"));
        assert_eq!(data.status, Status::Unset);
    }

    #[test]
    fn errors_and_panics_are_told_apart() {
        let panicked = expanded(record(&TASK, Ending::Panicked));
        assert_eq!(attribute(&panicked, "error.type").as_deref(), Some("panic"));
        let mut failed = record(&TASK, Ending::Returned);
        failed.extra = Some(Box::new(Extra {
            error: Some(ErrorInfo {
                type_name: "io::Error".into(),
                message: Some("refused".into()),
                fingerprint: 1,
                with_event: true,
            }),
            ..Extra::default()
        }));
        let failed = expanded(failed);
        assert_eq!(failed.status, Status::error("refused"));
        assert_eq!(failed.events.len(), 1);
        assert_eq!(attribute(&failed, "error.type").as_deref(), Some("io::Error"));
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        let mut attributes = vec![KeyValue::new("a", 1), KeyValue::new("b", 2), KeyValue::new("a", 3)];
        make_unique(&mut attributes);
        assert_eq!(attributes, [KeyValue::new("b", 2), KeyValue::new("a", 3)]);
    }

    #[test]
    fn what_the_user_sets_replaces_and_what_is_inherited_is_there() {
        let mut record = record(&TASK, Ending::Returned);
        record.inherited = Some(Arc::new(Inherited { user_id: Some("u-1".into()), ..Inherited::default() }));
        record.extra = Some(Box::new(Extra {
            attributes: vec![KeyValue::new("user.id", "u-2"), KeyValue::new("n", 1)],
            ..Extra::default()
        }));
        let data = expanded(record);
        assert_eq!(attribute(&data, "user.id").as_deref(), Some("u-2"));
        assert_eq!(data.attributes.iter().filter(|known| known.key.as_str() == "user.id").count(), 1);
        assert_eq!(attribute(&data, "n").as_deref(), Some("1"));
    }
}
