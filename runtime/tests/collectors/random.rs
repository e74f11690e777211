//! Everything at once, in an order that a seed decides: two threads, a receiver with random faults, and a second exporter that is dead.

use std::future::{Future, ready};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use llmetry::{DropReason, Overflow};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tonic::Code;

use crate::bounds::LEAST_BYTES;
use crate::receiver::answer::{After, INTERNAL, TOO_LARGE, UNAVAILABLE, busy, no};
use crate::receiver::{Answer, Asked, Protocol, Receiver, Reply};
use crate::support::{
    LONG, SEED, address, assert_adds_up, assert_settled, eager, make, make_heavy, scenarios, shared, until,
};

scenarios! {
    every_span_is_accounted_for;
    every_span_is_accounted_for_beside_a_dead_exporter;
}

/// So few that they do not always suffice.
const QUEUE_BYTES: usize = 100 * 1024;
/// Of each of the two threads.
pub(crate) const SPANS: usize = 3000;

/// xorshift64*.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound as u64).unwrap()
    }
}

/// From the clock, or the variable; printed, so that a failure can be played again. Never 0, where xorshift would stay.
pub(crate) fn seed() -> u64 {
    let given: Option<u64> = std::env::var(SEED).ok().map(|seed| seed.parse().unwrap());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let seed = given.unwrap_or_else(now).max(1);
    std::io::stderr().write_all(format!("play it again with {SEED}={seed}\n").as_bytes()).unwrap();
    seed
}

/// Whatever may happen to a request.
pub(crate) fn answer(random: &mut Random, asked: Asked) -> Answer {
    match random.below(24) {
        0 => Answer::say(UNAVAILABLE),
        1 => Answer::say(busy(After::Seconds(0))),
        2 => Answer::say(no(400, Code::InvalidArgument)),
        3 => Answer::say(no(401, Code::Unauthenticated)),
        4 if asked.spans > 1 => Answer::say(TOO_LARGE),
        5 => Answer::say(Reply::Cut),
        6 => Answer::say(Reply::CutHalfway),
        7 => Answer::say(Reply::Page),
        8 => Answer::say(Reply::Noise),
        9 => Answer::say(Reply::Proxy(503)),
        10 => Answer::store_and(UNAVAILABLE),
        11 => Answer::store_and(INTERNAL),
        12 => Answer::store_and(Reply::Cut),
        13 => Answer::partial(random.below(asked.spans + 1), "some are odd"),
        14 => Answer::take_and_leave(),
        15 => Answer::slow(Duration::from_millis(20)),
        16..=18 => Answer::slow(Duration::from_millis(2)),
        _ => Answer::take(),
    }
}

/// Fails with every batch.
#[derive(Debug)]
struct Dead;

impl SpanExporter for Dead {
    fn export(&self, _: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        ready(Err(OTelSdkError::InternalFailure("dead".to_owned())))
    }
}

fn every_span_is_accounted_for(protocol: Protocol) {
    play(protocol, false);
}

fn every_span_is_accounted_for_beside_a_dead_exporter(protocol: Protocol) {
    play(protocol, true);
}

fn play(protocol: Protocol, beside_a_dead_one: bool) {
    let seed = seed();
    let dice = Mutex::new(Random(seed));
    // Half of the runs end while faults go on, the others when the receiver does what it should again.
    let is_mended_at_last = Random(seed + 5).below(2) == 0;
    let (in_order, is_in_order) = shared::<AtomicBool>();
    let receiver = Receiver::up(address(), protocol, move |asked| {
        if is_in_order.load(Ordering::SeqCst) {
            return Answer::take();
        }
        answer(&mut dice.lock().unwrap(), asked)
    });
    let policies = [Overflow::DropNewest, Overflow::DropOldest, Overflow::Block(Duration::from_millis(2))];
    let policy = policies[Random(seed + 4).below(policies.len())];
    let builder = eager().max_queue_bytes(QUEUE_BYTES).on_overflow(policy);
    let builder = if beside_a_dead_one { builder.exporter(Dead).exporters_from_env(true) } else { builder };
    let guard = builder.init().unwrap();
    let (done, finished) = (AtomicBool::new(false), AtomicU64::new(0));
    let finished = &finished;
    let mut made = thread::scope(|scope| {
        let callers: Vec<_> =
            (1..=2).map(|caller| scope.spawn(move || work(Random(seed + caller), finished))).collect();
        // At any moment, not only at the end.
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let finished = finished.load(Ordering::SeqCst);
                let stats = guard.stats();
                assert_adds_up(&stats);
                assert!(stats.started - stats.open >= finished, "{finished} have ended, {stats:?}");
                assert!(stats.queued <= QUEUE_BYTES as u64 / LEAST_BYTES, "{stats:?}");
            }
        });
        let mut random = Random(seed + 3);
        for _ in 0..3 {
            let requests = receiver.requests() + random.below(10);
            let all_made = || finished.load(Ordering::SeqCst) == 2 * SPANS as u64;
            until("more requests", || receiver.requests() >= requests || all_made());
            receiver.close();
            thread::sleep(Duration::from_millis(random.below(50) as u64));
            receiver.open();
        }
        let made: Vec<_> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        made
    });
    assert_eq!(made.len(), 2 * SPANS);
    if is_mended_at_last {
        in_order.store(true, Ordering::SeqCst);
        // A flush is answered by a failure, too: of a connection that broke before.
        until("everything is through", || guard.flush(LONG).stats.queued == 0);
        made.extend(make(1));
    }
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    let stats = report.stats;
    let otlp = stats.exporters.iter().find(|exporter| exporter.name == "otlp").unwrap();
    assert!(receiver.requests() > 0, "{stats:?}");
    if is_mended_at_last {
        assert!(receiver.store().ids().contains(&made[2 * SPANS]), "the lane has come through: {stats:?}");
        assert!(otlp.exported > 0, "{stats:?}");
    }
    // To an exporter, what made room for others is one more failure.
    let displaced = stats.dropped(DropReason::Displaced);
    let refused = stats.dropped(DropReason::QueueFull);
    assert_eq!(displaced + refused, stats.dropped_total(), "{policy:?}, {stats:?}");
    assert!(displaced == 0 || policy == Overflow::DropOldest, "{policy:?}, {stats:?}");
    let account = otlp.exported + otlp.failed + refused;
    assert!((stats.started - displaced..=stats.started).contains(&account), "{policy:?}, {stats:?}");
    if beside_a_dead_one {
        assert_eq!((stats.exported, stats.failed + stats.dropped_total()), (0, stats.started), "{stats:?}");
    } else {
        assert_eq!((otlp.exported, otlp.rejected), (stats.exported, stats.rejected), "{policy:?}, {stats:?}");
    }
}

/// Spans of all sizes, in bursts.
pub(crate) fn work(mut random: Random, finished: &AtomicU64) -> Vec<opentelemetry::SpanId> {
    let mut made = Vec::new();
    while made.len() < SPANS {
        let burst = random.below(100).min(SPANS - made.len());
        let before = made.len();
        made.extend(make(burst));
        if made.len() < SPANS && random.below(4) == 0 {
            made.push(make_heavy(random.below(4096)));
        }
        finished.fetch_add((made.len() - before) as u64, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(random.below(3) as u64));
    }
    made
}
