//! Shapes that do not compile yet.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use futures_util::future::{BoxFuture, Either};
use futures_util::stream::{self, Stream, StreamExt as _};
use llmetry::{task, tool};

use crate::capture::shown;
use crate::support::*;

type Fallible<'a, T> = Pin<Box<dyn Future<Output = Result<T, Broken>> + Send + 'a>>;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) fn future_of_never(d: D) -> impl Future<Output = Infallible> {
            log("called");
            async move {
                let _d = d;
                loop {
                    pause().await;
                }
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_infers(d: D) -> impl Future<Output = Result<Vec<u8>, Silent>> {
            log("called");
            async move {
                pause().await;
                Err::<u8, _>(Broken)?;
                Ok(d.0.bytes().collect())
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_alias_infers(d: D) -> Fallible<'static, Vec<u8>> {
            Box::pin(async move {
                pause().await;
                if d.0 == "other" {
                    Err(Broken)?;
                }
                Ok(d.0.bytes().collect())
            })
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
        #[cfg_attr($on, tool)]
        async fn step(d: D) -> D {
            pause().await;
            d
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
        #[cfg_attr($on, task)]
        pub(super) fn function_of_texts() -> impl for<'a> Fn(&'a str) -> &'a str {
            |text| text.trim()
        }
        #[cfg_attr($on, task(fields(my.len = text.len())))]
        pub(super) fn not_static_with_fields(text: &str, d: D) -> BoxFuture<'static, D> {
            Box::pin(async move {
                pause().await;
                d
            })
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn configured(#[cfg(any())] a: Missing, #[cfg(all())] b: u8) -> u8 {
            b
        }
    };
}
twice!(items);

shapes! {
    future_of_never: cancel(future_of_never(D("d"))) => "future_of_never cancelled";
    opaque_infers: finish(opaque_infers(D("a"))) => "opaque_infers !Silent";
    boxed_alias_infers: finish(boxed_alias_infers(D("a"))).ok() => "boxed_alias_infers";
    stream_infers: finish(stream_infers(3).collect::<Vec<_>>()) => "stream_infers x3 !Silent";
    boxed_opaque: finish(boxed_opaque(D("d"))) => "boxed_opaque, tool:step";
    either_opaque: (finish(either_opaque(0)), finish(either_opaque(1))) => "either_opaque, either_opaque";
    fused_stream: finish(fused_stream(2).collect::<Vec<_>>()) => "fused_stream";
    fused_stream_later: finish(async { fused_stream_later(2).await.collect::<Vec<_>>().await }) => "fused_stream_later";
    function_of_texts: function_of_texts()(" a ") => "function_of_texts";
    not_static_with_fields: {
        let future = not_static_with_fields(&"text".to_owned(), D("d"));
        finish(future)
    } => "not_static_with_fields {len=4}";
    configured: shown(|| configured(1)) => "configured in={\"b\":1} out=1";
}
