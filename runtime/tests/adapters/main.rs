//! Adapters for HTTP clients, through the real clients against a real server on loopback that plays all that a server can do wrong.
//!
//! What each way of sending must keep is what the bare client shows: `exchange` sends every script through all of them and compares.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../integration/program.rs"]
mod program;

mod exchange;
#[path = "../recorded/exchange.rs"]
#[allow(dead_code, reason = "the tests of the reader need more of it")]
mod recorded_exchange;
mod server;

mod client;
mod drops;
mod faults;
mod policies;
mod recorded;
mod retries;
mod streams;
