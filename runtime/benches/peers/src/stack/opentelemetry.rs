//! The OpenTelemetry API over its SDK with the batch processor, as its documentation says: a span in a `Context` that is
//! attached at every poll.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};

use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer, TracerProvider, WithContext};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use super::{Flush, Mode, Stack, bare, chain, conversation, sizes};
use crate::exporter::NoopExporter;

pub(super) struct OpenTelemetry;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// A provider that records, or not, as `mode` says; `tracing` uses it too.
pub(super) fn provider(mode: Mode) -> Option<SdkTracerProvider> {
    let roots = match mode {
        Mode::Recorded => Sampler::AlwaysOn,
        Mode::Unsampled => Sampler::AlwaysOff,
        Mode::NotInitialised => return None,
    };
    let sampler = Sampler::ParentBased(Box::new(roots));
    Some(SdkTracerProvider::builder().with_sampler(sampler).with_batch_exporter(NoopExporter).build())
}

pub(super) fn flush(provider: SdkTracerProvider) -> Flush {
    Box::new(move || provider.force_flush().expect("the exporter does not fail"))
}

fn tracer() -> &'static SdkTracer {
    TRACER.get().expect("every row that comes here has set up a provider")
}

/// What an application's own helper would be.
fn in_span<F: Future>(future: F) -> WithContext<F> {
    future.with_context(Context::current_with_span(tracer().start("child")))
}

async fn task(x: u64) -> u64 {
    in_span(bare::task(x)).await
}

async fn task_of_a_library(x: u64) -> u64 {
    // Looking the tracer up at each span would cost three times as much.
    static TRACER: OnceLock<global::BoxedTracer> = OnceLock::new();
    let span = TRACER.get_or_init(|| global::tracer("library")).start("child");
    bare::task(x).with_context(Context::current_with_span(span)).await
}

async fn with_attributes<F: Future, const N: usize>(attributes: [KeyValue; N], future: F) -> F::Output {
    let span = tracer().span_builder("child").with_attributes(attributes).start(tracer());
    future.with_context(Context::current_with_span(span)).await
}

async fn task_in_conversation(x: u64) -> u64 {
    let attributes = [
        KeyValue::new("gen_ai.agent.name", conversation::AGENT),
        KeyValue::new("gen_ai.conversation.id", Arc::clone(&conversation::ID)),
    ];
    with_attributes(attributes, bare::task(x)).await
}

async fn task_with_attributes(x: u64) -> u64 {
    let attributes = [
        KeyValue::new("component", "retriever"),
        KeyValue::new("index", "documents"),
        KeyValue::new("mode", "hybrid"),
        KeyValue::new("language", "en"),
        KeyValue::new("top_k", 12),
        KeyValue::new("shard", x.cast_signed()),
        KeyValue::new("offset", x.cast_signed() + 1),
        KeyValue::new("limit", 400),
    ];
    with_attributes(attributes, bare::task(x)).await
}

async fn pending_task(x: u64, times: u32) -> u64 {
    in_span(bare::pending_task(x, times)).await
}

#[inline(never)]
fn call(x: u64) -> u64 {
    let _current = Context::current_with_span(tracer().start("child")).attach();
    black_box(x)
}

async fn nested(children: u64) -> u64 {
    in_span(async {
        let mut sum = 0_u64;
        for child in 0..children {
            sum = sum.wrapping_add(task(child).await);
        }
        sum
    })
    .await
}

mod links {
    super::chain!(64, [] super::in_span);
}

impl Stack for OpenTelemetry {
    fn set_up(mode: Mode) -> Flush {
        let Some(provider) = provider(mode) else { return Box::new(|| ()) };
        TRACER.set(provider.tracer("bench")).expect("a process sets up once");
        flush(provider)
    }

    fn in_root(work: &mut dyn FnMut()) {
        let _current = Context::current_with_span(tracer().start("root")).attach();
        work();
    }

    fn task(x: u64) -> impl Future<Output = u64> {
        task(x)
    }

    fn task_of_a_library(x: u64) -> impl Future<Output = u64> {
        task_of_a_library(x)
    }

    fn task_in_conversation(x: u64) -> impl Future<Output = u64> {
        task_in_conversation(x)
    }

    fn task_with_attributes(x: u64) -> impl Future<Output = u64> {
        task_with_attributes(x)
    }

    fn pending_task(x: u64, times: u32) -> impl Future<Output = u64> {
        pending_task(x, times)
    }

    fn call(x: u64) -> u64 {
        call(x)
    }

    fn nested(children: u64) -> impl Future<Output = u64> {
        nested(children)
    }

    fn chain(x: u64) -> Option<impl Future<Output = u64>> {
        Some(links::c64(x))
    }

    fn sizes() -> (usize, usize) {
        sizes!(links)
    }
}
