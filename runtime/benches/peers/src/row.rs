//! What is measured: the rows of the table, each with its set-up, its shape and our budget.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use crate::exporter;
use crate::meter::{self, Plan, Sample, block_on};
use crate::process::Outcome;
use crate::stack::{Mode, Stack, StackName};

/// Calls in a sample. Two threads' worth of them fits into the peers' queues, so that nothing has to be dropped.
const CALLS: u64 = 1_000;
/// Children of each nested root.
const CHILDREN: u64 = 100;
const NESTED_ROOTS: u64 = 9;
const LINKS: u64 = 64;
const CHAINS: u64 = 15;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Recorded,
    Sync,
    PendingOnce,
    PendingNineTimes,
    EightAttributes,
    Inherited,
    NestedHundred,
    Chain,
    TwoThreads,
    InsideUnsampled,
    UnsampledRoot,
    NotInitialised,
}

/// What design.md promises for a row; a `None` is not promised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    pub ns: Option<f64>,
    pub allocations: Option<f64>,
    /// Ours divided by the OpenTelemetry API's, by `tracing`'s, by fastrace's.
    pub ratios: [Option<f64>; 3],
    /// Ours with the spool divided by ours without.
    pub spool: Option<f64>,
}

impl Row {
    /// In the order of the table.
    pub const ALL: &[Self] = &[
        Self::Recorded,
        Self::Sync,
        Self::PendingOnce,
        Self::PendingNineTimes,
        Self::EightAttributes,
        Self::Inherited,
        Self::NestedHundred,
        Self::Chain,
        Self::TwoThreads,
        Self::InsideUnsampled,
        Self::UnsampledRoot,
        Self::NotInitialised,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Sync => "sync",
            Self::PendingOnce => "pending-once",
            Self::PendingNineTimes => "pending-nine-times",
            Self::EightAttributes => "eight-attributes",
            Self::Inherited => "inherited",
            Self::NestedHundred => "nested-100",
            Self::Chain => "chain-64",
            Self::TwoThreads => "two-threads",
            Self::InsideUnsampled => "inside-unsampled",
            Self::UnsampledRoot => "unsampled-root",
            Self::NotInitialised => "not-initialised",
        }
    }

    /// What the table calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Recorded => "recorded async task",
            Self::Sync => "recorded sync function",
            Self::PendingOnce => "pending once",
            Self::PendingNineTimes => "pending nine times",
            Self::EightAttributes => "eight attributes",
            Self::Inherited => "inherited agent and conversation",
            Self::NestedHundred => "root and its 100 children",
            Self::Chain => "chain of 64 functions",
            Self::TwoThreads => "two threads",
            Self::InsideUnsampled => "inside an unsampled trace",
            Self::UnsampledRoot => "unsampled root",
            Self::NotInitialised => "not initialised",
        }
    }

    /// Spans in a sample, without the one that they may stand in.
    pub fn spans(self) -> u64 {
        match self {
            Self::NestedHundred => NESTED_ROOTS * (CHILDREN + 1),
            Self::Chain => CHAINS * LINKS,
            _ => CALLS,
        }
    }

    pub fn budget(self) -> Budget {
        match self {
            Self::Recorded => Budget {
                ns: Some(150.0),
                allocations: Some(2.0),
                ratios: [Some(0.41), Some(0.10), Some(0.80)],
                spool: Some(2.0),
            },
            Self::InsideUnsampled => Budget { ns: Some(20.0), allocations: Some(0.0), ..Budget::default() },
            Self::UnsampledRoot => Budget { ns: Some(60.0), allocations: Some(1.0), ..Budget::default() },
            Self::NotInitialised => Budget { ns: Some(3.0), allocations: Some(0.0), ..Budget::default() },
            _ => Budget::default(),
        }
    }

    /// Whether callgrind can count the row: it counts one thread.
    pub fn has_instructions(self) -> bool {
        self != Self::TwoThreads
    }

    /// Whether there is something to measure.
    pub fn exists_for(self, stack: StackName) -> bool {
        match stack {
            #[cfg(feature = "peers")]
            StackName::Fastrace => self != Self::Chain,
            // The others differ by what a span costs without it.
            #[cfg(feature = "spool")]
            StackName::Spooled => {
                matches!(
                    self,
                    Self::Recorded | Self::Sync | Self::EightAttributes | Self::Inherited | Self::TwoThreads
                )
            }
            _ => true,
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::InsideUnsampled | Self::UnsampledRoot => Mode::Unsampled,
            Self::NotInitialised => Mode::NotInitialised,
            _ => Mode::Recorded,
        }
    }

    /// Measures the row with `S` in this process.
    pub(crate) fn run<S: Stack>(self, plan: Plan) -> Outcome {
        let mode = self.mode();
        let flush = S::set_up(mode);
        let (inside, work) = self.shape::<S>();
        let sample = Sample { inside, work, spans: self.spans(), flush: &flush };
        let (cost, threads) = if self == Self::TwoThreads {
            (meter::measure_two_threads(plan, &sample), 2)
        } else {
            (meter::measure(plan, &sample), 1)
        };
        flush();
        let root = u64::from(self != Self::NestedHundred);
        let recorded = match mode {
            Mode::Recorded => (plan.warm_up + plan.samples) * threads * (self.spans() + root),
            Mode::Unsampled | Mode::NotInitialised => 0,
        };
        Outcome { cost, made: recorded, exported: exporter::wait_for(recorded) }
    }

    /// What the spans stand in, and what makes them.
    fn shape<S: Stack>(self) -> (Inside, &'static (dyn Fn() + Sync)) {
        let in_nothing: Inside = |work| work();
        match self {
            Self::Recorded | Self::TwoThreads | Self::InsideUnsampled => (S::in_root, &|| repeat(S::task)),
            Self::PendingOnce => (S::in_root, &|| repeat(|x| S::pending_task(x, 1))),
            Self::PendingNineTimes => (S::in_root, &|| repeat(|x| S::pending_task(x, 9))),
            Self::EightAttributes => (S::in_root, &|| repeat(S::task_with_attributes)),
            Self::Inherited => (S::in_conversation, &|| repeat(S::task_in_conversation)),
            Self::UnsampledRoot => (in_nothing, &|| repeat(S::root)),
            Self::NotInitialised => (in_nothing, &|| repeat(S::task_of_a_library)),
            Self::Sync => (S::in_root, &|| {
                for x in 0..CALLS {
                    black_box(S::call(black_box(x)));
                }
            }),
            Self::NestedHundred => (in_nothing, &|| {
                for _ in 0..NESTED_ROOTS {
                    block_on(S::nested(black_box(CHILDREN)));
                }
            }),
            Self::Chain => (S::in_root, &|| {
                for x in 0..CHAINS {
                    block_on(S::chain(black_box(x)).expect("`exists_for` was asked"));
                }
            }),
        }
    }
}

type Inside = fn(&mut dyn FnMut());

/// Awaits `task` [`CALLS`] times, one after the other.
fn repeat<F: Future<Output = u64>>(task: impl Fn(u64) -> F) {
    block_on(async {
        for x in 0..CALLS {
            black_box(task(black_box(x)).await);
        }
    });
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Row {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|row| row.name() == name).ok_or_else(|| format!("no row `{name}`"))
    }
}
