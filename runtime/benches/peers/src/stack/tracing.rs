//! `#[tracing::instrument]`, the registry, and tracing-opentelemetry's layer with its defaults, over the provider of
//! `opentelemetry`.

use std::hint::black_box;

use opentelemetry::trace::TracerProvider;
use tracing_subscriber::layer::SubscriberExt;

use super::bare::Pending;
use super::opentelemetry::{flush, provider};
use super::{Flush, Mode, Stack, chain, conversation, sizes};

pub(super) struct Tracing;

#[tracing::instrument(skip_all)]
async fn task(x: u64) -> u64 {
    black_box(x)
}

#[tracing::instrument(skip_all, fields(
    gen_ai.agent.name = conversation::AGENT,
    gen_ai.conversation.id = &**conversation::ID,
))]
async fn task_in_conversation(x: u64) -> u64 {
    black_box(x)
}

#[tracing::instrument(skip_all, fields(
    component = "retriever",
    index = "documents",
    mode = "hybrid",
    language = "en",
    top_k = 12,
    shard = x,
    offset = x + 1,
    limit = 400,
))]
async fn task_with_attributes(x: u64) -> u64 {
    black_box(x)
}

#[tracing::instrument(skip_all)]
async fn pending_task(x: u64, times: u32) -> u64 {
    Pending(times).await;
    black_box(x)
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn call(x: u64) -> u64 {
    black_box(x)
}

#[tracing::instrument(skip_all)]
async fn nested(children: u64) -> u64 {
    let mut sum = 0_u64;
    for child in 0..children {
        sum = sum.wrapping_add(task(child).await);
    }
    sum
}

#[tracing::instrument(skip_all)]
fn root(work: &mut dyn FnMut()) {
    work();
}

mod links {
    super::chain!(64, [#[tracing::instrument(skip_all)]] std::convert::identity);
}

impl Stack for Tracing {
    fn set_up(mode: Mode) -> Flush {
        let Some(provider) = provider(mode) else { return Box::new(|| ()) };
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .expect("a process sets up once");
        flush(provider)
    }

    fn in_root(work: &mut dyn FnMut()) {
        root(work);
    }

    fn task(x: u64) -> impl Future<Output = u64> {
        task(x)
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
