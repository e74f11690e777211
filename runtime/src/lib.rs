//! OpenTelemetry tracing for programs that call LLMs: annotate functions, call [`init`](init()), see every run as one trace.
#![cfg_attr(docsrs, feature(doc_cfg))]
// A library's build (no feature `sdk`) compiles the scopes that a program's features bring to life.
#![cfg_attr(not(feature = "sdk"), allow(dead_code))]

mod diag;
mod error;
mod sync;

#[cfg(feature = "propagation")]
mod hosts;
mod record;
mod sampling;
mod semconv;
mod value;

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

#[doc(hidden)]
#[path = "rt.rs"]
pub mod __rt;

pub use llmetry_macros::{agent, task, tool, workflow};
pub use opentelemetry;

#[cfg(feature = "sdk")]
pub use crate::bridge::PipelineProcessor;
#[cfg(feature = "reqwest")]
pub use crate::call::RequestBuilderExt;
#[cfg(feature = "propagation")]
pub use crate::call::{extract, inject, inject_for};
pub use crate::error::{Error, Result};
#[cfg(feature = "sdk")]
pub use crate::pipeline::stats::{DropReason, Report, Stats};
pub use crate::sampling::Sampler;
#[cfg(feature = "tokio")]
pub use crate::scope::spawn;
pub use crate::scope::{InCurrentTrace, InTrace, Span, current, scoped};
#[cfg(feature = "sdk")]
pub use crate::setup::{Builder, Guard, builder, init};
pub use crate::value::IntoValue;
