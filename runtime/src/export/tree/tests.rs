//! Trees as people see them.

use std::time::UNIX_EPOCH;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, Status, TraceFlags, TraceState};

use super::super::stdout::tests::{export, span};
use super::*;
use crate::semconv::keys;

fn exporter() -> TreeExporter<Vec<u8>> {
    let mut exporter = TreeExporter::new(Vec::new(), false);
    exporter.set_resource(
        &Resource::builder_empty().with_attributes([KeyValue::new("service.name", "support-bot")]).build(),
    );
    exporter
}

/// What was printed since the last call.
fn printed(exporter: &TreeExporter<Vec<u8>>) -> String {
    String::from_utf8(std::mem::take(&mut *lock(&exporter.writer))).unwrap()
}

fn with<V: Into<opentelemetry::Value>>(mut span: SpanData, key: &'static str, value: V) -> SpanData {
    span.attributes.push(KeyValue::new(key, value));
    span
}

fn of_trace(mut span: SpanData, trace_id: u128) -> SpanData {
    span.span_context = SpanContext::new(
        TraceId::from(trace_id),
        span.span_context.span_id(),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    span
}

fn remote(mut span: SpanData) -> SpanData {
    span.parent_span_is_remote = true;
    span
}

fn failed(mut span: SpanData, error_type: &'static str, message: &'static str) -> SpanData {
    span.status = Status::error(message);
    with(span, keys::ERROR_TYPE, error_type)
}

/// A workflow as it arrives: children first, each when it ended.
fn workflow() -> Vec<SpanData> {
    let operation = |span, operation: &'static str| with(span, keys::GEN_AI_OPERATION_NAME, operation);
    let llm = operation(span(3, 2, "chat gpt-4o", 20, 420), "chat");
    let llm = with(with(llm, keys::GEN_AI_USAGE_INPUT_TOKENS, 1204), keys::GEN_AI_USAGE_OUTPUT_TOKENS, 356);
    let slow = operation(span(4, 2, "execute_tool get_weather", 430, 630), "execute_tool");
    let again = operation(span(5, 2, "execute_tool get_weather", 640, 690), "execute_tool");
    let agent = operation(span(2, 1, "invoke_agent planner", 10, 700), "invoke_agent");
    let embeddings = with(
        operation(span(7, 6, "embeddings", 705, 720), "embeddings"),
        keys::GEN_AI_REQUEST_MODEL,
        "text-embedding-3",
    );
    let embeddings = with(embeddings, keys::GEN_AI_USAGE_INPUT_TOKENS, 12_i64);
    let search = with(span(6, 1, "search", 700, 800), keys::OPENINFERENCE_SPAN_KIND, "CHAIN");
    let mut http = span(9, 8, "GET", 810, 1_200);
    http.span_kind = opentelemetry::trace::SpanKind::Client;
    let dropped = with(
        with(span(8, 1, "summarise", 800, 1_210), keys::OPENINFERENCE_SPAN_KIND, "CHAIN"),
        keys::LLMETRY_OUTCOME,
        "cancelled",
    );
    vec![
        llm,
        failed(slow, "TimeoutError", "deadline has elapsed"),
        again,
        agent,
        embeddings,
        search,
        http,
        dropped,
        operation(span(1, 0, "invoke_workflow support_ticket", 0, 1_240), "invoke_workflow"),
    ]
}

#[test]
fn the_words_of_traceloop_are_understood() {
    let entity = |span, kind: &'static str| with(span, keys::TRACELOOP_SPAN_KIND, kind);
    let exporter = exporter();
    let tool = with(
        entity(span(3, 2, "get.weather.tool", 20, 420), "tool"),
        keys::GEN_AI_OPERATION_NAME,
        "execute_tool",
    );
    let task = entity(span(2, 1, "plan.task", 10, 500), "task");
    // Not one of ours: it only ends like one.
    let other = span(4, 1, "other.task", 600, 700);
    let workflow = with(
        entity(span(1, 0, "support.workflow", 0, 1_000), "workflow"),
        keys::GEN_AI_OPERATION_NAME,
        "invoke_workflow",
    );
    export(&exporter, vec![tool, task, other, workflow]).unwrap();
    let printed = printed(&exporter);
    let columns = |line: &str| line.chars().take(40).collect::<String>().trim_end().to_owned();
    let shown: Vec<_> = printed.lines().skip(1).take(4).map(columns).collect();
    assert_eq!(shown, ["workflow support", "├─ task plan", "│  └─ tool get.weather", "└─ other.task"]);
}

#[test]
fn a_trace_is_printed_when_its_root_arrives() {
    let exporter = exporter();
    let mut spans = workflow();
    let root = spans.pop().unwrap();
    export(&exporter, spans).unwrap();
    assert_eq!(printed(&exporter), "");
    export(&exporter, vec![root]).unwrap();
    assert_eq!(
        printed(&exporter),
        "\
trace 00000000000000000000000000000001 · support-bot · 9 spans · 1.24 s · 1 error
workflow support_ticket                      ████████████████████████   1.24 s
├─ agent planner                             █████████████▎             690 ms
│  ├─ llm chat gpt-4o                        ███████▋                   400 ms  1204→356 tok
│  ├─ tool get_weather                               ███▊               200 ms
│  │     ✗ TimeoutError: deadline has elapsed
│  └─ tool get_weather                                   ▉             50.0 ms
├─ task search                                            █▉            100 ms
│  └─ embedding text-embedding-3                          ▎            15.0 ms  12 tok
└─ task summarise                                           ███████▉    410 ms  cancelled
   └─ client GET                                            ███████▌    390 ms

"
    );
    assert_eq!(lock(&exporter.forest).open_spans, 0);
    assert!(lock(&exporter.forest).open.is_empty());
}

#[test]
fn late_spans_follow_as_such() {
    let exporter = exporter();
    export(&exporter, vec![span(1, 0, "root", 0, 10), span(2, 9, "lost parent", 2, 3)]).unwrap();
    assert_eq!(
        printed(&exporter),
        "\
trace 00000000000000000000000000000001 · support-bot · 2 spans · 10.0 ms
root                                         ████████████████████████  10.0 ms
lost parent                                      ██▍                   1.00 ms  parent not seen

"
    );
    export(&exporter, vec![span(3, 1, "detached", 5, 25), span(4, 3, "its child", 6, 20)]).unwrap();
    assert_eq!(
        printed(&exporter),
        "\
late in trace 00000000000000000000000000000001 · support-bot · 2 spans · 20.0 ms
detached                                     ████████████████████████  20.0 ms
└─ its child                                  ████████████████▊        14.0 ms

"
    );
}

#[test]
fn what_never_completes_is_printed_at_shutdown() {
    let exporter = exporter();
    export(&exporter, vec![span(3, 2, "leaf", 5, 7), span(2, 1, "middle", 5, 10)]).unwrap();
    assert_eq!(printed(&exporter), "");
    exporter.shutdown_with_timeout(Duration::ZERO).unwrap();
    assert_eq!(
        printed(&exporter),
        "\
trace 00000000000000000000000000000001 · support-bot · 2 spans · 5.00 ms · incomplete
middle                                       ████████████████████████  5.00 ms
└─ leaf                                      █████████▌                2.00 ms

"
    );
    exporter.shutdown_with_timeout(Duration::ZERO).unwrap();
    assert_eq!(printed(&exporter), "");
}

#[test]
fn a_local_root_below_another_process_completes_its_own_part() {
    let exporter = exporter();
    // Two requests of the same remote trace; the second is still running.
    export(
        &exporter,
        vec![span(11, 10, "a", 1, 2), span(21, 20, "b", 1, 2), remote(span(10, 99, "first", 0, 3))],
    )
    .unwrap();
    let text = printed(&exporter);
    assert!(text.contains("first") && text.contains("└─ a") && !text.contains("└─ b"), "{text}");
    // Late below the first; then the second.
    export(&exporter, vec![span(12, 11, "late", 2, 9)]).unwrap();
    assert!(printed(&exporter).starts_with("late in trace "));
    export(&exporter, vec![remote(span(20, 99, "second", 0, 3))]).unwrap();
    let text = printed(&exporter);
    assert!(text.starts_with("trace ") && text.contains("└─ b"), "{text}");
    assert!(lock(&exporter.forest).open.is_empty());
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first() {
    let bounds = Bounds { open_spans: 5, open_traces: 2, printed_traces: 2, printed_spans: 3 };
    let exporter =
        TreeExporter { forest: Mutex::new(Forest::new(bounds)), ..TreeExporter::new(Vec::new(), false) };
    for trace in 1..=2 {
        export(&exporter, vec![of_trace(span(2, 1, "open", 0, 1), trace)]).unwrap();
    }
    assert_eq!(printed(&exporter), "");
    export(&exporter, vec![of_trace(span(2, 1, "open", 0, 1), 3)]).unwrap();
    let text = printed(&exporter);
    assert!(
        text.starts_with(
            "trace 00000000000000000000000000000001 · 1 span · 1.00 ms · incomplete, to make room (no. 1)"
        ),
        "{text}"
    );
    // Spans are bounded too, and so is what is remembered of printed ones.
    export(&exporter, (10..20).map(|id| of_trace(span(id, 1, "open", 0, 1), 3)).collect()).unwrap();
    let forest = lock(&exporter.forest);
    assert!(forest.open_spans <= 5 && forest.open.len() <= 2 && forest.printed.len() <= 2);
    assert!(forest.printed_spans <= 3);
}

#[test]
fn deep_wide_and_hostile_names_keep_their_line() {
    let exporter = exporter();
    let mut spans = vec![span(1, 0, "root", 0, 10)];
    spans.extend((2..=2_000).map(|id| span(id, id - 1, "level", 0, 10)));
    spans.push(span(3_000, 1, "日本語の名前がとても長いのでここで切られるはずです", 0, 10));
    spans.push(failed(span(3_001, 1, "evil\u{1b}[2J\r\n\u{202e}", 0, 10), "E\u{7}", "a\nb"));
    export(&exporter, spans).unwrap();
    let text = printed(&exporter);
    assert_eq!(text.lines().filter(|line| line.contains("level")).count(), 1_999);
    assert!(text.contains("⋯1990 "), "deep levels are hinted at");
    assert!(text.contains("evil\\u{1b}[2J\\r\\n\\u{202e}") && text.contains("✗ E\\u{7}: a\\nb"), "{text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    assert!(text.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn ids_that_go_in_circles_end() {
    let exporter = exporter();
    let twice = vec![span(1, 0, "root", 0, 10), span(1, 0, "root", 0, 10), span(2, 2, "self", 0, 1)];
    export(&exporter, twice).unwrap();
    assert_eq!(printed(&exporter).lines().filter(|line| line.contains("ms")).count(), 4);
    export(&exporter, vec![of_trace(span(5, 6, "a", 0, 1), 2), of_trace(span(6, 5, "b", 0, 1), 2)]).unwrap();
    exporter.shutdown_with_timeout(Duration::ZERO).unwrap();
    printed(&exporter);
}

#[test]
fn times_that_make_no_sense_are_drawn() {
    let exporter = exporter();
    let mut backwards = span(1, 0, "backwards", 10, 0);
    export(&exporter, vec![backwards.clone()]).unwrap();
    assert!(printed(&exporter).contains("0 ns"));
    backwards.end_time = UNIX_EPOCH + Duration::from_secs(1 << 40);
    export(&exporter, vec![of_trace(backwards, 2), of_trace(span(2, 1, "x", 0, 1), 2)]).unwrap();
    assert!(printed(&exporter).contains('h'));
}

#[test]
fn colours_are_there_only_when_asked_for() {
    let plain = exporter();
    export(&plain, workflow()).unwrap();
    assert!(!printed(&plain).contains('\u{1b}'));
    let coloured = TreeExporter::new(Vec::new(), true);
    export(&coloured, workflow()).unwrap();
    let text = printed(&coloured);
    assert!(text.contains("\u{1b}[31m✗ TimeoutError: deadline has elapsed\u{1b}[0m"), "{text}");
}
