//! Shapes that do not compile yet.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use llmetry::task;

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
    };
}
twice!(items);

shapes! {
    future_of_never: cancel(future_of_never(D("d"))) => "future_of_never cancelled";
    opaque_infers: finish(opaque_infers(D("a"))) => "opaque_infers !Silent";
    boxed_alias_infers: finish(boxed_alias_infers(D("a"))).ok() => "boxed_alias_infers";
}
