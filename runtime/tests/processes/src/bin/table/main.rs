//! Runs programs that end in every way, compares what arrived with what they said, and writes ENDINGS.md.
//!
//! `table`: every row of the plan × {HTTP, gRPC, stdout} × {no spool, with one and a next start} and, beside it, the stock processor.
//! `table --check`: each ending once, and whether ENDINGS.md has the rows of the plan. `table <text>`: only rows with `text` in their
//! name, and nothing is written. A promise that is broken is said, and the exit status is 1. Times are printed, never judged.

mod judge;
mod render;
mod runs;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use llmetry_processes::plan::{ENDINGS, Ending, Output, Place, Row, Runtime};

use crate::runs::{Config, Programs, Run};

/// Programs at once.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let asked = std::env::args().nth(1);
    let begin = Instant::now();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = manifest.join("../../../ENDINGS.md");
    let programs = Programs::start(build(manifest));
    let is_check = asked.as_deref() == Some("--check");
    let rows: Vec<Row> = match asked.as_deref() {
        None => Row::all().collect(),
        Some("--check") => each_once(),
        Some(text) => Row::all().filter(|row| row.to_string().contains(text)).collect(),
    };
    let configs = |row| if is_check { Config::short() } else { Config::all(row) };
    let jobs: Vec<_> =
        rows.iter().flat_map(|row| configs(*row).into_iter().map(|config| (*row, config))).collect();
    println!("{} rows, {} runs", rows.len(), jobs.len());
    let runs = run(&programs, jobs);
    let mut broken = judge::judge(&runs);
    if is_check {
        broken.extend(render::stale(&fs::read_to_string(&page).unwrap_or_default()));
    } else {
        let text = render::page(&runs, &broken);
        println!("{}", text.split("<details>").next().unwrap_or(&text));
        if asked.is_none() {
            fs::write(&page, text).expect("ENDINGS.md can be written");
        }
    }
    for promise in &broken {
        println!("BROKEN: {promise}");
    }
    println!("{} runs in {} s, {} broken promises", runs.len(), begin.elapsed().as_secs(), broken.len());
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Builds what is run; gives the folder with the profiles' folders.
fn build(manifest: &Path) -> PathBuf {
    let program = std::env::current_exe().expect("this program stands somewhere");
    let target = program.ancestors().nth(2).expect("in a profile's folder").to_owned();
    for arguments in [["--profile", "dev"], ["--profile", "abort"]] {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg("build").arg("--quiet").arg("--manifest-path").arg(manifest.join("Cargo.toml"));
        cargo.args(arguments).args(["--bin", "ends", "--bin", "stock"]).arg("--target-dir").arg(&target);
        assert!(cargo.status().expect("cargo runs").success(), "the programs can be built");
    }
    target
}

/// Each ending in one row; over all of them every runtime and every place comes up.
fn each_once() -> Vec<Row> {
    let rows: Vec<Row> = Row::all().collect();
    let one = |(number, ending): (usize, &'static Ending)| {
        let of: Vec<Row> = rows.iter().filter(|row| std::ptr::eq(row.ending, ending)).copied().collect();
        // A step that has no divisor in common with the number of runtimes and of places.
        of[number * 5 % of.len()]
    };
    let chosen: Vec<Row> = ENDINGS.iter().enumerate().map(one).collect();
    assert!(Runtime::ALL.iter().all(|runtime| chosen.iter().any(|row| row.runtime == *runtime)));
    assert!(Place::ALL.iter().all(|place| chosen.iter().any(|row| row.place == *place)));
    chosen
}

fn run(programs: &Programs, jobs: Vec<(Row, Config)>) -> Vec<Run> {
    let all = jobs.len();
    let (jobs, done) = (Mutex::new(VecDeque::from(jobs)), Mutex::new(Vec::with_capacity(all)));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((row, config)) = job else { return };
                    let run = programs.run(row, config);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push(run);
                    if done.len() % 200 == 0 {
                        println!("{} of {all}", done.len());
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Config {
    /// With every receiver, with a spool and without, and who it is compared with.
    fn all(row: Row) -> Vec<Self> {
        let mut configs = vec![Self::Bare];
        for &output in Output::ALL {
            configs.extend([false, true].map(|spool| Self::Ours { output, spool }));
            if row.fits_stock(output) {
                configs.push(Self::Stock { output });
            }
        }
        configs
    }

    /// Over HTTP alone, without the stock processor.
    fn short() -> Vec<Self> {
        let ours = [false, true].map(|spool| Self::Ours { output: Output::Http, spool });
        [Self::Bare].into_iter().chain(ours).collect()
    }
}
