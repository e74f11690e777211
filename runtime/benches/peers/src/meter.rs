//! How everything is measured: samples of some thousand spans between two readings of the clock and of the allocation counter,
//! with the queue drained between the samples, outside of the readings.

use std::hint::{black_box, spin_loop};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use crate::allocations::{self, Allocations};

/// How often a case is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub warm_up: u64,
    pub samples: u64,
}

/// What one sample does.
pub struct Sample<'a> {
    /// Opens what the spans stand in, calls its argument, and closes it again.
    pub inside: fn(&mut dyn FnMut()),
    /// Makes `spans` spans.
    pub work: &'a (dyn Fn() + Sync),
    pub spans: u64,
    /// Drains the queue.
    pub flush: &'a (dyn Fn() + Sync),
}

/// What was measured, per span.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Median over the samples.
    pub ns: f64,
    /// Mean over the samples; they do not vary.
    pub allocations: f64,
    pub bytes: f64,
}

#[derive(Clone, Copy, Default)]
struct Reading {
    ns: u64,
    allocations: Allocations,
}

/// The function that callgrind counts in, by its name: see `process`.
#[inline(never)]
pub(crate) fn metered_section(work: &dyn Fn()) {
    work();
}

fn read(work: &dyn Fn()) -> Reading {
    let before = allocations::of_this_thread();
    let start = Instant::now();
    metered_section(work);
    let ns = u64::try_from(start.elapsed().as_nanos()).expect("a sample takes less than 584 years");
    Reading { ns, allocations: allocations::of_this_thread() - before }
}

/// Measures on the calling thread.
pub fn measure(plan: Plan, sample: &Sample<'_>) -> Cost {
    for _ in 0..plan.warm_up {
        (sample.inside)(&mut || (sample.work)());
        (sample.flush)();
    }
    let mut readings = Vec::new();
    for _ in 0..plan.samples {
        (sample.inside)(&mut || readings.push(read(sample.work)));
        (sample.flush)();
    }
    cost(&readings, sample.spans)
}

/// Measures on two threads that work at the same time; the cost is that of a span on either.
pub fn measure_two_threads(plan: Plan, sample: &Sample<'_>) -> Cost {
    let meeting = Meeting::default();
    let one_thread = |flushes: bool| {
        let mut readings = Vec::new();
        for _ in 0..plan.warm_up + plan.samples {
            (sample.inside)(&mut || {
                meeting.wait();
                readings.push(read(sample.work));
            });
            meeting.wait();
            if flushes {
                (sample.flush)();
            }
            meeting.wait();
        }
        readings.split_off(usize::try_from(plan.warm_up).expect("a warm-up fits into memory"))
    };
    let readings = thread::scope(|scope| {
        let other = scope.spawn(|| one_thread(false));
        let mut readings = one_thread(true);
        readings.extend(other.join().expect("the other thread measures as we do"));
        readings
    });
    cost(&readings, sample.spans)
}

#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
fn cost(readings: &[Reading], spans: u64) -> Cost {
    let spans = spans as f64;
    let all = readings.iter().fold(Allocations::default(), |sum, reading| sum + reading.allocations);
    let ns: Vec<f64> = readings.iter().map(|reading| reading.ns as f64 / spans).collect();
    let made = readings.len() as f64 * spans;
    Cost { ns: median(&ns), allocations: all.count as f64 / made, bytes: all.bytes as f64 / made }
}

/// The median; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Runs a future that wakes nobody: no executor stands between the spans.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut task = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut task) {
            return black_box(output);
        }
    }
}

/// Where two threads wait for each other without sleeping, since waking up takes as long as a whole sample.
#[derive(Default)]
struct Meeting(AtomicUsize);

impl Meeting {
    fn wait(&self) {
        let arrived = self.0.fetch_add(1, Ordering::AcqRel) + 1;
        let both = arrived.next_multiple_of(2);
        let mut turns = 0_u32;
        while self.0.load(Ordering::Acquire) < both {
            turns += 1;
            // The other one may need this core.
            if turns.is_multiple_of(10_000) { thread::yield_now() } else { spin_loop() }
        }
    }
}
