//! What a span costs with llmetry and with its peers, measured the same way for all of them.
//!
//! `stack` says how each library is set up and how a program uses it, `row` what is measured, `meter` how; `process` gives every
//! case a process of its own and reads what it found, under callgrind too. `streams` is the same for streamed answers of a model. The
//! programs that print stand in `../benches`.
#![cfg_attr(not(feature = "peers"), allow(dead_code, reason = "the gate measures our own rows alone"))]

pub mod allocations;
#[cfg(feature = "peers")]
pub mod burst;
pub mod exporter;
pub mod meter;
pub mod process;
pub mod row;
pub mod stack;
#[cfg(feature = "streams")]
pub mod streams;
