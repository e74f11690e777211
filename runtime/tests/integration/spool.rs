//! What survives a process: real children, real signals, one directory after the other.
//!
//! Each test runs its own binary again, in a role: a victim that ends in some way, an heir that finds what is left. What they have to say they
//! print; the test itself looks at that and at the directory.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio, exit};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use llmetry::export::MemoryExporter;
use llmetry::{DropReason, Guard, Signal, task, tool, workflow};
use opentelemetry::trace::Status;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::program;
use crate::support::{LONG, assert_adds_up, attribute, step, steps};
use crate::system;

const ROLE: &str = "LLMETRY_TEST_ROLE";
/// A port that nobody listens at.
const NOBODY: &str = "http://127.0.0.1:9";

fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// A directory of one test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("llmetry-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.0).map_or(0, Iterator::count)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process of `test` in `role`.
struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Process {
    fn start(test: &str, role: &str, directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("spool::{test}"), "--nocapture"])
            .env(ROLE, role)
            .env("LLMETRY_SPOOL_DIR", directory)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The text behind `key` on the next line that begins with it.
    fn says(&mut self, key: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it has ended without saying `{key}`");
            if let Some(rest) = line.trim().strip_prefix(key) {
                return rest.trim().to_owned();
            }
        }
    }

    /// How it ended by itself.
    fn ends(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it go on, and waits for its end.
    fn finish(mut self) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
    }
}

fn say(text: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\n{text}").unwrap();
    stdout.flush().unwrap();
}

/// Until the test has looked.
fn wait() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Exports to nobody.
fn init() -> Guard {
    llmetry::builder().spool_bytes(8 << 20).init().unwrap()
}

/// Finds what is left, `expected` spans, and says what that was.
fn inherit(expected: u64) -> ! {
    let memory = MemoryExporter::new();
    let telemetry = llmetry::builder().exporter(memory.clone()).spool_bytes(4 << 20).init().unwrap();
    let begin = Instant::now();
    while telemetry.stats().recovered < expected && begin.elapsed() < LONG {
        thread::sleep(Duration::from_millis(5));
    }
    // What comes once too often, comes now.
    thread::sleep(Duration::from_millis(100));
    step();
    let report = telemetry.shutdown(LONG);
    let spans = memory.spans();
    let incomplete: Vec<_> = spans
        .iter()
        .filter(|span| {
            attribute(span, "llmetry.outcome").is_some_and(|outcome| outcome.as_str() == "incomplete")
        })
        .collect();
    let ids: HashSet<_> = spans.iter().map(|span| span.span_context.span_id()).collect();
    assert!(incomplete.iter().all(|span| span.end_time >= span.start_time));
    assert_adds_up(&report.stats);
    let mut names: Vec<&str> = incomplete.iter().map(|span| &*span.name).collect();
    names.sort_unstable();
    let failed = incomplete.iter().filter(|span| matches!(span.status, Status::Error { .. })).count();
    let traces: HashSet<_> = spans.iter().map(|span| span.span_context.trace_id()).collect();
    let (recovered, exported) = (report.stats.recovered, report.stats.exported);
    say(&format!(
        "found {recovered} recovered, {exported} own, {} spans, {} ids, open {names:?}",
        spans.len(),
        ids.len()
    ));
    say(&format!("in {} traces, {failed} failed", traces.len()));
    exit(0);
}

#[workflow]
fn outer(then: fn()) {
    steps(10);
    middle(then);
}

#[task]
fn middle(then: fn()) {
    inner(then);
}

#[tool]
fn inner(then: fn()) {
    then();
}

#[test]
fn what_was_finished_survives_sigkill_and_what_was_open_is_marked() {
    const TEST: &str = "what_was_finished_survives_sigkill_and_what_was_open_is_marked";
    match role().as_deref() {
        Some("victim") => {
            let _telemetry = init();
            let threads: Vec<_> = (0..2).map(|_| thread::spawn(|| steps(2_000))).collect();
            for thread in threads {
                thread.join().unwrap();
            }
            outer(|| {
                say("ready");
                wait();
            });
        }
        Some(_) => inherit(4_013),
        None => {
            let folder = Folder::new("kill");
            let mut victim = Process::start(TEST, "victim", &folder.0);
            victim.says("ready");
            victim.kill();
            assert_eq!(folder.files(), 1);
            let mut heir = Process::start(TEST, "heir", &folder.0);
            assert_eq!(
                heir.says("found"),
                "4013 recovered, 1 own, 4014 spans, 4014 ids, open [\"execute_tool inner\", \"invoke_workflow outer\", \"middle\"]"
            );
            heir.finish();
            assert_eq!(folder.files(), 0);
        }
    }
}

#[test]
fn an_abort_in_the_middle_of_work_loses_nothing_that_was_finished() {
    const TEST: &str = "an_abort_in_the_middle_of_work_loses_nothing_that_was_finished";
    match role().as_deref() {
        Some("victim") => {
            let _telemetry = init();
            for _ in 0..3 {
                thread::spawn(|| {
                    loop {
                        step();
                    }
                });
            }
            thread::sleep(Duration::from_millis(20));
            steps(500);
            say("ready");
            std::process::abort();
        }
        Some(_) => inherit(500),
        None => {
            let folder = Folder::new("abort");
            let mut victim = Process::start(TEST, "victim", &folder.0);
            victim.says("ready");
            victim.child.wait().unwrap();
            let mut heir = Process::start(TEST, "heir", &folder.0);
            let found = heir.says("found");
            let numbers: Vec<u64> =
                found.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
            let [recovered, _, spans, ids] = numbers[..4].try_into().unwrap();
            assert!(recovered >= 500 && spans == recovered + 1 && ids == spans, "{found}");
            heir.finish();
            assert_eq!(folder.files(), 0);
        }
    }
}

#[test]
fn processes_share_a_directory_and_take_only_what_the_dead_have_left() {
    const TEST: &str = "processes_share_a_directory_and_take_only_what_the_dead_have_left";
    match role().as_deref() {
        Some("victim") => {
            let _telemetry = init();
            steps(7);
            say("ready");
            wait();
            exit(0);
        }
        Some("other") => {
            let telemetry = llmetry::builder().exporter(MemoryExporter::new()).init().unwrap();
            steps(5);
            say("ready");
            wait();
            let report = telemetry.shutdown(LONG);
            assert_eq!((report.stats.exported, report.stats.recovered), (5, 0), "{report}");
            exit(0);
        }
        Some(_) => inherit(7),
        None => {
            let folder = Folder::new("share");
            let mut other = Process::start(TEST, "other", &folder.0);
            other.says("ready");
            let mut victim = Process::start(TEST, "victim", &folder.0);
            victim.says("ready");
            victim.kill();
            assert_eq!(folder.files(), 2);
            let mut heir = Process::start(TEST, "heir", &folder.0);
            assert_eq!(heir.says("found"), "7 recovered, 1 own, 8 spans, 8 ids, open []");
            heir.finish();
            assert_eq!(folder.files(), 1);
            other.finish();
            assert_eq!(folder.files(), 0);
        }
    }
}

#[test]
fn what_a_shutdown_could_not_deliver_waits_for_the_next_start() {
    const TEST: &str = "what_a_shutdown_could_not_deliver_waits_for_the_next_start";
    match role().as_deref() {
        Some("victim") => {
            let telemetry = init();
            steps(1_000);
            let report = telemetry.shutdown(LONG);
            assert_adds_up(&report.stats);
            assert_eq!(
                (report.stats.spooled, report.stats.failed, report.stats.queued),
                (1_000, 0, 0),
                "{report}"
            );
            say("ready");
            exit(0);
        }
        Some(_) => inherit(1_000),
        None => {
            let folder = Folder::new("later");
            let mut victim = Process::start(TEST, "victim", &folder.0);
            victim.says("ready");
            victim.finish();
            let mut heir = Process::start(TEST, "heir", &folder.0);
            assert_eq!(heir.says("found"), "1000 recovered, 1 own, 1001 spans, 1001 ids, open []");
            heir.finish();
            assert_eq!(folder.files(), 0);
        }
    }
}

#[test]
fn a_full_spool_drops_with_a_count() {
    const TEST: &str = "a_full_spool_drops_with_a_count";
    match role().as_deref() {
        Some("victim") => {
            let telemetry = llmetry::builder().spool_bytes(4 << 20).init().unwrap();
            steps(60_000);
            let stats = telemetry.stats();
            assert_adds_up(&stats);
            assert_eq!(stats.dropped(DropReason::SpoolFull), stats.dropped_total());
            assert_eq!(stats.spooled + stats.dropped_total(), 60_000, "{stats:?}");
            say(&format!("ready {}", stats.spooled));
            wait();
        }
        Some(expected) => inherit(expected.parse().unwrap()),
        None => {
            let folder = Folder::new("full");
            let mut victim = Process::start(TEST, "victim", &folder.0);
            let kept = victim.says("ready");
            let count: u64 = kept.parse().unwrap();
            assert!((30_000..60_000).contains(&count), "{count}");
            victim.kill();
            let mut heir = Process::start(TEST, &kept, &folder.0);
            let found = heir.says("found");
            assert!(found.starts_with(&format!("{kept} recovered, 1 own, ")), "{found}");
            heir.finish();
            assert_eq!(folder.files(), 0);
        }
    }
}

const LEFT_OPEN: &str = r#"open ["execute_tool inner", "invoke_workflow outer", "middle"]"#;

#[test]
fn what_an_ending_could_not_deliver_is_sent_once_by_the_next_start() {
    const TEST: &str = "what_an_ending_could_not_deliver_is_sent_once_by_the_next_start";
    static KEPT: OnceLock<Guard> = OnceLock::new();
    static ENDED: Mutex<Option<Guard>> = Mutex::new(None);
    match role().as_deref() {
        // The guard lives where it is not dropped.
        Some("exit") => {
            KEPT.set(init()).unwrap();
            outer(|| llmetry::exit(3));
        }
        Some("signal") => {
            let guard = llmetry::builder().spool_bytes(8 << 20).end_on_signals(Signal::ALL).init().unwrap();
            KEPT.set(guard).unwrap();
            outer(|| {
                system::signal(libc::SIGTERM);
                thread::sleep(3 * LONG);
            });
        }
        Some("late") => {
            let guard = init();
            let handle = guard.handle();
            *ENDED.lock().unwrap() = Some(guard);
            outer(|| {
                let report = ENDED.lock().unwrap().take().unwrap().shutdown(LONG);
                assert_adds_up(&report.stats);
                assert_eq!((report.stats.spooled, report.stats.open), (13, 0), "{report}");
                step();
            });
            let stats = handle.stats();
            assert_eq!((stats.started, stats.spooled, stats.late), (13, 13, 3), "{stats:?}");
            exit(0);
        }
        Some(_) => inherit(13),
        None => {
            for (how, code, failed) in [("exit", Some(3), 3), ("signal", None, 0), ("late", Some(0), 0)] {
                let folder = Folder::new(how);
                let status = Process::start(TEST, how, &folder.0).ends();
                assert_eq!(status.code(), code, "{how}: {status}");
                assert!(code.is_some() || status.signal() == Some(libc::SIGTERM), "{how}: {status}");
                assert_eq!(folder.files(), 1, "{how}");
                let mut heir = Process::start(TEST, "heir", &folder.0);
                let found = heir.says("found");
                assert_eq!(found, format!("13 recovered, 1 own, 14 spans, 14 ids, {LEFT_OPEN}"), "{how}");
                assert_eq!(heir.says("in"), format!("2 traces, {failed} failed"), "{how}");
                heir.finish();
                assert_eq!(folder.files(), 0, "{how}");
            }
        }
    }
}

#[test]
fn a_forked_process_has_a_spool_of_its_own() {
    const TEST: &str = "a_forked_process_has_a_spool_of_its_own";
    fn forks(end: fn()) {
        steps(5);
        match system::fork_here() {
            None => {
                steps(20);
                end();
            }
            Some(child) => drop(system::wait(child)),
        }
        steps(3);
        say("ready");
        wait();
    }
    match role().as_deref() {
        Some("heir") => inherit(41),
        Some(how) => {
            let _telemetry = init();
            outer(match how {
                "exit" => || forks(|| exit(0)),
                "_exit" => || forks(system::exit_at_once),
                _ => || forks(|| system::signal(libc::SIGKILL)),
            });
        }
        None => {
            for how in ["exit", "_exit", "kill"] {
                let folder = Folder::new(how);
                let mut victim = Process::start(TEST, how, &folder.0);
                victim.says("ready");
                assert_eq!(folder.files(), 2, "{how}");
                victim.kill();
                let mut heir = Process::start(TEST, "heir", &folder.0);
                // 18 steps and three open spans of the parent's, 20 steps of the child's.
                let found = heir.says("found");
                assert_eq!(found, format!("41 recovered, 1 own, 42 spans, 42 ids, {LEFT_OPEN}"), "{how}");
                assert_eq!(heir.says("in"), "2 traces, 0 failed", "{how}");
                heir.finish();
                assert_eq!(folder.files(), 0, "{how}");
            }
        }
    }
}

#[test]
fn a_second_init_sends_what_the_first_could_not() {
    let folder = Folder::new("second");
    let directory = folder.0.to_str().unwrap();
    program::with_env(&[("LLMETRY_SPOOL_DIR", directory), ("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY)], || {
        let first = init();
        steps(100);
        assert_eq!(first.shutdown(LONG).stats.spooled, 100);
        let memory = MemoryExporter::new();
        let second = llmetry::builder().exporter(memory.clone()).spool_bytes(4 << 20).init().unwrap();
        steps(7);
        let report = second.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!((report.stats.exported, report.stats.recovered), (7, 100), "{report}");
        let ids: HashSet<_> = memory.spans().iter().map(|span| span.span_context.span_id()).collect();
        assert_eq!(ids.len(), 107);
    });
    assert_eq!(folder.files(), 0);
}

/// Takes nothing, for good.
#[derive(Debug)]
struct Refuses;

impl SpanExporter for Refuses {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("not from you".to_owned()))
    }
}

#[test]
fn an_ending_says_that_spans_of_an_earlier_process_were_refused() {
    let folder = Folder::new("refused");
    let directory = folder.0.to_str().unwrap();
    let variables = [("LLMETRY_SPOOL_DIR", directory), ("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY)];
    let said = program::with_env(&variables, || {
        let first = init();
        steps(100);
        assert_eq!(first.shutdown(LONG).stats.spooled, 100);
        // It has made nothing itself.
        drop(llmetry::builder().exporter(Refuses).spool_bytes(4 << 20).init().unwrap());
    });
    let expected = "llmetry: 0 spans delivered; of earlier processes 0 delivered, 100 failed (";
    assert_eq!(said.stderr.matches(expected).count(), 1, "{}", said.stderr);
    assert_eq!(folder.files(), 0);
}

#[test]
fn a_disk_without_room_is_said_and_the_program_goes_on() {
    let folder = Folder::new("room");
    let directory = folder.0.to_str().unwrap();
    let said = program::with_env(
        &[("LLMETRY_SPOOL_DIR", directory), ("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY)],
        || {
            system::limit_files(1 << 20);
            let memory = MemoryExporter::new();
            let telemetry = llmetry::builder().exporter(memory.clone()).spool_bytes(4 << 20).init().unwrap();
            steps(100);
            let report = telemetry.shutdown(LONG);
            assert!(report.is_complete(), "{report}");
            assert_eq!((report.stats.exported, memory.spans().len()), (100, 100), "{report}");
            // As without a spool: what does not fit into memory is dropped, and counted.
            let telemetry = llmetry::builder().spool_bytes(4 << 20).max_queue_size(50).init().unwrap();
            steps(100);
            let stats = telemetry.stats();
            assert_adds_up(&stats);
            assert_eq!((stats.dropped(DropReason::QueueFull), stats.spooled), (50, 0), "{stats:?}");
        },
    );
    assert_eq!(said.stderr.matches("llmetry: no spool: the 4194304 bytes that it wants in ").count(), 2);
    assert!(said.stderr.contains(directory), "{}", said.stderr);
    assert_eq!(folder.files(), 0);
}

#[test]
fn a_limit_on_files_that_comes_later_does_no_harm() {
    let folder = Folder::new("limit");
    let directory = folder.0.to_str().unwrap();
    program::with_env(&[("LLMETRY_SPOOL_DIR", directory)], || {
        let memory = MemoryExporter::new();
        let telemetry = llmetry::builder().exporter(memory.clone()).spool_bytes(4 << 20).init().unwrap();
        system::limit_files(1 << 20);
        steps(1_000);
        let report = telemetry.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!((report.stats.exported, memory.spans().len()), (1_000, 1_000), "{report}");
    });
    assert_eq!(folder.files(), 0);
}

#[test]
fn a_directory_that_cannot_be_used_is_said_at_once() {
    program::with_env(&[("LLMETRY_SPOOL_DIR", "/proc/nowhere")], || {
        let error = llmetry::init("bot").unwrap_err();
        assert!(error.is_invalid_setting());
        assert!(
            error.to_string().starts_with("LLMETRY_SPOOL_DIR=/proc/nowhere cannot be used: expected"),
            "{error}"
        );
        let error = llmetry::builder().spool("/proc/nowhere").init().unwrap_err();
        assert!(error.to_string().starts_with("Builder::spool(/proc/nowhere) cannot be used"), "{error}");
        let error = llmetry::builder().spool_bytes(5).init().unwrap_err();
        assert!(error.to_string().starts_with("Builder::spool_bytes(5) cannot be used"), "{error}");
    });
}
