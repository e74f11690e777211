//! The same endings with the stock batch processor, set up as its documentation says: the provider is global and kept in `main`, and
//! `main` calls `shutdown` before it returns well. Nothing else.
//!
//! In: `stock <ending> <runtime> <place> <ledger> traced`, and OpenTelemetry's variables. Out: ledger, spans, exit status.

mod work;

use std::fmt;

use llmetry_processes::executor::{Executor, carry};
use llmetry_processes::plan::{Act, Place, Plan};
use llmetry_processes::{last, ledger};
use opentelemetry::global;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SdkTracerProvider;

/// Why `main` returns `Err`.
struct Failure;

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is how it ends")
    }
}

fn main() -> Result<(), Failure> {
    let plan = Plan::from_arguments(std::env::args().skip(1)).expect("a plan");
    let plan: &'static Plan = Box::leak(Box::new(plan));
    let act = plan.row.ending.act;
    last::prepare();
    ledger::open(&plan.ledger).expect("the ledger can be written");
    if act == Act::ExitWithHandlers {
        last::at_exit(work::in_early_exit_handler);
    }
    let executor = Executor::new(plan.row.runtime);
    let provider = start(&executor);
    match act {
        Act::ExitWithHandlers => last::at_exit(work::in_exit_handler),
        Act::ExitInHandler => last::at_exit(work::exit_in_exit_handler),
        _ => {}
    }
    if plan.row.place == Place::Others {
        work::begin_elsewhere();
    }
    let inside = (act == Act::DropGuardInside).then(|| provider.clone());
    let ok = carry(plan.row.ending.carrier, &executor, move || work::work(plan, inside));
    if act != Act::DropGuardInside {
        ledger::ending();
    }
    if act == Act::DropGuardAfterRuntime {
        drop(executor);
    }
    if !ok {
        return Err(Failure);
    }
    if !matches!(act, Act::DropGuardInside | Act::KeepGuardInStatic) {
        // What it answers is no reason to fail.
        let _ = provider.shutdown();
    }
    Ok(())
}

fn start(executor: &Executor) -> SdkTracerProvider {
    // The gRPC exporter wants a runtime around it.
    let _inside = match executor {
        Executor::Tokio(runtime) => Some(runtime.enter()),
        Executor::Bare => None,
    };
    let grpc = std::env::var("OTEL_EXPORTER_OTLP_PROTOCOL").is_ok_and(|protocol| protocol == "grpc");
    let exporter = if grpc {
        SpanExporter::builder().with_tonic().build()
    } else {
        SpanExporter::builder().with_http().build()
    };
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter.expect("the exporter is built")).build();
    global::set_tracer_provider(provider.clone());
    provider
}
