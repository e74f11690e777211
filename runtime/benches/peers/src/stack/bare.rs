//! No tracing at all. What the other stacks' functions do besides tracing is what these do.

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Flush, Mode, Stack, chain, sizes};

pub(super) struct Bare;

pub(super) async fn task(x: u64) -> u64 {
    black_box(x)
}

pub(super) async fn pending_task(x: u64, times: u32) -> u64 {
    Pending(times).await;
    black_box(x)
}

/// Pending so many times.
pub(super) struct Pending(pub(super) u32);

impl Future for Pending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.0.checked_sub(1) {
            None => Poll::Ready(()),
            Some(left) => {
                self.0 = left;
                Poll::Pending
            }
        }
    }
}

async fn nested(children: u64) -> u64 {
    let mut sum = 0_u64;
    for child in 0..children {
        sum = sum.wrapping_add(task(child).await);
    }
    sum
}

mod links {
    super::chain!(64, [] std::convert::identity);
}

impl Stack for Bare {
    fn set_up(_: Mode) -> Flush {
        Box::new(|| ())
    }

    fn in_root(work: &mut dyn FnMut()) {
        work();
    }

    fn task(x: u64) -> impl Future<Output = u64> {
        task(x)
    }

    fn task_with_attributes(x: u64) -> impl Future<Output = u64> {
        task(x)
    }

    fn pending_task(x: u64, times: u32) -> impl Future<Output = u64> {
        pending_task(x, times)
    }

    #[inline(never)]
    fn call(x: u64) -> u64 {
        black_box(x)
    }

    fn nested(children: u64) -> impl Future<Output = u64> {
        nested(children)
    }

    fn chain(x: u64) -> Option<impl Future<Output = u64>> {
        Some(links::c64(x))
    }

    fn sizes() -> (usize, usize) {
        sizes!(links)
    }
}
