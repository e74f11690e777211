//! Model checks: `runtime/src/pipeline/queue.rs`, `runtime/src/pipeline/spool/ring.rs`, `runtime/src/scope/slab.rs` and
//! `runtime/src/scope/slot.rs`, the very files, over loom's primitives. Each check runs for every interleaving of its threads (at most
//! three switches away from a thread that could go on: what is known to find nearly everything).
//!
//! `cargo test --release` runs all, `cargo test --release -- slot` those whose name has `slot` in it.

#[path = "../../../src/pipeline/queue.rs"]
#[allow(dead_code, unused_imports, reason = "the product uses more of it, its unit tests too")]
mod queue;
#[path = "../../../src/pipeline/spool/ring.rs"]
#[allow(dead_code, unused_imports, reason = "the product uses more of it")]
mod ring;
#[path = "../../../src/scope/slab.rs"]
#[allow(dead_code, unused_imports, reason = "the product uses more of it, its unit tests too")]
mod slab;
#[path = "../../../src/scope/slot.rs"]
#[allow(dead_code, unused_imports, reason = "the product uses more of it, its unit tests too")]
mod slot;
mod sync;

mod queue_checks;
mod ring_checks;
mod slab_checks;
mod slot_checks;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

type Check = (&'static str, fn());

const CHECKS: [&[Check]; 4] = [&queue_checks::ALL, &ring_checks::ALL, &slab_checks::ALL, &slot_checks::ALL];

fn main() -> ExitCode {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let mut run = 0;
    for (name, check) in CHECKS.into_iter().flatten().filter(|(name, _)| name.contains(&filter)) {
        let begin = Instant::now();
        let interleavings = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&interleavings);
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.max_branches = 100_000;
        model.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            check();
        });
        println!("{name}: {} interleavings, {:.1?}", interleavings.load(Ordering::Relaxed), begin.elapsed());
        run += 1;
    }
    if run == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
