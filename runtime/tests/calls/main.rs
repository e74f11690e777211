//! Observed calls through real clients, against a real server on loopback: tower services, reqwest as one, and calls described by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod by_hand;
mod hostile;
mod server;
mod tower;
