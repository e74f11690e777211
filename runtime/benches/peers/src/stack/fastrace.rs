//! fastrace: `#[trace]`, which has no OpenTelemetry `Context`, and a reporter that does nothing.

use std::future::Ready;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrace::Span;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::future::FutureExt;

use super::bare::{self, Pending};
use super::{Flush, Mode, Stack, chain, conversation, sizes};
use crate::exporter;

pub(super) struct Fastrace;

/// fastrace decides at each root, not at the start of the program.
static ROOTS_ARE_SAMPLED: AtomicBool = AtomicBool::new(true);

struct NoopReporter;

impl Reporter for NoopReporter {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        exporter::arrived(&spans);
    }
}

fn root_span() -> Span {
    Span::root("root", SpanContext::random().sampled(ROOTS_ARE_SAMPLED.load(Ordering::Relaxed)))
}

#[fastrace::trace]
async fn task(x: u64) -> u64 {
    black_box(x)
}

async fn root(x: u64) -> u64 {
    bare::task(x).in_span(root_span()).await
}

async fn task_in_conversation(x: u64) -> u64 {
    let span = Span::enter_with_local_parent("task").with_properties(|| {
        [
            ("gen_ai.agent.name", conversation::AGENT.to_owned()),
            ("gen_ai.conversation.id", conversation::ID.to_string()),
        ]
    });
    bare::task(x).in_span(span).await
}

#[fastrace::trace(properties = {
    "component": "retriever",
    "index": "documents",
    "mode": "hybrid",
    "language": "en",
    "top_k": "12",
    "shard": "{x}",
    "offset": "{x}",
    "limit": "400",
})]
async fn task_with_attributes(x: u64) -> u64 {
    black_box(x)
}

#[fastrace::trace]
async fn pending_task(x: u64, times: u32) -> u64 {
    Pending(times).await;
    black_box(x)
}

#[fastrace::trace]
#[inline(never)]
fn call(x: u64) -> u64 {
    black_box(x)
}

async fn nested(children: u64) -> u64 {
    async {
        let mut sum = 0_u64;
        for child in 0..children {
            sum = sum.wrapping_add(task(child).await);
        }
        sum
    }
    .in_span(root_span())
    .await
}

mod links {
    // 32 of them do not compile (E0275).
    super::chain!(10, [#[fastrace::trace]] std::convert::identity);
}

impl Stack for Fastrace {
    fn set_up(mode: Mode) -> Flush {
        if mode == Mode::NotInitialised {
            return Box::new(|| ());
        }
        ROOTS_ARE_SAMPLED.store(mode == Mode::Recorded, Ordering::Relaxed);
        fastrace::set_reporter(NoopReporter, Config::default());
        Box::new(fastrace::flush)
    }

    fn in_root(work: &mut dyn FnMut()) {
        let root = root_span();
        let _current = root.set_local_parent();
        work();
    }

    fn task(x: u64) -> impl Future<Output = u64> {
        task(x)
    }

    fn root(x: u64) -> impl Future<Output = u64> {
        root(x)
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

    fn chain(_: u64) -> Option<impl Future<Output = u64>> {
        None::<Ready<u64>>
    }

    fn sizes() -> (usize, usize) {
        sizes!(links)
    }
}
