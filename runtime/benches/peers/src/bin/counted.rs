//! The same cases with allocations counted: a program of its own, so that no timing pays for the counters.

use llmetry_bench_peers::allocations::Counting;
use llmetry_bench_peers::process;

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() {
    assert!(process::answer(), "started by `benches/peers.rs` alone");
}
