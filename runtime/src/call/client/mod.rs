//! Thin adapters, one file a client crate, without rules of their own.

pub(crate) mod reqwest;
#[cfg(feature = "reqwest-middleware")]
pub(crate) mod reqwest_middleware;
