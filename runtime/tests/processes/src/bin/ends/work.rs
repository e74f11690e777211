//! What the program does before it ends, and the place in which it ends: annotated functions, each of which says when it is open and
//! whose caller says when it has returned.

use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use llmetry::opentelemetry::trace::TraceContextExt;
use llmetry::{agent, task, tool, workflow};
use llmetry_processes::executor::yield_now;
use llmetry_processes::plan::{Act, Place, Plan};
use llmetry_processes::{last, ledger};
use tokio::signal::unix::{SignalKind, signal};

use crate::HELD;

/// Finished spans in each function that has children.
const STEPS: usize = 50;
/// Finished spans of each of the other threads, before the ending may begin.
const STEPS_ELSEWHERE: usize = 25;
const THREADS_ELSEWHERE: usize = 2;

/// The id of an annotated function's span, on both ways out.
type Ended = Result<u64, Failed>;

#[derive(Debug)]
struct Failed(u64);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is how it ends")
    }
}

impl std::error::Error for Failed {}

/// Said first in each annotated function.
fn opened() -> u64 {
    let context = llmetry::current().context();
    let id = u64::from_be_bytes(context.span().span_context().span_id().to_bytes());
    ledger::opened(id);
    id
}

fn ended(id: u64, ok: bool) -> Ended {
    if ok { Ok(id) } else { Err(Failed(id)) }
}

/// Said by the caller. Whether it went well.
fn returned(ended: &Ended) -> bool {
    let (Ok(id) | Err(Failed(id))) = ended;
    ledger::finished(*id);
    ended.is_ok()
}

#[tool]
fn step() -> Ended {
    ended(opened(), true)
}

fn steps() {
    for _ in 0..STEPS {
        returned(&step());
    }
}

/// The place, and the ending in it. Whether all went well, if anybody lives to hear it.
pub(crate) async fn work(plan: &'static Plan) -> bool {
    match plan.row.place {
        Place::SyncTask => returned(&whole(plan)),
        Place::AsyncDeep => returned(&whole_async(Some(plan)).await),
        Place::After | Place::Others => {
            returned(&whole_async(None).await);
            end_async(plan).await
        }
    }
}

#[workflow]
fn whole(plan: &Plan) -> Ended {
    let id = opened();
    steps();
    ended(id, returned(&inner(plan)))
}

#[task]
fn inner(plan: &Plan) -> Ended {
    let id = opened();
    steps();
    ended(id, end(plan))
}

#[workflow]
async fn whole_async(plan: Option<&'static Plan>) -> Ended {
    let id = opened();
    steps();
    yield_now().await;
    ended(id, returned(&middle_async(plan).await))
}

#[agent]
async fn middle_async(plan: Option<&'static Plan>) -> Ended {
    let id = opened();
    yield_now().await;
    ended(id, returned(&inner_async(plan).await))
}

#[task]
async fn inner_async(plan: Option<&'static Plan>) -> Ended {
    let id = opened();
    steps();
    yield_now().await;
    let ok = match plan {
        Some(plan) => end_async(plan).await,
        None => true,
    };
    ended(id, ok)
}

async fn end_async(plan: &'static Plan) -> bool {
    if plan.row.ending.act != Act::Graceful {
        return end(plan);
    }
    let mut terminate = signal(SignalKind::terminate()).expect("tokio takes the signal");
    last::send(libc::SIGTERM);
    terminate.recv().await.is_some()
}

/// Does what the plan says. Whether the caller went well, if it goes on.
fn end(plan: &Plan) -> bool {
    match plan.row.ending.act {
        Act::ReturnErr => return false,
        Act::DropGuardInside => {
            ledger::ending();
            let guard = HELD.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(guard);
        }
        Act::LlmetryExit(code) => {
            ledger::ending();
            if plan.bare {
                std::process::exit(code);
            }
            llmetry::exit(code);
        }
        other => last::act(other),
    }
    true
}

static STEPS_MADE: [AtomicUsize; THREADS_ELSEWHERE] = [const { AtomicUsize::new(0) }; THREADS_ELSEWHERE];

/// Threads that work until the process is gone, each in a span that stays open. Comes back when all of them have finished some.
pub(crate) fn begin_elsewhere() {
    for made in &STEPS_MADE {
        thread::spawn(|| works_on(made));
    }
    while STEPS_MADE.iter().any(|made| made.load(Ordering::Acquire) < STEPS_ELSEWHERE) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[workflow]
fn works_on(made: &AtomicUsize) {
    opened();
    loop {
        returned(&step());
        made.fetch_add(1, Ordering::Release);
        thread::sleep(Duration::from_micros(200));
    }
}

#[task]
fn in_handler() -> Ended {
    ended(opened(), true)
}

/// Before llmetry ends: recorded like any other.
pub(crate) extern "C" fn in_exit_handler() {
    returned(&in_handler());
    ledger::ending();
}

/// After llmetry has ended: runs as without.
pub(crate) extern "C" fn in_early_exit_handler() {
    returned(&in_handler());
}

#[task]
fn exits_in_handler() {
    opened();
    ledger::ending();
    last::exit_again(0);
}

pub(crate) extern "C" fn exit_in_exit_handler() {
    exits_in_handler();
}
