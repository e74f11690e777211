//! A stack is one way to trace a program: what it asks of `main`, and the functions that a user of it would write.
//!
//! All stacks have the same functions with the same bodies, those of `bare`, so that the difference is the stack's.

use std::fmt;
use std::str::FromStr;

use crate::meter::Plan;
use crate::process::Outcome;
use crate::row::Row;

mod bare;
mod llmetry;
#[cfg(feature = "spool")]
pub mod spooled;

#[cfg(feature = "peers")]
mod fastrace;
#[cfg(feature = "peers")]
mod opentelemetry;
#[cfg(feature = "peers")]
mod tracing;

/// What `main` has set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All traces are recorded and go to an exporter that does nothing.
    Recorded,
    /// Children follow their parent, and no root is recorded.
    Unsampled,
    /// Nothing at all.
    NotInitialised,
}

/// Drains the stack's queue.
pub type Flush = Box<dyn Fn() + Sync>;

/// Levels between the two sizes that a level's bytes are the difference of.
const LEVELS_COMPARED: usize = 8;

/// One way to trace a program.
pub trait Stack {
    /// What a program does at its start; never undone, each case has a process of its own.
    fn set_up(mode: Mode) -> Flush;

    /// Calls `work` inside a root span.
    fn in_root(work: &mut dyn FnMut());
    /// Calls `work` inside a root span whose agent and conversation its spans have to carry.
    fn in_conversation(work: &mut dyn FnMut()) {
        Self::in_root(work);
    }

    /// An async function, annotated.
    fn task(x: u64) -> impl Future<Output = u64>;
    /// The same at a trace's beginning.
    fn root(x: u64) -> impl Future<Output = u64> {
        Self::task(x)
    }
    /// The same, written as a library does that knows nothing of the program's set-up.
    fn task_of_a_library(x: u64) -> impl Future<Output = u64> {
        Self::task(x)
    }
    /// The same, carrying the agent's name and the conversation's id.
    fn task_in_conversation(x: u64) -> impl Future<Output = u64> {
        Self::task(x)
    }
    /// The same with eight attributes: four static texts, four numbers.
    fn task_with_attributes(x: u64) -> impl Future<Output = u64>;
    /// An async function that is pending `times` times.
    fn pending_task(x: u64, times: u32) -> impl Future<Output = u64>;
    /// A sync function, annotated.
    fn call(x: u64) -> u64;
    /// A root with so many children.
    fn nested(children: u64) -> impl Future<Output = u64>;

    /// 64 annotated functions, each awaiting the next; `None` where that does not compile.
    fn chain(x: u64) -> Option<impl Future<Output = u64>>;
    /// Sizes of futures of two and of ten such levels.
    fn sizes() -> (usize, usize);
}

/// Bytes that one level of `S` adds to a future, the bare function's own included.
pub fn bytes_a_level(stack: StackName) -> usize {
    fn of<S: Stack>() -> usize {
        let (outer, inner) = S::sizes();
        (inner - outer) / LEVELS_COMPARED
    }
    match stack {
        StackName::Bare => of::<bare::Bare>(),
        StackName::Llmetry => of::<llmetry::Llmetry>(),
        #[cfg(feature = "spool")]
        StackName::Spooled => of::<spooled::Spooled>(),
        #[cfg(feature = "peers")]
        StackName::OpenTelemetry => of::<opentelemetry::OpenTelemetry>(),
        #[cfg(feature = "peers")]
        StackName::Tracing => of::<tracing::Tracing>(),
        #[cfg(feature = "peers")]
        StackName::Fastrace => of::<fastrace::Fastrace>(),
    }
}

/// Measures one row of one stack in this process, which has measured nothing before.
pub fn run(row: Row, stack: StackName, plan: Plan) -> Outcome {
    match stack {
        StackName::Bare => row.run::<bare::Bare>(plan),
        StackName::Llmetry => row.run::<llmetry::Llmetry>(plan),
        #[cfg(feature = "spool")]
        StackName::Spooled => row.run::<spooled::Spooled>(plan),
        #[cfg(feature = "peers")]
        StackName::OpenTelemetry => row.run::<opentelemetry::OpenTelemetry>(plan),
        #[cfg(feature = "peers")]
        StackName::Tracing => row.run::<tracing::Tracing>(plan),
        #[cfg(feature = "peers")]
        StackName::Fastrace => row.run::<fastrace::Fastrace>(plan),
    }
}

/// A stack's name, for people and for command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackName {
    /// No tracing: what all others are net of.
    Bare,
    Llmetry,
    /// llmetry with its spool.
    #[cfg(feature = "spool")]
    Spooled,
    #[cfg(feature = "peers")]
    OpenTelemetry,
    #[cfg(feature = "peers")]
    Tracing,
    #[cfg(feature = "peers")]
    Fastrace,
}

impl StackName {
    /// In the order of the tables.
    pub const ALL: &[Self] = &[
        Self::Bare,
        Self::Llmetry,
        #[cfg(feature = "spool")]
        Self::Spooled,
        #[cfg(feature = "peers")]
        Self::OpenTelemetry,
        #[cfg(feature = "peers")]
        Self::Tracing,
        #[cfg(feature = "peers")]
        Self::Fastrace,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Llmetry => "llmetry",
            #[cfg(feature = "spool")]
            Self::Spooled => "llmetry-spool",
            #[cfg(feature = "peers")]
            Self::OpenTelemetry => "opentelemetry",
            #[cfg(feature = "peers")]
            Self::Tracing => "tracing",
            #[cfg(feature = "peers")]
            Self::Fastrace => "fastrace",
        }
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for StackName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|stack| stack.name() == name)
            .ok_or_else(|| format!("no stack `{name}`"))
    }
}

/// What the traced functions are called with.
mod conversation {
    use std::sync::{Arc, LazyLock};

    pub(super) const AGENT: &str = "support_agent";
    /// Known at run time only, as conversations are; shared, the cheapest way to hand it to each span.
    pub(super) static ID: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("conv_8f14e45fceea167a"));
}

/// Annotated functions that await each other, `c1` the innermost: `chain!(64, [attributes] wrapper)`, or 10 for their sizes alone.
/// Attributes and wrapper stand at each of them.
macro_rules! chain {
    (64, $attributes:tt $wrapper:path) => {
        crate::stack::chain!{@from $attributes $wrapper;
            c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 c13 c14 c15 c16 c17 c18 c19 c20 c21 c22 c23 c24 c25 c26 c27 c28 c29 c30 c31
            c32 c33 c34 c35 c36 c37 c38 c39 c40 c41 c42 c43 c44 c45 c46 c47 c48 c49 c50 c51 c52 c53 c54 c55 c56 c57 c58 c59 c60
            c61 c62 c63 c64}
    };
    (10, $attributes:tt $wrapper:path) => {
        crate::stack::chain!{@from $attributes $wrapper; c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 c10}
    };
    (@from $attributes:tt $wrapper:path; $leaf:ident $($rest:ident)+) => {
        async fn $leaf(x: u64) -> u64 {
            std::hint::black_box(x)
        }
        crate::stack::chain!{@next $attributes $wrapper; $leaf $($rest)+}
    };
    (@next $attributes:tt $wrapper:path; $outermost:ident) => {};
    (@next [$(#[$attribute:meta])*] $wrapper:path; $inner:ident $outer:ident $($rest:ident)*) => {
        $(#[$attribute])*
        pub(super) async fn $outer(x: u64) -> u64 {
            $wrapper($inner(x)).await
        }
        crate::stack::chain!{@next [$(#[$attribute])*] $wrapper; $outer $($rest)*}
    };
}
use chain;

/// The sizes that [`Stack::sizes`] asks for, from a module made by `chain!`.
macro_rules! sizes {
    ($chain:ident) => {
        (size_of_val(&$chain::c2(0)), size_of_val(&$chain::c10(0)))
    };
}
use sizes;
