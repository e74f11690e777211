//! Adapters for HTTP clients, through the real clients against a real server on loopback that plays all that a server can do wrong.
//!
//! What each way of sending must keep is what the bare client shows: `exchange` sends every script through all of them and compares.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../integration/program.rs"]
mod program;

mod exchange;
mod server;

mod client;
mod drops;
mod faults;
mod policies;
mod retries;
mod streams;
