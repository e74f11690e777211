//! Which endings there are, where in a program they happen, and what is promised of each: the rows of ENDINGS.md.
//!
//! In: arguments of a program that ends. Out: a [`Plan`], and the list of all that make sense. Does not: run anything.

use std::fmt;
use std::path::PathBuf;

/// One way that a process can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// In arguments and in the machine-readable rows.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    pub act: Act,
    pub carrier: Carrier,
    /// Built with `panic = "abort"`.
    pub aborts: bool,
    /// Whether llmetry has a say before the process is gone. Without one, only the spool keeps what was made.
    pub controlled: bool,
    pub failed: Failed,
}

/// What is done, innermost in the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Return,
    ReturnErr,
    DropGuardInside,
    DropGuardAfterRuntime,
    KeepGuardInStatic,
    Panic,
    LlmetryExit(i32),
    Exit(i32),
    /// `exit`, with annotated functions in exit handlers.
    ExitWithHandlers,
    /// `exit`, and once more inside of an annotated function that an exit handler calls.
    ExitInHandler,
    /// A signal that the process sends itself, with `end_on_signals` or without.
    Signal(i32, Opted),
    /// SIGTERM, which a handler of tokio's turns into a return from everything.
    Graceful,
    Abort,
    StackOverflow,
    OutOfMemory,
    Exec,
    QuickExit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opted {
    In,
    Out,
}

/// Who runs the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Main,
    /// Whether anybody looks at its end.
    Thread {
        joined: bool,
    },
    Task {
        joined: bool,
    },
}

/// Which open spans are errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    No,
    /// Those in the thread or task that failed.
    Part,
    /// All.
    Program,
}

const fn ending(name: &'static str, title: &'static str, act: Act, failed: Failed) -> Ending {
    Ending { name, title, act, carrier: Carrier::Main, aborts: false, controlled: true, failed }
}

const fn carried(carrier: Carrier, ending: Ending) -> Ending {
    Ending { carrier, ..ending }
}

const fn aborting(ending: Ending) -> Ending {
    Ending { aborts: true, failed: Program, ..ending }
}

const fn hard(name: &'static str, title: &'static str, act: Act) -> Ending {
    Ending { controlled: false, ..ending(name, title, act, No) }
}

const JOINED_THREAD: Carrier = Carrier::Thread { joined: true };
const THREAD: Carrier = Carrier::Thread { joined: false };
const JOINED_TASK: Carrier = Carrier::Task { joined: true };
const TASK: Carrier = Carrier::Task { joined: false };

use Act::{Exit, LlmetryExit, Panic, Signal};
use Failed::{No, Part, Program};

/// Every ending, in the order of the table.
#[rustfmt::skip]
pub static ENDINGS: &[Ending] = &[
    ending("return", "`main` returns, the guard is dropped", Act::Return, No),
    ending("drop-inside", "the guard is dropped inside `block_on`", Act::DropGuardInside, No),
    ending("drop-after-runtime", "the guard is dropped after its runtime", Act::DropGuardAfterRuntime, No),
    ending("static-guard", "`main` returns, the guard stays in a static", Act::KeepGuardInStatic, No),
    ending("return-err", "`main` returns `Err`", Act::ReturnErr, No),
    ending("panic-main", "panic in `main`", Panic, Program),
    carried(JOINED_TASK, ending("panic-task-joined", "panic in a task that is awaited", Panic, Part)),
    carried(TASK, ending("panic-task", "panic in a task that nobody awaits", Panic, Part)),
    carried(JOINED_THREAD, ending("panic-thread-joined", "panic in a thread that is joined", Panic, Part)),
    carried(THREAD, ending("panic-thread", "panic in a thread that nobody joins", Panic, Part)),
    aborting(ending("abort-panic-main", "panic in `main`, `panic = \"abort\"`", Panic, Program)),
    aborting(carried(JOINED_TASK, ending("abort-panic-task", "panic in a task, `panic = \"abort\"`", Panic, Program))),
    aborting(carried(JOINED_THREAD, ending("abort-panic-thread", "panic in a thread, `panic = \"abort\"`", Panic, Program))),
    ending("llmetry-exit-0", "`llmetry::exit(0)`", LlmetryExit(0), No),
    ending("llmetry-exit-1", "`llmetry::exit(1)`", LlmetryExit(1), Program),
    ending("exit-0", "`std::process::exit(0)`", Exit(0), No),
    ending("exit-1", "`std::process::exit(1)`", Exit(1), Program),
    carried(JOINED_THREAD, ending("exit-0-thread", "`std::process::exit(0)` in a thread", Exit(0), No)),
    carried(JOINED_THREAD, ending("exit-1-thread", "`std::process::exit(1)` in a thread", Exit(1), Program)),
    carried(JOINED_TASK, ending("exit-0-task", "`std::process::exit(0)` in a task", Exit(0), No)),
    carried(JOINED_TASK, ending("exit-1-task", "`std::process::exit(1)` in a task", Exit(1), Program)),
    ending("exit-handlers", "`exit(0)`, annotated functions in exit handlers", Act::ExitWithHandlers, No),
    ending("exit-in-handler", "`exit(0)`, then `exit(0)` in an annotated function of an exit handler", Act::ExitInHandler, No),
    ending("sigint", "SIGINT, `end_on_signals`", Signal(libc::SIGINT, Opted::In), No),
    ending("sigterm", "SIGTERM, `end_on_signals`", Signal(libc::SIGTERM, Opted::In), No),
    ending("sighup", "SIGHUP, `end_on_signals`", Signal(libc::SIGHUP, Opted::In), No),
    ending("sigterm-graceful", "SIGTERM, `end_on_signals`, a handler of tokio's installed later returns from everything", Act::Graceful, No),
    hard("sigterm-default", "SIGTERM, no `end_on_signals`", Signal(libc::SIGTERM, Opted::Out)),
    hard("abort", "`std::process::abort`", Act::Abort),
    hard("sigkill", "SIGKILL (so does the OOM killer)", Signal(libc::SIGKILL, Opted::Out)),
    hard("stack-overflow", "stack overflow", Act::StackOverflow),
    hard("out-of-memory", "an allocation fails (`RLIMIT_AS`), which aborts", Act::OutOfMemory),
    hard("exec", "`exec` of another program", Act::Exec),
    hard("quick-exit", "`_exit(0)`", Act::QuickExit),
];

/// What drives the program's futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    CurrentThread,
    MultiThread,
    None,
}

/// Where in the program the ending happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a sync task of a sync workflow.
    SyncTask,
    /// In an async task of an agent of a workflow.
    AsyncDeep,
    /// After the workflow.
    After,
    /// After the workflow, while two other threads work inside of spans that stay open.
    Others,
}

/// Where the program's spans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Http,
    Grpc,
    Stdout,
}

macro_rules! names {
    ($type:ident: $($variant:ident = $name:literal),*) => {
        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

names!(Runtime: CurrentThread = "current_thread", MultiThread = "multi_thread", None = "none");
names!(Place: SyncTask = "sync_task", AsyncDeep = "async_deep", After = "after", Others = "others");
names!(Output: Http = "http", Grpc = "grpc", Stdout = "stdout");

/// One row: an ending, what drives the program, and where in the program it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub ending: &'static Ending,
    pub runtime: Runtime,
    pub place: Place,
}

impl Row {
    /// Every row that makes sense.
    pub fn all() -> impl Iterator<Item = Self> {
        ENDINGS.iter().flat_map(|ending| {
            Runtime::ALL.iter().flat_map(move |&runtime| {
                Place::ALL.iter().map(move |&place| Self { ending, runtime, place }).filter(|row| row.fits())
            })
        })
    }

    fn fits(self) -> bool {
        let tokio = self.runtime != Runtime::None;
        match (self.ending.act, self.ending.carrier) {
            // A task is tokio's.
            (_, Carrier::Task { .. }) | (Act::DropGuardAfterRuntime, _) => tokio,
            // The signal is awaited where it comes.
            (Act::Graceful, _) => tokio && self.place != Place::SyncTask,
            _ => true,
        }
    }

    /// Whether the same can be done with the stock processor. Its gRPC exporter cannot be built without a runtime.
    pub fn fits_stock(self, output: Output) -> bool {
        let exports = match output {
            Output::Http => true,
            Output::Grpc => self.runtime != Runtime::None,
            Output::Stdout => false,
        };
        exports && !matches!(self.ending.act, LlmetryExit(_))
    }

    /// Whether a span that this ending leaves open is an error.
    pub fn open_is_error(self) -> bool {
        match self.ending.failed {
            No => false,
            Part => self.place != Place::Others,
            Program => true,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.ending.name, self.runtime.name(), self.place.name())
    }
}

/// What a program that ends is told.
#[derive(Debug)]
pub struct Plan {
    pub row: Row,
    pub ledger: PathBuf,
    /// No telemetry at all: what the same program does without.
    pub bare: bool,
    pub spool: Option<PathBuf>,
}

impl Plan {
    /// What stands behind the program's name: row's three names, the ledger, `bare` or `traced`, the spool's directory if there is one.
    pub fn arguments(&self) -> Vec<String> {
        let Row { ending, runtime, place } = self.row;
        let ledger = self.ledger.display().to_string();
        let bare = if self.bare { "bare" } else { "traced" };
        let names = [ending.name, runtime.name(), place.name(), &ledger, bare].map(str::to_owned);
        names.into_iter().chain(self.spool.iter().map(|spool| spool.display().to_string())).collect()
    }

    /// The opposite.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let name = arguments.next()?;
        let ending = ENDINGS.iter().find(|ending| ending.name == name)?;
        let runtime = Runtime::named(&arguments.next()?)?;
        let place = Place::named(&arguments.next()?)?;
        Some(Self {
            row: Row { ending, runtime, place },
            ledger: arguments.next()?.into(),
            bare: arguments.next()? == "bare",
            spool: arguments.next().map(PathBuf::from),
        })
    }
}
