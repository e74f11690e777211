//! A program on llmetry that ends in one of the ways of `plan`.
//!
//! In: `ends <ending> <runtime> <place> <ledger> bare|traced [spool]`, and OpenTelemetry's variables for where spans go. Out: what it says
//! in the ledger, its spans, its exit status. `ends recover <spool>` is the next start in that directory: it sends what is left there, and
//! makes no spans.

mod work;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::exit;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use llmetry::Guard;
use llmetry_processes::executor::{Executor, carry};
use llmetry_processes::plan::{Act, Opted, Place, Plan};
use llmetry_processes::{last, ledger, next};

/// The longest that the next start may take to send what is left.
const RECOVERY: Duration = Duration::from_secs(20);

/// More than any of these programs makes, and little to reserve some thousand times.
const SPOOL_BYTES: u64 = 8 * 1024 * 1024;

/// The guard, where the program keeps it in a static.
static HELD: Mutex<Option<Guard>> = Mutex::new(None);

/// Why `main` returns `Err`.
struct Failure;

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is how it ends")
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "recover").is_some() {
        recover(Path::new(&arguments.next().expect("the spool's directory")));
    }
    let plan: &'static Plan = Box::leak(Box::new(Plan::from_arguments(arguments).expect("a plan")));
    let act = plan.row.ending.act;
    last::prepare();
    ledger::open(&plan.ledger).expect("the ledger can be written");
    if act == Act::ExitWithHandlers {
        // Called after those of llmetry.
        last::at_exit(work::in_early_exit_handler);
    }

    let executor = Executor::new(plan.row.runtime);
    let mut guard = if plan.bare { None } else { Some(start(plan)) };
    if matches!(act, Act::DropGuardInside | Act::KeepGuardInStatic) {
        *HELD.lock().unwrap_or_else(PoisonError::into_inner) = guard.take();
    }
    // Called before those of llmetry.
    match act {
        Act::ExitWithHandlers => last::at_exit(work::in_exit_handler),
        Act::ExitInHandler => last::at_exit(work::exit_in_exit_handler),
        _ => {}
    }

    if plan.row.place == Place::Others {
        work::begin_elsewhere();
    }
    let ok = carry(plan.row.ending.carrier, &executor, move || work::work(plan));
    if act != Act::DropGuardInside {
        ledger::ending();
    }
    if act == Act::DropGuardAfterRuntime {
        drop(executor);
        drop(guard);
    }
    if ok { Ok(()) } else { Err(Failure) }
}

fn start(plan: &Plan) -> Guard {
    let mut builder = llmetry::builder().service_name("ends");
    if let Some(spool) = &plan.spool {
        builder = builder.spool(spool).spool_bytes(SPOOL_BYTES);
    }
    if matches!(plan.row.ending.act, Act::Signal(_, Opted::In) | Act::Graceful) {
        builder = builder.end_on_signals(llmetry::Signal::ALL);
    }
    builder.init().expect("telemetry starts")
}

/// Ends with 0 when nothing is left in `spool`, else with 3.
fn recover(spool: &Path) -> ! {
    let builder = llmetry::builder().service_name("recovers").spool(spool).spool_bytes(SPOOL_BYTES);
    // It ends at once: a program may be quicker than the pipeline's thread is started.
    let report = builder.init().expect("telemetry starts").shutdown(RECOVERY);
    // Stdout is for spans. One that cannot be written to is no reason to fail.
    let _ = io::stderr().write_all(format!("{report}\n").as_bytes());
    exit(if next::is_empty(spool) { 0 } else { 3 })
}
