//! Thin adapters, one file a client crate, without rules of their own.

#[cfg(feature = "async-openai")]
mod async_openai;
#[cfg(feature = "reqwest")]
pub(crate) mod reqwest;
#[cfg(feature = "reqwest-middleware")]
pub(crate) mod reqwest_middleware;
#[cfg(all(feature = "tower", feature = "reqwest"))]
mod reqwest_service;
#[cfg(feature = "tower")]
pub(crate) mod tower;
