//! What the programs of this workspace share: which endings there are, what a program says about itself while it runs, and a receiver.
//!
//! `ends` and `stock` are the programs that end, one with llmetry and one with the stock processor; `table` runs them in every
//! combination and writes ENDINGS.md; `soak` is a producer under random faults and restarts, and who counts what came of its spans.
//! Nothing here is part of the product, and nothing asserts a time.

pub mod child;
pub mod executor;
pub mod last;
pub mod ledger;
pub mod next;
pub mod plan;
pub mod receiver;
