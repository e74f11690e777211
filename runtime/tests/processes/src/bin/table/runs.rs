//! One run: a program that ends, perhaps a next start, and what arrived of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use llmetry_processes::child::{self, Ended};
use llmetry_processes::ledger::Ledger;
use llmetry_processes::plan::{Act, Output, Place, Plan, Row};
use llmetry_processes::receiver::{self, Kept, RUN, Receiver};

/// A program that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// Which program, and where its spans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Config {
    /// Ours without telemetry: what the exit status should be.
    Bare,
    Ours {
        output: Output,
        spool: bool,
    },
    Stock {
        output: Output,
    },
}

/// How many there were, and how many of them arrived.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) made: usize,
    pub(crate) arrived: usize,
}

/// What became of one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) row: Row,
    pub(crate) config: Config,
    /// Finished when the ending began.
    pub(crate) finished: Count,
    /// Open when the ending began, and never finished.
    pub(crate) open: Count,
    /// Open when the ending began, and finished by a thread that went on.
    pub(crate) closed_late: Count,
    /// Of those open that arrived: they say that they did not return; they are errors where that is promised, and nowhere else.
    pub(crate) marked: usize,
    pub(crate) duplicates: usize,
    /// Spans that end before they start.
    pub(crate) negative: usize,
    pub(crate) status: String,
    /// From the ending's beginning to the process's end.
    pub(crate) milliseconds: Option<f64>,
    /// What the next start ended with, where there is one.
    pub(crate) next: Option<String>,
    pub(crate) stderr: String,
}

/// What is run, and the receiver that it is run against.
pub(crate) struct Programs {
    target: PathBuf,
    scratch: PathBuf,
    receiver: Receiver,
    runs: AtomicUsize,
}

/// The folder for ledgers and spools goes with the runner.
impl Drop for Programs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

impl Programs {
    pub(crate) fn start(target: PathBuf) -> Self {
        let scratch = std::env::temp_dir().join(format!("llmetry-processes-{}", std::process::id()));
        fs::create_dir_all(&scratch).expect("a folder for ledgers");
        Self { target, scratch, receiver: Receiver::start(), runs: AtomicUsize::new(0) }
    }

    pub(crate) fn run(&self, row: Row, config: Config) -> Run {
        let name = self.runs.fetch_add(1, Ordering::Relaxed).to_string();
        let folder = self.scratch.join(&name);
        fs::create_dir_all(&folder).expect("a folder for a run");
        let spool = matches!(config, Config::Ours { spool: true, .. }).then(|| folder.join("spool"));
        let plan =
            Plan { row, ledger: folder.join("ledger"), bare: config == Config::Bare, spool: spool.clone() };
        let (program, output) = match config {
            Config::Bare => ("ends", Output::Http),
            Config::Ours { output, .. } => ("ends", output),
            Config::Stock { output } => ("stock", output),
        };
        let profile = if row.ending.aborts { "abort" } else { "debug" };
        let program = self.target.join(profile).join(program);
        let mut command = self.command(&program, output, &name);
        let ended = child::run(command.args(plan.arguments()), LIMIT).expect("the program starts");
        let next = spool.map(|spool| {
            let mut command = self.command(&program, output, "next");
            child::run(command.arg("recover").arg(spool), LIMIT).expect("the program starts")
        });
        let arrived = Kept::default();
        if output == Output::Stdout {
            for ended in [Some(&ended), next.as_ref()].into_iter().flatten() {
                arrived.keep(receiver::printed(&ended.stdout));
            }
        }
        let arrived =
            if output == Output::Stdout { arrived.take(&name) } else { self.receiver.kept.take(&name) };
        let ledger = Ledger::read(&plan.ledger).unwrap_or_default();
        let _ = fs::remove_dir_all(&folder);
        compare(row, config, ended, next.as_ref(), &ledger, &arrived)
    }

    fn command(&self, program: &Path, output: Output, run: &str) -> Command {
        let mut command = child::clean(program);
        command.env("OTEL_RESOURCE_ATTRIBUTES", format!("{RUN}={run}"));
        let otlp = |command: &mut Command, protocol, address| {
            command.env("OTEL_TRACES_EXPORTER", "otlp");
            command.env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
        };
        match output {
            Output::Http => otlp(&mut command, "http/protobuf", self.receiver.http.address),
            Output::Grpc => otlp(&mut command, "grpc", self.receiver.grpc.address),
            Output::Stdout => {
                command.env("OTEL_TRACES_EXPORTER", "console").env("LLMETRY_STDOUT", "json");
            }
        }
        command
    }
}

fn compare(
    row: Row,
    config: Config,
    ended: Ended,
    next: Option<&Ended>,
    ledger: &Ledger,
    arrived: &receiver::Run,
) -> Run {
    let count = |ids: &std::collections::HashSet<u64>| Count {
        made: ids.len(),
        arrived: ids.iter().filter(|id| arrived.spans.contains_key(id)).count(),
    };
    // Where the guard goes inside of them, functions return after their spans went out.
    let inside = row.ending.act == Act::DropGuardInside && row.place != Place::Others;
    let (open, closed_late) = if inside {
        (&ledger.open | &ledger.closed_late, std::collections::HashSet::new())
    } else {
        (ledger.open.clone(), ledger.closed_late.clone())
    };
    let is_marked = |id: &&u64| {
        arrived.spans.get(id).is_some_and(|span| {
            // A thread that goes on may have finished its step, and be gone before it says so.
            let finished = row.place == Place::Others && span.name.ends_with("step") && !span.is_error;
            finished || (span.is_marked() && span.is_error == row.open_is_error())
        })
    };
    Run {
        row,
        config,
        finished: count(&ledger.finished),
        open: count(&open),
        closed_late: count(&closed_late),
        marked: open.iter().filter(is_marked).count(),
        duplicates: arrived.duplicates,
        negative: arrived.spans.values().filter(|span| span.is_negative).count(),
        status: child::said(ended.status),
        milliseconds: ledger
            .ending
            .and_then(|begin| ended.at.duration_since(begin).ok())
            .map(|time| time.as_secs_f64() * 1e3),
        next: next.map(|next| child::said(next.status)),
        stderr: ended.stderr + next.map_or("", |next| &next.stderr),
    }
}
