//! The promises of the crate, from outside: only the public API, real runtimes, real sockets, real processes.
//!
//! A module a promise. What needs globals, an exit or a stderr of its own runs in a process of its own, see `program`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(unix)]
mod ended;
mod program;
mod support;
#[cfg(unix)]
mod system;

mod conformance;
mod content;
mod dialects;
mod endings;
#[cfg(unix)]
mod exits;
mod faults;
#[cfg(unix)]
mod forks;
mod layout;
mod llm_messages;
mod nesting;
mod propagation;
mod sampling;
#[cfg(unix)]
mod signals;
#[cfg(all(feature = "spool", unix))]
mod spool;
mod untouched;
