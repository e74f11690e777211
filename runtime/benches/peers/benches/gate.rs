//! The instruction gate: counts, under callgrind, the instructions that a span of ours costs its caller, and fails when one row
//! costs more than [`TOLERANCE`] above the committed number of the same toolchain. See `../../README.md`.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs};

use llmetry_bench_peers::process::{self, Failed};
use llmetry_bench_peers::row::Row;
use llmetry_bench_peers::stack::StackName;

const TOLERANCE: f64 = 0.03;
/// Half an instruction: what rounding may do to the small ones.
const SLACK: f64 = 0.5;
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");
const HEAD: &str = "\
# Instructions a span of llmetry costs the thread that makes it, net of the bare function, by toolchain.
# Written by `cargo bench --bench gate --no-default-features -- --bless`, checked without `--bless`: see ../README.md.
";
const ROWS: [Row; 7] = [
    Row::Recorded,
    Row::Sync,
    Row::PendingOnce,
    Row::EightAttributes,
    Row::InsideUnsampled,
    Row::UnsampledRoot,
    Row::NotInitialised,
];

fn main() -> ExitCode {
    if process::answer() {
        return ExitCode::SUCCESS;
    }
    if process::valgrind().is_none() {
        println!("instruction gate: valgrind is not installed, nothing was checked");
        return ExitCode::SUCCESS;
    }
    match gate(env::args().any(|argument| argument == "--bless")) {
        Ok(code) => code,
        Err(trouble) => {
            println!("instruction gate: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn gate(bless: bool) -> Result<ExitCode, String> {
    let toolchain = toolchain()?;
    let measured = measure().map_err(|failed| failed.to_string())?;
    let mut sections = read(Path::new(COMMITTED))?;
    println!("instructions a span, {toolchain}");
    let committed = sections.iter().find(|section| section.toolchain == toolchain);
    let dearer = compare(&measured, committed);
    if bless {
        sections.retain(|section| section.toolchain != toolchain);
        sections.push(Section { toolchain, rows: measured });
        sections.sort_by(|one, other| one.toolchain.cmp(&other.toolchain));
        fs::write(COMMITTED, print(&sections)).map_err(|error| format!("{COMMITTED}: {error}"))?;
        println!("written to {COMMITTED}");
        return Ok(ExitCode::SUCCESS);
    }
    if committed.is_none() {
        println!("nothing is committed for this toolchain: nothing was checked (`-- --bless` adds it)");
    }
    if dearer {
        println!(
            "more than {:.0} % above the committed number: make it cheaper, or `-- --bless` and say why",
            TOLERANCE * 100.0
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints both numbers of each row; `true` if one is too high.
fn compare(measured: &[(Row, f64)], committed: Option<&Section>) -> bool {
    let mut any = false;
    for (row, now) in measured {
        let before = committed.and_then(|section| section.rows.iter().find(|(known, _)| known == row));
        let Some((_, before)) = before else {
            println!("  {row:<18} {now:>8.1}");
            continue;
        };
        let is_dearer = *now > before * (1.0 + TOLERANCE) + SLACK;
        any |= is_dearer;
        let word = if is_dearer {
            "TOO MANY"
        } else if *now < before * (1.0 - TOLERANCE) - SLACK {
            "fewer: bless it, so that it stays"
        } else {
            "ok"
        };
        println!("  {row:<18} {now:>8.1}  committed {before:>8.1}  {word}");
    }
    any
}

fn measure() -> Result<Vec<(Row, f64)>, Failed> {
    let this = process::this_program();
    let mut rows = Vec::new();
    for row in ROWS {
        let ours = process::instructions(&this, row, StackName::Llmetry)?;
        let bare = process::instructions(&this, row, StackName::Bare)?;
        rows.push((row, ours - bare));
    }
    Ok(rows)
}

/// What the numbers depend on besides our code: compiler, target, the C library's allocator, and the clock that spans read.
fn toolchain() -> Result<String, String> {
    let said = |program: &str, argument: &str| -> Result<String, String> {
        let output =
            Command::new(program).arg(argument).output().map_err(|error| format!("{program}: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let compiler = said("rustc", "-vV")?;
    let field = |name: &str| compiler.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim();
    let libc = said("getconf", "GNU_LIBC_VERSION").unwrap_or_default();
    let clocks = fs::read_to_string("/sys/devices/system/clocksource/clocksource0/available_clocksource");
    let clock =
        clocks.unwrap_or_default().split_whitespace().find(|clock| *clock == "tsc").map_or("", |_| " tsc");
    Ok(format!("rustc {} {} {libc}{clock}", field("release:"), field("host:")))
}

struct Section {
    toolchain: String,
    rows: Vec<(Row, f64)>,
}

fn read(path: &Path) -> Result<Vec<Section>, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut sections: Vec<Section> = Vec::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        if let Some(toolchain) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { toolchain: toolchain.to_owned(), rows: Vec::new() });
            continue;
        }
        let wrong = || format!("{}: cannot be read: {line}", path.display());
        let (row, number) = line.split_once(' ').ok_or_else(wrong)?;
        let entry = (row.parse()?, number.trim().parse().map_err(|_| wrong())?);
        sections.last_mut().ok_or_else(wrong)?.rows.push(entry);
    }
    Ok(sections)
}

fn print(sections: &[Section]) -> String {
    let mut text = HEAD.to_owned();
    for section in sections {
        let _ = writeln!(text, "\n[{}]", section.toolchain);
        for (row, number) in &section.rows {
            let _ = writeln!(text, "{row} {number:.1}");
        }
    }
    text
}
