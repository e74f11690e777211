//! The streams with allocations counted: a program of its own, so that no timing pays for the counters.

use llmetry_bench_peers::allocations::Counting;
use llmetry_bench_peers::streams;

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() {
    assert!(streams::answer(), "started by `benches/streams.rs` alone");
}
