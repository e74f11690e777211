//! Prints what a span costs with llmetry and with its peers, from one run: see `../../README.md`.
//!
//! Drives the cases of the library, each in a process of its own, in rounds, and prints the table; measures nothing itself.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use llmetry_bench_peers::meter::{Plan, median};
use llmetry_bench_peers::process::{self, Failed, Outcome};
use llmetry_bench_peers::row::{Budget, Row};
use llmetry_bench_peers::stack::{StackName, bytes_a_level};

/// Bytes that a level may add to a future.
const BYTES_BUDGET: usize = 40;
const USAGE: &str = "usage: [--rounds N] [--samples N] [ROW ...]";

fn main() -> ExitCode {
    if process::answer() {
        return ExitCode::SUCCESS;
    }
    match Options::from_arguments(env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    rounds: usize,
    samples: u64,
    rows: Vec<Row>,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { rounds: 5, samples: 300, rows: Vec::new() };
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let text = arguments.next().ok_or(USAGE)?;
                text.parse::<u32>().map_err(|_| format!("{argument} {text}: not a number; {USAGE}"))
            };
            match argument.as_str() {
                "--bench" => {} // cargo says so
                "--rounds" => options.rounds = number()?.max(1) as usize,
                "--samples" => options.samples = number()?.max(1).into(),
                row => options.rows.push(row.parse().map_err(|trouble| format!("{trouble}; {USAGE}"))?),
            }
        }
        if options.rows.is_empty() {
            options.rows = Row::ALL.to_vec();
        }
        Ok(options)
    }
}

fn run(options: &Options) -> Result<ExitCode, String> {
    let mut cases = Vec::new();
    for &row in &options.rows {
        let stacks = StackName::ALL.iter().copied().filter(|stack| row.exists_for(*stack));
        cases.extend(stacks.map(|stack| Case::new(row, stack)));
    }
    let instructions = measure(&mut cases, options).map_err(|failed| failed.to_string())?;
    let table = Table { cases };
    print_head(options, &instructions);
    table.print();
    table.print_throughput();
    print_sizes();
    Ok(table.print_losses())
}

/// One stack's part of one row.
struct Case {
    row: Row,
    stack: StackName,
    rounds: Vec<Outcome>,
    counted: Outcome,
    instructions: Option<f64>,
}

impl Case {
    fn new(row: Row, stack: StackName) -> Self {
        Self { row, stack, rounds: Vec::new(), counted: Outcome::default(), instructions: None }
    }

    fn ns(&self) -> Vec<f64> {
        self.rounds.iter().map(|outcome| outcome.cost.ns).collect()
    }
}

/// Fills in all cases; gives back what is to be said of the instructions.
fn measure(cases: &mut [Case], options: &Options) -> Result<String, Failed> {
    let this = process::this_program();
    let plan = Plan { warm_up: options.samples / 5 + 1, samples: options.samples };
    for round in 1..=options.rounds {
        for case in &mut *cases {
            eprint!("\rround {round} of {}: {:<20} {:<16}", options.rounds, case.row, case.stack);
            case.rounds.push(process::measure(&this, case.row, case.stack, plan)?);
        }
    }
    let counted = Path::new(env!("CARGO_BIN_EXE_counted"));
    for case in &mut *cases {
        eprint!("\rallocations: {:<20} {:<16}      ", case.row, case.stack);
        case.counted = process::measure(counted, case.row, case.stack, Plan { warm_up: 10, samples: 20 })?;
    }
    let Some(valgrind) = process::valgrind() else {
        return Ok("not counted, since valgrind is not installed".to_owned());
    };
    for case in cases.iter_mut().filter(|case| case.row.has_instructions()) {
        eprint!("\rinstructions: {:<20} {:<16}     ", case.row, case.stack);
        case.instructions = Some(process::instructions(&this, case.row, case.stack)?);
    }
    eprintln!("\r{:60}", "");
    Ok(format!("callgrind ({valgrind}) on the calling thread"))
}

/// What a line of the table is computed from: a row, or what one row has more than another, divided.
struct Line {
    title: &'static str,
    row: Row,
    more_than: Option<Row>,
    divided_by: f64,
    budget: Budget,
}

impl Line {
    fn of(row: Row) -> Self {
        Self { title: row.title(), row, more_than: None, divided_by: 1.0, budget: row.budget() }
    }

    fn all() -> Vec<Self> {
        let mut lines = Vec::new();
        for &row in Row::ALL {
            lines.push(Self::of(row));
            match row {
                Row::PendingOnce => lines.push(Self {
                    title: "→ its one extra poll",
                    more_than: Some(Row::Recorded),
                    budget: Budget::default(),
                    ..Self::of(row)
                }),
                Row::PendingNineTimes => lines.push(Self {
                    title: "→ each later poll",
                    more_than: Some(Row::PendingOnce),
                    divided_by: 8.0,
                    budget: Budget { ns: Some(40.0), allocations: Some(0.0), ..Budget::default() },
                    ..Self::of(row)
                }),
                _ => {}
            }
        }
        lines
    }
}

/// What a span costs more than the bare function.
#[derive(Clone, Copy)]
struct Net {
    ns: f64,
    /// Of the rounds' medians; a difference of two rows has none.
    range: Option<(f64, f64)>,
    instructions: Option<f64>,
    allocations: f64,
    bytes: f64,
}

impl Net {
    fn minus(self, other: Self, divided_by: f64) -> Self {
        let part = |more: f64, less: f64| (more - less) / divided_by;
        Self {
            ns: part(self.ns, other.ns),
            range: self
                .range
                .zip(other.range)
                .map(|((least, most), (less, _))| (part(least, less), part(most, less))),
            instructions: self.instructions.zip(other.instructions).map(|(more, less)| part(more, less)),
            allocations: part(self.allocations, other.allocations),
            bytes: part(self.bytes, other.bytes),
        }
    }
}

struct Table {
    cases: Vec<Case>,
}

impl Table {
    fn case(&self, row: Row, stack: StackName) -> Option<&Case> {
        self.cases.iter().find(|case| case.row == row && case.stack == stack)
    }

    fn gross(&self, row: Row, stack: StackName) -> Option<Net> {
        let case = self.case(row, stack)?;
        let ns = case.ns();
        Some(Net {
            ns: median(&ns),
            range: Some((
                ns.iter().copied().fold(f64::INFINITY, f64::min),
                ns.iter().copied().fold(0.0, f64::max),
            )),
            instructions: case.instructions,
            allocations: case.counted.cost.allocations,
            bytes: case.counted.cost.bytes,
        })
    }

    fn net(&self, line: &Line, stack: StackName) -> Option<Net> {
        let of = |row| Some(self.gross(row, stack)?.minus(self.gross(row, StackName::Bare)?, 1.0));
        match line.more_than {
            None => of(line.row),
            Some(other) => Some(Net { range: None, ..of(line.row)?.minus(of(other)?, line.divided_by) }),
        }
    }

    fn print(&self) {
        println!(
            "| per span, net of the bare function | | ns | min–max | instr. | allocs | bytes | ours ÷ it: ns (fastest rounds) | instr. | budget |"
        );
        println!("| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |");
        for line in Line::all() {
            let Some(ours) = self.net(&line, StackName::Llmetry) else { continue };
            let budget = budget_of_ours(&line.budget, ours);
            print_line(line.title, StackName::Llmetry, ours, "", &budget);
            if let Some(spooled) = self.net(&line, StackName::Spooled) {
                let bound = line.budget.spool;
                let budget =
                    bound.map_or(String::new(), |bound| verdict(spooled.ns / ours.ns, bound, " × without"));
                print_line("", StackName::Spooled, spooled, "", &budget);
            }
            let peers = [StackName::OpenTelemetry, StackName::Tracing, StackName::Fastrace];
            for (peer, bound) in peers.into_iter().zip(line.budget.ratios) {
                let Some(net) = self.net(&line, peer) else { continue };
                let ratio = ours.ns / net.ns;
                let fastest = ours.range.zip(net.range).map(|((ours, _), (its, _))| ours / its);
                let fastest = fastest.map_or(String::new(), |fastest| format!(" ({fastest:.2})"));
                let instructions = ours.instructions.zip(net.instructions).map(|(ours, its)| ours / its);
                let ratios = format!("{ratio:.2}{fastest} | {}", or_dash(instructions, 2));
                let budget = bound.map_or(String::new(), |bound| verdict(ratio, bound, ""));
                print_line("", peer, net, &ratios, &budget);
            }
        }
        println!();
    }

    /// What two threads make together, the loop and the bare function included.
    fn print_throughput(&self) {
        let together: Vec<String> = StackName::ALL
            .iter()
            .filter_map(|&stack| {
                let ns = self.gross(Row::TwoThreads, stack)?.ns;
                Some(format!("{stack} {:.1}", 2_000.0 / ns))
            })
            .collect();
        if !together.is_empty() {
            println!("Two threads together, million spans a second: {}.\n", together.join(", "));
        }
    }

    fn print_losses(&self) -> ExitCode {
        let mut code = ExitCode::SUCCESS;
        let (mut made, mut exported) = (0, 0);
        for case in &self.cases {
            let outcomes = case.rounds.iter().filter(|_| case.stack != StackName::Bare);
            let (m, e) = outcomes.fold((0, 0), |(m, e), outcome| (m + outcome.made, e + outcome.exported));
            made += m;
            exported += e;
            if m != e {
                println!("{} {}: {m} spans made, {e} exported", case.row, case.stack);
                if matches!(case.stack, StackName::Llmetry | StackName::Spooled) {
                    code = ExitCode::FAILURE;
                }
            }
        }
        println!("Recorded spans made {made}, exported {exported}.");
        code
    }
}

fn print_line(title: &str, stack: StackName, net: Net, ratios: &str, budget: &str) {
    let range = net.range.map_or_else(|| "–".to_owned(), |(least, most)| format!("{least:.1}–{most:.1}"));
    let ratios = if ratios.is_empty() { " | " } else { ratios };
    println!(
        "| {title} | {stack} | {:.1} | {range} | {} | {:.2} | {:.0} | {ratios} | {budget} |",
        net.ns,
        or_dash(net.instructions, 0),
        net.allocations.max(0.0),
        net.bytes.max(0.0),
    );
}

fn or_dash(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

fn budget_of_ours(budget: &Budget, ours: Net) -> String {
    let ns = budget.ns.map(|bound| verdict(ours.ns, bound, " ns"));
    let allocations = budget.allocations.map(|bound| verdict(ours.allocations, bound, " allocs"));
    ns.into_iter().chain(allocations).collect::<Vec<_>>().join(", ")
}

fn verdict(value: f64, bound: f64, unit: &str) -> String {
    // What the table's last digit rounds away is not a miss.
    let word = if value <= bound + 0.005 { "met" } else { "**missed**" };
    format!("≤ {bound}{unit} {word}")
}

fn print_sizes() {
    let bare = bytes_a_level(StackName::Bare);
    println!("| a level of async functions | bytes in the future | net of the bare function | budget |");
    println!("| --- | ---: | ---: | --- |");
    // A level is the same with the spool.
    for &stack in StackName::ALL.iter().filter(|stack| **stack != StackName::Spooled) {
        let bytes = bytes_a_level(stack);
        let net = bytes - bare;
        let budget = match stack {
            StackName::Llmetry if net <= BYTES_BUDGET => format!("≤ {BYTES_BUDGET} met"),
            StackName::Llmetry => format!("≤ {BYTES_BUDGET} **missed**"),
            _ => String::new(),
        };
        println!("| {stack} | {bytes} | {net} | {budget} |");
    }
    println!();
}

fn print_head(options: &Options, instructions: &str) {
    println!(
        "{} rounds, in each all cases once, {} samples a case; ns: median of the rounds' medians. Instructions: {instructions}.",
        options.rounds, options.samples
    );
    let rustc = said_by("rustc", "--version").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{}, {cores} cores, {rustc}.", processor());
    // A case keeps one core busy and its worker some of another.
    if let Some(load) = load().filter(|load| *load > 2.0) {
        println!(
            "Load average {load}: others were computing too. Look at the fastest rounds, or run it again."
        );
    }
    println!();
}

fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

fn processor() -> String {
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| env::consts::ARCH.to_owned(), |(_, model)| model.trim().to_owned())
}

fn said_by(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
