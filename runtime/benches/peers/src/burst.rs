//! A burst: a million spans as fast as two threads can make them, against an exporter that takes two milliseconds a batch.
//!
//! In: which stack. Out: how many were made, how many arrived or were counted as dropped, and how much memory that took above what the
//! process had before. Each stack is asked in a process of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

use crate::exporter::{arrived, wait_for};
use crate::process::{Failed, plain};
use crate::stack::spooled;

const THREADS: u64 = 2;
const SPANS_A_THREAD: u64 = 500_000;
pub const SPANS: u64 = THREADS * SPANS_A_THREAD;
/// What a batch costs on its way out.
const BATCH: Duration = Duration::from_millis(2);
/// What a program gives its telemetry at the end, longer than any default so that what arrives late is no loss.
const PATIENCE: Duration = Duration::from_secs(120);
/// The first argument of a program that is to be one burst.
const CASE: &str = "burst-of";

/// Who makes the spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Llmetry,
    Spooled,
    OpenTelemetry,
    Fastrace,
}

impl Who {
    pub const ALL: [Self; 4] = [Self::Llmetry, Self::Spooled, Self::OpenTelemetry, Self::Fastrace];

    pub fn name(self) -> &'static str {
        match self {
            Self::Llmetry => "llmetry",
            Self::Spooled => "llmetry-spool",
            Self::OpenTelemetry => "opentelemetry",
            Self::Fastrace => "fastrace",
        }
    }
}

impl FromStr for Who {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|who| who.name() == name).ok_or_else(|| format!("no stack `{name}`"))
    }
}

/// What a burst came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Burst {
    pub arrived: u64,
    /// Said by the library itself, not inferred.
    pub counted: u64,
    /// Of the threads that make the spans.
    pub made_in: Duration,
    /// From the first span to the last that arrived.
    pub over_in: Duration,
    /// Most bytes resident, above what the process had before the first span.
    pub resident: u64,
}

impl Burst {
    /// Neither there nor counted.
    pub fn silent(&self) -> u64 {
        SPANS.saturating_sub(self.arrived + self.counted)
    }
}

/// Answers and returns `true` if the program was started to be one burst.
pub fn answer() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [case, who] = arguments.as_slice() else { return false };
    if case != CASE {
        return false;
    }
    let burst = run(who.parse().expect("a driver knows the stacks"));
    let [made_in, over_in] = [burst.made_in, burst.over_in].map(|time| time.as_micros());
    println!("{} {} {made_in} {over_in} {}", burst.arrived, burst.counted, burst.resident);
    true
}

/// A burst of `who` in a process of its own, by `program`.
pub fn measure(program: &Path, who: Who) -> Result<Burst, Failed> {
    let mut command: Command = plain(program);
    let output = command.args([CASE, who.name()]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().map_while(|number| number.parse().ok()).collect();
    let &[arrived, counted, made_in, over_in, resident] = numbers.as_slice() else {
        return Err(Failed::new(&output));
    };
    let [made_in, over_in] = [made_in, over_in].map(Duration::from_micros);
    Ok(Burst { arrived, counted, made_in, over_in, resident })
}

fn run(who: Who) -> Burst {
    match who {
        Who::Llmetry => llmetry(llmetry::builder()),
        Who::Spooled => llmetry(llmetry::builder().spool(spooled::directory())),
        Who::OpenTelemetry => opentelemetry(),
        Who::Fastrace => fastrace(),
    }
}

/// Takes two milliseconds a batch.
#[derive(Debug)]
struct Slow;

impl SpanExporter for Slow {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        thread::sleep(BATCH);
        arrived(&batch);
        Ok(())
    }
}

impl Reporter for Slow {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        thread::sleep(BATCH);
        arrived(&spans);
    }
}

#[llmetry::task]
fn step() {}

fn llmetry(builder: llmetry::Builder) -> Burst {
    let builder = builder.service_name("burst").exporter(Slow);
    let guard = builder.init().expect("nothing else is installed in this process");
    burst(step, || guard.shutdown(PATIENCE).stats.dropped_total())
}

fn opentelemetry() -> Burst {
    let provider = SdkTracerProvider::builder().with_batch_exporter(Slow).build();
    let tracer = provider.tracer("burst");
    let step = || {
        let _current = opentelemetry::Context::current_with_span(tracer.start("step")).attach();
    };
    // It prints how many it dropped, as a log event, and tells the program nothing.
    burst(step, || {
        let _ = provider.shutdown_with_timeout(PATIENCE);
        0
    })
}

fn fastrace() -> Burst {
    fastrace::set_reporter(Slow, Config::default());
    let step = || {
        let _current = fastrace::Span::root("step", SpanContext::random()).set_local_parent();
    };
    burst(step, || {
        fastrace::flush();
        0
    })
}

/// Makes the spans by `step`; `end` waits for what is under way, and says how many the library knows to be lost.
fn burst(step: impl Fn() + Sync, end: impl FnOnce() -> u64) -> Burst {
    // The first spans make threads, buffers and caches that a program has anyway.
    step();
    thread::sleep(Duration::from_millis(50));
    let base = resident("VmRSS");
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..SPANS_A_THREAD).for_each(|_| step()));
        }
    });
    let made_in = start.elapsed();
    let counted = end();
    let arrived = wait_for(SPANS + 1 - counted).saturating_sub(1);
    let over_in = start.elapsed();
    Burst { arrived, counted, made_in, over_in, resident: resident("VmHWM").saturating_sub(base) }
}

/// Bytes that `/proc/self/status` has under `key`; 0 where there is no such file.
fn resident(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib: u64 = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0);
    kib * 1024
}
