//! Which traces are recorded, and what the headers of the others say.

use http::HeaderMap;
use llmetry::export::MemoryExporter;
use llmetry::{Guard, InCurrentTrace, Sampler, task, workflow};
use opentelemetry::trace::{FutureExt, SpanId, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use tokio::task::yield_now;

use crate::program;
use crate::support::{LONG, current_thread, multi_thread};

/// Trace id and flags of the header that would go out now.
fn sent() -> (String, String) {
    let mut headers = HeaderMap::new();
    llmetry::inject(&mut headers);
    let header = headers.get("traceparent").expect("there is a current trace").to_str().unwrap();
    let parts: Vec<_> = header.split('-').collect();
    assert_eq!((parts.len(), parts[0], parts[1].len(), parts[2].len()), (4, "00", 32, 16), "{header}");
    assert!(parts[1..3].iter().all(|id| id.bytes().any(|byte| byte != b'0')), "{header}");
    assert!(!headers.contains_key("tracestate"));
    (parts[1].to_owned(), parts[3].to_owned())
}

#[workflow]
async fn everywhere() -> Vec<(String, String)> {
    let mut seen = vec![sent()];
    yield_now().await;
    seen.push(sent());
    seen.push(nested().await);
    seen.push(nested_sync());
    seen.push(llmetry::spawn(nested()).await.unwrap());
    seen.push(tokio::spawn(nested().in_current_trace()).await.unwrap());
    seen.push(std::thread::spawn(llmetry::scoped(nested_sync)).join().unwrap());
    seen.push(global::tracer("library").in_span("library", |_| sent()));
    yield_now().await;
    seen.push(sent());
    seen
}

#[task]
async fn nested() -> (String, String) {
    yield_now().await;
    let seen = sent();
    yield_now().await;
    assert_eq!(sent(), seen);
    seen
}

#[task]
fn nested_sync() -> (String, String) {
    sent()
}

fn start(sampler: Sampler) -> (Guard, MemoryExporter) {
    let memory = MemoryExporter::new();
    (llmetry::builder().exporter(memory.clone()).sampler(sampler).init().unwrap(), memory)
}

/// The one trace id and the one flag of all headers.
fn the_only(seen: &[(String, String)]) -> &(String, String) {
    assert!(seen.iter().all(|other| *other == seen[0]), "{seen:?}");
    &seen[0]
}

#[test]
fn an_unsampled_trace_has_one_id_and_no_flag_everywhere() {
    program::run(|| {
        let (guard, memory) = start(Sampler::parent_based(Sampler::AlwaysOff));
        let mut ids = Vec::new();
        for runtime in [current_thread(), multi_thread()] {
            for _ in 0..2 {
                let seen = runtime.block_on(everywhere());
                let (id, flag) = the_only(&seen);
                assert_eq!(flag, "00");
                assert!(!ids.contains(id), "every trace has an id of its own");
                ids.push(id.clone());
            }
        }
        let report = guard.shutdown(LONG);
        assert_eq!((report.stats.started, memory.spans().len()), (0, 0));
        assert!(report.is_complete());
    });
}

#[test]
fn a_sampled_trace_has_the_flag_everywhere() {
    program::run(|| {
        let (guard, memory) = start(Sampler::default());
        let seen = multi_thread().block_on(everywhere());
        let (id, flag) = the_only(&seen);
        assert_eq!(flag, "01");
        assert!(guard.shutdown(LONG).is_complete());
        let spans = memory.spans();
        assert_eq!(spans.len(), 7);
        assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == *id));
    });
}

fn remote(flag: &str) -> Context {
    let mut headers = HeaderMap::new();
    let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flag}");
    headers.insert("traceparent", parent.parse().unwrap());
    llmetry::extract(&headers)
}

#[test]
fn the_callers_decision_holds() {
    program::run(|| {
        // The root sampler says the opposite each time.
        for (root, flag) in [(Sampler::AlwaysOff, "01"), (Sampler::AlwaysOn, "00")] {
            let (guard, memory) = start(Sampler::parent_based(root));
            let seen = multi_thread().block_on(everywhere().with_context(remote(flag)));
            let expected = ("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), flag.to_owned());
            assert_eq!(the_only(&seen), &expected);
            assert!(guard.shutdown(LONG).is_complete());
            let spans = memory.spans();
            assert_eq!(spans.len(), if flag == "01" { 7 } else { 0 });
            let caller = SpanId::from_hex("00f067aa0ba902b7").unwrap();
            let children: Vec<_> = spans.iter().filter(|span| span.parent_span_id == caller).collect();
            assert_eq!(children.len(), usize::from(flag == "01"));
            assert!(children.iter().all(|span| span.parent_span_is_remote));
        }
    });
}

#[test]
fn a_sampler_without_parent_based_does_not_ask_the_caller() {
    program::run(|| {
        let (guard, memory) = start(Sampler::AlwaysOn);
        let attached = remote("00").attach();
        nested_sync();
        drop(attached);
        guard.shutdown(LONG);
        assert_eq!(memory.spans().len(), 1);
    });
}

#[task]
fn pair() -> (String, String) {
    assert_eq!(nested_sync(), sent());
    sent()
}

#[test]
fn a_ratio_keeps_whole_traces() {
    program::run(|| {
        let (guard, memory) = start(Sampler::parent_based(Sampler::TraceIdRatio(0.5)));
        let seen: Vec<_> = (0..400).map(|_| pair()).collect();
        let sampled = seen.iter().filter(|(_, flag)| flag == "01").count();
        guard.shutdown(LONG);
        assert_eq!(memory.spans().len(), 2 * sampled);
        // Ten standard deviations.
        assert!((100..=300).contains(&sampled), "{sampled}");
        for span in memory.spans() {
            let id = span.span_context.trace_id().to_string();
            assert!(seen.contains(&(id, "01".to_owned())));
        }
    });
}

#[test]
fn the_environment_names_the_sampler() {
    program::with_env(&[("OTEL_TRACES_SAMPLER", "always_off")], || {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        assert_eq!(nested_sync().1, "00");
        assert!(!Context::current().has_active_span());
        assert_eq!(guard.shutdown(LONG).stats.started, 0);
    });
}
