//! One process a case, since everything that is measured is installed for a whole process: how a case is asked for, and how its
//! answer comes back. Under callgrind, the same case says how many instructions a span takes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fmt, io};

use crate::meter::{Cost, Plan};
use crate::row::Row;
use crate::stack::{self, StackName};

/// The first argument of a program that is to measure one case.
const CASE: &str = "case";

/// What a case says on its standard output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub cost: Cost,
    pub made: u64,
    pub exported: u64,
}

impl Outcome {
    /// Spans that were made and never arrived.
    pub fn lost(&self) -> u64 {
        self.made.saturating_sub(self.exported)
    }
}

/// Answers and returns `true` if the program was started to measure a case.
pub fn answer() -> bool {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [case, row, stack, warm_up, samples] = arguments.as_slice() else { return false };
    if case != CASE {
        return false;
    }
    let number = |text: &String| text.parse().expect("a driver writes numbers");
    let plan = Plan { warm_up: number(warm_up), samples: number(samples) };
    let row = row.parse().expect("a driver knows the rows");
    let stack = stack.parse().expect("a driver knows the stacks");
    let Outcome { cost, made, exported } = stack::run(row, stack, plan);
    println!("{} {} {} {made} {exported}", cost.ns, cost.allocations, cost.bytes);
    true
}

/// Measures a case in a process of its own, by `program`.
pub fn measure(program: &Path, row: Row, stack: StackName, plan: Plan) -> Result<Outcome, Failed> {
    let output = plain(program).args(arguments(row, stack, plan)).output()?;
    read(&output)
}

/// `program`, without the variables by which a user's own telemetry is set up.
pub(crate) fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("OTEL_") || name.starts_with("LLMETRY_")) {
            command.env_remove(name);
        }
    }
    command
}

/// The version of valgrind, if it is installed.
pub fn valgrind() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Instructions a span, counted by callgrind on the thread that makes the spans.
pub fn instructions(program: &Path, row: Row, stack: StackName) -> Result<f64, Failed> {
    // The first samples make thread-locals, chunks and buffers, and wake the worker for the first time.
    let plan = Plan { warm_up: 3, samples: 2 };
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let spans = (plan.samples * row.spans()) as f64;
    let (output, collected) = under_callgrind(program, &arguments(row, stack, plan))?;
    read(&output)?;
    Ok(collected / spans)
}

/// What `program` says under callgrind, and the instructions in its metered section.
pub(crate) fn under_callgrind(program: &Path, arguments: &[String]) -> Result<(Output, f64), Failed> {
    let output = plain("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Counts in this function and below only, for the thread that is in it.
        .args(["--collect-atstart=no", "--toggle-collect=*metered_section*"])
        .arg(program)
        .args(arguments)
        .output()?;
    let collected = String::from_utf8_lossy(&output.stderr)
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse::<f64>().ok())
        .ok_or_else(|| Failed::new(&output))?;
    Ok((output, collected))
}

fn arguments(row: Row, stack: StackName, plan: Plan) -> [String; 5] {
    [CASE.to_owned(), row.to_string(), stack.to_string(), plan.warm_up.to_string(), plan.samples.to_string()]
}

fn read(output: &Output) -> Result<Outcome, Failed> {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map_while(|number| number.parse::<f64>().ok());
    let mut next = || numbers.next().ok_or_else(|| Failed::new(output));
    let cost = Cost { ns: next()?, allocations: next()?, bytes: next()? };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was a u64, far below 2^52"
    )]
    let mut count = || next().map(|number| number as u64);
    Ok(Outcome { cost, made: count()?, exported: count()? })
}

/// A case that said nothing that can be read.
#[derive(Debug)]
pub struct Failed(String);

impl Failed {
    pub(crate) fn new(output: &Output) -> Self {
        Self(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The program that is running.
pub fn this_program() -> PathBuf {
    env::current_exe().expect("Linux, macOS and Windows say")
}
