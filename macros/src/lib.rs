//! The attributes of [llmetry](https://docs.rs/llmetry): `#[workflow]`, `#[task]`, `#[agent]`, `#[tool]`.
//!
//! This is the front door and its documentation; use the attributes through the `llmetry` crate, which the generated code needs.
//! In: an attribute's arguments and the function below it. Out: the same function, which opens a span when it runs. This crate knows
//! nothing of OpenTelemetry: what a span is, and how it is recorded, is the runtime's. The examples are compiled with the
//! runtime, which only they depend on.
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
/// ```
/// # async fn plan(question: &str) -> Result<String, std::fmt::Error> { Ok(question.to_owned()) }
/// # async fn write(plan: &str) -> Result<String, std::fmt::Error> { Ok(plan.to_owned()) }
/// #[llmetry::workflow(name = "answer a question", capture(input, output))]
/// async fn answer(question: &str) -> Result<String, std::fmt::Error> {
///     let plan = plan(question).await?;
///     write(&plan).await
/// }
/// ```
///
/// # Where it goes
///
/// On functions and methods with a body, `async` or not, of traits and impls too, also those of `async_trait`. The function stays what
/// it was: its signature, its warnings and errors, the order in which its arguments are dropped, the auto traits of its future. `const
/// fn` is refused.
///
/// Two of the attributes on one function make two spans, the upper one around the lower one.
///
/// Each annotated `async fn` is a type more around the future inside. Where more than 17 of them await each other and the outermost future
/// has to be `Send` (`tokio::spawn`), rustc may ask for `#![recursion_limit = "256"]`, as it does for 15 of `tracing`'s `#[instrument]`.
///
/// # When the span begins and ends
///
/// | function | begins | ends |
/// | --- | --- | --- |
/// | `fn` | at the call | when it is left |
/// | `async fn`, or a body that is one `async` block, boxed or not | at the first poll | when the future is done or dropped |
/// | `fn` that returns a future: `impl Future`, `Pin<Box<dyn Future>>`, an alias of it | at the call | when the future is done or dropped |
/// | any of these that returns a stream, or a `Result` of one | at the call or first poll | when the stream has ended or is dropped |
///
/// A future or stream that is dropped before its end leaves a span that is marked as cancelled; a panic, one that is marked as an error.
/// An `Err` that is returned, or that is an item of a stream, marks the span as an error. The span of a stream says how many items came
/// out of it, in `llmetry.stream.items`.
///
/// A future or stream is known by its type, however that is spelled. Where the signature promises more of an opaque one than that it is a
/// future or stream (`impl Future + Clone`), and where its type has a name (`JoinHandle<T>`), nothing can be put around it: the span
/// covers the call. An iterator is traced as the function that makes it.
///
/// In a function with `#[track_caller]`, an `Err` that leaves by `return` or `?` is not seen: only a closure could, and it would be the
/// caller.
///
/// # Arguments
///
/// All are optional, and the same for the four attributes.
///
/// - `name = "…"`: the span's name; the function's, if it is left out.
/// - `version = 2`: an unsigned integer that tells versions of your prompt or logic apart.
/// - `capture(input, output)`: the arguments, and what is returned (of a `Result`, what is in `Ok`; of a stream, nothing). Names of
///   arguments instead of `input` capture those alone: `capture(question, output)`. This is the first of two locks: nothing is captured,
///   or even looked at, unless content is switched on in the process as well (`Builder::capture_content`). Arguments become a JSON object
///   by name; `self` is left out. A value is written by its `Serialize`, else by its `Debug`, else as text by its `AsRef<str>`, else the
///   name of its type stands for it, as far as the function's own bounds tell.
/// - `skip(a, b)`, `skip_all`: arguments that `capture(input)` leaves out.
/// - `fields(order.id = order.id, "retries" = 3)`: attributes of the span. The expressions may use the arguments; they are evaluated
///   once, before the body, and only if the span is recorded, whether content is on or not. Numbers, booleans and texts stay such,
///   other values are written as captured ones are.
/// - `err = false`: a returned `Err` is an expected outcome and no error.
/// - `parent = expr`: the span's parent, instead of the current span: an `opentelemetry::Context`, by value or reference, or a
///   `SpanContext`. Evaluated once, before the body, and only if telemetry is on.
/// - `crate = path`: where to find `llmetry`, for crates that re-export it.
///
/// In these expressions a binding of a pattern such as `[a, ..]: [A; 2]`, of which something stays behind, is seen as a reference.
#[proc_macro_attribute]
pub fn workflow(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Workflow, &args.into(), item.into()).into()
}

/// A task: one step of a workflow, such as building a prompt or ranking documents.
///
/// ```
/// # struct Document;
/// # impl Document { fn score(&self, _: &str) -> f64 { 1.0 } }
/// #[llmetry::task(version = 2, fields(documents.count = documents.len()))]
/// fn rank(documents: &[Document], question: &str) -> Vec<f64> {
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
/// ```
/// # struct Researcher;
/// # type Report = String;
/// # type Error = std::fmt::Error;
/// # impl Researcher {
/// #     async fn next_step(&self, _: &str) -> Result<Option<u8>, Error> { Ok(None) }
/// #     async fn take(&mut self, _: u8) -> Result<(), Error> { Ok(()) }
/// #     fn report(&self) -> Result<Report, Error> { Ok(Report::new()) }
/// # }
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
/// ```
/// # type Weather = String;
/// # struct NoSuchCity;
/// # async fn forecast(city: &str) -> Result<Weather, NoSuchCity> { Ok(city.to_owned()) }
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
