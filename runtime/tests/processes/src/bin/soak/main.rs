//! A producer with a spool under random faults and restarts, and the account of every span that it says it has finished.
//!
//! `soak [--seconds 600] [--seed N]`. The receiver goes through random phases: up, down, 503, 429 with `Retry-After`, slow, a connection
//! that is cut before or after the batch was stored, partial success, an answer that is no OTLP. The producer is restarted at random: by
//! `exit`, by `shutdown`, by SIGKILL. At the end every finished span was stored, or refused by the receiver in an answer, or is in a
//! count that the producer has written down; what came twice had not been confirmed to a producer that lived to note it. The producer's
//! memory is said, from the first third of the time and from the last. The exit status is 1 if one of these does not hold.

mod faults;
mod producer;
mod random;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use llmetry_processes::child;
use llmetry_processes::ledger::Ledger;

use crate::faults::Faults;
use crate::producer::{Account, End, Producer};
use crate::random::Random;

/// How long the producer may take to come to its end, or to send what is left.
const LIMIT: Duration = Duration::from_mins(1);
/// Between two looks at the producer's memory.
const SAMPLE: Duration = Duration::from_millis(100);
/// The youngest process that is looked at: what is reserved at the start is no growth.
const GROWN: Duration = Duration::from_millis(500);
/// Memory may grow by a quarter and by this, in KiB: a process's pages come in arenas.
const SLACK: u64 = 4 * 1024;
/// Spans that may have been confirmed to a producer that was gone before it could note it: two batches.
const UNNOTED: usize = 2 * 512;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == "produce"
    {
        return producer::main(rest);
    }
    let asked = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = asked("--seconds").unwrap_or(600);
    let seed = asked("--seed").unwrap_or_else(|| now.as_secs() ^ u64::from(now.subsec_nanos()));
    println!("soak --seconds {seconds} --seed {seed}");
    let soak = Soak::run(Duration::from_secs(seconds), seed);
    let broken = soak.judge();
    for what in &broken {
        println!("BROKEN: {what} (--seed {seed})");
    }
    let _ = fs::remove_dir_all(&soak.scratch);
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a soak leaves behind.
struct Soak {
    scratch: PathBuf,
    faults: Faults,
    /// How each producer ended.
    ends: Vec<(End, String)>,
    /// When, as a share of the whole, and KiB that are the producer's alone.
    memory: Vec<(f64, u64)>,
}

impl Soak {
    fn run(length: Duration, seed: u64) -> Self {
        let scratch = std::env::temp_dir().join(format!("llmetry-soak-{}", std::process::id()));
        fs::create_dir_all(&scratch).expect("a folder for the spool and the ledgers");
        let (mut random, mut faults) = (Random::new(seed), Faults::start(seed));
        let (mut ends, mut memory) = (Vec::new(), Vec::new());
        let begin = Instant::now();
        // Fewer restarts in a long soak, so that a process gets old enough to grow.
        let longest = (length.as_secs() * 50).max(2_000);
        while begin.elapsed() < length {
            let mut producer = Producer::start(&scratch, ends.len(), faults.address());
            faults.generation(ends.len());
            let until = Instant::now() + Duration::from_millis(random.between(1_000, longest));
            let (started, mut sampled) = (Instant::now(), Instant::now());
            while Instant::now() < until && begin.elapsed() < length {
                faults.turn();
                if started.elapsed() > GROWN && sampled.elapsed() > SAMPLE {
                    sampled = Instant::now();
                    let share = begin.elapsed().as_secs_f64() / length.as_secs_f64();
                    memory.extend(private_kib(&producer.child).map(|kib| (share, kib)));
                }
                thread::sleep(Duration::from_millis(20));
            }
            let end = random.one_of(&[End::Exit, End::Shutdown, End::Kill]);
            let said = producer.end(end, &mut faults);
            ends.push((end, said));
        }
        // Everything is well again, and a last one sends what is left.
        faults.calm();
        faults.generation(ends.len());
        let last = Producer::drain(&scratch, ends.len(), faults.address());
        ends.push((End::Drain, last));
        Self { scratch, faults, ends, memory }
    }

    /// Prints the account; a line for each thing in it that should not be.
    fn judge(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut required = HashSet::new();
        let mut counted = Account::default();
        for (number, (end, said)) in self.ends.iter().enumerate() {
            if *said != end.expected() {
                broken.push(format!("producer {number}, {end:?}: {said}"));
            }
            let ledger = Ledger::read(&producer::ledger(&self.scratch, number)).unwrap_or_default();
            required.extend(ledger.finished.iter().chain(&ledger.open).chain(&ledger.closed_late).copied());
            counted.add(&Account::read(&producer::account(&self.scratch, number)));
        }
        let arrived = self.faults.arrived();
        let missing: HashSet<u64> =
            required.iter().filter(|id| !arrived.stored.contains_key(id)).copied().collect();
        let refused = missing.iter().filter(|id| arrived.refused.contains(id)).count();
        let unaccounted = missing.len() - refused;
        println!(
            "{} producers ({} killed), {} phases, {} requests: {:?}",
            self.ends.len(),
            self.killed(),
            arrived.phases,
            arrived.requests.values().sum::<usize>(),
            arrived.requests,
        );
        println!(
            "{} spans required, {} stored, {refused} refused in an answer, {unaccounted} neither; the producers counted {counted:?}",
            required.len(),
            required.len() - missing.len(),
        );
        println!(
            "{} came twice without a confirmation, {} confirmed to a producer that then ended, {} without an excuse",
            arrived.twice_unconfirmed, arrived.twice_unnoted, arrived.twice
        );
        if required.is_empty() || arrived.stored.is_empty() {
            broken.push("nothing was made, or nothing arrived".to_owned());
        }
        if unaccounted as u64 > counted.dropped {
            broken.push(format!("{unaccounted} spans are lost, {} are counted as dropped", counted.dropped));
        }
        // Who is killed may not live to write down what it has counted.
        if refused as u64 > counted.failed + (self.killed() * UNNOTED) as u64 {
            broken.push(format!("{refused} spans were refused, {} are counted as failed", counted.failed));
        }
        if counted.failed > (arrived.refused.len() + self.killed() * UNNOTED) as u64 {
            broken.push(format!(
                "{} are counted as failed, {} were refused",
                counted.failed,
                arrived.refused.len()
            ));
        }
        if arrived.twice > 0 {
            broken.push(format!("{} spans came again after a confirmation", arrived.twice));
        }
        if arrived.twice_unnoted > self.ends.len() * UNNOTED {
            broken.push(format!("{} spans came again in a later process", arrived.twice_unnoted));
        }
        broken.extend(self.grown());
        broken
    }

    fn killed(&self) -> usize {
        self.ends.iter().filter(|(end, _)| *end == End::Kill).count()
    }

    fn grown(&self) -> Option<String> {
        let median = |from: f64, to: f64| {
            let mut all: Vec<u64> =
                self.memory.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, kib)| *kib).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied().unwrap_or(0)
        };
        let (first, last) = (median(0.0, 1.0 / 3.0), median(2.0 / 3.0, 1.0));
        println!("memory of the producers, median: {first} KiB in the first third, {last} KiB in the last");
        (last > first + first / 4 + SLACK).then(|| format!("memory grows from {first} to {last} KiB"))
    }
}

/// Resident memory that is the process's alone: a spool's file is mapped, and the system's to take back.
fn private_kib(child: &Child) -> Option<u64> {
    let statm = fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join("statm")).ok()?;
    let mut pages = statm.split_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    // Pages of 4 KiB, as on every machine that this runs on.
    Some((resident - shared.min(resident)) * 4)
}

impl End {
    fn expected(self) -> &'static str {
        match self {
            Self::Exit | Self::Shutdown | Self::Drain => "exit 0",
            Self::Kill => "signal 9",
        }
    }
}

/// Waits for a producer, while the receiver's phases go on.
fn wait(child: &mut Child, faults: &mut Faults) -> String {
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return child::said(Some(status)),
            Ok(None) if begin.elapsed() < LIMIT => faults.turn(),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return child::said(None);
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
}
