//! llmetry: `#[task]` and its sisters.

use std::hint::black_box;
use std::time::Duration;

use llmetry::{Builder, Guard, Sampler};

use super::bare::Pending;
use super::{Flush, Mode, Stack, chain, conversation, sizes};
use crate::exporter::NoopExporter;

pub(super) struct Llmetry;

#[llmetry::task]
async fn task(x: u64) -> u64 {
    black_box(x)
}

#[llmetry::task(fields(
    component = "retriever",
    index = "documents",
    mode = "hybrid",
    language = "en",
    top_k = 12,
    shard = x,
    offset = x + 1,
    limit = 400
))]
async fn task_with_attributes(x: u64) -> u64 {
    black_box(x)
}

#[llmetry::task]
async fn pending_task(x: u64, times: u32) -> u64 {
    Pending(times).await;
    black_box(x)
}

#[llmetry::task]
#[inline(never)]
fn call(x: u64) -> u64 {
    black_box(x)
}

#[llmetry::workflow]
async fn nested(children: u64) -> u64 {
    let mut sum = 0_u64;
    for child in 0..children {
        sum = sum.wrapping_add(task(child).await);
    }
    sum
}

#[llmetry::workflow]
fn root(work: &mut dyn FnMut()) {
    work();
}

#[llmetry::agent(name = "support_agent")]
fn agent(work: &mut dyn FnMut()) {
    llmetry::current().set_conversation_id(&**conversation::ID);
    work();
}

mod links {
    super::chain!(64, [#[llmetry::task]] std::convert::identity);
}

/// Telemetry as `builder` and `mode` say; `None` when it is not to be initialised.
pub(super) fn start(builder: Builder, mode: Mode) -> Option<Guard> {
    let roots = match mode {
        Mode::Recorded => Sampler::AlwaysOn,
        Mode::Unsampled => Sampler::AlwaysOff,
        Mode::NotInitialised => return None,
    };
    let builder = builder.service_name("bench").exporter(NoopExporter).sampler(Sampler::parent_based(roots));
    Some(builder.init().expect("nothing else is installed in this process"))
}

pub(super) fn flush(guard: Option<Guard>) -> Flush {
    Box::new(move || {
        if let Some(guard) = &guard {
            guard.flush(Duration::from_secs(10));
        }
    })
}

impl Stack for Llmetry {
    fn set_up(mode: Mode) -> Flush {
        flush(start(llmetry::builder(), mode))
    }

    fn in_root(work: &mut dyn FnMut()) {
        root(work);
    }

    fn in_conversation(work: &mut dyn FnMut()) {
        agent(work);
    }

    fn task(x: u64) -> impl Future<Output = u64> {
        task(x)
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
