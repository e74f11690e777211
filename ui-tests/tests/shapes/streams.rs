//! Functions that return a stream: the span ends when the stream ends, fails or is dropped, and says how many items passed.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, LocalBoxStream, Stream, StreamExt as _};
use llmetry::{agent, task, tool, workflow};

use crate::support::*;

type Alias<'a, T> = BoxStream<'a, T>;
type Items = Pin<Box<dyn Stream<Item = Result<u8, Broken>> + Send>>;

/// Named as that of the futures crates.
mod own {
    pub(crate) trait Stream {
        fn flow(&self) -> u8 {
            8
        }
    }
    impl Stream for u8 {}
}

/// A type of its own.
#[derive(Debug)]
pub(crate) struct Down(u8);

impl Stream for Down {
    type Item = u8;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        let next = self.0.checked_sub(1);
        self.0 = next.unwrap_or(0);
        Poll::Ready(next)
    }
}

/// All items.
fn drain<S: Stream>(stream: S) -> Vec<S::Item> {
    finish(async { stream.collect().await })
}

/// The first `n` items; then the stream is dropped.
fn first<S: Stream>(n: usize, stream: S) -> Vec<S::Item> {
    let mut stream = pin!(stream);
    let mut items = Vec::new();
    finish(async {
        while items.len() < n {
            items.extend(stream.next().await);
        }
    });
    items
}

/// Never polled, then dropped after an item, then to its end.
fn streams<S: Stream>(make: impl Fn() -> S) -> Vec<S::Item> {
    drop(make());
    log("never polled");
    let _ = first(1, make());
    log("dropped");
    drain(make())
}

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, tool)]
        fn item(n: u8) -> u8 {
            n * 2
        }
        #[cfg_attr($on, tool)]
        async fn item_async(n: u8) -> u8 {
            pause().await;
            n * 2
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque(n: u8) -> impl Stream<Item = u8> {
            log("called");
            stream::iter(0..n).map(item)
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_bounds(n: u8) -> impl Stream<Item = D> + Send + Unpin + 'static {
            stream::iter(0..n).map(|_| D("item"))
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_borrows(items: &[D]) -> impl Stream<Item = &str> {
            stream::iter(items).map(|item| item.0)
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_pending(d: D) -> impl Stream<Item = u8> {
            stream::iter(0..3).then(item_async).map(move |n| n + d.0.len() as u8)
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed(d: D) -> BoxStream<'static, usize> {
            log("called");
            stream::iter(0..3).map(move |n| n + d.0.len()).boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_alias(items: &[u8]) -> Alias<'_, u8> {
            stream::iter(items).then(|n| item_async(*n)).boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_in_full(n: u8) -> Pin<Box<dyn Stream<Item = u8> + Send>> {
            Box::pin(stream::iter(0..n))
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_local(n: std::rc::Rc<u8>) -> LocalBoxStream<'static, u8> {
            stream::repeat(n).map(|n| *n).take(2).boxed_local()
        }
        #[cfg_attr($on, task)]
        pub(super) fn fails(n: u8) -> Items {
            stream::iter(0..n).map(|n| if n == 1 { Err(Broken) } else { Ok(n) }).boxed()
        }
        #[cfg_attr($on, task(err = false))]
        pub(super) fn fails_as_expected(n: u8) -> Items {
            stream::iter(0..n).map(|n| if n == 1 { Err(Broken) } else { Ok(n) }).boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) fn fails_silently() -> impl Stream<Item = Result<u8, Silent>> {
            stream::once(async { Err(Silent) })
        }
        #[cfg_attr($on, task)]
        pub(super) fn panics(d: D) -> impl Stream<Item = u8> {
            stream::iter(0..3).map(move |n| {
                assert!(n < 2, "{}", d.0);
                n
            })
        }
        #[cfg_attr($on, task)]
        pub(super) fn made(n: u8, d: D) -> impl Stream<Item = u8> {
            async_stream::stream! {
                let _local = D("local");
                for i in 0..n {
                    yield item_async(i).await;
                }
                drop(d);
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn made_to_fail(d: D) -> impl Stream<Item = Result<D, Broken>> {
            async_stream::try_stream! {
                yield D("first");
                pause().await;
                if d.0 == "d" {
                    Err(Broken)?;
                }
                yield d;
            }
        }
        #[cfg_attr($on, agent)]
        pub(super) async fn later(d: D) -> impl Stream<Item = usize> {
            pause().await;
            log("here it is");
            stream::iter(0..2).map(move |n| n + d.0.len())
        }
        #[cfg_attr($on, agent)]
        pub(super) async fn later_boxed(n: u8) -> BoxStream<'static, u8> {
            pause().await;
            stream::iter(0..n).map(item).boxed()
        }
        #[cfg_attr($on, agent)]
        pub(super) async fn later_or_never(n: u8) -> Result<impl Stream<Item = u8>, Broken> {
            pause().await;
            if n == 0 {
                return Err(Broken);
            }
            Ok(stream::iter(0..n).map(item))
        }
        #[cfg_attr($on, agent)]
        pub(super) async fn later_or_never_boxed(
            n: u8,
        ) -> Result<BoxStream<'static, Result<u8, Silent>>, Broken> {
            pause().await;
            let n = n.checked_sub(1).ok_or(Broken)?;
            Ok(stream::iter(0..n).map(Ok).boxed())
        }
        #[cfg_attr($on, task)]
        pub(super) fn or_never(n: u8) -> Result<BoxStream<'static, u8>, Broken> {
            let n = n.checked_sub(1).ok_or(Broken)?;
            Ok(stream::iter(0..n).boxed())
        }
        #[cfg_attr($on, task)]
        pub(super) fn or_never_opaque(n: u8) -> Result<impl Stream<Item = u8> + Send, Broken> {
            let n = n.checked_sub(1).ok_or(Broken)?;
            Ok(stream::iter(0..n))
        }
        #[cfg_attr($on, task)]
        pub(super) fn future_of_a_stream(n: u8) -> impl Future<Output = BoxStream<'static, u8>> {
            async move {
                pause().await;
                stream::iter(0..n).boxed()
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn drops_trace(n: u8, d: D) -> impl Stream<Item = u8> {
            let calls = Calls(d);
            stream::iter(0..n).map(move |n| n + calls.length())
        }
        #[cfg_attr($on, task)]
        pub(super) fn drops_trace_boxed(n: u8, d: D) -> BoxStream<'static, u8> {
            drops_trace(n, d).boxed()
        }
        struct Calls(D);
        impl Calls {
            /// Takes all of it, so that it moves into whoever asks.
            fn length(&self) -> u8 {
                self.0.0.len() as u8
            }
        }
        impl Drop for Calls {
            #[cfg_attr($on, tool)]
            fn drop(&mut self) {
                log("drop of Calls");
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn concrete(n: u8) -> Down {
            Down(n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn cloneable(n: u8) -> impl Stream<Item = u8> + Clone {
            stream::iter(vec![n; 2])
        }
        #[cfg_attr($on, task)]
        pub(super) fn own_stream() -> impl own::Stream {
            1_u8
        }
        #[cfg_attr($on, task(fields(my.n = n)))]
        pub(super) fn with_fields(n: u8, (a, _): (D, D)) -> impl Stream<Item = u8> {
            log(a.0);
            stream::iter(0..n)
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn sums(n: u8) -> u8 {
            let mut items = pin!(opaque(n));
            let mut sum = 0;
            while let Some(item) = items.next().await {
                sum += item_async(item).await;
            }
            sum
        }
        pub(super) struct S(pub(super) u8);
        impl S {
            #[cfg_attr($on, agent)]
            pub(super) fn method(&self) -> impl Stream<Item = u8> + '_ {
                stream::iter(0..2).map(|n| n + self.0)
            }
            #[cfg_attr($on, agent)]
            pub(super) fn boxed_method<'a>(&'a mut self, by: &'a u8) -> BoxStream<'a, u8> {
                stream::iter(0..2)
                    .map(move |_| {
                        self.0 += by;
                        self.0
                    })
                    .boxed()
            }
        }
    };
}
twice!(items);

shapes! {
    opaque: streams(|| opaque(2))
        => "opaque x0 cancelled, opaque x1 cancelled(tool:item), opaque x2(tool:item, tool:item)";
    opaque_bounds: streams(|| opaque_bounds(2))
        => "opaque_bounds x0 cancelled, opaque_bounds x1 cancelled, opaque_bounds x2";
    opaque_borrows: drain(opaque_borrows(&[D("a"), D("b")])).len() => "opaque_borrows x2";
    opaque_pending: first(1, opaque_pending(D("d"))) => "opaque_pending x1 cancelled(tool:item_async)";
    opaque_pending_at_its_end: drain(opaque_pending(D("d")))
        => "opaque_pending x3(tool:item_async, tool:item_async, tool:item_async)";
    boxed: streams(|| boxed(D("d"))) => "boxed x0 cancelled, boxed x1 cancelled, boxed x3";
    boxed_alias: drain(boxed_alias(&[1, 2])) => "boxed_alias x2(tool:item_async, tool:item_async)";
    boxed_in_full: drain(boxed_in_full(2)) => "boxed_in_full x2";
    boxed_local: drain(boxed_local(std::rc::Rc::new(7))) => "boxed_local x2";
    empty: drain(opaque(0)) => "opaque x0";
    fails: drain(fails(3)).len() => "fails x3 !Broken";
    fails_and_is_dropped: first(2, fails(3)).len() => "fails x2 !Broken";
    fails_as_expected: drain(fails_as_expected(3)).len() => "fails_as_expected x3";
    fails_silently: drain(fails_silently()) => "fails_silently x1 !Silent";
    panics: drain(panics(D("d"))) => "panics x2 !panic";
    made: streams(|| made(2, D("d")))
        => "made x0 cancelled, made x1 cancelled(tool:item_async), made x2(tool:item_async, tool:item_async)";
    made_to_fail: (drain(made_to_fail(D("d"))).len(), drain(made_to_fail(D("e"))))
        => "made_to_fail x2 !Broken, made_to_fail x2";
    later: finish(async { drain(later(D("d")).await) }) => "agent:later x2";
    later_cancelled: cancel(later(D("d"))) => "agent:later cancelled";
    later_and_dropped: finish(async { first(1, later(D("d")).await) }) => "agent:later x1 cancelled";
    later_boxed: finish(async { drain(later_boxed(1).await) }) => "agent:later_boxed x1(tool:item)";
    later_or_never: finish(async { (later_or_never(1).await.map(drain), later_or_never(0).await.is_err()) })
        => "agent:later_or_never x1(tool:item), agent:later_or_never !Broken";
    later_or_never_boxed: finish(async { (later_or_never_boxed(2).await.map(drain), later_or_never_boxed(0).await.is_err()) })
        => "agent:later_or_never_boxed x1, agent:later_or_never_boxed !Broken";
    or_never: (or_never(2).map(drain), or_never(0).is_err()) => "or_never x1, or_never !Broken";
    or_never_opaque: (or_never_opaque(2).map(drain), or_never_opaque(0).is_err())
        => "or_never_opaque x1, or_never_opaque !Broken";
    future_of_a_stream: drain(finish(future_of_a_stream(2))) => "future_of_a_stream x2";
    // One that has ended is dropped when its owner drops it, after its span.
    drops_trace: streams(|| drops_trace(2, D("d")))
        => "drops_trace x0 cancelled(tool:drop), \
            drops_trace x1 cancelled(tool:drop), \
            drops_trace x2, tool:drop";
    drops_trace_boxed: streams(|| drops_trace_boxed(2, D("d")))
        => "drops_trace_boxed x0 cancelled(drops_trace x0 cancelled(tool:drop)), \
            drops_trace_boxed x1 cancelled(drops_trace x1 cancelled(tool:drop)), \
            drops_trace_boxed x2(drops_trace x2), tool:drop";
    concrete: drain(concrete(2)) => "concrete";
    cloneable: { let items = cloneable(2); (drain(items.clone()), drain(items)) } => "cloneable";
    own_stream: own::Stream::flow(&own_stream()) => "own_stream";
    with_fields: drain(with_fields(2, pair("a", "b"))) => "with_fields {n=2} x2";
    summed: finish(sums(2))
        => "workflow:sums(opaque x2(tool:item, tool:item), tool:item_async, tool:item_async)";
    method: drain(S(1).method()) => "agent:method x2";
    boxed_method: { let mut s = S(1); drain(s.boxed_method(&2)) } => "agent:boxed_method x2";
    polled_after_its_end: {
        let mut items = boxed_in_full(1);
        finish(async { (items.next().await, items.next().await, items.next().await) })
    } => "boxed_in_full x1";
    moved_to_a_thread: {
        let mut items = boxed(D("d"));
        let first = finish(items.next());
        (first, std::thread::spawn(|| drain(items)).join().ok())
    } => "boxed x3";
    size_hint: opaque_bounds(3).size_hint() => "opaque_bounds x0 cancelled";
}
