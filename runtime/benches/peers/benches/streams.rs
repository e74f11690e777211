//! Prints what a streamed answer costs more when it is observed: see `../../README.md`.
//!
//! Drives the cases of the library, each in a process of its own, in rounds, and prints the table; measures nothing itself.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use llmetry_bench_peers::meter::median;
use llmetry_bench_peers::process::{self, Failed};
use llmetry_bench_peers::streams::{self, CHUNKS, Cost, How, Part, STREAMS, body_bytes};

const ROUNDS: usize = 5;
const SAMPLES: usize = 9;
/// What a chunk, and the first one, may be late by, in nanoseconds.
const CHUNK_BUDGET: f64 = 1_000.0;
const FIRST_BUDGET: f64 = 20_000.0;
/// What may be allocated without content: a share of the body, whose copy would be one whole.
const BYTES_BUDGET: f64 = 0.01;

fn main() -> ExitCode {
    if streams::answer() {
        return ExitCode::SUCCESS;
    }
    // A bench that is asked for rows of another one has none of them.
    if env::args().skip(1).any(|argument| argument != "--bench") {
        eprintln!("streams: takes no arguments");
        return ExitCode::FAILURE;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("{failed}");
            ExitCode::FAILURE
        }
    }
}

struct Case {
    how: How,
    rounds: Vec<Cost>,
    counted: Cost,
    instructions: Option<(f64, f64)>,
}

impl Case {
    fn median(&self, what: impl Fn(&Cost) -> f64) -> f64 {
        median(&self.rounds.iter().map(what).collect::<Vec<_>>())
    }

    fn least(&self, what: impl Fn(&Cost) -> f64) -> f64 {
        self.rounds.iter().map(what).fold(f64::INFINITY, f64::min)
    }
}

fn run() -> Result<(), Failed> {
    let mut cases: Vec<Case> = How::ALL
        .iter()
        .map(|&how| Case { how, rounds: Vec::new(), counted: Cost::default(), instructions: None })
        .collect();
    let this = process::this_program();
    for round in 1..=ROUNDS {
        for case in &mut cases {
            eprint!("\rround {round} of {ROUNDS}: {:<24}", case.how);
            case.rounds.push(streams::measure(&this, case.how, SAMPLES)?);
        }
    }
    let counted = Path::new(env!("CARGO_BIN_EXE_counted_streams"));
    let has_valgrind = process::valgrind().is_some();
    for case in cases.iter_mut().filter(|case| !case.how.is_http()) {
        eprint!("\rallocations, instructions: {:<24}", case.how);
        case.counted = streams::measure(counted, case.how, 2)?;
        if has_valgrind {
            let count = |part| streams::instructions(&this, case.how, part);
            case.instructions = Some((count(Part::Rest)?, count(Part::First)?));
        }
    }
    eprintln!("\r{:60}", "");
    print(&cases);
    Ok(())
}

fn print(cases: &[Case]) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let body = body_bytes() as f64;
    println!(
        "{STREAMS} streams of {CHUNKS} chunks at once, {body} bytes each; {ROUNDS} rounds of {SAMPLES} samples.\n"
    );
    println!(
        "| | ns a chunk (fastest round) | timed one by one: median, 99 % | instr. a chunk | µs to the first (fastest round) | instr. to the first | allocs an answer | bytes allocated, of the body's | chunks |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for case in cases {
        let (rest, first) = case.instructions.unzip();
        let has_each = !case.how.is_http();
        let each =
            format!("{:.0}, {:.0}", case.median(|cost| cost.each_ns), case.median(|cost| cost.slow_ns));
        let bytes = format!("{:.0} ({:.2} %)", case.counted.bytes, 100.0 * case.counted.bytes / body);
        println!(
            "| {} | {:.0} ({:.0}) | {} | {} | {:.1} ({:.1}) | {} | {} | {} | {:.0} |",
            case.how,
            case.median(|cost| cost.chunk_ns),
            case.least(|cost| cost.chunk_ns),
            if has_each { each } else { "–".to_owned() },
            or_dash(rest),
            case.median(|cost| cost.first_ns) / 1e3,
            case.least(|cost| cost.first_ns) / 1e3,
            or_dash(first),
            or_dash(has_each.then_some(case.counted.allocations)),
            if has_each { bytes } else { "–".to_owned() },
            case.median(|cost| cost.chunks),
        );
    }
    println!();
    for case in cases.iter().filter(|case| case.how.without() != case.how) {
        let Some(without) = cases.iter().find(|other| other.how == case.how.without()) else { continue };
        print_difference(case, without, body);
    }
}

/// With and without, by the medians of the rounds, the budgets beside them.
fn print_difference(case: &Case, without: &Case, body: f64) {
    let more = |what: fn(&Cost) -> f64| case.median(what) - without.median(what);
    let ratio = |what: fn(&Cost) -> f64| case.median(what) / without.median(what);
    let (chunk, first) = (more(|cost| cost.chunk_ns), more(|cost| cost.first_ns));
    let times = format!(
        "× {:.2} a chunk, × {:.2} the first",
        ratio(|cost| cost.chunk_ns),
        ratio(|cost| cost.first_ns)
    );
    if case.how.is_http() {
        println!("- {} ÷ {}: {times} ({chunk:+.0} ns, {:+.1} µs).", case.how, without.how, first / 1e3);
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let a_chunk = (case.counted.allocations - without.counted.allocations) / CHUNKS as f64;
    println!(
        "- {} ÷ {}: {times}. A chunk {chunk:+.0} ns ({}), its slowest hundredth {:+.0} ns, {a_chunk:.4} allocations; the first {:+.1} µs ({}).",
        case.how,
        without.how,
        verdict(chunk, CHUNK_BUDGET, "≤ 1 µs"),
        more(|cost| cost.slow_ns),
        first / 1e3,
        verdict(first, FIRST_BUDGET, "≤ 20 µs"),
    );
    if case.how == How::Observed {
        let share = (case.counted.bytes - without.counted.bytes) / body;
        println!(
            "- Without content {:.2} % of the body's bytes are allocated, of which a copy would take 100 % ({}).",
            100.0 * share,
            verdict(share, BYTES_BUDGET, "≤ 1 %"),
        );
    }
}

fn verdict(value: f64, bound: f64, budget: &str) -> String {
    format!("{budget} {}", if value <= bound { "met" } else { "**missed**" })
}

fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"))
}
