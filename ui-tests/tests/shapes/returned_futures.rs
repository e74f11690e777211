//! Functions that return a future: the span begins with the call, is current at each poll, and ends with the future. A body that is an
//! `async` block and nothing else begins with the first poll, as an `async fn`.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt as _, LocalBoxFuture};
use llmetry::{agent, task, tool, workflow};

use crate::support::*;

type Alias<'a, T> = BoxFuture<'a, T>;
type Local<T> = Pin<Box<dyn Future<Output = T>>>;
type Fallible<'a, T> = Pin<Box<dyn Future<Output = Result<T, Broken>> + Send + 'a>>;

/// Awaited by hand, and a future by trait: a type of its own.
#[derive(Debug)]
pub(crate) struct Handle(Option<D>);

impl Future for Handle {
    type Output = D;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<D> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Named as that of the standard library.
mod own {
    pub(crate) trait Future {
        fn soon(&self) -> u8 {
            7
        }
    }
    impl Future for u8 {}
}

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, tool)]
        async fn step(d: D) -> D {
            pause().await;
            d
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque(d: D) -> impl Future<Output = D> {
            log("called");
            async move {
                log("polled");
                step(d).await
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_bounds(d: D) -> impl Future<Output = D> + Send + Sync + 'static {
            log("called");
            let inner = D("local");
            async move {
                pause().await;
                drop(inner);
                d
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_borrows<'a>(a: &'a D, b: D) -> impl Future<Output = &'a str> + use<'a> {
            log(b.0);
            async move {
                pause().await;
                a.0
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_fails(d: D) -> impl Future<Output = Result<D, Broken>> {
            log("called");
            async move {
                pause().await;
                if d.0 == "a" {
                    return Ok(d);
                }
                Err(Broken)
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
        pub(super) fn opaque_infers_in_a_block(d: D) -> impl Future<Output = Result<Vec<u8>, Silent>> {
            async move {
                pause().await;
                if d.0 == "other" {
                    Err(Broken)?;
                }
                Ok(d.0.bytes().collect())
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_infers(d: D) -> BoxFuture<'static, Result<Vec<u8>, Silent>> {
            log("called");
            Box::pin(async move {
                pause().await;
                Err::<u8, _>(Broken)?;
                Ok(d.0.bytes().collect())
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_of_another(d: D) -> impl Future<Output = D> {
            log("called");
            step(d)
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_with_a_pattern((a, _): (D, D), _: D) -> impl Future<Output = D> {
            let a = a;
            async move {
                pause().await;
                a
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed(d: D) -> BoxFuture<'static, D> {
            log("called");
            step(d).boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_alias(d: &D) -> Alias<'_, usize> {
            log("called");
            Box::pin(async move {
                pause().await;
                d.0.len()
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_in_full(d: &D) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
            let n = d.0.len();
            Box::pin(async move {
                pause().await;
                n
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_local(n: Rc<u8>) -> LocalBoxFuture<'static, u8> {
            let n = n;
            async move {
                pause().await;
                *n
            }
            .boxed_local()
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_local_alias(n: Rc<u8>) -> Local<u8> {
            log("called");
            Box::pin(async move {
                pause().await;
                *n
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_fails(d: D) -> Fallible<'static, D> {
            if d.0 == "a" {
                return Box::pin(ready(Err(Broken)));
            }
            Box::pin(async move {
                pause().await;
                Ok(d)
            })
        }
        #[cfg_attr($on, task(err = false))]
        pub(super) fn boxed_fails_as_expected() -> Fallible<'static, u8> {
            log("called");
            Box::pin(ready(Err(Broken)))
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_panics(d: D) -> BoxFuture<'static, D> {
            log("called");
            async move {
                pause().await;
                panic!("{}", d.0)
            }
            .boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn panics_before(d: D) -> BoxFuture<'static, D> {
            if d.0 == "d" {
                panic!("at once");
            }
            Box::pin(ready(d))
        }
        #[cfg_attr($on, workflow)]
        pub(super) fn recursive(n: u8) -> BoxFuture<'static, u8> {
            log("called");
            Box::pin(async move { if n == 0 { 0 } else { 1 + recursive(n - 1).await } })
        }
        #[cfg_attr($on, task)]
        pub(super) fn block(d: D, unused: u8) -> impl Future<Output = D> {
            async move { step(d).await }
        }
        #[cfg_attr($on, task)]
        pub(super) fn block_by_reference(d: &D) -> impl Future<Output = usize> {
            async {
                pause().await;
                d.0.len()
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_block(d: D, _: D) -> BoxFuture<'static, D> {
            Box::pin(async move { step(d).await })
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_block_in_full<'a>(
            d: &'a D,
        ) -> Pin<Box<dyn Future<Output = Result<&'a str, Broken>> + 'a>> {
            std::boxed::Box::pin(async move {
                pause().await;
                let text = Some(d.0).filter(|text| text.len() > 1).ok_or(Broken)?;
                Ok(text)
            })
        }
        #[cfg_attr($on, task(fields(my.n = n, my.name = d.0)))]
        pub(super) fn block_with_fields(n: u8, d: D) -> impl Future<Output = u8> + Send {
            async move {
                pause().await;
                drop(d);
                n
            }
        }
        #[cfg_attr($on, task(fields(my.n = n)))]
        pub(super) fn opaque_with_fields(n: u8) -> impl Future<Output = u8> {
            log("called");
            async move {
                pause().await;
                n
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn drops_trace(d: D) -> impl Future<Output = usize> {
            let calls = Calls(d);
            async move {
                pause().await;
                calls.length()
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn drops_trace_boxed(d: D) -> BoxFuture<'static, usize> {
            drops_trace(d).boxed()
        }
        struct Calls(D);
        impl Calls {
            /// Takes all of it, so that it moves into whoever asks.
            fn length(&self) -> usize {
                self.0.0.len()
            }
        }
        impl Drop for Calls {
            #[cfg_attr($on, tool)]
            fn drop(&mut self) {
                log("drop of Calls");
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn cloneable(d: u8) -> impl Future<Output = u8> + Clone {
            ready(d)
        }
        #[cfg_attr($on, task)]
        pub(super) fn concrete(d: D) -> Handle {
            Handle(Some(d))
        }
        #[cfg_attr($on, task)]
        pub(super) fn concrete_ready(d: D) -> Ready<D> {
            ready(d)
        }
        #[cfg_attr($on, task)]
        pub(super) fn concrete_in_a_result(d: D) -> Result<Handle, Broken> {
            Ok(Handle(Some(d)))
        }
        #[cfg_attr($on, task)]
        pub(super) fn object(d: D) -> Box<dyn Future<Output = D> + Unpin> {
            Box::new(Handle(Some(d)))
        }
        #[cfg_attr($on, task)]
        pub(super) fn generic<F: Future>(future: F) -> F {
            future
        }
        #[cfg_attr($on, task)]
        pub(super) fn in_an_option(d: D) -> Option<BoxFuture<'static, D>> {
            Some(step(d).boxed())
        }
        #[cfg_attr($on, task)]
        pub(super) fn own_future() -> impl own::Future {
            1_u8
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn hands_out(d: D) -> impl Future<Output = D> {
            pause().await;
            log("handed out");
            step(d)
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn hands_out_boxed(d: D) -> Result<BoxFuture<'static, D>, Broken> {
            pause().await;
            Ok(step(d).boxed())
        }
        pub(super) struct S(pub(super) D);
        impl S {
            #[cfg_attr($on, agent)]
            pub(super) fn method(&self, d: D) -> impl Future<Output = usize> + '_ {
                let n = d.0.len();
                async move {
                    pause().await;
                    self.0.0.len() + n
                }
            }
            #[cfg_attr($on, agent)]
            pub(super) fn boxed_method<'a>(&'a mut self, d: &'a D) -> BoxFuture<'a, usize> {
                Box::pin(async move {
                    pause().await;
                    self.0.0 = d.0;
                    self.0.0.len()
                })
            }
            #[cfg_attr($on, agent)]
            pub(super) fn by_value(self) -> BoxFuture<'static, D> {
                log("called");
                async { step(self.0).await }.boxed()
            }
        }
        pub(super) trait Does {
            fn does(&self) -> impl Future<Output = u8> + Send;
            #[cfg_attr($on, tool)]
            fn by_default(&self) -> BoxFuture<'_, u8>
            where
                Self: Sync,
            {
                log("called");
                self.does().boxed()
            }
        }
        impl Does for u8 {
            #[cfg_attr($on, task)]
            fn does(&self) -> impl Future<Output = u8> + Send {
                let n = *self;
                async move {
                    pause().await;
                    n
                }
            }
        }
        impl Does for u16 {
            #[cfg_attr($on, task)]
            async fn does(&self) -> u8 {
                pause().await;
                2
            }
        }
    };
}
twice!(items);

shapes! {
    opaque: fates(|| opaque(D("d")))
        => "opaque cancelled, opaque cancelled(tool:step cancelled), opaque(tool:step)";
    opaque_bounds: fates(|| opaque_bounds(D("d")))
        => "opaque_bounds cancelled, opaque_bounds cancelled, opaque_bounds";
    opaque_borrows: finish(opaque_borrows(&D("a"), D("b"))).len() => "opaque_borrows";
    opaque_fails: (finish(opaque_fails(D("a"))), finish(opaque_fails(D("b"))))
        => "opaque_fails, opaque_fails !Broken";
    opaque_infers: finish(opaque_infers(D("a"))) => "opaque_infers !Silent";
    boxed_alias_infers: finish(boxed_alias_infers(D("a"))).ok() => "boxed_alias_infers";
    opaque_infers_in_a_block: finish(opaque_infers_in_a_block(D("a"))).ok() => "opaque_infers_in_a_block";
    boxed_infers: finish(boxed_infers(D("a"))) => "boxed_infers !Silent";
    opaque_of_another: fates(|| opaque_of_another(D("d")))
        => "opaque_of_another cancelled, opaque_of_another cancelled(tool:step cancelled), opaque_of_another(tool:step)";
    opaque_with_a_pattern: fates(|| opaque_with_a_pattern(pair("a", "b"), D("c")))
        => "opaque_with_a_pattern cancelled, opaque_with_a_pattern cancelled, opaque_with_a_pattern";
    boxed: fates(|| boxed(D("d")))
        => "boxed cancelled, boxed cancelled(tool:step cancelled), boxed(tool:step)";
    boxed_alias: { let d = D("d"); fates(|| boxed_alias(&d)) }
        => "boxed_alias cancelled, boxed_alias cancelled, boxed_alias";
    boxed_in_full: finish(boxed_in_full(&D("d"))) => "boxed_in_full";
    boxed_local: finish(boxed_local(Rc::new(1))) => "boxed_local";
    boxed_local_alias: finish(boxed_local_alias(Rc::new(1))) => "boxed_local_alias";
    boxed_fails: (finish(boxed_fails(D("a"))), finish(boxed_fails(D("b"))))
        => "boxed_fails !Broken, boxed_fails";
    boxed_fails_as_expected: finish(boxed_fails_as_expected()) => "boxed_fails_as_expected";
    boxed_panics: finish(boxed_panics(D("d"))) => "boxed_panics !panic";
    panics_before: finish(panics_before(D("d"))) => "panics_before !panic";
    recursive: finish(recursive(1)) => "workflow:recursive(workflow:recursive)";
    block: fates(|| block(D("d"), 1)) => "block cancelled(tool:step cancelled), block(tool:step)";
    block_by_reference: { let d = D("d"); fates(|| block_by_reference(&d)) }
        => "block_by_reference cancelled, block_by_reference";
    boxed_block: fates(|| boxed_block(D("d"), D("e")))
        => "boxed_block cancelled(tool:step cancelled), boxed_block(tool:step)";
    boxed_block_in_full: { let d = D("d"); fates(|| boxed_block_in_full(&d)).is_err() }
        => "boxed_block_in_full cancelled, boxed_block_in_full !Broken";
    block_with_fields: fates(|| block_with_fields(1, D("d")))
        => "block_with_fields {n=1, name=\"d\"} cancelled, block_with_fields {n=1, name=\"d\"}";
    opaque_with_fields: fates(|| opaque_with_fields(1))
        => "opaque_with_fields {n=1} cancelled, opaque_with_fields {n=1} cancelled, opaque_with_fields {n=1}";
    drops_trace: fates(|| drops_trace(D("d")))
        => "drops_trace cancelled(tool:drop), drops_trace cancelled(tool:drop), drops_trace(tool:drop)";
    drops_trace_boxed: fates(|| drops_trace_boxed(D("d")))
        => "drops_trace_boxed cancelled(drops_trace cancelled(tool:drop)), \
            drops_trace_boxed cancelled(drops_trace cancelled(tool:drop)), \
            drops_trace_boxed(drops_trace(tool:drop))";
    cloneable: { let future = cloneable(1); (finish(future.clone()), finish(future)) } => "cloneable";
    concrete: finish(concrete(D("d"))) => "concrete";
    concrete_ready: finish(concrete_ready(D("d"))) => "concrete_ready";
    concrete_in_a_result: concrete_in_a_result(D("d")).map(finish) => "concrete_in_a_result";
    object: finish(object(D("d"))) => "object";
    generic: finish(generic(async { pause().await; 1 })) => "generic";
    in_an_option: in_an_option(D("d")).map(finish) => "in_an_option, tool:step";
    own_future: own::Future::soon(&own_future()) => "own_future";
    hands_out: finish(async { hands_out(D("d")).await.await }) => "workflow:hands_out, tool:step";
    hands_out_boxed: finish(async { hands_out_boxed(D("d")).await?.await.0.len().checked_sub(2).ok_or(Broken) })
        => "workflow:hands_out_boxed, tool:step";
    method: { let s = S(D("s")); fates(|| s.method(D("d"))) }
        => "agent:method cancelled, agent:method cancelled, agent:method";
    boxed_method: { let mut s = S(D("s")); finish(s.boxed_method(&D("other"))) } => "agent:boxed_method";
    by_value: fates(|| S(D("s")).by_value())
        => "agent:by_value cancelled, agent:by_value cancelled(tool:step cancelled), agent:by_value(tool:step)";
    in_a_trait: fates(|| async { 1_u8.does().await }) => "does cancelled, does";
    in_a_trait_by_default: finish(1_u8.by_default()) => "tool:by_default(does)";
    in_a_trait_async: finish(1_u16.by_default()) => "tool:by_default(does)";
    moved_to_a_thread: {
        let mut future = boxed(D("d"));
        assert!(future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
        std::thread::spawn(|| finish(future).0).join().ok()
    } => "boxed(tool:step)";
}
