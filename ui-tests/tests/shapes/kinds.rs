//! More than one kind on a function: nested spans, the upper attribute's is the outer one.

use std::future::Future;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt as _};
use llmetry::{agent, task, tool, workflow};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, workflow(name = "above"))]
        #[cfg_attr($on, tool(name = "below"))]
        pub(super) async fn two((n, _): (u8, D)) -> u8 {
            pause().await;
            n
        }
        #[cfg_attr($on, workflow)]
        #[cfg_attr($on, agent)]
        #[cfg_attr($on, task)]
        pub(super) fn three(a: D, _: D) -> D {
            a
        }
        #[cfg_attr($on, workflow, agent, tool)]
        pub(super) async fn three_in_one(a: D, _: D) -> D {
            pause().await;
            a
        }
        #[cfg_attr($on, task(name = "first"))]
        #[allow(unused_variables)]
        #[cfg_attr($on, task(name = "second"))]
        #[inline]
        pub(super) async fn the_same(a: D, b: D, _: D) -> Result<D, Broken> {
            pause().await;
            Err(Broken)
        }
        #[cfg_attr($on, workflow(err = false, version = 2, fields(my.outer = n)))]
        #[cfg_attr($on, task(version = 3, fields(my.inner = n + 1)))]
        pub(super) fn with_arguments(n: u8) -> Result<u8, Silent> {
            Err(Silent)
        }
        #[cfg_attr($on, agent)]
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked(_d: D) -> u32 {
            std::panic::Location::caller().line()
        }
        #[cfg_attr($on, agent)]
        #[cfg_attr($on, task)]
        pub(super) fn never(_d: D) -> ! {
            panic!("no")
        }
        #[cfg_attr($on, agent)]
        #[cfg_attr($on, task)]
        pub(super) fn future(d: D) -> impl Future<Output = D> + Send {
            log("called");
            async move {
                pause().await;
                d
            }
        }
        #[cfg_attr($on, agent)]
        #[cfg_attr($on, task)]
        pub(super) fn boxed_block(d: D) -> BoxFuture<'static, D> {
            Box::pin(async move {
                pause().await;
                d
            })
        }
        #[cfg_attr($on, agent)]
        #[cfg_attr($on, task)]
        pub(super) fn items(n: u8) -> impl Stream<Item = u8> {
            stream::iter(0..n)
        }
        #[cfg_attr($on, task)]
        #[cfg_attr($on, tool)]
        pub(super) fn unit(_: D) {
            log("body");
        }
        pub(super) struct S(pub(super) D);
        impl S {
            #[cfg_attr($on, workflow)]
            #[cfg_attr($on, agent)]
            pub(super) async fn method(&mut self, d: D) -> usize {
                pause().await;
                self.0 = d;
                self.0.0.len()
            }
        }
        #[async_trait::async_trait]
        pub(super) trait Does {
            #[cfg_attr($on, workflow)]
            #[cfg_attr($on, agent)]
            async fn does(&self, d: D) -> D
            where
                Self: Sync,
            {
                pause().await;
                d
            }
        }
        impl Does for u8 {}
    };
}
twice!(items);

shapes! {
    two: fates(|| two((1, D("d"))))
        => "workflow:above cancelled(tool:below cancelled), workflow:above(tool:below)";
    three: three(D("a"), D("b")) => "workflow:three(agent:three(three))";
    three_in_one: fates(|| three_in_one(D("a"), D("b")))
        => "workflow:three_in_one cancelled(agent:three_in_one cancelled(tool:three_in_one cancelled)), \
            workflow:three_in_one(agent:three_in_one(tool:three_in_one))";
    the_same: fates(|| the_same(D("a"), D("b"), D("c")))
        => "first cancelled(second cancelled), first !Broken(second !Broken)";
    with_arguments: with_arguments(1)
        => "workflow:with_arguments v2 {outer=1}(with_arguments v3 {inner=2} !Silent)";
    tracked: tracked(D("d")) => "agent:tracked(tracked)";
    never: never(D("d")) => "agent:never !panic(never !panic)";
    future: fates(|| future(D("d")))
        => "agent:future cancelled(future cancelled), agent:future cancelled(future cancelled), agent:future(future)";
    boxed_block: fates(|| boxed_block(D("d")))
        => "agent:boxed_block cancelled(boxed_block cancelled), agent:boxed_block(boxed_block)";
    items: finish(items(2).collect::<Vec<_>>()) => "agent:items x2(items x2)";
    unit: unit(D("d")) => "unit(tool:unit)";
    method: { let mut s = S(D("s")); finish(s.method(D("d"))) } => "workflow:method(agent:method)";
    async_trait: fates(|| async { 1_u8.does(D("d")).await })
        => "workflow:does cancelled(agent:does cancelled), workflow:does(agent:does)";
}
