//! Returned futures and streams behind more indirections: associated types, generic parameters, wrappers that are looked at or are not.

use std::fmt::Display;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use futures_util::future::{BoxFuture, Either, FutureExt as _, ready};
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use llmetry::{agent, task, tool};

use crate::support::*;

/// As `tower` writes it.
pub(crate) trait Service<R> {
    type Response;
    type Error;
    type Future: Future<Output = Result<Self::Response, Self::Error>>;
    fn call(&mut self, request: R) -> Self::Future;
}

pub(crate) trait Soon: Future<Output = D> {}
impl<F: Future<Output = D>> Soon for F {}

type Sent<'a, T> = Pin<Box<dyn 'a + Send + Sync + Future<Output = T>>>;
type Outcome<T> = Result<T, Broken>;
type Streamed<T> = Outcome<BoxStream<'static, T>>;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, tool)]
        async fn step(d: D) -> D {
            pause().await;
            d
        }

        pub(super) struct Boxed;
        impl Service<D> for Boxed {
            type Response = D;
            type Error = Broken;
            type Future = BoxFuture<'static, Result<D, Broken>>;
            #[cfg_attr($on, task)]
            fn call(&mut self, request: D) -> Self::Future {
                Box::pin(async move {
                    if request.0 == "bad" {
                        return Err(Broken);
                    }
                    Ok(step(request).await)
                })
            }
        }
        pub(super) struct Prepared;
        impl Service<D> for Prepared {
            type Response = usize;
            type Error = Silent;
            type Future = <BoxedPrepared as Alias>::Of;
            #[cfg_attr($on, agent)]
            fn call(&mut self, request: D) -> Self::Future {
                log("called");
                async move { step(request).await.0.len().checked_sub(2).ok_or(Silent) }.boxed()
            }
        }
        pub(super) trait Alias {
            type Of;
        }
        pub(super) struct BoxedPrepared;
        impl Alias for BoxedPrepared {
            type Of = BoxFuture<'static, Result<usize, Silent>>;
        }
        pub(super) struct Plain;
        impl Service<u8> for Plain {
            type Response = u8;
            type Error = Broken;
            type Future = std::future::Ready<Result<u8, Broken>>;
            #[cfg_attr($on, task)]
            fn call(&mut self, request: u8) -> Self::Future {
                std::future::ready(Ok(request))
            }
        }
        #[cfg_attr($on, task)]
        pub(super) async fn calls<S: Service<R>, R>(
            mut service: S,
            request: R,
        ) -> Result<S::Response, S::Error> {
            service.call(request).await
        }

        #[cfg_attr($on, task)]
        pub(super) fn generic<T: Display + Send + 'static>(item: T) -> BoxFuture<'static, String> {
            log("called");
            async move {
                pause().await;
                item.to_string()
            }
            .boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn generic_output<T: Send + 'static, E: Send + 'static>(
            item: Result<T, E>,
        ) -> BoxFuture<'static, Result<T, E>> {
            log("called");
            ready(item).boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn generic_opaque<T: Display>(item: T) -> impl Future<Output = impl Display> {
            log("called");
            async move {
                pause().await;
                item.to_string()
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn impl_argument(
            item: impl Display + Send + 'static,
        ) -> Pin<Box<dyn Future<Output = impl Display> + Send>> {
            log("called");
            Box::pin(async move {
                pause().await;
                item.to_string()
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn unit_output(d: D) -> impl Future<Output = ()> {
            log("called");
            async move {
                pause().await;
                drop(d);
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn no_output_written(d: D) -> impl Future {
            log("called");
            step(d)
        }
        #[cfg_attr($on, task)]
        pub(super) fn two_ways(n: u8) -> impl Future<Output = u8> {
            if n == 0 {
                return Either::Left(ready(0));
            }
            Either::Right(async move {
                pause().await;
                n
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn reordered_bounds(d: &D) -> Sent<'_, usize> {
            log("called");
            Box::pin(async move {
                pause().await;
                d.0.len()
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn own_trait_object(d: D) -> Pin<Box<dyn Soon>> {
            log("called");
            Box::pin(step(d))
        }
        #[cfg_attr($on, task)]
        pub(super) fn pinned_opaque(d: D) -> Pin<Box<impl Future<Output = D>>> {
            log("called");
            Box::pin(step(d))
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_unpin(d: D) -> Box<dyn Future<Output = D> + Unpin> {
            Box::new(Box::pin(step(d)))
        }
        #[cfg_attr($on, task)]
        pub(super) fn function_of_futures(n: u8) -> impl Fn(D) -> BoxFuture<'static, D> {
            log("called");
            move |d| {
                assert!(n > 0);
                step(d).boxed()
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn list_of_futures(items: Vec<D>) -> Vec<BoxFuture<'static, D>> {
            items.into_iter().map(|d| step(d).boxed()).collect()
        }
        #[cfg_attr($on, task)]
        pub(super) fn pair_of_futures(a: D, b: D) -> (impl Future<Output = D>, BoxFuture<'static, D>) {
            (step(a), step(b).boxed())
        }
        #[cfg_attr($on, task)]
        pub(super) fn or_no_future(d: D) -> Outcome<BoxFuture<'static, D>> {
            if d.0 == "bad" {
                return Err(Broken);
            }
            Ok(step(d).boxed())
        }
        #[cfg_attr($on, task)]
        pub(super) fn poll_in_the_body(d: D) -> bool {
            let mut future = std::pin::pin!(step(d));
            poll_once(future.as_mut()).is_ready()
        }
        #[cfg_attr($on, task)]
        pub(super) fn async_block_is_not_all(d: D) -> impl Future<Output = D> {
            let extra = D("extra");
            async move {
                pause().await;
                drop(extra);
                d
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn inner_attributes(d: D) -> impl Future<Output = D> {
            #![allow(unused_mut)]
            async move {
                let mut d = d;
                pause().await;
                d
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn early_return_in_the_block(d: D) -> BoxFuture<'static, Result<D, Broken>> {
            Box::pin(async move {
                pause().await;
                if d.0 == "bad" {
                    return Err(Broken);
                }
                let d = 'block: {
                    if d.0 == "d" {
                        break 'block d;
                    }
                    D("other")
                };
                Ok(d)
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn streamed(n: u8) -> Streamed<u8> {
            let n = n.checked_sub(1).ok_or(Broken)?;
            Ok(stream::iter(0..n).boxed())
        }
        #[cfg_attr($on, task)]
        pub(super) async fn streamed_later(n: u8) -> Streamed<u8> {
            pause().await;
            streamed(n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn stream_of_generic<T: Clone + Send + 'static>(item: T) -> BoxStream<'static, T> {
            stream::repeat(item).take(2).boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn stream_by_parameter<S: Stream>(items: S) -> S {
            items
        }
        #[cfg_attr($on, task)]
        pub(super) fn stream_around(items: impl Stream<Item = u8>) -> impl Stream<Item = u8> {
            items.map(|n| n + 1)
        }

        #[cfg_attr($on, task)]
        pub(super) fn stream_infers(n: u8) -> impl Stream<Item = Result<Vec<u8>, Silent>> {
            stream::iter(0..n).map(|n| {
                if n == 1 {
                    Err(Broken)?;
                }
                Ok((0..n).collect())
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_opaque(d: D) -> Box<impl Future<Output = D> + Unpin> {
            log("called");
            Box::new(Box::pin(step(d)))
        }
        #[cfg_attr($on, task)]
        pub(super) fn either_opaque(n: u8) -> Either<impl Future<Output = u8>, std::future::Ready<u8>> {
            if n == 0 {
                return Either::Right(std::future::ready(0));
            }
            Either::Left(async move {
                pause().await;
                n
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn fused_stream(n: u8) -> stream::Fuse<impl Stream<Item = u8>> {
            stream::iter(0..n).fuse()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn fused_stream_later(n: u8) -> stream::Fuse<impl Stream<Item = u8>> {
            pause().await;
            stream::iter(0..n).fuse()
        }
        #[cfg_attr($on, task(fields(my.len = text.len())))]
        pub(super) fn not_static_with_fields(text: &str, d: D) -> BoxFuture<'static, D> {
            Box::pin(async move {
                pause().await;
                d
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn into_future(n: u8) -> impl IntoFuture<Output = u8> {
            log("called");
            std::future::ready(n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_with_more(d: D) -> Pin<Box<dyn Future<Output = D> + Send + Unpin>> {
            log("called");
            Box::pin(Box::pin(step(d)))
        }
        #[cfg_attr($on, task)]
        pub(super) fn higher_ranked(d: &D) -> BoxFuture<'_, usize> {
            log("called");
            async move {
                pause().await;
                d.0.len()
            }
            .boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn higher_ranked_async(d: &D) -> usize {
            pause().await;
            d.0.len()
        }
        #[cfg_attr($on, task)]
        pub(super) fn not_static(text: &str, d: D) -> BoxFuture<'static, D> {
            Box::pin(async move {
                pause().await;
                d
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn not_static_called(text: &str, d: D) -> impl Future<Output = (usize, D)> + use<> {
            let n = text.len();
            async move {
                pause().await;
                (n, d)
            }
        }

        pub(super) struct S(pub(super) D);
        impl S {
            #[cfg_attr($on, agent)]
            pub(super) async fn streams_itself(&self) -> impl Stream<Item = usize> + '_ {
                pause().await;
                stream::iter(0..2).map(|n| n + self.0.0.len())
            }
            #[cfg_attr($on, agent)]
            pub(super) async fn streams_itself_boxed<'a>(
                &'a mut self,
                more: &'a u8,
            ) -> Result<BoxStream<'a, u8>, Broken> {
                pause().await;
                self.0 = D("used");
                Ok(stream::iter(0..*more).boxed())
            }
        }
        #[cfg_attr($on, task(capture(output)))]
        pub(super) fn function_that_is_captured() -> impl Fn(&str) -> usize {
            |text| text.len()
        }
        #[cfg_attr($on, task)]
        pub(super) fn promises_more() -> impl own::Future<Output = u8> {
            std::future::ready(1)
        }
    };
}
/// A trait of the program's, of the name that everybody knows: only one type keeps its promise.
pub(crate) mod own {
    pub(crate) trait Future: std::future::Future {}
    impl Future for std::future::Ready<u8> {}
}

twice!(items);

fn drain<S: Stream>(stream: S) -> Vec<S::Item> {
    finish(stream.collect::<Vec<_>>())
}

shapes! {
    function_that_is_captured: function_that_is_captured()("four") => "function_that_is_captured";
    promises_more: finish(promises_more()) => "promises_more";
    boxed_service: (finish(Boxed.call(D("good"))), finish(Boxed.call(D("bad"))))
        => "call(tool:step), call !Broken";
    prepared_service: finish(Prepared.call(D("good")))
        => "agent:call(tool:step)";
    plain_service: finish(Plain.call(1)) => "call";
    called_service: (finish(calls(Boxed, D("d"))), finish(calls(Plain, 1)).is_ok())
        => "calls(call(tool:step)), calls(call)";
    generic: finish(generic(1)) => "generic";
    generic_output: (finish(generic_output(Ok::<_, Broken>(1))).is_ok(), finish(generic_output(Err::<u8, _>(Silent))))
        => "generic_output, generic_output !Silent";
    generic_opaque: finish(generic_opaque(1)).to_string() => "generic_opaque";
    impl_argument: finish(impl_argument(1)).to_string() => "impl_argument";
    unit_output: fates(|| unit_output(D("d"))) => "unit_output cancelled, unit_output cancelled, unit_output";
    no_output_written: drop(finish(no_output_written(D("d")))) => "no_output_written(tool:step)";
    two_ways: (finish(two_ways(0)), finish(two_ways(1))) => "two_ways, two_ways";
    reordered_bounds: { let d = D("d"); fates(|| reordered_bounds(&d)) }
        => "reordered_bounds cancelled, reordered_bounds cancelled, reordered_bounds";
    own_trait_object: finish(own_trait_object(D("d"))) => "own_trait_object, tool:step";
    pinned_opaque: finish(pinned_opaque(D("d"))) => "pinned_opaque, tool:step";
    boxed_unpin: finish(boxed_unpin(D("d"))) => "boxed_unpin, tool:step";
    function_of_futures: finish(function_of_futures(1)(D("d"))) => "function_of_futures, tool:step";
    list_of_futures: list_of_futures(vec![D("a"), D("b")]).into_iter().map(finish).collect::<Vec<_>>()
        => "list_of_futures, tool:step, tool:step";
    pair_of_futures: { let (a, b) = pair_of_futures(D("a"), D("b")); (finish(b), finish(a)) }
        => "pair_of_futures, tool:step, tool:step";
    or_no_future: (or_no_future(D("d")).map(finish), or_no_future(D("bad")).is_err())
        => "or_no_future, tool:step, or_no_future !Broken";
    poll_in_the_body: poll_in_the_body(D("d")) => "poll_in_the_body(tool:step cancelled)";
    async_block_is_not_all: fates(|| async_block_is_not_all(D("d")))
        => "async_block_is_not_all cancelled, async_block_is_not_all cancelled, async_block_is_not_all";
    inner_attributes: fates(|| inner_attributes(D("d"))) => "inner_attributes cancelled, inner_attributes";
    early_return_in_the_block: (finish(early_return_in_the_block(D("d"))), finish(early_return_in_the_block(D("bad"))))
        => "early_return_in_the_block, early_return_in_the_block !Broken";
    streamed: (streamed(3).map(drain), streamed(0).is_err()) => "streamed x2, streamed !Broken";
    streamed_later: finish(async { (streamed_later(3).await.map(drain), streamed_later(0).await.is_err()) })
        => "streamed_later x2(streamed x2), streamed_later !Broken(streamed !Broken)";
    stream_of_generic: drain(stream_of_generic("a")) => "stream_of_generic x2";
    stream_by_parameter: drain(stream_by_parameter(stream::iter([1]))) => "stream_by_parameter";
    stream_around: drain(stream_around(stream::iter([1]))) => "stream_around x1";
    stream_infers: drain(stream_infers(3)) => "stream_infers x3 !Silent";
    boxed_opaque: finish(boxed_opaque(D("d"))) => "boxed_opaque, tool:step";
    either_opaque: (finish(either_opaque(0)), finish(either_opaque(1))) => "either_opaque, either_opaque";
    fused_stream: drain(fused_stream(2)) => "fused_stream";
    fused_stream_later: drain(finish(fused_stream_later(2))) => "fused_stream_later";
    not_static_with_fields: {
        let future = not_static_with_fields(&"text".to_owned(), D("d"));
        finish(future)
    } => "not_static_with_fields {len=4}";
    into_future: finish(async { into_future(2).await }) => "into_future";
    boxed_with_more: finish(boxed_with_more(D("d"))) => "boxed_with_more, tool:step";
    higher_ranked: {
        fn call(f: for<'a> fn(&'a D) -> BoxFuture<'a, usize>) -> usize {
            finish(f(&D("inner")))
        }
        call(higher_ranked)
    } => "higher_ranked";
    higher_ranked_async: {
        fn call(f: impl AsyncFn(&D) -> usize) -> usize {
            finish(async { f(&D("inner")).await })
        }
        call(higher_ranked_async)
    } => "higher_ranked_async";
    not_static: {
        let future = not_static(&"text".to_owned(), D("d"));
        finish(future)
    } => "not_static";
    not_static_called: {
        let future = not_static_called(&"text".to_owned(), D("d"));
        finish(future)
    } => "not_static_called";
    streams_itself: { let s = S(D("d")); drain(finish(s.streams_itself())) } => "agent:streams_itself x2";
    streams_itself_boxed: { let mut s = S(D("d")); finish(s.streams_itself_boxed(&2)).map(drain) }
        => "agent:streams_itself_boxed x2";
}
