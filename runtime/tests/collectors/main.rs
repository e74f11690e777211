//! All that a collector can do wrong, done by a real receiver to a real program: what was made is delivered, or counted.
//!
//! A scenario runs over HTTP and over gRPC, each in a process of its own that holds the program and its receiver (`receiver`). What is
//! compared are counts and ids: of spans made, stored and confirmed, of requests, and what the account says of them. Nothing is timed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../integration/program.rs"]
#[allow(dead_code, reason = "here every program has an environment")]
mod program;
mod receiver;
mod support;
#[cfg(unix)]
#[path = "../integration/system.rs"]
#[allow(dead_code, reason = "here programs only fork")]
mod system;

mod answers;
mod away;
mod bounds;
mod random;
mod strangers;
mod words;
