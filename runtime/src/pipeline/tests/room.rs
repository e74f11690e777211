//! Where the bound is reached: who gives way, and who waits.

use super::*;

#[test]
fn the_oldest_make_room_for_the_newest() {
    let (exporter, seen, at_gate, let_go) = gate(Verdict::delivered);
    let small = Setting { queue_bytes: 64 * 1024, overflow: Overflow::DropOldest, ..setting() };
    let pipeline = Pipeline::start(vec![exporter], small).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..8);
    at_gate.recv().unwrap();
    push(&pipeline, &shard, 8..20_000);
    let stats = pipeline.stats();
    assert_adds_up(&stats);
    // What the worker has in its hand for a moment cannot make room.
    let (displaced, refused) = (stats.dropped(DropReason::Displaced), stats.dropped(DropReason::QueueFull));
    assert!(displaced > refused && displaced + refused > 15_000, "{stats:?}");
    drop(let_go);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.exported, report.stats.failed), (20_000 - displaced - refused, 0));
    let delivered = flat(&seen);
    assert_eq!(delivered[..8], (0..8).collect::<Vec<_>>(), "what was under way stays");
    assert!(delivered.last() > Some(&15_000), "the newest stays: {:?}", delivered.last());
    assert!(delivered.is_sorted());
    assert!(
        delivered[16] > 1_000,
        "the oldest went, but for what the worker had in its hand: {}",
        delivered[16]
    );
}

#[test]
fn a_batch_of_which_a_half_is_through_makes_no_room() {
    let is_back = Arc::new(AtomicBool::new(false));
    let back = Arc::clone(&is_back);
    let (exporter, seen) = scripted("picky", move |ids| match ids {
        [_, _, _, _, _, ..] => too_large(),
        [3, ..] if !is_back.load(Ordering::SeqCst) => later_by(HOUR),
        _ => Verdict::delivered(),
    });
    let small = Setting { queue_bytes: 64 * 1024, overflow: Overflow::DropOldest, ..setting() };
    let pipeline = Pipeline::start(vec![exporter], small).unwrap();
    let shard = pipeline.intake.register();
    // Fewer than a batch, so that the flush alone is what they are offered for: each once.
    push(&pipeline, &shard, 0..7);
    assert_eq!(pipeline.flush(LONG).stats.queued, 7);
    assert_eq!(*lock(&seen), [(0..7).collect::<Vec<_>>(), vec![0, 1, 2], vec![3, 4, 5, 6]]);
    push(&pipeline, &shard, 7..10_000);
    assert!(pipeline.stats().dropped(DropReason::Displaced) > 0);
    back.store(true, Ordering::SeqCst);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert_adds_up(&report.stats);
    assert_eq!(lock(&seen)[3], [3, 4, 5, 6]);
    assert_eq!(report.stats.exported + report.stats.dropped_total(), 10_000);
}

#[test]
fn callers_may_wait_for_room() {
    let (exporter, seen) = scripted("slow", |_| {
        thread::sleep(Duration::from_micros(200));
        Verdict::delivered()
    });
    let small = Setting { queue_bytes: 40_000, overflow: Overflow::Block(HOUR), ..setting() };
    let pipeline = Pipeline::start(vec![exporter], small).unwrap();
    thread::scope(|scope| {
        for thread in 0..3 {
            let pipeline = &pipeline;
            scope.spawn(move || {
                let shard = pipeline.intake.register();
                push(pipeline, &shard, thread * 1000..(thread + 1) * 1000);
            });
        }
    });
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.stats.exported, flat(&seen).len()), (3000, 3000));
}

#[cfg(feature = "tokio")]
#[test]
fn callers_inside_a_runtime_do_not_wait() {
    let (exporter, _, at_gate, let_go) = gate(Verdict::delivered);
    let small = Setting { queue_bytes: 40_000, overflow: Overflow::Block(HOUR), ..setting() };
    let pipeline = Pipeline::start(vec![exporter], small).unwrap();
    let shard = pipeline.intake.register();
    push(&pipeline, &shard, 0..8);
    at_gate.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { push(&pipeline, &shard, 8..2000) });
    let stats = pipeline.stats();
    assert_adds_up(&stats);
    assert_eq!(stats.dropped(DropReason::QueueFull) + stats.queued, 2000);
    assert!(stats.dropped(DropReason::QueueFull) > 1000, "{stats:?}");
    drop(let_go);
    assert!(pipeline.end(LONG, Ended::Unknown).in_time);
}
