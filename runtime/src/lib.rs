//! OpenTelemetry tracing for programs that call LLMs: annotate functions, call [`init`], see every run as one trace.
//!
//! ```no_run
//! use llmetry::{task, tool, workflow};
//!
//! #[tool]
//! async fn get_weather(city: &str) -> Result<String, std::io::Error> {
//!     Ok(format!("rain in {city}"))
//! }
//!
//! #[task]
//! async fn summarise(text: &str) -> String {
//!     text.to_uppercase()
//! }
//!
//! #[workflow(name = "support_ticket", version = 2)]
//! async fn handle(city: &str) -> Result<String, std::io::Error> {
//!     Ok(summarise(&get_weather(city).await?).await)
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _telemetry = llmetry::init("support-bot")?; // the environment and defaults; stdout if nothing is set
//!     handle("Bern").await?;
//!     Ok(()) // the guard exports what is left, and says on stderr what could not be sent
//! }
//! ```
//!
//! - [`workflow`], [`task`], [`agent`], [`tool`]: attributes for async and sync functions; the function comes out untouched.
//! - [`init`], [`builder`], [`Guard`], [`Handle`], [`Report`], [`Stats`]: opening, closing, and what became of every span.
//! - [`Convention`]: whose words spans are written in, OpenTelemetry's or OpenLLMetry's.
//! - [`current`]: what a function may say about its span. [`InCurrentTrace`], [`spawn`], [`scoped`]: into other tasks and threads.
//! - [`inject`], [`extract`], [`RequestBuilderExt`]: W3C trace context over HTTP.
//! - [`wire`]: what a call to a model was, read from its bytes; for adapters to HTTP clients.
//! - [`LlmLayer`], [`llm`](llm()): calls to models, observed or described by hand.
//! - [`testing`]: what did this code trace?
//!
//! Before `init`, and after the guard is gone, annotated functions run as if they were not annotated.
//!
//! # What leaves the process
//!
//! Names, kinds, times, error types, and what the program itself sets. Arguments and results only where the attribute says
//! `capture(…)`, and they, error messages and the messages of observed calls to models only when content is on:
//! [`Builder::capture_content`], `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`. Secrets in them are masked: [`Redactor`].
//!
//! # Crate features
//!
//! A library depends on llmetry with `default-features = false`: the macros and the scopes, and nothing that decides what the program
//! does with them. No feature changes what `init` does by itself.
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `sdk` | by others | `init`, the guard, the pipeline |
//! | `stdout` | yes | the stdout exporters: a tree for people, JSON lines for programs |
//! | `otlp-http` | yes | OTLP as http/protobuf, with a blocking client of its own |
//! | `propagation` | yes | `inject` and `extract` over `http::HeaderMap` |
//! | `tokio` | yes | `spawn` |
//! | `otlp-grpc` | no | OTLP over gRPC: tonic, on a runtime of its own |
//! | `tls`, `otlp-grpc-tls` | no | https endpoints for OTLP over HTTP, over gRPC |
//! | `reqwest` | no | `RequestBuilderExt` for reqwest 0.13 |
//! | `reqwest-client` | no | the module `reqwest`, a client that observes its calls |
//! | `reqwest-middleware` | no | `LlmMiddleware` for reqwest-middleware 0.5 |
//! | `tower` | no | [`LlmLayer`] for tower services: hyper-util, tonic; with `reqwest`, reqwest's client |
//! | `async-openai` | no | [`LlmLayer`] in the request service of async-openai 0.43 |
//! | `tracing` | no | `Guard::tracing_layer` |
//! | `spool` | no | `Builder::spool`: finished spans survive the process on disk; Unix |
//! | `llm` | by others | [`llm`](llm()), calls described by hand; the module `wire`, the reader of calls to models |
//! | `testing` | no | the module `testing` |
//!
//! OpenTelemetry's own types stand in `extract`, `Builder::exporter`, `Span::context`, `Guard::span_processor`, attribute values and
//! `testing`; the crate is re-exported as [`opentelemetry`], so that a program uses the same version.
#![cfg_attr(docsrs, feature(doc_cfg))]
// A library's build (no feature `sdk`) compiles the scopes that a program's features bring to life.
#![cfg_attr(not(feature = "sdk"), allow(dead_code, unreachable_pub))]
// What prepares for forks and signals has nobody to call it elsewhere.
#![cfg_attr(not(unix), allow(dead_code))]
// What a feature adds is linked to where it is there.
#![cfg_attr(
    not(all(feature = "reqwest", feature = "testing", feature = "tower")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod diag;
mod error;
mod sync;

#[cfg(any(feature = "propagation", feature = "otlp-http"))]
mod hosts;
mod record;
mod sampling;
mod semconv;
mod value;
#[cfg(feature = "llm")]
pub mod wire;

mod content;

#[cfg(feature = "llm")]
mod messages;

#[cfg(feature = "sdk")]
pub mod export;

mod pipeline;

mod hub;

mod scope;

#[cfg(feature = "propagation")]
mod call;

#[cfg(feature = "sdk")]
mod bridge;

#[cfg(feature = "sdk")]
mod setup;

#[cfg(feature = "testing")]
pub mod testing;

/// reqwest 0.13, with a span for each call: write `llmetry::reqwest::Client` where `reqwest::Client` is made.
#[cfg(feature = "reqwest-client")]
pub mod reqwest {
    pub use crate::call::{Client, RequestBuilder};
}

/// Readers of bytes that may have come from anywhere and have no other way in.
#[cfg(all(fuzzing, feature = "spool", unix))]
#[doc(hidden)]
pub mod __fuzz {
    /// A file of the spool.
    pub fn spool(bytes: &[u8]) {
        crate::pipeline::spool::fuzz(bytes);
    }

    /// What is written into a spool whose file is damaged.
    pub fn spool_damage(plan: &[u8]) {
        crate::pipeline::spool::fuzz_damage(plan);
    }
}

#[doc(hidden)]
#[path = "rt.rs"]
pub mod __rt;

pub use llmetry_macros::{agent, task, tool, workflow};
pub use opentelemetry;

#[cfg(feature = "sdk")]
pub use crate::bridge::PipelineProcessor;
#[cfg(feature = "reqwest-middleware")]
pub use crate::call::LlmMiddleware;
#[cfg(feature = "reqwest")]
pub use crate::call::RequestBuilderExt;
#[cfg(feature = "llm")]
pub use crate::call::{LlmCall, LlmRequest, ObservedBody, llm};
#[cfg(feature = "tower")]
pub use crate::call::{LlmFuture, LlmLayer, LlmService, ShownBody};
#[cfg(feature = "propagation")]
pub use crate::call::{extract, inject, inject_for};
pub use crate::content::Redactor;
pub use crate::error::{Error, Result};
#[cfg(feature = "sdk")]
pub use crate::pipeline::attempt::{ExportAttempt, ExportOutcome};
#[cfg(feature = "sdk")]
pub use crate::pipeline::overflow::Overflow;
#[cfg(feature = "sdk")]
pub use crate::pipeline::stats::{DropReason, ExporterStats, Report, Stats};
pub use crate::sampling::Sampler;
#[cfg(feature = "tokio")]
pub use crate::scope::spawn;
pub use crate::scope::{InCurrentTrace, InTrace, Span, current, scoped};
#[cfg(feature = "sdk")]
pub use crate::semconv::Convention;
#[cfg(feature = "sdk")]
pub use crate::setup::{Builder, Guard, Handle, Signal, builder, exit, init};
pub use crate::value::IntoValue;

/// The README's snippets compile.
#[cfg(all(
    doctest,
    feature = "reqwest-client",
    feature = "reqwest",
    feature = "tower",
    feature = "tracing",
    feature = "testing",
    feature = "otlp-grpc"
))]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;
