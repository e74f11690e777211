//! The program that is restarted, and how it is run: two threads that make spans, a spool, and a thread that writes its account down.
//!
//! `soak produce <spool> <ledger> <account> work|drain`. A byte on stdin ends it: `e` by `exit`, `s` by `shutdown`.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio, exit};
use std::thread;
use std::time::Duration;

use llmetry::opentelemetry::trace::TraceContextExt;
use llmetry::{ExporterStats, Handle, Stats, task, workflow};
use llmetry_processes::{child, last, ledger, next};

use crate::faults::Faults;
use crate::{LIMIT, wait};

const THREADS: usize = 2;
const STEPS: usize = 4;
const PAUSE: Duration = Duration::from_millis(5);
const SPOOL_BYTES: u64 = 32 * 1024 * 1024;

/// How a producer is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exit,
    Shutdown,
    Kill,
    /// By itself, when nothing is left.
    Drain,
}

pub(crate) struct Producer {
    pub(crate) child: Child,
}

pub(crate) fn ledger(scratch: &Path, number: usize) -> PathBuf {
    scratch.join(format!("ledger-{number}"))
}

pub(crate) fn account(scratch: &Path, number: usize) -> PathBuf {
    scratch.join(format!("account-{number}"))
}

impl Producer {
    pub(crate) fn start(scratch: &Path, number: usize, receiver: SocketAddr) -> Self {
        Self::spawn(scratch, number, receiver, "work")
    }

    /// Sends what is left; how it ended.
    pub(crate) fn drain(scratch: &Path, number: usize, receiver: SocketAddr) -> String {
        let mut producer = Self::spawn(scratch, number, receiver, "drain");
        child::said(child::wait(&mut producer.child, LIMIT).ok().flatten())
    }

    fn spawn(scratch: &Path, number: usize, receiver: SocketAddr, what: &str) -> Self {
        let program = std::env::current_exe().expect("this program stands somewhere");
        let mut command = child::clean(&program);
        command.arg("produce").arg(scratch.join("spool"));
        command.arg(ledger(scratch, number)).arg(account(scratch, number)).arg(what);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}"));
        command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { child: child.expect("the producer starts") }
    }

    pub(crate) fn end(&mut self, end: End, faults: &mut Faults) -> String {
        let byte = match end {
            End::Exit => b"e",
            End::Shutdown => b"s",
            End::Kill | End::Drain => {
                let _ = self.child.kill();
                return wait(&mut self.child, faults);
            }
        };
        if let Some(stdin) = &mut self.child.stdin {
            let _ = stdin.write_all(byte);
        }
        wait(&mut self.child, faults)
    }
}

/// What a producer has counted, as it wrote it down last.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
    pub(crate) dropped: u64,
}

impl Account {
    pub(crate) fn add(&mut self, other: &Self) {
        self.failed += other.failed;
        self.rejected += other.rejected;
        self.dropped += other.dropped;
    }

    /// The last whole line of `path`.
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let last = whole.lines().next_back().unwrap_or_default();
        let mut numbers = last.split(' ').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Self { failed: next(), rejected: next(), dropped: next() }
    }
}

/// The program itself.
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let [spool, ledger, account, what] = arguments else { return ExitCode::from(2) };
    last::prepare();
    ledger::open(Path::new(ledger)).expect("the ledger can be written");
    let builder = llmetry::builder().service_name("soak").spool(Path::new(spool)).spool_bytes(SPOOL_BYTES);
    let guard = builder.init().expect("telemetry starts");
    let (path, handle) = (PathBuf::from(account), guard.handle());
    if what == "drain" {
        return drain(Path::new(spool), &path, guard);
    }
    thread::spawn(move || keep_account(&path, &handle));
    for _ in 0..THREADS {
        thread::spawn(|| {
            loop {
                let id = whole();
                ledger::finished(id);
                thread::sleep(PAUSE);
            }
        });
    }
    let mut byte = [0];
    // Who runs it is gone: nobody will ask any more.
    let _ = std::io::stdin().read_exact(&mut byte);
    ledger::ending();
    if byte == *b"s" {
        let report = guard.shutdown(Duration::from_secs(5));
        write_down(Path::new(account), &report.stats);
        return ExitCode::SUCCESS;
    }
    exit(0)
}

fn drain(spool: &Path, account: &Path, guard: llmetry::Guard) -> ExitCode {
    let (empty, report) = next::send(guard, spool, LIMIT / 2);
    write_down(account, &report.stats);
    ExitCode::from(if empty { 0 } else { 3 })
}

fn keep_account(path: &Path, handle: &Handle) {
    let mut last = Stats::default();
    loop {
        let stats = handle.stats();
        if (&stats.exporters, stats.dropped_total()) != (&last.exporters, last.dropped_total()) {
            write_down(path, &stats);
            last = stats;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn write_down(path: &Path, stats: &Stats) {
    // The exporter's account, since it has spans of earlier processes in it too.
    let sum = |count: fn(&ExporterStats) -> u64| stats.exporters.iter().map(count).sum::<u64>();
    let (failed, rejected) = (sum(|exporter| exporter.failed), sum(|exporter| exporter.rejected));
    let line = format!("{failed} {rejected} {}\n", stats.dropped_total());
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
        // A line that is missing shows up as spans that nobody has counted.
        let _ = file.write_all(line.as_bytes());
    }
}

fn opened() -> u64 {
    let context = llmetry::current().context();
    let id = u64::from_be_bytes(context.span().span_context().span_id().to_bytes());
    ledger::opened(id);
    id
}

#[workflow]
fn whole() -> u64 {
    let id = opened();
    for _ in 0..STEPS {
        ledger::finished(step());
    }
    id
}

#[task]
fn step() -> u64 {
    opened()
}
