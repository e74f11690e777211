//! Content leaves the process when it was asked for, bounded and masked, and never otherwise.

use std::fmt::{self, Debug, Display};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use llmetry::export::MemoryExporter;
use llmetry::testing::{RecordedSpan, Trace, record_sync};
use llmetry::{Builder, Redactor, current, task, tool, workflow};
use opentelemetry_sdk::trace::SpanData;
use serde::{Serialize, Serializer};

use crate::program::{self, Said};
use crate::support::{LONG, attribute, current_thread, named};

/// Stands in arguments, results, errors, panics and fields; may be nowhere while content is off.
const CANARY: &str = "canary-4711";

#[derive(Debug, Serialize)]
struct Question {
    text: String,
    api_key: &'static str,
}

fn question() -> Question {
    Question { text: format!("what is {CANARY}?"), api_key: "a-secret" }
}

#[derive(Debug)]
struct Refused(&'static str);

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused {} with sk-1234567890abcdef", self.0)
    }
}

impl std::error::Error for Refused {}

#[task(capture(input, output), skip(_skipped))]
fn answer(question: &Question, limit: u8, _skipped: &str) -> Result<String, Refused> {
    match limit {
        0 => Err(Refused(CANARY)),
        1 => panic!("{CANARY}"),
        _ => Ok(question.text.clone()),
    }
}

#[tool(capture(input, output))]
fn search(query: &str) -> Vec<String> {
    vec![query.to_uppercase()]
}

#[task(capture(value, output))]
fn counted(value: &Counting<'_>) -> bool {
    value.0.load(Ordering::Relaxed) > 1
}

#[task(capture(input, output))]
fn outer(inner: fn() -> u8) -> u8 {
    inner()
}

#[task(capture(input, output))]
fn plain() -> u8 {
    3
}

/// Counts how often somebody looks at it.
struct Counting<'a>(&'a AtomicUsize);

impl Serialize for Counting<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        serializer.serialize_unit()
    }
}

impl Debug for Counting<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn text<'a>(span: &'a RecordedSpan, key: &str) -> Option<&'a str> {
    span.attributes().find(|(known, _)| *known == key).map(|(_, value)| match value {
        opentelemetry::Value::String(text) => text.as_str(),
        other => panic!("{key} is {other:?}"),
    })
}

fn input_and_output(span: &RecordedSpan) -> [Option<&str>; 2] {
    ["input.value", "output.value"].map(|key| text(span, key))
}

/// Initialises telemetry with content on, and records `f`.
fn with_content<R>(f: impl FnOnce() -> R) -> (R, Trace) {
    let telemetry = silent().capture_content(true).init().unwrap();
    let recorded = record_sync(f);
    drop(telemetry);
    recorded
}

/// Not for stdout.
fn silent() -> Builder {
    llmetry::builder().exporter(MemoryExporter::new())
}

#[test]
fn arguments_and_results_when_content_is_on() {
    program::run(|| {
        let ((), trace) = with_content(|| {
            answer(&question(), 2, CANARY).unwrap();
            search("fox");
        });
        let task = trace.span("answer");
        let input = r#"{"question":{"text":"what is canary-4711?","api_key":"[redacted]"},"limit":2}"#;
        assert_eq!(input_and_output(task), [Some(input), Some(r#""what is canary-4711?""#)]);
        assert_eq!(text(task, "input.mime_type"), Some("application/json"));
        assert_eq!(text(task, "output.mime_type"), Some("application/json"));
        let tool = trace.span("execute_tool search");
        assert_eq!(text(tool, "gen_ai.tool.call.arguments"), Some(r#"{"query":"fox"}"#));
        assert_eq!(text(tool, "gen_ai.tool.call.result"), Some(r#"["FOX"]"#));
        assert_eq!(input_and_output(tool), [None, None]);
    });
}

#[test]
fn an_err_has_no_output_and_a_masked_text() {
    program::run(|| {
        let (result, trace) = with_content(|| answer(&question(), 0, CANARY));
        assert!(result.is_err());
        let span = trace.span("answer");
        assert_eq!(text(span, "output.value"), None);
        let said = format!("refused {CANARY} with [redacted]");
        assert_eq!(span.status(), &opentelemetry::trace::Status::error(said.clone()));
        assert_eq!(span.events()[0].attributes[1].value.as_str(), said);
    });
}

#[task]
fn survives() {
    current().record_error(&Refused("x"));
}

#[test]
fn an_error_that_is_survived_is_masked_too() {
    program::run(|| {
        let ((), trace) = with_content(survives);
        let event = &trace.span("survives").events()[0];
        assert_eq!(event.attributes[1].value.as_str(), "refused x with [redacted]");
    });
}

#[test]
fn nothing_is_looked_at_while_content_is_off() {
    program::run(|| {
        let looked = AtomicUsize::new(0);
        counted(&Counting(&looked)); // nothing is installed
        let telemetry = silent().init().unwrap();
        let (_, trace) = record_sync(|| counted(&Counting(&looked)));
        assert_eq!((looked.load(Ordering::Relaxed), trace.spans().len()), (0, 1));
        drop(telemetry);
        // On, but the span is not recorded.
        let off = silent().capture_content(true).sampler(llmetry::Sampler::AlwaysOff).init().unwrap();
        counted(&Counting(&looked));
        assert_eq!(looked.load(Ordering::Relaxed), 0);
        drop(off);
        with_content(|| counted(&Counting(&looked)));
        assert_eq!(looked.load(Ordering::Relaxed), 1);
    });
}

/// Everything that has the canary in it, through attributes and by hand.
fn all_of_it() {
    let _ = answer(&question(), 2, CANARY);
    let _ = answer(&question(), 0, CANARY);
    let _ = std::panic::catch_unwind(|| answer(&question(), 1, CANARY));
    search(CANARY);
    survives_canary();
    let _ = fails_with_debug();
    current_thread().block_on(async {
        let _ = fails_later().await;
    });
}

#[workflow]
fn survives_canary() {
    current().record_error(&Refused(CANARY));
}

#[task]
fn fails_with_debug() -> Result<(), Question> {
    Err(question())
}

#[task(skip_all)]
async fn fails_later() -> Result<u8, Refused> {
    tokio::task::yield_now().await;
    Err(Refused(CANARY))
}

fn everything(spans: &[SpanData], said: &Said) -> String {
    format!("{spans:?}\n{}\n{}", said.stdout, said.stderr)
}

#[test]
fn while_content_is_off_the_canary_appears_nowhere() {
    let said = program::with_env(&[("OTEL_TRACES_EXPORTER", "console"), ("LLMETRY_STDOUT", "json")], || {
        // The program's own hook prints panics; that is not ours to judge.
        std::panic::set_hook(Box::new(|_| {}));
        let memory = MemoryExporter::new();
        let telemetry = llmetry::builder().exporter(memory.clone()).exporters_from_env(true).init().unwrap();
        all_of_it();
        assert_eq!(telemetry.flush(LONG).stats.exported, 7);
        let spans = memory.spans();
        assert_eq!(spans.len(), 7);
        assert!(!format!("{spans:?}").contains(CANARY), "{spans:?}");
        assert!(!format!("{spans:?}").contains("a-secret"), "{spans:?}");
        // The test can fail: with content on, it is there.
        telemetry.handle().capture_content(true);
        let _ = answer(&question(), 0, CANARY);
        telemetry.flush(LONG);
        assert!(format!("{:?}", memory.spans()).contains(CANARY));
        std::process::exit(0);
    });
    // Both exporters had the last span.
    let lines: Vec<&str> = said.stdout.lines().filter(|line| line.contains("\"Name\"")).collect();
    assert_eq!(lines.len(), 8, "{}", said.stdout);
    assert_eq!(lines.iter().filter(|line| line.contains(CANARY)).count(), 1, "{}", said.stdout);
    assert!(!everything(&[], &said).contains("a-secret"));
    assert!(!said.stderr.contains(CANARY), "{}", said.stderr);
}

#[test]
fn the_environment_switches_content_on() {
    let variables = [("OTEL_TRACES_EXPORTER", "none"), ("TRACELOOP_TRACE_CONTENT", "true")];
    program::with_env(&variables, || {
        let _telemetry = llmetry::init("x").unwrap();
        let (_, trace) = record_sync(|| search("fox"));
        assert!(text(trace.span("execute_tool search"), "gen_ai.tool.call.result").is_some());
    });
}

#[test]
fn a_handle_switches_while_the_program_runs() {
    program::run(|| {
        let memory = MemoryExporter::new();
        let telemetry = llmetry::builder().exporter(memory.clone()).init().unwrap();
        let handle = telemetry.handle();
        let has_input = |on: bool| {
            let other = handle.clone();
            std::thread::spawn(move || other.capture_content(on)).join().unwrap();
            memory.reset();
            plain();
            assert!(handle.flush(LONG).is_complete());
            attribute(named(&memory.spans(), "plain"), "input.value").map(ToString::to_string)
        };
        assert_eq!(
            [has_input(true), has_input(false), has_input(true)],
            [Some("{}".into()), None, Some("{}".into())]
        );
        let stats = telemetry.shutdown(LONG).stats;
        handle.capture_content(true);
        assert_eq!((handle.stats(), handle.stats().exported), (stats, 3));
        assert!(handle.flush(LONG).is_complete());
        assert_eq!(plain(), 3);
    });
}

#[test]
fn a_span_overrules_the_switch_for_itself_and_what_is_inside() {
    fn inside_on() -> u8 {
        current().capture_content(true);
        plain()
    }
    fn inside_off() -> u8 {
        current().capture_content(false);
        std::thread::spawn(llmetry::scoped(plain)).join().unwrap()
    }
    program::run(|| {
        let telemetry = silent().init().unwrap();
        let ((), trace) = record_sync(|| {
            outer(inside_on);
            plain();
        });
        // Its arguments were there before it spoke, its result came after.
        assert_eq!(input_and_output(trace.span("outer")), [None, Some("3")]);
        let inside = trace.children(trace.span("outer")).next().unwrap();
        assert_eq!(input_and_output(inside), [Some("{}"), Some("3")]);
        let outside = trace.roots().find(|span| span.name() == "plain").unwrap();
        assert_eq!(input_and_output(outside), [None, None]);

        telemetry.handle().capture_content(true);
        let ((), trace) = record_sync(|| {
            outer(inside_off);
            plain();
        });
        let outer = trace.span("outer");
        assert!(text(outer, "input.value").is_some() && text(outer, "output.value").is_none());
        let inside = trace.children(outer).next().unwrap();
        assert_eq!(input_and_output(inside), [None, None]);
        let outside = trace.roots().find(|span| span.name() == "plain").unwrap();
        assert_eq!(input_and_output(outside), [Some("{}"), Some("3")]);
        let mut keys = trace.spans().iter().flat_map(RecordedSpan::attributes).map(|(key, _)| key);
        assert!(keys.all(|key| !key.contains("content")));
    });
}

#[test]
fn the_word_of_a_span_goes_along_into_tasks_and_through_foreign_spans() {
    use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};

    #[task]
    async fn speaks() {
        current().capture_content(true);
        let span = opentelemetry::global::tracer("foreign").start("foreign");
        let context = opentelemetry::Context::current_with_span(span);
        let inside = async {
            current().record_error(&Refused("x"));
            plain();
        };
        inside.with_context(context).await;
        llmetry::spawn(async { plain() }).await.unwrap();
    }

    program::run(|| {
        let memory = MemoryExporter::new();
        let telemetry = llmetry::builder().exporter(memory.clone()).init().unwrap();
        current_thread().block_on(speaks());
        telemetry.flush(LONG);
        let spans = memory.spans();
        let outputs = spans.iter().filter(|span| attribute(span, "output.value").is_some()).count();
        assert_eq!((spans.len(), outputs), (4, 2));
        let foreign = named(&spans, "foreign");
        assert!(foreign.attributes.is_empty(), "{foreign:?}");
        assert_eq!(foreign.events[0].attributes[1].value.as_str(), "refused x with [redacted]");
    });
}

#[task]
fn allows(yes: bool) -> Result<u8, Refused> {
    current().capture_content(yes);
    fails()
}

#[task]
fn fails() -> Result<u8, Refused> {
    Err(Refused(CANARY))
}

#[test]
fn texts_of_errors_follow_the_span() {
    program::run(|| {
        let _telemetry = silent().init().unwrap();
        let (_, trace) = record_sync(|| (allows(true), allows(false)));
        let with_text =
            trace.spans().iter().filter(|span| format!("{:?}", span.status()).contains(CANARY)).count();
        assert_eq!((trace.spans().len(), with_text), (4, 2));
    });
}

#[test]
fn a_redactor_of_the_programs_own() {
    program::run(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let redactor = Redactor::new().key("query").rule(move |text| {
            noted.lock().unwrap().push(text.to_owned());
            assert!(!text.contains("bad"), "on purpose");
            text.contains(CANARY).then(|| text.replace(CANARY, "[bird]"))
        });
        let telemetry = silent().capture_content(true).redactor(redactor).init().unwrap();
        let ((), trace) = record_sync(|| {
            let _ = answer(&question(), 2, CANARY);
            search("bad");
            let _ = answer(&Question { text: "bad".to_owned(), api_key: "" }, 0, CANARY);
        });
        let masked = r#"{"question":{"text":"what is [bird]?","api_key":"[redacted]"},"limit":2}"#;
        assert_eq!(input_and_output(trace.span("answer")), [Some(masked), Some(r#""what is [bird]?""#)]);
        let tool = trace.span("execute_tool search");
        assert_eq!(text(tool, "gen_ai.tool.call.arguments"), Some(r#"{"query":"[redacted]"}"#));
        assert_eq!(text(tool, "gen_ai.tool.call.result"), Some(r#"["BAD"]"#));
        // The rule panicked at one input, which is not there.
        let failed = trace.spans().iter().rfind(|span| span.name() == "answer").unwrap();
        assert_eq!(input_and_output(failed), [None, None]);
        assert_eq!(telemetry.stats().content_dropped, 1);
        assert!(seen.lock().unwrap().iter().all(|text| !text.contains("a-secret")));
    });
}

#[test]
fn a_rule_may_call_what_it_is_a_rule_for() {
    program::run(|| {
        let redactor = Redactor::new().rule(|text| (text == "fox").then(|| search("fox").concat()));
        let _telemetry = silent().capture_content(true).redactor(redactor).init().unwrap();
        let (_, trace) = record_sync(|| search("fox"));
        let arguments: Vec<_> =
            trace.spans().iter().map(|span| text(span, "gen_ai.tool.call.arguments")).collect();
        assert_eq!(arguments, [Some(r#"{"query":"FOX"}"#), None]);
    });
}

#[test]
fn a_panicking_rule_is_said_once() {
    let said = program::run(|| {
        std::panic::set_hook(Box::new(|_| {}));
        let redactor = Redactor::new().rule(|_| panic!("on purpose"));
        let telemetry = silent().capture_content(true).redactor(redactor).init().unwrap();
        for _ in 0..3 {
            search("fox");
        }
        assert_eq!(telemetry.stats().content_dropped, 6);
    });
    assert_eq!(said.stderr.matches("a rule of the redactor panicked").count(), 1, "{}", said.stderr);
}

#[derive(Debug)]
struct Shown;

#[task(fields(n = 3_u8, json = question(), shown = Shown, long = vec!["x"; 100_000]))]
fn with_fields() {}

#[test]
fn fields_are_recorded_whatever_the_switch_says() {
    let ((), trace) = record_sync(with_fields);
    let span = trace.span("with_fields");
    assert_eq!(span.attribute("n"), Some(&3.into()));
    assert_eq!(text(span, "json"), Some(r#"{"text":"what is canary-4711?","api_key":"a-secret"}"#));
    assert_eq!(text(span, "shown"), Some("Shown"));
    let long: serde_json::Value = serde_json::from_str(text(span, "long").unwrap()).unwrap();
    assert!(long.as_array().is_some_and(|items| items.len() > 5_000), "valid although it was cut");
}

#[test]
fn captured_content_counts_towards_the_queue() {
    #[task(capture(input))]
    fn heavy(text: &str) -> usize {
        text.len()
    }
    program::run(|| {
        let telemetry = silent()
            .capture_content(true)
            .max_queue_bytes(100_000)
            .schedule_delay(LONG)
            .max_export_batch_size(1_000)
            .init()
            .unwrap();
        let text = "x".repeat(30_000);
        for _ in 0..50 {
            heavy(&text);
        }
        let stats = telemetry.flush(LONG).stats;
        assert!(stats.dropped(llmetry::DropReason::QueueFull) > 0, "{stats:?}");
    });
}
