//! Eight streamed answers at once, with and without the observer.
//!
//! `script` is what a model says, `memory` reads it from memory, so that nothing but the observer is measured, and `loopback` through
//! reqwest. Here: what a case is, and how one is asked for and answers, in a process of its own as with the spans.

mod loopback;
mod memory;
mod script;

use std::path::Path;
use std::process::Output;
use std::{env, fmt};

use crate::process::{self, Failed};

pub use self::script::body_bytes;

/// Answers that are read at the same time.
pub const STREAMS: usize = 8;
/// Pieces of each.
pub const CHUNKS: usize = 10_000;

/// The first argument of a program that is to measure one case.
const CASE: &str = "streams";

/// What stands between the bytes and their reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing.
    Bare,
    /// The observer, content off.
    Observed,
    /// The observer, content on.
    WithContent,
    /// reqwest's `send`, over HTTP.
    Send,
    /// `send_traced`, over HTTP, content off.
    SendTraced,
}

impl How {
    pub const ALL: &[Self] = &[Self::Bare, Self::Observed, Self::WithContent, Self::Send, Self::SendTraced];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Observed => "observed",
            Self::WithContent => "observed, content on",
            Self::Send => "reqwest, `send`",
            Self::SendTraced => "reqwest, `send_traced`",
        }
    }

    /// What this is compared with.
    #[must_use]
    pub fn without(self) -> Self {
        if self.is_http() { Self::Send } else { Self::Bare }
    }

    /// Whether HTTP is between; then neither instructions nor allocations say much of us.
    pub fn is_http(self) -> bool {
        matches!(self, Self::Send | Self::SendTraced)
    }

    /// Whether our pipeline runs.
    fn is_ours(self) -> bool {
        self.without() != self
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a case has cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Nanoseconds a chunk, without the first and the end: from memory the median over stretches of some chunks, over HTTP the time that
    /// the reading thread computes, median over the samples.
    pub chunk_ns: f64,
    /// Of chunks timed one by one, with two readings of the clock in each: the median, and what one in a hundred exceeds.
    pub each_ns: f64,
    pub slow_ns: f64,
    /// Nanoseconds from the request to its first chunk: median.
    pub first_ns: f64,
    /// Allocations, and allocated bytes, of one answer from request to end: mean.
    pub allocations: f64,
    pub bytes: f64,
    /// Chunks an answer.
    pub chunks: f64,
}

/// Which part of an answer stands in the metered section, where instructions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From the request to the first chunk.
    First,
    /// The chunks after it, and the end.
    Rest,
}

/// Answers and returns `true` if the program was started to measure a case.
pub fn answer() -> bool {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [case, how, part, samples] = arguments.as_slice() else { return false };
    if case != CASE {
        return false;
    }
    let how = How::ALL.iter().copied().find(|known| known.name() == how).expect("a driver knows the cases");
    let part = if part == "first" { Part::First } else { Part::Rest };
    let samples = samples.parse().expect("a driver writes numbers");
    let guard = how.is_ours().then(|| set_up(how == How::WithContent));
    let cost = match how {
        How::Bare => memory::bare(part, samples),
        How::Observed | How::WithContent => memory::observed(part, samples),
        How::Send | How::SendTraced => loopback::measure(how == How::SendTraced, samples),
    };
    if let Some(guard) = guard {
        let report = guard.shutdown(std::time::Duration::from_secs(10));
        assert!(report.is_complete(), "no span may be lost: {report}");
    }
    let Cost { chunk_ns, each_ns, slow_ns, first_ns, allocations, bytes, chunks } = cost;
    println!("{chunk_ns} {each_ns} {slow_ns} {first_ns} {allocations} {bytes} {chunks}");
    true
}

fn set_up(content: bool) -> llmetry::Guard {
    llmetry::builder()
        .service_name("bench")
        .exporter(crate::exporter::NoopExporter)
        .capture_content(content)
        .init()
        .expect("nothing else is installed in this process")
}

/// Measures a case in a process of its own, by `program`.
pub fn measure(program: &Path, how: How, samples: usize) -> Result<Cost, Failed> {
    read(&process::plain(program).args(arguments(how, Part::Rest, samples)).output()?)
}

/// Instructions of a chunk, or of all up to the first one, counted by callgrind.
pub fn instructions(program: &Path, how: How, part: Part) -> Result<f64, Failed> {
    let (output, collected) = process::under_callgrind(program, &arguments(how, part, 1))?;
    read(&output)?;
    let pieces = match part {
        Part::First => STREAMS,
        Part::Rest => STREAMS * (CHUNKS - 1),
    };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let pieces = pieces as f64;
    Ok(collected / pieces)
}

fn arguments(how: How, part: Part, samples: usize) -> [String; 4] {
    let part = if part == Part::First { "first" } else { "rest" };
    [CASE.to_owned(), how.to_string(), part.to_owned(), samples.to_string()]
}

fn read(output: &Output) -> Result<Cost, Failed> {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map_while(|number| number.parse::<f64>().ok());
    let mut next = || numbers.next().ok_or_else(|| Failed::new(output));
    Ok(Cost {
        chunk_ns: next()?,
        each_ns: next()?,
        slow_ns: next()?,
        first_ns: next()?,
        allocations: next()?,
        bytes: next()?,
        chunks: next()?,
    })
}
