//! Threads that write into the spool, and the end of telemetry in the midst of it, which reads open spans while others add to them: small
//! enough for `ThreadSanitizer`, see `sanitizers.sh`. In a process of its own, since it is a real installation.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Barrier;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use llmetry::export::MemoryExporter;
use llmetry::{DropReason, Guard, Span, Stats, task, workflow};

const THREADS: usize = 4;
const ROUNDS: u64 = 150;
/// Never reached.
const LONG: Duration = Duration::from_secs(120);

#[task]
fn plain() {}

#[task]
fn with_attribute(n: u64) {
    llmetry::current().set_attribute("n", i64::try_from(n).unwrap());
    plain();
}

#[workflow]
fn round(n: u64, meddler: &Sender<Span>) {
    meddler.send(llmetry::current()).unwrap();
    with_attribute(n);
}

fn assert_adds_up(stats: &Stats) {
    let places =
        stats.exported + stats.failed + stats.dropped_total() + stats.queued + stats.spooled + stats.open;
    assert_eq!(stats.started, places, "{stats:?}");
}

fn start(directory: &Path, exporter: &MemoryExporter) -> Guard {
    llmetry::builder()
        .service_name("stress")
        .exporter(exporter.clone())
        .spool(directory)
        .spool_bytes(4 * 1024 * 1024)
        .max_export_batch_size(50)
        .init()
        .unwrap()
}

#[test]
fn stress_a_spool_that_is_ended_while_threads_write() {
    let directory = std::env::temp_dir().join(format!("llmetry-stress-{}", std::process::id()));
    let exporter = MemoryExporter::new();
    let telemetry = start(&directory, &exporter);
    let handle = telemetry.handle();
    let half_way = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        let (meddler, spans) = channel::<Span>();
        scope.spawn(move || {
            for span in spans {
                span.set_attribute("meddled", true);
                span.add_event("meddled", [("n", 1)]);
            }
        });
        for _ in 0..THREADS {
            let (meddler, half_way) = (meddler.clone(), &half_way);
            scope.spawn(move || {
                // Threads that come and go, besides those that stay.
                for n in 0..ROUNDS / 2 {
                    round(n, &meddler);
                    if n % 25 == 0 {
                        thread::spawn(plain).join().unwrap();
                    }
                }
                half_way.wait();
                for n in ROUNDS / 2..ROUNDS {
                    round(n, &meddler);
                }
            });
        }
        drop(meddler);
        half_way.wait();
        assert!(telemetry.flush(LONG).in_time);
        assert_adds_up(&handle.stats());
        assert!(telemetry.shutdown(LONG).in_time);
    });
    let stats = handle.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.failed, stats.queued), (0, 0), "{stats:?}");
    let sent = exporter.spans().len() as u64;
    assert_eq!(stats.exported, sent, "{stats:?}");
    // All of the first half, three spans a round.
    assert!(sent >= THREADS as u64 * (ROUNDS / 2) * 3, "{stats:?}");
    // A thread may have been in the midst of ending one when all others were sent: that one is left to the next start, or, if it came even
    // later than that, refused and counted.
    let late = stats.spooled + stats.dropped(DropReason::AfterShutdown);
    assert!(stats.dropped_total() <= late && late <= THREADS as u64, "{stats:?}");
    let next = start(&directory, &exporter);
    let handle = next.handle();
    assert!(next.shutdown(LONG).in_time);
    let spans = exporter.spans();
    let ids: HashSet<_> = spans.iter().map(|span| span.span_context.span_id()).collect();
    assert_eq!(ids.len(), spans.len(), "no span twice");
    let recovered = handle.stats().recovered;
    assert_eq!(spans.len() as u64, sent + recovered, "{:?}", handle.stats());
    // What was refused may have stood there as started.
    assert!(stats.spooled <= recovered && recovered <= late, "{stats:?} {:?}", handle.stats());
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nothing is left");
    std::fs::remove_dir(&directory).unwrap();
}
