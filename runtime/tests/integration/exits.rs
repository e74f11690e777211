//! Every way a process ends that drops no guard: what was finished is delivered, what was open is delivered and marked, and whoever waits
//! for the process sees the status that it would have had.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::c_int;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, ExitStatus, exit};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use llmetry::export::MemoryExporter;
use llmetry::{Guard, Signal, task, tool, workflow};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::Value;

use crate::program::{self, Said};
use crate::support::{LONG, assert_adds_up, current_thread, multi_thread, step, steps};
use crate::system::{self, Action};

/// A line of the stdout exporter.
#[derive(Debug)]
struct Span {
    name: String,
    trace: String,
    id: String,
    parent: String,
    status: String,
    outcome: Option<String>,
}

/// The spans that a program has printed, whatever else stands on the lines before them.
fn spans(said: &Said) -> Vec<Span> {
    let lines = said.stdout.lines().filter_map(|line| line.find(r#"{"Name""#).map(|at| &line[at..]));
    lines
        .map(|line| {
            let span: Value = serde_json::from_str(line).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let attributes = span["Attributes"].as_array().unwrap();
            let outcome = attributes.iter().find(|attribute| attribute["Key"] == "llmetry.outcome");
            Span {
                name: text(&span["Name"]),
                trace: text(&span["SpanContext"]["TraceID"]),
                id: text(&span["SpanContext"]["SpanID"]),
                parent: text(&span["ParentSpanID"]),
                status: text(&span["Status"]["Code"]),
                outcome: outcome.map(|attribute| text(&attribute["Value"])),
            }
        })
        .collect()
}

#[track_caller]
fn only<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// Runs `program` as it is, and once more with a spool; gives back how each of them ended. A spool from which everything was sent is
/// empty: nothing is sent again by the next start.
#[track_caller]
fn each_way<F: FnOnce() + Copy>(variables: &[(&str, &str)], program: F) -> Vec<(ExitStatus, Said)> {
    let mut ended = vec![program::ends(variables, program)];
    if cfg!(feature = "spool") {
        let directory =
            std::env::temp_dir().join(format!("llmetry-{}-{:?}", process::id(), thread::current().id()));
        let spool = ("LLMETRY_SPOOL_DIR", directory.to_str().unwrap());
        ended.push(program::ends(&[variables, &[spool]].concat(), program));
        let left = fs::read_dir(&directory).unwrap().count();
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(left, 0, "files left in the spool; stderr: {}", ended[1].1.stderr);
    }
    ended
}

const JSON: [(&str, &str); 2] = [("OTEL_TRACES_EXPORTER", "console"), ("LLMETRY_STDOUT", "json")];

#[workflow]
fn outer(inside: fn()) {
    step();
    middle(inside);
}

#[task]
fn middle(inside: fn()) {
    innermost(inside);
}

#[tool]
fn innermost(inside: fn()) {
    inside();
}

#[workflow]
async fn outer_async(inside: fn()) {
    step();
    tokio::task::yield_now().await;
    middle_async(inside).await;
}

#[task]
async fn middle_async(inside: fn()) {
    tokio::task::yield_now().await;
    innermost_async(inside).await;
}

#[tool]
async fn innermost_async(inside: fn()) {
    tokio::task::yield_now().await;
    inside();
}

const OPEN: [[&str; 3]; 2] = [
    ["invoke_workflow outer", "middle", "execute_tool innermost"],
    ["invoke_workflow outer_async", "middle_async", "execute_tool innermost_async"],
];

/// The three spans of `open` are there, one in the other, marked, with this status, and one finished step.
#[track_caller]
fn assert_three_open(said: &Said, open: [&str; 3], status: &str) {
    let spans = spans(said);
    let chain = open.map(|name| only(&spans, name));
    for span in chain {
        assert_eq!((span.outcome.as_deref(), &*span.status), (Some("incomplete"), status), "{span:?}");
        assert_eq!(span.trace, chain[0].trace);
    }
    assert_eq!(chain.map(|span| &*span.parent), ["", &*chain[0].id, &*chain[1].id]);
    let finished = only(&spans, "step");
    assert_eq!((&*finished.parent, &*finished.status, &finished.outcome), (&*chain[0].id, "Unset", &None));
    assert_eq!(spans.len(), 4, "{spans:#?}");
    assert!(!said.stderr.contains("llmetry: "), "{}", said.stderr);
}

#[track_caller]
fn assert_code((status, said): (ExitStatus, Said), code: i32) -> Said {
    assert_eq!(status.code(), Some(code), "{status}\n--- stdout\n{}--- stderr\n{}", said.stdout, said.stderr);
    said
}

#[test]
fn exit_with_a_failure_marks_what_is_open_as_failed() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| exit(7));
    });
    let expected = if cfg!(all(target_os = "linux", target_env = "gnu")) { "Error" } else { "Unset" };
    for ended in ended {
        assert_three_open(&assert_code(ended, 7), OPEN[0], expected);
    }
}

#[test]
fn exit_with_success_leaves_the_status_unset() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| exit(0));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 0), OPEN[0], "Unset");
    }
}

#[test]
fn our_exit_knows_the_code_everywhere() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| llmetry::exit(7));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 7), OPEN[0], "Error");
    }
}

#[test]
fn our_exit_works_without_telemetry() {
    let ended = program::ends(&JSON, || llmetry::exit(9));
    assert!(spans(&assert_code(ended, 9)).is_empty(), "nothing was ever installed");
}

#[test]
fn exit_inside_async_tasks_on_one_thread() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        current_thread().block_on(outer_async(|| llmetry::exit(1)));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 1), OPEN[1], "Error");
    }
}

#[test]
fn exit_inside_async_tasks_on_many_threads() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        multi_thread().block_on(async { llmetry::spawn(outer_async(|| llmetry::exit(1))).await.unwrap() });
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 1), OPEN[1], "Error");
    }
}

#[test]
fn a_guard_that_is_never_dropped_is_no_loss() {
    static GUARD: OnceLock<Guard> = OnceLock::new();
    let ended = each_way(&JSON, || {
        GUARD.set(llmetry::init("exits").unwrap()).unwrap();
        steps(100);
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 0)).len(), 100);
    }
}

#[test]
fn a_guard_that_was_forgotten_is_no_loss() {
    let ended = each_way(&JSON, || {
        std::mem::forget(llmetry::init("exits").unwrap());
        steps(100);
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 0)).len(), 100);
    }
}

#[test]
fn exit_on_another_thread_than_the_one_with_the_spans() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| {
            thread::spawn(|| llmetry::exit(3)).join().unwrap();
        });
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 3), OPEN[0], "Error");
    }
}

#[test]
fn many_threads_that_exit_at_once_end_once() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        steps(100);
        for _ in 0..8 {
            thread::spawn(|| llmetry::exit(4));
        }
        wait_for_the_end();
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 4)).len(), 100);
    }
}

#[test]
fn exit_while_another_thread_shuts_down_waits_for_it() {
    let ended = each_way(&JSON, || {
        let guard = llmetry::init("exits").unwrap();
        steps(5_000);
        thread::spawn(move || guard.shutdown(LONG));
        exit(5);
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 5)).len(), 5_000);
    }
}

/// Leaves from within.
#[derive(Debug)]
struct Leaves;

impl SpanExporter for Leaves {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        exit(3)
    }
}

#[test]
fn an_exporter_that_exits_does_not_wait_for_itself() {
    let a_day = Duration::from_secs(24 * 60 * 60);
    let ended = program::ends(&JSON, || {
        let guard = llmetry::builder().exporter(Leaves).shutdown_timeout(a_day).init().unwrap();
        step();
        guard.flush(a_day);
    });
    assert_code(ended, 3);
}

extern "C" fn steps_in_a_handler() {
    steps(10);
}

#[test]
fn annotated_functions_in_exit_handlers_are_harmless() {
    let ended = each_way(&JSON, || {
        // Handlers run in the opposite order: the one after telemetry's end, the other before.
        system::at_exit(steps_in_a_handler);
        let _guard = llmetry::init("exits").unwrap();
        system::at_exit(steps_in_a_handler);
        steps(10);
        exit(6);
    });
    for ended in ended {
        let said = assert_code(ended, 6);
        assert_eq!(spans(&said).len(), 10, "{}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    }
}

struct StepsWhenDropped;

impl Drop for StepsWhenDropped {
    fn drop(&mut self) {
        steps(10);
    }
}

#[test]
fn annotated_functions_in_destructors_of_thread_locals_are_harmless() {
    thread_local! {
        static DROPPED: RefCell<Option<StepsWhenDropped>> = const { RefCell::new(None) };
    }
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        // Made before ours, hence destroyed after it.
        DROPPED.with(|dropped| *dropped.borrow_mut() = Some(StepsWhenDropped));
        steps(10);
        exit(6);
    });
    for ended in ended {
        let said = assert_code(ended, 6);
        assert_eq!(spans(&said).len(), 10, "{}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    }
}

#[test]
fn a_panic_that_ends_main_marks_what_other_threads_have_open() {
    static INSIDE: Mutex<Option<Sender<()>>> = Mutex::new(None);
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        let (inside, is_inside) = channel();
        *INSIDE.lock().unwrap() = Some(inside);
        thread::spawn(|| {
            outer(|| {
                INSIDE.lock().unwrap().take().unwrap().send(()).unwrap();
                thread::sleep(LONG);
            });
        });
        is_inside.recv().unwrap();
        panic!("on purpose");
    });
    for ended in ended {
        assert!(!ended.0.success());
        let spans = spans(&ended.1);
        for name in OPEN[0] {
            let span = only(&spans, name);
            assert_eq!((span.outcome.as_deref(), &*span.status), (Some("incomplete"), "Error"));
        }
    }
}

#[test]
fn a_span_that_ends_after_it_went_out_is_late_and_not_sent_again() {
    static ENDED: Mutex<Option<Guard>> = Mutex::new(None);
    let ended = each_way(&[], || {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        let handle = guard.handle();
        *ENDED.lock().unwrap() = Some(guard);
        outer(|| {
            llmetry::current().set_attribute("known.by.now", true);
            let report = ENDED.lock().unwrap().take().unwrap().shutdown(LONG);
            assert_eq!((report.stats.exported, report.stats.open, report.stats.late), (4, 0, 0), "{report}");
            assert!(report.is_complete());
            // It is open, and goes on: nothing that it is told now is sent.
            llmetry::current().set_attribute("too.late", true);
            step();
        });
        let stats = handle.stats();
        assert_eq!((stats.started, stats.exported, stats.late), (4, 4, 3));
        assert_adds_up(&stats);
        let exported = memory.spans();
        assert_eq!(exported.len(), 4);
        let innermost = crate::support::named(&exported, "execute_tool innermost");
        assert!(crate::support::attribute(innermost, "known.by.now").is_some());
        assert!(crate::support::attribute(innermost, "too.late").is_none());
        // And a new life begins.
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        step();
        assert!(guard.shutdown(LONG).is_complete());
        assert_eq!((memory.spans().len(), handle.stats().late), (5, 3));
    });
    for ended in ended {
        assert_code(ended, 0);
    }
}

fn number(signal: Signal) -> c_int {
    match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Terminate => libc::SIGTERM,
        Signal::Hangup => libc::SIGHUP,
        other => panic!("{other:?} is new"),
    }
}

/// What a program has from a shell. Whoever runs these tests may ignore signals (`nohup` does), and what is ignored stays so.
fn default_signals() {
    for signal in Signal::ALL {
        system::on(number(signal), &Action::Default);
    }
}

fn wait_for_the_end() {
    thread::sleep(3 * LONG);
}

/// The program of `ended` was ended by `signal`, with its three open spans marked.
#[track_caller]
fn assert_ended_by(ended: (ExitStatus, Said), signal: Signal) {
    let (status, said) = ended;
    assert_eq!(status.signal(), Some(number(signal)), "{status}\n{}\n{}", said.stdout, said.stderr);
    assert_three_open(&said, OPEN[0], "Unset");
}

/// Which signal the program is to get.
const SIGNAL: &str = "SIGNAL";

fn signalled() {
    let wanted = std::env::var(SIGNAL).unwrap();
    let signal = Signal::ALL.into_iter().find(|signal| format!("{signal:?}") == wanted).unwrap();
    system::signal(number(signal));
    wait_for_the_end();
}

#[test]
fn a_signal_ends_telemetry_and_then_the_process() {
    for signal in Signal::ALL {
        let name = format!("{signal:?}");
        let ended = each_way(&[JSON[0], JSON[1], (SIGNAL, &name)], || {
            default_signals();
            std::mem::forget(llmetry::builder().end_on_signals(Signal::ALL).init().unwrap());
            outer(signalled);
        });
        for ended in ended {
            assert_ended_by(ended, signal);
        }
    }
}

#[test]
fn a_signal_that_nobody_asked_for_is_left_alone() {
    let (status, said) = program::ends(&JSON, || {
        let _guard = llmetry::builder().end_on_signals([Signal::Hangup]).init().unwrap();
        step();
        system::signal(libc::SIGTERM);
        wait_for_the_end();
    });
    assert_eq!((status.signal(), spans(&said).len()), (Some(libc::SIGTERM), 0));
}

#[test]
fn a_signal_after_telemetry_has_ended_ends_the_process_as_ever() {
    let (status, said) = program::ends(&JSON, || {
        let guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        step();
        drop(guard);
        system::signal(libc::SIGTERM);
        wait_for_the_end();
    });
    assert_eq!((status.signal(), spans(&said).len()), (Some(libc::SIGTERM), 1), "{}", said.stderr);
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let ended = program::ends(&JSON, || {
        system::on(libc::SIGHUP, &Action::Ignored);
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        system::signal(libc::SIGHUP);
        assert_eq!(system::on(libc::SIGHUP, &Action::Ignored).sa_sigaction, libc::SIG_IGN);
        steps(3);
    });
    assert_eq!(spans(&assert_code(ended, 0)).len(), 3);
}

static CALLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn plain(_: c_int) {
    CALLED.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn full(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    assert!(!info.is_null());
    CALLED.fetch_add(u32::try_from(signal).unwrap() << 8, Ordering::SeqCst);
}

#[test]
fn a_handler_that_was_there_is_called_and_decides() {
    let ended = each_way(&JSON, || {
        system::on(libc::SIGTERM, &Action::Plain(plain));
        system::on(libc::SIGINT, &Action::Full(full));
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        outer(|| {
            system::signal(libc::SIGTERM);
            system::signal(libc::SIGINT);
            system::signal(libc::SIGTERM);
        });
        steps(3);
        let expected = 2 + (u32::try_from(libc::SIGINT).unwrap() << 8);
        assert_eq!(CALLED.load(Ordering::SeqCst), expected);
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        assert_eq!(spans.len(), 7);
        assert!(spans.iter().all(|span| span.outcome.is_none()), "{spans:?}");
    }
}

static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

extern "C" fn chains(signal: c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    CALLED.fetch_add(1, Ordering::SeqCst);
    system::call(BEFORE.get().unwrap(), signal);
}

#[test]
fn a_handler_that_comes_later_and_calls_ours_decides() {
    let ended = program::ends(&JSON, || {
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        BEFORE.set(system::on(libc::SIGTERM, &Action::Full(chains))).unwrap();
        outer(|| {
            system::signal(libc::SIGTERM);
            system::signal(libc::SIGTERM);
        });
        steps(3);
        assert_eq!(CALLED.load(Ordering::SeqCst), 2);
    });
    let said = assert_code(ended, 0);
    let spans = spans(&said);
    assert_eq!(spans.len(), 7);
    assert!(spans.iter().all(|span| span.outcome.is_none()), "{spans:?}");
}

#[test]
fn a_graceful_shutdown_of_tokios_is_left_alone() {
    #[workflow]
    async fn serves() {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        for _ in 0..2 {
            system::signal(libc::SIGTERM);
            terminate.recv().await.unwrap();
        }
        step();
    }
    let ended = program::ends(&JSON, || {
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        multi_thread().block_on(serves());
        exit(8);
    });
    let said = assert_code(ended, 8);
    let spans = spans(&said);
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span.outcome.is_none()), "{spans:?}");
}

/// Says when it is called, and never comes back.
#[derive(Debug)]
struct Stuck(Mutex<Sender<()>>);

impl SpanExporter for Stuck {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().send(()).unwrap();
        loop {
            thread::park();
        }
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let (status, _) = program::ends(&[], || {
        default_signals();
        let (called, is_called) = channel();
        let a_day = Duration::from_secs(24 * 60 * 60);
        let _guard = llmetry::builder()
            .exporter(Stuck(Mutex::new(called)))
            .end_on_signals(Signal::ALL)
            .shutdown_timeout(a_day)
            .schedule_delay(a_day)
            .init()
            .unwrap();
        step();
        system::signal(libc::SIGTERM);
        is_called.recv().unwrap();
        system::signal(libc::SIGINT);
        thread::sleep(a_day);
    });
    assert_eq!(status.signal(), Some(libc::SIGINT));
}

#[test]
fn a_forked_process_delivers_its_own_spans_in_its_parents_trace() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| {
            let child = system::fork(|| steps(2));
            assert_eq!(system::wait(child).code(), Some(0));
            steps(3);
        });
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        let workflow = only(&spans, OPEN[0][0]);
        let (_, innermost) = (only(&spans, OPEN[0][1]), only(&spans, OPEN[0][2]));
        assert_eq!(innermost.outcome, None);
        assert!(spans.iter().all(|span| span.trace == workflow.trace), "{spans:#?}");
        let steps: Vec<_> = spans.iter().filter(|span| span.name == "step").collect();
        assert_eq!(steps.len(), 1 + 2 + 3, "{spans:#?}");
        assert_eq!(steps.iter().filter(|step| step.parent == innermost.id).count(), 5);
        let ids: HashSet<_> = spans.iter().map(|span| &span.id).collect();
        assert_eq!(ids.len(), spans.len());
        assert!(!said.stderr.contains("llmetry: "), "{}", said.stderr);
    }
}

#[task]
fn in_the_child() {
    step();
}

#[test]
fn forks_beside_busy_threads_neither_stall_nor_lose() {
    const FORKS: usize = 40;
    static DONE: AtomicBool = AtomicBool::new(false);
    // Two processes write to one pipe: what is no longer than a few lines stays whole.
    let variables = [JSON[0], JSON[1], ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")];
    let ended = each_way(&variables, || {
        let guard = llmetry::init("exits").unwrap();
        let busy = || {
            while !DONE.load(Ordering::Relaxed) {
                outer(|| llmetry::current().set_attribute("key", "value"));
                thread::sleep(Duration::from_micros(50));
            }
        };
        let busy = [thread::spawn(busy), thread::spawn(busy)];
        for _ in 0..FORKS {
            let child = system::fork(in_the_child);
            assert_eq!(system::wait(child).code(), Some(0));
        }
        DONE.store(true, Ordering::Relaxed);
        for thread in busy {
            thread.join().unwrap();
        }
        let report = guard.shutdown(LONG);
        assert_adds_up(&report.stats);
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        assert!(!said.stderr.contains("llmetry: "), "{}", said.stderr);
        let mut ids = HashSet::new();
        let (mut children, mut traces) = (0, HashSet::new());
        for span in spans(&said) {
            assert!(ids.insert(span.id), "sent twice: {}", span.name);
            if span.name == "in_the_child" {
                children += 1;
                traces.insert(span.trace);
            }
        }
        assert_eq!((children, traces.len()), (FORKS, FORKS));
    }
}

#[test]
fn a_forked_process_that_drops_the_guard_delivers_and_goes_on() {
    let ended = each_way(&JSON, || {
        let guard = llmetry::init("exits").unwrap();
        steps(2);
        let mut guard = Some(guard);
        let child = system::fork(|| {
            in_the_child();
            let guard = guard.take().unwrap();
            assert_eq!(guard.stats().started, 2, "its own");
            assert!(guard.flush(LONG).is_complete());
            assert_eq!(guard.shutdown(LONG).stats.exported, 2);
            // And it may begin anew.
            let guard = llmetry::init("again").unwrap();
            in_the_child();
            assert_eq!(guard.shutdown(LONG).stats.exported, 2);
        });
        assert_eq!(system::wait(child).code(), Some(0));
        assert_eq!(guard.unwrap().shutdown(LONG).stats.exported, 2);
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        assert_eq!(spans.iter().filter(|span| span.name == "in_the_child").count(), 2);
        assert_eq!(spans.len(), 2 + 4, "{spans:#?}");
    }
}

#[test]
fn a_forked_process_that_traces_nothing_sends_nothing() {
    let ended = program::ends(&JSON, || {
        let guard = llmetry::init("exits").unwrap();
        steps(2);
        let child = system::fork(|| ());
        assert_eq!(system::wait(child).code(), Some(0));
        drop(guard);
    });
    assert_eq!(spans(&assert_code(ended, 0)).len(), 2);
}

#[test]
fn spans_of_a_forked_process_that_were_open_before_are_its_parents() {
    #[workflow]
    fn forks() -> bool {
        let child = system::fork_here();
        step();
        child.inspect(|child| assert_eq!(system::wait(*child).code(), Some(0))).is_none()
    }
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        if forks() {
            exit(0);
        }
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        let workflow = only(&spans, "invoke_workflow forks");
        assert_eq!(workflow.outcome, None);
        assert_eq!(spans.iter().filter(|span| span.name == "step" && span.parent == workflow.id).count(), 2);
        assert_eq!(spans.len(), 3);
    }
}

#[test]
fn an_exporter_that_was_given_does_not_cross_a_fork() {
    let ended = program::ends(&JSON, || {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        outer(|| {
            let child = system::fork(|| {
                step();
                let guard = llmetry::init("child").unwrap();
                in_the_child();
                assert_eq!(guard.shutdown(LONG).stats.exported, 2);
            });
            assert_eq!(system::wait(child).code(), Some(0));
        });
        assert_eq!(guard.shutdown(LONG).stats.exported, 4);
        assert_eq!(memory.spans().len(), 4);
    });
    let said = assert_code(ended, 0);
    assert_eq!(spans(&said).len(), 2, "{}", said.stdout);
}

#[test]
fn a_signal_in_a_forked_process_is_its_own() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        let child = system::fork(|| {
            outer(|| {
                system::signal(libc::SIGTERM);
                wait_for_the_end();
            });
        });
        assert_eq!(system::wait(child).signal(), Some(libc::SIGTERM));
        let child = system::fork(|| {
            // Nothing was traced: there is nothing to end, and no thread to do it.
            system::signal(libc::SIGTERM);
            wait_for_the_end();
        });
        assert_eq!(system::wait(child).signal(), Some(libc::SIGTERM));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 0), OPEN[0], "Unset");
    }
}

#[test]
fn foreign_spans_of_a_forked_process_leave_it_once() {
    use opentelemetry::trace::{Span as _, Tracer};
    let ended = program::ends(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        let tracer = opentelemetry::global::tracer("foreign");
        let mut before = tracer.start("before");
        let child = system::fork(|| {
            before.end();
            tracer.start("inside").end();
        });
        assert_eq!(system::wait(child).code(), Some(0));
        tracer.start("inside").end();
        before.end();
    });
    let said = assert_code(ended, 0);
    let spans = spans(&said);
    only(&spans, "before");
    let inside: Vec<_> = spans.iter().filter(|span| span.name == "inside").collect();
    assert_eq!(inside.len(), 2);
    assert_ne!(inside[0].id, inside[1].id);
    assert_ne!(inside[0].trace, inside[1].trace);
}
