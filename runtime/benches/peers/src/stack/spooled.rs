//! llmetry with its spool: the same functions, whose spans are written into a file's mapping as they start and end.

use std::env;
use std::path::PathBuf;

use super::llmetry::{Llmetry, flush, start};
use super::{Flush, Mode, Stack};

pub(super) struct Spooled;

/// Where the spools of the benchmarks are; each process has a file of its own there, which it removes.
pub fn directory() -> PathBuf {
    env::temp_dir().join("llmetry-bench-spool")
}

impl Stack for Spooled {
    fn set_up(mode: Mode) -> Flush {
        flush(start(llmetry::builder().spool(directory()), mode))
    }

    fn in_root(work: &mut dyn FnMut()) {
        Llmetry::in_root(work);
    }

    fn in_conversation(work: &mut dyn FnMut()) {
        Llmetry::in_conversation(work);
    }

    fn task(x: u64) -> impl Future<Output = u64> {
        Llmetry::task(x)
    }

    fn task_with_attributes(x: u64) -> impl Future<Output = u64> {
        Llmetry::task_with_attributes(x)
    }

    fn pending_task(x: u64, times: u32) -> impl Future<Output = u64> {
        Llmetry::pending_task(x, times)
    }

    fn call(x: u64) -> u64 {
        Llmetry::call(x)
    }

    fn nested(children: u64) -> impl Future<Output = u64> {
        Llmetry::nested(children)
    }

    fn chain(x: u64) -> Option<impl Future<Output = u64>> {
        Llmetry::chain(x)
    }

    fn sizes() -> (usize, usize) {
        Llmetry::sizes()
    }
}
