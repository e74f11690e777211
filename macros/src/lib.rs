//! The attributes of [llmetry](https://docs.rs/llmetry): `#[workflow]`, `#[task]`, `#[agent]`, `#[tool]`.
//!
//! This is the front door and its documentation; use the attributes through the `llmetry` crate, which the generated code needs.
//! In: an attribute's arguments and the function below it. Out: the same function, which opens a span when it runs. This crate knows
//! nothing of OpenTelemetry: what a span is, and how it is recorded, is the runtime's. The examples are compiled where the
//! runtime is at hand: in the crate's documentation and in `ui-tests`.
//!
//! The way through is on one screen in `expand`.

use proc_macro::TokenStream;

mod kind;

mod args;
mod item;
mod returned;
mod shape;

mod check;
mod errors;

mod expand;

mod emit;
mod fallback;
mod rt;

use crate::expand::{expand, expand_outer};
use crate::kind::Kind;

/// A workflow: one run of your program's task from start to end, such as answering one request.
///
/// Everything that is called inside, in whatever task or thread the trace follows, becomes a part of its trace.
///
/// ```ignore
/// #[llmetry::workflow(name = "answer a question")]
/// async fn answer(question: &str) -> anyhow::Result<String> {
///     let plan = plan(question).await?;
///     write(&plan).await
/// }
/// ```
///
/// # Where it goes
///
/// On functions and methods with a body, `async` or not, of traits and impls too. The function stays what it was: its signature, its
/// warnings, the order in which its arguments are dropped, the auto traits of its future. A function that returns a future without being
/// an `async fn` is refused for now, and so are `const fn` and functions that never return.
///
/// # When the span begins and ends
///
/// It begins at the call, and for an `async fn` at the first poll. It ends when the function has returned and its arguments are dropped.
/// A future that is dropped before its end leaves a span that is marked as cancelled; a panic, one that is marked as an error.
/// When a `Result` is returned, an `Err` marks the span as an error.
///
/// # Arguments
///
/// All are optional, and the same for the four attributes.
///
/// - `name = "…"`: the span's name; the function's, if it is left out.
/// - `version = 2`: an unsigned integer that tells versions of your prompt or logic apart.
/// - `fields(order.id = order.id, "retries" = 3)`: attributes of the span. The expressions may use the arguments; they are evaluated
///   once, before the body, and only if the span is recorded. A binding of a pattern such as `(a, b): (A, B)` is seen as a
///   reference there.
/// - `skip(a, b)`, `skip_all`: arguments that are never to be recorded. None are today; the names are checked already.
/// - `err = false`: a returned `Err` is an expected outcome and no error.
/// - `crate = path`: where to find `llmetry`, for crates that re-export it.
#[proc_macro_attribute]
pub fn workflow(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Workflow, &args.into(), item.into()).into()
}

/// A task: one step of a workflow, such as building a prompt or ranking documents.
///
/// ```ignore
/// #[llmetry::task(version = 2, fields(documents.count = documents.len()))]
/// fn rank(documents: &[Document], question: &str) -> Vec<Score> {
///     documents.iter().map(|document| document.score(question)).collect()
/// }
/// ```
///
/// Where it goes, when its span begins and ends, and the arguments it takes: see [`workflow`](macro@workflow).
#[proc_macro_attribute]
pub fn task(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Task, &args.into(), item.into()).into()
}

/// An agent: a function that decides for itself, usually in a loop of model calls and tools, what to do next.
///
/// ```ignore
/// impl Researcher {
///     #[llmetry::agent(name = "researcher")]
///     async fn research(&mut self, topic: &str) -> Result<Report, Error> {
///         while let Some(step) = self.next_step(topic).await? {
///             self.take(step).await?;
///         }
///         self.report()
///     }
/// }
/// ```
///
/// Where it goes, when its span begins and ends, and the arguments it takes: see [`workflow`](macro@workflow).
#[proc_macro_attribute]
pub fn agent(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Agent, &args.into(), item.into()).into()
}

/// A tool: a function that a model may ask for, such as a search or a calculator.
///
/// ```ignore
/// #[llmetry::tool(name = "weather", err = false)]
/// async fn weather(city: String) -> Result<Weather, NoSuchCity> {
///     forecast(&city).await
/// }
/// ```
///
/// Where it goes, when its span begins and ends, and the arguments it takes: see [`workflow`](macro@workflow).
#[proc_macro_attribute]
pub fn tool(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Tool, &args.into(), item.into()).into()
}

/// An attribute of ours that stood above another one, see `expand`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn __outer(args: TokenStream, item: TokenStream) -> TokenStream {
    expand_outer(args.into(), item.into()).into()
}
