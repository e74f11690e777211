//! A chain of 64 annotated functions, each of which awaits the next.

use llmetry::task;

use crate::support::*;

/// Callees first: rustc gives up ("queries overflow the depth limit") on chains half as deep if it meets the outermost one first, and on
/// bare ones too.
macro_rules! chain {
    ($on:meta, $first:ident $($rest:ident)*) => {
        #[cfg_attr($on, task(name = "link"))]
        pub(super) async fn $first(n: u64) -> u64 {
            pause().await;
            n
        }
        chain!(@ $on, $first $($rest)*);
    };
    (@ $on:meta, $callee:ident $caller:ident $($rest:ident)*) => {
        #[cfg_attr($on, task(name = "link"))]
        pub(super) async fn $caller(n: u64) -> u64 {
            $callee(n).await + 1
        }
        chain!(@ $on, $caller $($rest)*);
    };
    (@ $on:meta, $last:ident) => {};
}

macro_rules! items {
    ($on:meta) => {
        chain! {
            $on,
            f00 f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 f25 f26 f27 f28 f29 f30 f31
            f32 f33 f34 f35 f36 f37 f38 f39 f40 f41 f42 f43 f44 f45 f46 f47 f48 f49 f50 f51 f52 f53 f54 f55 f56 f57 f58 f59 f60 f61 f62 f63
        }
    };
}
twice!(items);

/// `depth` spans, one in the other.
fn nest(depth: usize) -> String {
    format!("{}link{}", "link(".repeat(depth - 1), ")".repeat(depth - 1))
}

shapes! {
    a_chain_of_64: finish(Box::pin(f63(1))) => &nest(64);
    a_chain_of_64_cancelled: cancel(Box::pin(f63(1))) => &nest(64).replace("link", "link cancelled");
}
