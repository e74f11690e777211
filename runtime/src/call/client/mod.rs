//! Thin adapters, one file a client crate, without rules of their own.

pub(crate) mod reqwest;
