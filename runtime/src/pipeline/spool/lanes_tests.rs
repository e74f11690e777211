//! The pipeline with a spool: lanes with exporters that follow a script, and what a directory holds afterwards.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::control::{Batching, Ended, Pipeline, Setting};
use super::overflow::Overflow;
use super::stats::DropReason;
use super::tests::{
    HOUR, LONG, assert_adds_up, flat, later, later_by, push, record, refused, scripted, setting, too_large,
    works,
};
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
        let spool = SpoolSetting {
            directory: self.0.clone(),
            bytes: MIN_SPOOL_BYTES,
            look_again: HOUR,
            variable: None,
        };
        Setting { spool: Some(spool), ..setting() }
    }

    /// Overwrites the spans of `ids` in the one file.
    fn spoil(&self, ids: impl IntoIterator<Item = u64>) {
        let mut files = std::fs::read_dir(&self.0).expect("the pipeline has made it");
        let file = files.next().and_then(Result::ok).expect("its own file").path();
        let bytes = std::fs::read(&file).expect("it is ours");
        let file = std::fs::File::options().write(true).open(file).expect("it is ours");
        for id in ids {
            let places: Vec<usize> =
                (0..bytes.len() - 8).step_by(8).filter(|at| bytes[*at..at + 8] == id.to_le_bytes()).collect();
            assert_eq!(places.len(), 1, "{id:x} stands in one place");
            file.write_all_at(&(!id).to_le_bytes(), places[0] as u64).expect("it is ours");
        }
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

/// So long that they are found in a file.
const LONG_IDS: [u64; 4] =
    [0x1a2b_3c4d_5e6f_7081, 0x1a2b_3c4d_5e6f_7082, 0x1a2b_3c4d_5e6f_7083, 0x1a2b_3c4d_5e6f_7084];

#[test]
fn what_can_no_longer_be_read_has_failed() {
    let folder = Folder::new();
    let (whole, first) = scripted("whole", works);
    let (halves, second) =
        scripted("halves", |ids| if ids.len() > 2 { too_large() } else { Verdict::delivered() });
    let pipeline = Pipeline::start(vec![whole, halves], folder.setting()).unwrap();
    let seat = pipeline.intake.register();
    // Fewer than a batch: they are read when the pipeline ends.
    push(&pipeline, &seat, LONG_IDS);
    folder.spoil([LONG_IDS[1]]);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert_adds_up(&report.stats);
    let [one, _, three, four] = LONG_IDS;
    assert_eq!(*lock(&first), [vec![one, three, four]]);
    // The cut goes through the middle of four; which side lacks one depends on whether the worker took them all at once.
    let seen = lock(&second).clone();
    assert_eq!((seen.len(), &seen[0]), (3, &vec![one, three, four]));
    assert_eq!([&seen[1][..], &seen[2]].concat(), [one, three, four]);
    let stats = &report.stats;
    assert_eq!((stats.exported, stats.failed, stats.rejected, stats.spooled), (3, 1, 0, 0), "{report}");
    for (exporter, share) in stats.exporters.iter().zip(["1 of 4", "1 of 2"]) {
        assert_eq!((exporter.exported, exporter.failed, exporter.rejected), (3, 1, 0), "{exporter:?}");
        let error = exporter.last_error.as_deref().unwrap();
        assert_eq!(error, format!("{share} spans can no longer be read from the spool"));
    }
    assert!(!report.is_complete());
    assert_eq!(folder.files(), 0);
}

#[test]
fn a_batch_of_which_nothing_can_be_read_is_not_offered() {
    let folder = Folder::new();
    let (exporter, seen) = scripted("idle", works);
    let pipeline = Pipeline::start(vec![exporter], folder.setting()).unwrap();
    let seat = pipeline.intake.register();
    push(&pipeline, &seat, LONG_IDS);
    folder.spoil(LONG_IDS);
    let report = pipeline.end(LONG, Ended::Unknown);
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.exported, report.stats.failed, report.stats.spooled), (0, 4, 0), "{report}");
    assert_eq!(
        report.stats.last_error.as_deref(),
        Some("idle: 4 of 4 spans can no longer be read from the spool")
    );
    assert!(lock(&seen).is_empty());
    assert_eq!(folder.files(), 0);
}

#[test]
fn what_of_earlier_processes_is_refused_is_counted_beside_what_is_delivered() {
    let folder = Folder::new();
    {
        let (dead, _) = scripted("dead", |_| later_by(HOUR));
        // Fewer than a batch: they are left in one block, so that the next start cuts them at 9 and 17.
        let batching = Batching { max_spans: 64, ..setting().batching };
        let pipeline = Pipeline::start(vec![dead], Setting { batching, ..folder.setting() }).unwrap();
        let seat = pipeline.intake.register();
        push(&pipeline, &seat, 1..25);
        assert_eq!(pipeline.end(LONG, Ended::Unknown).stats.spooled, 24);
    }
    let (strict, _) = scripted("strict", |ids| match ids {
        [1, ..] => refused(),
        [9, ..] => Verdict::Delivered { rejected: 3, message: "bad".to_owned() },
        _ => Verdict::delivered(),
    });
    let (alive, seen) = scripted("alive", works);
    let pipeline = Pipeline::start(vec![strict, alive], folder.setting()).unwrap();
    let report = pipeline.end(LONG, Ended::Unknown);
    let stats = &report.stats;
    assert_eq!((stats.recovered, stats.recovered_failed), (13, 11), "{report}");
    assert_eq!((stats.started, stats.exported, stats.failed, stats.rejected), (0, 0, 0, 0), "{report}");
    let own = |index: usize| (stats.exporters[index].exported, stats.exporters[index].failed);
    assert_eq!((own(0), own(1), flat(&seen).len()), ((13, 11), (24, 0), 24));
    assert!(report.is_complete(), "{report}");
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

#[test]
fn what_is_left_beside_a_running_process_is_sent_by_it() {
    let folder = Folder::new();
    let (exporter, seen) = scripted("alive", works);
    let mut setting = folder.setting();
    setting.spool.as_mut().expect("it has one").look_again = Duration::from_millis(1);
    let pipeline = Pipeline::start(vec![exporter], setting).unwrap();
    let seat = pipeline.intake.register();
    push(&pipeline, &seat, 1..9);
    assert!(pipeline.flush(LONG).is_complete());
    // More than once: nobody starts meanwhile.
    for (round, ids) in [(1, 100..120), (2, 200..220)] {
        {
            let (dead, _) = scripted("dead", |_| later_by(HOUR));
            let sibling = Pipeline::start(vec![dead], folder.setting()).unwrap();
            push(&sibling, &sibling.intake.register(), ids);
            assert_eq!(sibling.end(LONG, Ended::Unknown).stats.spooled, 20);
        }
        while pipeline.stats().recovered < 20 * round {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let report = pipeline.end(LONG, Ended::Unknown);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.stats.exported, report.stats.recovered), (8, 40));
    let mut all = flat(&seen);
    all.sort_unstable();
    assert_eq!(all, (1..9).chain(100..120).chain(200..220).collect::<Vec<_>>());
    assert_eq!(folder.files(), 0);
}

#[test]
fn a_second_start_in_the_same_process_sends_what_the_first_has_left() {
    let folder = Folder::new();
    let (dead, _) = scripted("dead", |_| later_by(HOUR));
    let first = Pipeline::start(vec![dead], folder.setting()).unwrap();
    let seat = first.intake.register();
    push(&first, &seat, 1..101);
    let report = first.end(LONG, Ended::Unknown);
    assert_eq!((report.stats.spooled, folder.files()), (100, 1), "{report}");
    // A thread still has its place there; what it brings is refused.
    push(&first, &seat, 500..501);
    let (exporter, seen) = scripted("alive", works);
    let second = Pipeline::start(vec![exporter], folder.setting()).unwrap();
    let report = second.end(LONG, Ended::Unknown);
    assert!(report.is_complete(), "{report}");
    let mut all = flat(&seen);
    all.sort_unstable();
    assert_eq!(all, (1..101).collect::<Vec<_>>());
    assert_eq!(folder.files(), 0);
    let stats = first.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.spooled, stats.dropped(DropReason::AfterShutdown)), (100, 1));
}

#[test]
fn what_ends_while_the_ending_goes_on_is_sent_or_stays() {
    let folder = Folder::new();
    let (started, is_started) = std::sync::mpsc::channel();
    let open = Arc::new((Mutex::new(false), Condvar::new()));
    let door = Arc::clone(&open);
    let (exporter, seen) = scripted("slow", move |_| {
        let _ = started.send(());
        let _open = door.1.wait_while(lock(&door.0), |open| !*open).unwrap();
        Verdict::delivered()
    });
    let pipeline = Pipeline::start(vec![exporter], folder.setting()).unwrap();
    let seat = pipeline.intake.register();
    push(&pipeline, &seat, 1..6);
    let report = std::thread::scope(|scope| {
        let ending = scope.spawn(|| pipeline.end(LONG, Ended::Unknown));
        // What was there is on its way, and nothing else is waited for.
        is_started.recv().unwrap();
        push(&pipeline, &seat, 6..11);
        *lock(&open.0) = true;
        open.1.notify_all();
        ending.join().unwrap()
    });
    push(&pipeline, &seat, 11..12);
    let stats = pipeline.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.dropped_total(), stats.dropped(DropReason::AfterShutdown)), (1, 1), "{stats:?}");
    assert_eq!(report.stats.exported + report.stats.spooled, 10, "{report}");
    assert_eq!(flat(&seen).len() as u64, report.stats.exported);
    assert_eq!(folder.files() as u64, report.stats.spooled.min(1));
    let (exporter, rest) = scripted("next", works);
    assert!(
        Pipeline::start(vec![exporter], folder.setting()).unwrap().end(LONG, Ended::Unknown).is_complete()
    );
    let mut all = [flat(&seen), flat(&rest)].concat();
    all.sort_unstable();
    assert_eq!(all, (1..11).collect::<Vec<_>>());
    assert_eq!(folder.files(), 0);
}

static SITE: crate::record::Site = crate::record::Site::new(crate::record::Kind::Task, "open");
