//! The pipeline with a spool: lanes with exporters that follow a script, and what a directory holds afterwards.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::overflow::Overflow;
use super::stats::DropReason;
use super::tests::{
    HOUR, LONG, assert_adds_up, flat, later, later_by, push, record, refused, scripted, setting, too_large,
    works,
};
use super::worker::{Batching, Ended, Pipeline, Setting};
use super::{MIN_SPOOL_BYTES, Record, SpoolSetting};
use crate::export::Verdict;
use crate::record::Ending;
use crate::sync::lock;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let random = RandomState::new().hash_one(0);
        Self(std::env::temp_dir().join(format!("llmetry-lanes-{random:016x}")))
    }

    fn setting(&self) -> Setting {
        let spool = SpoolSetting { directory: self.0.clone(), bytes: MIN_SPOOL_BYTES, variable: None };
        Setting { spool: Some(spool), ..setting() }
    }

    fn files(&self) -> usize {
        std::fs::read_dir(&self.0).map_or(0, Iterator::count)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_confirmed_is_gone_from_the_disk() {
    let folder = Folder::new();
    let mut turn = 0;
    let (exporter, seen) = scripted("slow", move |_| {
        turn += 1;
        if turn < 3 { later() } else { Verdict::delivered() }
    });
    let pipeline = Pipeline::start(vec![exporter], folder.setting()).unwrap();
    let seat = pipeline.intake.register();
    push(&pipeline, &seat, 1..1_001);
    assert_eq!(folder.files(), 1);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.stats.exported, report.stats.spooled), (1_000, 0));
    let seen = lock(&seen);
    assert_eq!((&seen[1], &seen[2]), (&seen[0], &seen[0]));
    assert!(seen.iter().all(|batch| batch.len() <= 8));
    let mut all = seen[2..].concat();
    all.sort_unstable();
    assert_eq!(all, (1..1_001).collect::<Vec<_>>(), "each once after its confirmation");
    assert_eq!(folder.files(), 0);
}

#[test]
fn what_one_exporter_has_not_confirmed_stays_and_is_sent_by_the_next_start() {
    let folder = Folder::new();
    {
        let (dead, _) = scripted("dead", |_| later_by(HOUR));
        let (alive, seen) = scripted("alive", works);
        let pipeline = Pipeline::start(vec![dead, alive], folder.setting()).unwrap();
        let seat = pipeline.intake.register();
        push(&pipeline, &seat, 1..501);
        let report = pipeline.flush(LONG);
        assert_adds_up(&report.stats);
        assert_eq!((report.stats.spooled, report.stats.exporters[1].exported), (500, 500));
        let report = pipeline.end(LONG, Ended::Unknown);
        assert!(report.in_time);
        assert_adds_up(&report.stats);
        assert_eq!((report.stats.spooled, report.stats.failed, report.stats.queued), (500, 0, 0), "{report}");
        assert_eq!(flat(&seen).len(), 500);
        assert_eq!(folder.files(), 1);
    }
    // The one that did not have them is offered all of them, and so is the other: at least once.
    let (one, first) = scripted("one", works);
    let (other, second) = scripted("other", works);
    let pipeline = Pipeline::start(vec![one, other], folder.setting()).unwrap();
    let seat = pipeline.intake.register();
    push(&pipeline, &seat, 1_000..1_010);
    while pipeline.stats().recovered < 500 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.is_complete(), "{report}");
    assert_adds_up(&super::stats::Stats { exporters: Vec::new(), ..report.stats.clone() });
    assert_eq!((report.stats.started, report.stats.exported, report.stats.recovered), (10, 10, 500));
    for seen in [first, second] {
        let mut all = flat(&seen);
        all.sort_unstable();
        assert_eq!(all, (1..501).chain(1_000..1_010).collect::<Vec<_>>());
    }
    assert_eq!(folder.files(), 0);
}

#[test]
fn what_is_refused_has_failed_and_leaves_its_place() {
    let folder = Folder::new();
    let (exporter, seen) = scripted("strict", |ids| match ids {
        [_] => Verdict::delivered(),
        ids if ids.contains(&5) && ids.len() < 3 => refused(),
        _ => too_large(),
    });
    let pipeline = Pipeline::start(vec![exporter], folder.setting()).unwrap();
    let seat = pipeline.intake.register();
    push(&pipeline, &seat, 1..9);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert_adds_up(&report.stats);
    assert_eq!(
        (report.stats.exported, report.stats.failed, report.stats.spooled),
        (6, 2, 0),
        "{:?}",
        lock(&seen)
    );
    assert_eq!(folder.files(), 0);
}

#[test]
fn a_full_spool_gives_up_the_newest_or_the_oldest() {
    for (overflow, reason) in
        [(Overflow::DropNewest, DropReason::SpoolFull), (Overflow::DropOldest, DropReason::Displaced)]
    {
        let folder = Folder::new();
        let (dead, _) = scripted("dead", |_| later_by(HOUR));
        let batching = Batching { max_spans: 512, ..setting().batching };
        let pipeline =
            Pipeline::start(vec![dead], Setting { batching, overflow, ..folder.setting() }).unwrap();
        let seat = pipeline.intake.register();
        push(&pipeline, &seat, 1..100_001);
        let stats = pipeline.stats();
        assert_adds_up(&stats);
        assert!(stats.dropped(reason) > 50_000, "{stats:?}");
        // The worker has not come yet to what would have to go first.
        let newest = stats.dropped(DropReason::SpoolFull);
        assert!(
            stats.dropped_total() - stats.dropped(reason)
                == if reason == DropReason::SpoolFull { 0 } else { newest }
        );
        let report = pipeline.end(LONG, Ended::Unknown);
        assert_adds_up(&report.stats);
        assert_eq!(report.stats.spooled + report.stats.dropped_total(), 100_000, "{report}");
    }
}

#[test]
fn whoever_may_wait_waits_for_room() {
    let folder = Folder::new();
    let open = Arc::new((Mutex::new(false), Condvar::new()));
    let door = Arc::clone(&open);
    let (exporter, _) = scripted("slow", move |_| {
        let _open = door.1.wait_while(lock(&door.0), |open| !*open).unwrap();
        Verdict::delivered()
    });
    let batching = Batching { max_spans: 512, ..setting().batching };
    let overflow = Overflow::Block(LONG);
    let pipeline =
        Pipeline::start(vec![exporter], Setting { batching, overflow, ..folder.setting() }).unwrap();
    let seat = pipeline.intake.register();
    let is_through = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            push(&pipeline, &seat, 1..50_001);
            is_through.store(true, Ordering::Release);
        });
        // 4 MiB hold from 20 000 to 41 000 of them: the site stands in each, if other tests have filled the table.
        while pipeline.stats().started < 15_000 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!is_through.load(Ordering::Acquire));
        *lock(&open.0) = true;
        open.1.notify_all();
    });
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.is_complete() && report.stats.exported == 50_000, "{report}");
    assert_eq!(folder.files(), 0);
}

#[test]
fn what_was_open_at_the_end_waits_on_disk_too() {
    let folder = Folder::new();
    let unfinished = |_, _| {
        let Record::Own(mut open) = record(77) else { return Vec::new() };
        open.ending = Ending::Incomplete { failed: true };
        vec![Record::Own(open)]
    };
    {
        let (dead, _) = scripted("dead", |_| later());
        let pipeline = Pipeline::start(vec![dead], Setting { unfinished, ..folder.setting() }).unwrap();
        let seat = pipeline.intake.register();
        seat.count_started();
        let start =
            super::spool::Start { id: 77, trace_id: (0, 1), parent_id: 0, parent_is_remote: false, ticks: 1 };
        pipeline.intake.opened(3, &SITE, &start);
        push(&pipeline, &seat, 1..5);
        let report = pipeline.end(LONG, Ended::Badly);
        assert_adds_up(&report.stats);
        assert_eq!((report.stats.started, report.stats.spooled, report.stats.open), (5, 5, 0), "{report}");
    }
    let (exporter, seen) = scripted("alive", works);
    let pipeline = Pipeline::start(vec![exporter], folder.setting()).unwrap();
    while pipeline.stats().recovered < 5 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(pipeline.end(LONG, Ended::Well).is_complete());
    let mut all = flat(&seen);
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4, 77]);
    assert_eq!(folder.files(), 0);
}

static SITE: crate::record::Site = crate::record::Site::new(crate::record::Kind::Task, "open");
