//! Prints what becomes of a million spans in one burst, with llmetry, with its spool, and with peers: see `../../README.md`.

use std::process::ExitCode;

use llmetry_bench_peers::burst::{self, Burst, SPANS, Who};
use llmetry_bench_peers::process;

const MIB: u64 = 1024 * 1024;
/// Of the spool: what may be resident above the base, and be lost.
const RESIDENT_BUDGET: u64 = 64 * MIB;

fn main() -> ExitCode {
    if burst::answer() {
        return ExitCode::SUCCESS;
    }
    println!(
        "{SPANS} spans as fast as two threads make them, against an exporter that takes 2 ms a batch.\n"
    );
    println!(
        "| | arrived | dropped and counted | lost in silence | ns a span, a thread | all over after | resident above the base |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let this = process::this_program();
    let mut code = ExitCode::SUCCESS;
    for who in Who::ALL {
        match burst::measure(&this, who) {
            Ok(burst) => {
                print(who, &burst);
                let is_ours = matches!(who, Who::Llmetry | Who::Spooled);
                let is_kept =
                    who != Who::Spooled || (burst.arrived == SPANS && burst.resident <= RESIDENT_BUDGET);
                if is_ours && burst.silent() > 0 || !is_kept {
                    code = ExitCode::FAILURE;
                }
            }
            Err(failed) => {
                println!("{}: {failed}", who.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn print(who: Who, burst: &Burst) {
    // Two threads make half of them each.
    let ns = burst.made_in.as_nanos() as f64 / (SPANS / 2) as f64;
    println!(
        "| {} | {} | {} | {} ({:.1} %) | {ns:.0} | {:.1?} | {:.1} MiB |",
        who.name(),
        burst.arrived,
        burst.counted,
        burst.silent(),
        100.0 * burst.silent() as f64 / SPANS as f64,
        burst.over_in,
        burst.resident as f64 / MIB as f64,
    );
}
