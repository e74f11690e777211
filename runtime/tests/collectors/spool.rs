//! With a spool: what a receiver did not take waits on disk, for this program or the next, and is gone from there once it is confirmed.
//!
//! The next program is another `init` in the same process: the spool's own tests kill processes. Spans are made by threads that have ended by
//! then, since a thread holds on to the file in which its last span is.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs, process, thread};

use llmetry::{Builder, DropReason, Guard, Report};
use opentelemetry::SpanId;

use crate::random::{self, Random};
use crate::receiver::answer::{INTERNAL, UNAVAILABLE};
use crate::receiver::{Answer, Protocol, Receiver, Reply};
use crate::support::{
    self, LONG, address, always, assert_adds_up, assert_settled, eager, ends_complete, patient, receiver,
    scenarios, shared, until, until_exported,
};

scenarios! {
    what_nobody_took_is_for_the_next_program;
    what_hangs_at_the_end_is_for_the_next_program;
    what_is_unavailable_at_the_end_is_for_the_next_program;
    an_outage_is_outlasted;
    a_refusal_leaves_nothing_behind;
    what_is_over_the_file_is_counted;
    every_span_is_accounted_for_over_two_programs;
}

/// The least that is allowed.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A directory of its own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("llmetry-collectors-{}", process::id()));
        _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn with(&self, builder: Builder) -> Guard {
        builder.spool(&self.0).spool_bytes(FILE_BYTES).init().unwrap()
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that finds so many spans of an earlier one, and delivers them.
#[track_caller]
fn heir(folder: &Folder, spans: usize) -> Report {
    let guard = folder.with(eager());
    until("recovered", || guard.stats().recovered >= spans as u64);
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.stats.recovered, report.stats.started), (spans as u64, 0), "{report:?}");
    assert_eq!(folder.files(), 0, "nothing is left");
    report
}

/// So many spans, of a thread of their own.
fn make(count: usize) -> Vec<SpanId> {
    thread::spawn(move || support::make(count)).join().unwrap()
}

/// All of these are at the receiver.
#[track_caller]
fn assert_all_there(receiver: &Receiver, made: &[SpanId]) {
    let store = receiver.store();
    assert_eq!((store.ids(), store.again), (made.iter().copied().collect(), 0));
}

fn what_nobody_took_is_for_the_next_program(protocol: Protocol) {
    let folder = Folder::new();
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = folder.with(eager());
    let made = make(2000);
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    assert!(!report.is_complete());
    assert_eq!((report.stats.spooled, report.stats.failed, report.stats.dropped_total()), (2000, 0, 0));
    receiver.open();
    heir(&folder, 2000);
    assert_all_there(&receiver, &made);
    assert_eq!(receiver.store().doubles(), 0);
}

fn what_hangs_at_the_end_is_for_the_next_program(protocol: Protocol) {
    let folder = Folder::new();
    let hangs = receiver(protocol, always(Answer::say(Reply::Hang)));
    let guard = folder.with(eager());
    let made = make(500);
    until("a request", || hangs.requests() > 0);
    let report = guard.shutdown(Duration::from_millis(100));
    assert_adds_up(&report.stats);
    assert_eq!((report.stats.exported, report.stats.failed, report.stats.spooled), (0, 0, 500), "{report:?}");
    drop(hangs);
    let receiver = receiver(protocol, always(Answer::take()));
    // The first program has the file until its exporter sees that nobody answers any more; only then can another one take it.
    let mut recovered = 0;
    until("recovered", || {
        let guard = folder.with(eager());
        thread::sleep(Duration::from_millis(20));
        recovered += guard.shutdown(LONG).stats.recovered;
        recovered >= 500
    });
    assert_eq!((recovered, folder.files()), (500, 0));
    assert_all_there(&receiver, &made);
}

fn what_is_unavailable_at_the_end_is_for_the_next_program(protocol: Protocol) {
    let folder = Folder::new();
    let away = receiver(protocol, always(Answer::say(UNAVAILABLE)));
    let guard = folder.with(patient());
    let made = make(50);
    let report = guard.shutdown(LONG);
    assert_settled(&report, &away, &made);
    assert_eq!((report.stats.spooled, report.stats.failed), (50, 0));
    assert_eq!(away.requests(), 3, "three attempts, and the next program has the next");
    drop(away);
    let receiver = receiver(protocol, always(Answer::take()));
    heir(&folder, 50);
    assert_all_there(&receiver, &made);
}

fn an_outage_is_outlasted(protocol: Protocol) {
    let folder = Folder::new();
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = folder.with(eager().max_queue_bytes(64 * 1024));
    let mut made = Vec::new();
    for round in 1..=2 {
        made.extend(make(5000));
        until("a failed attempt", || guard.stats().last_error.is_some());
        assert_eq!(guard.stats().dropped_total(), 0);
        receiver.open();
        until_exported(&guard, 5000 * round);
        assert_eq!((guard.stats().spooled, guard.stats().queued), (0, 0));
        receiver.close();
    }
    receiver.open();
    ends_complete(guard, &receiver, &made);
    assert_eq!(folder.files(), 0);
}

fn a_refusal_leaves_nothing_behind(protocol: Protocol) {
    let folder = Folder::new();
    let receiver = receiver(protocol, always(Answer::say(INTERNAL)));
    let guard = folder.with(patient());
    let made = make(50);
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    assert_eq!((report.stats.failed, report.stats.spooled, receiver.requests()), (50, 0, 1));
    assert_eq!(folder.files(), 0);
}

fn what_is_over_the_file_is_counted(protocol: Protocol) {
    let folder = Folder::new();
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = folder.with(eager());
    let made = make(100_000);
    let stats = guard.stats();
    assert_adds_up(&stats);
    let dropped = stats.dropped(DropReason::SpoolFull);
    assert!(dropped > 0 && dropped == stats.dropped_total(), "{stats:?}");
    receiver.open();
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    assert_eq!((report.stats.exported, report.stats.failed, report.stats.spooled), (100_000 - dropped, 0, 0));
    assert_eq!((receiver.store().len() as u64, receiver.store().doubles()), (100_000 - dropped, 0));
}

fn every_span_is_accounted_for_over_two_programs(protocol: Protocol) {
    let seed = random::seed();
    let folder = Folder::new();
    let dice = Mutex::new(Random(seed));
    let finished = AtomicU64::new(0);
    // The second program meets a receiver that does what it should.
    let (in_order, is_in_order) = shared::<AtomicBool>();
    let receiver = receiver(protocol, move |asked| {
        if is_in_order.load(Ordering::SeqCst) {
            return Answer::take();
        }
        random::answer(&mut dice.lock().unwrap(), asked)
    });
    let guard = folder.with(eager());
    let made: Vec<SpanId> = thread::scope(|scope| {
        let finished = &finished;
        let callers: Vec<_> = (1..=2)
            .map(|caller| scope.spawn(move || random::work(Random(seed + caller), finished)))
            .collect();
        until("half of the work", || finished.load(Ordering::SeqCst) >= random::SPANS as u64);
        receiver.close();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let first = guard.shutdown(LONG);
    assert_settled(&first, &receiver, &made);
    let first = first.stats;
    assert!(first.spooled > 0 && first.dropped_total() == 0, "{first:?}");
    in_order.store(true, Ordering::SeqCst);
    receiver.open();
    heir(&folder, usize::try_from(first.spooled).unwrap());
    let store = receiver.store();
    assert!(store.len() as u64 >= first.exported + first.spooled, "{} stored, {first:?}", store.len());
    assert_eq!(store.again, 0);
}
