//! The shape of `ends`, made with the OpenTelemetry API.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use llmetry_processes::executor::yield_now;
use llmetry_processes::plan::{Act, Place, Plan};
use llmetry_processes::{last, ledger};
use opentelemetry::Context;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::signal::unix::{SignalKind, signal};

const STEPS: usize = 50;
const STEPS_ELSEWHERE: usize = 25;
const THREADS_ELSEWHERE: usize = 2;

/// What ends inside.
type Inside = Option<SdkTracerProvider>;

fn tracer() -> BoxedTracer {
    global::tracer("stock")
}

fn opened(context: &Context) -> u64 {
    let id = u64::from_be_bytes(context.span().span_context().span_id().to_bytes());
    ledger::opened(id);
    id
}

/// `body` in a span; finished when it is over and its span is gone.
fn span<T>(name: &'static str, body: impl FnOnce() -> T) -> T {
    let (id, output) = tracer().in_span(name, |context| (opened(&context), body()));
    ledger::finished(id);
    output
}

async fn span_async<T>(name: &'static str, body: impl Future<Output = T>) -> T {
    let context = Context::current_with_span(tracer().start(name));
    let id = opened(&context);
    let output = body.with_context(context.clone()).await;
    context.span().end();
    ledger::finished(id);
    output
}

fn steps() {
    for _ in 0..STEPS {
        span("step", || {});
    }
}

pub(crate) async fn work(plan: &'static Plan, inside: Inside) -> bool {
    match plan.row.place {
        Place::SyncTask => span("whole", || {
            steps();
            span("inner", || {
                steps();
                end(plan, inside)
            })
        }),
        Place::AsyncDeep => whole_async(Some((plan, inside))).await,
        Place::After | Place::Others => {
            whole_async(None).await;
            end_async(plan, inside).await
        }
    }
}

async fn whole_async(ends: Option<(&'static Plan, Inside)>) -> bool {
    let inner = async {
        steps();
        yield_now().await;
        match ends {
            Some((plan, inside)) => end_async(plan, inside).await,
            None => true,
        }
    };
    let whole = async {
        steps();
        yield_now().await;
        span_async("middle", span_async("inner", inner)).await
    };
    span_async("whole", whole).await
}

async fn end_async(plan: &'static Plan, inside: Inside) -> bool {
    if plan.row.ending.act != Act::Graceful {
        return end(plan, inside);
    }
    let mut terminate = signal(SignalKind::terminate()).expect("tokio takes the signal");
    last::send(libc::SIGTERM);
    terminate.recv().await.is_some()
}

fn end(plan: &Plan, inside: Inside) -> bool {
    match plan.row.ending.act {
        Act::ReturnErr => return false,
        Act::DropGuardInside => {
            ledger::ending();
            if let Some(provider) = inside {
                let _ = provider.shutdown();
            }
        }
        other => last::act(other),
    }
    true
}

static STEPS_MADE: [AtomicUsize; THREADS_ELSEWHERE] = [const { AtomicUsize::new(0) }; THREADS_ELSEWHERE];

pub(crate) fn begin_elsewhere() {
    for made in &STEPS_MADE {
        thread::spawn(|| {
            span("works_on", || {
                loop {
                    span("step", || {});
                    made.fetch_add(1, Ordering::Release);
                    thread::sleep(Duration::from_micros(200));
                }
            });
        });
    }
    while STEPS_MADE.iter().any(|made| made.load(Ordering::Acquire) < STEPS_ELSEWHERE) {
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) extern "C" fn in_exit_handler() {
    span("in_handler", || {});
    ledger::ending();
}

pub(crate) extern "C" fn in_early_exit_handler() {
    span("in_handler", || {});
}

pub(crate) extern "C" fn exit_in_exit_handler() {
    span("exits_in_handler", || {
        ledger::ending();
        last::exit_again(0);
    });
}
