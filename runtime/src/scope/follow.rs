//! What a function returned still runs: the span goes on with the future or stream, and ends when that does.
//!
//! In: the returned value, and the [`Open`] of the call that made it. Out: a value that can stand in its place, which makes the span
//! current whenever it is polled. Which value that is, is decided by type, at compile time, in generated code: [`Returned`] is asked for
//! its kind by method resolution (see `outcome`), and the kind takes the value. Does not: guess from how a type is spelled.
//!
//! | returned | becomes |
//! | --- | --- |
//! | `impl Future`, `impl Stream`, `Result<impl Stream, _>` | [`TracedFuture`], [`TracedStream`] |
//! | `Pin<Box<dyn Future>>`, `Pin<Box<dyn Stream>>`, `Result` of the latter | the same type again, boxed around it |
//! | anything else, a future of a type with a name too | itself; the span ends |

#![expect(
    clippy::unused_self,
    reason = "what a value becomes is a method of its kind, found without naming either"
)]

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::future::{MarkPanic, Scope};
use super::open::Open;
use super::outcome::Returned;

/// Looks at what came out, and says whether it is an error.
type Observe<T> = fn(&T, &Open) -> bool;

/// Captures what came out.
type Keep<T> = fn(&T, &Open);

pin_project! {
    /// A returned future inside the span of the function that made it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct TracedFuture<F: Future> {
        #[pin]
        scope: Scope<F>,
        observe: Observe<F::Output>,
        keep: Keep<F::Output>,
    }
}

impl<F: Future> TracedFuture<F> {
    fn new(future: F, mut open: Open, observe: Observe<F::Output>, keep: Keep<F::Output>) -> Self {
        open.go_on();
        Self { scope: Scope::new(open, future), observe, keep }
    }
}

impl<F: Future> Future for TracedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.scope.poll(task).map(|(output, open)| {
            (this.observe)(&output, &open);
            (this.keep)(&output, &open);
            output
        })
    }
}

pin_project! {
    /// A returned stream inside the span of the function that made it.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct TracedStream<S: Stream> {
        open: Open,
        // `None` once it has been dropped, which has to happen while the span is current.
        #[pin]
        stream: Option<S>,
        observe: Observe<S::Item>,
        items: u64,
        failed: bool,
    }

    impl<S: Stream> PinnedDrop for TracedStream<S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let guard = this.open.enter_to_drop();
            this.stream.set(None);
            drop(guard);
            this.open.stream_items(*this.items);
            // Whoever meets an error stops asking for items: that is how a stream fails.
            if *this.failed {
                this.open.returned();
            }
        }
    }
}

impl<S: Stream> TracedStream<S> {
    fn new(stream: S, mut open: Open, observe: Observe<S::Item>) -> Self {
        open.go_on();
        Self { open, stream: Some(stream), observe, items: 0, failed: false }
    }
}

impl<S: Stream> Stream for TracedStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(stream) = this.stream.as_pin_mut() else { return Poll::Ready(None) };
        let guard = this.open.enter();
        let mark = MarkPanic(this.open);
        let polled = stream.poll_next(task);
        std::mem::forget(mark);
        drop(guard);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(item)) => {
                *this.items += 1;
                // The first error is the one that the others follow from.
                if !*this.failed {
                    *this.failed = (this.observe)(item, this.open);
                }
            }
            Poll::Ready(None) => {
                this.open.stream_items(*this.items);
                this.open.returned();
                drop(this.open.take());
            }
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

// ---- By type: a kind for each sort of value, and what becomes of the value.

/// A value that is done.
#[derive(Clone, Copy, Debug)]
pub struct Done;

impl Done {
    /// Ends the span.
    #[inline]
    pub fn finish<T>(self, value: T, open: Open, _: Observe<()>, keep: Keep<T>) -> T {
        keep(&value, &open);
        drop(open);
        value
    }
}

/// A future whose type the caller cannot name.
#[derive(Clone, Copy, Debug)]
pub struct AnyFuture;

impl AnyFuture {
    /// The span goes on with the future.
    pub fn finish<F: Future>(
        self,
        value: F,
        open: Open,
        observe: Observe<F::Output>,
        keep: Keep<F::Output>,
    ) -> TracedFuture<F> {
        TracedFuture::new(value, open, observe, keep)
    }
}

/// A stream whose type the caller cannot name.
#[derive(Clone, Copy, Debug)]
pub struct AnyStream;

impl AnyStream {
    /// The span goes on with the stream.
    pub fn finish<S: Stream>(
        self,
        value: S,
        open: Open,
        observe: Observe<S::Item>,
        _: Keep<()>,
    ) -> TracedStream<S> {
        TracedStream::new(value, open, observe)
    }
}

/// The same, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct AnyStreamOrErr;

impl AnyStreamOrErr {
    /// The span goes on with the stream; an `Err` ends it.
    pub fn finish<S: Stream, E>(
        self,
        value: Result<S, E>,
        open: Open,
        observe: Observe<S::Item>,
        _: Keep<()>,
    ) -> Result<TracedStream<S>, E> {
        value.map(|stream| TracedStream::new(stream, open, observe))
    }
}

/// A boxed future.
#[derive(Clone, Copy, Debug)]
pub struct BoxedFuture;

impl BoxedFuture {
    /// The span goes on with the future.
    pub fn finish<F: RewrapFuture>(
        self,
        value: F,
        open: Open,
        observe: Observe<F::Output>,
        keep: Keep<F::Output>,
    ) -> F {
        if Open::is_over(&open) { value } else { value.rewrap(open, observe, keep) }
    }
}

/// A boxed stream.
#[derive(Clone, Copy, Debug)]
pub struct BoxedStream;

impl BoxedStream {
    /// The span goes on with the stream.
    pub fn finish<S: RewrapStream>(self, value: S, open: Open, observe: Observe<S::Item>, _: Keep<()>) -> S {
        if Open::is_over(&open) { value } else { value.rewrap(open, observe) }
    }
}

/// The same, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct BoxedStreamOrErr;

impl BoxedStreamOrErr {
    /// The span goes on with the stream; an `Err` ends it.
    pub fn finish<S: RewrapStream, E>(
        self,
        value: Result<S, E>,
        open: Open,
        observe: Observe<S::Item>,
        _: Keep<()>,
    ) -> Result<S, E> {
        value.map(|stream| BoxedStream.finish(stream, open, observe, |(), _| ()))
    }
}

/// A boxed future that can be put into a box of the same type.
pub trait RewrapFuture: Future + Sized {
    /// This future inside the span of `open`.
    fn rewrap(self, open: Open, observe: Observe<Self::Output>, keep: Keep<Self::Output>) -> Self;
}

/// A boxed stream that can be put into a box of the same type.
pub trait RewrapStream: Stream + Sized {
    /// This stream inside the span of `open`.
    fn rewrap(self, open: Open, observe: Observe<Self::Item>) -> Self;
}

/// Asked first of a boxed value, when `async fn`s are not meant: what they return is finished work, also if it is a future.
pub trait FollowBoxedFuture {
    /// A boxed future.
    fn llmetry_kind(&self) -> BoxedFuture {
        BoxedFuture
    }
}

/// Asked of a boxed value.
pub trait FollowBoxedStream {
    /// A boxed stream.
    fn llmetry_kind(&self) -> BoxedStream {
        BoxedStream
    }
}

/// Asked of a `Result`.
pub trait FollowBoxedStreamOrErr {
    /// A boxed stream, perhaps.
    fn llmetry_kind(&self) -> BoxedStreamOrErr {
        BoxedStreamOrErr
    }
}

macro_rules! boxed {
    ($(($($auto:tt)*))*) => {$(
        impl<'f, T: 'f> RewrapFuture for Pin<Box<dyn Future<Output = T> $($auto)* + 'f>> {
            fn rewrap(self, open: Open, observe: Observe<T>, keep: Keep<T>) -> Self {
                Box::pin(TracedFuture::new(self, open, observe, keep))
            }
        }
        impl<'f, T: 'f> RewrapStream for Pin<Box<dyn Stream<Item = T> $($auto)* + 'f>> {
            fn rewrap(self, open: Open, observe: Observe<T>) -> Self {
                Box::pin(TracedStream::new(self, open, observe))
            }
        }
        impl<'f, T> FollowBoxedFuture for &&&Returned<'_, Pin<Box<dyn Future<Output = T> $($auto)* + 'f>>> {}
        impl<'f, T> FollowBoxedStream for &&Returned<'_, Pin<Box<dyn Stream<Item = T> $($auto)* + 'f>>> {}
        impl<'f, T, E> FollowBoxedStreamOrErr
            for &Returned<'_, Result<Pin<Box<dyn Stream<Item = T> $($auto)* + 'f>>, E>> {}
    )*};
}
boxed! { () (+ Send) (+ Send + Sync) }

/// Asked first of an opaque value.
pub trait FollowFuture {
    /// A future.
    fn llmetry_kind(&self) -> AnyFuture {
        AnyFuture
    }
}

impl<F: Future> FollowFuture for &&&Returned<'_, F> {}

/// Asked of an opaque value that is no future.
pub trait FollowStream {
    /// A stream.
    fn llmetry_kind(&self) -> AnyStream {
        AnyStream
    }
}

impl<S: Stream> FollowStream for &&Returned<'_, S> {}

/// Asked of an opaque value that is neither.
pub trait FollowStreamOrErr {
    /// A stream, perhaps.
    fn llmetry_kind(&self) -> AnyStreamOrErr {
        AnyStreamOrErr
    }
}

impl<S: Stream, E> FollowStreamOrErr for &Returned<'_, Result<S, E>> {}

/// Everything else.
pub trait FollowNothing {
    /// A value that is done.
    fn llmetry_kind(&self) -> Done {
        Done
    }
}

impl<T: ?Sized> FollowNothing for Returned<'_, T> {}

// ---- What the signature says of an opaque value: a closure's value is not told by itself.

/// An opaque value that was promised to bring a `T`.
#[derive(Debug)]
pub struct Promised<'a, T, V: ?Sized>(&'a V, PhantomData<fn() -> T>);

impl<'a, T, V: ?Sized> Promised<'a, T, V> {
    /// `value`, promised to bring a `T`.
    #[inline]
    pub fn new(value: &'a V) -> Self {
        Self(value, PhantomData)
    }
}

/// Asked first.
pub trait PromisedFuture {
    /// Its output is a `T`.
    #[inline]
    fn llmetry_promised(&self) {}
}

impl<T, F: Future<Output = T> + ?Sized> PromisedFuture for &&Promised<'_, T, F> {}

/// Asked of what is no future.
pub trait PromisedStream {
    /// Its items are `T`s.
    #[inline]
    fn llmetry_promised(&self) {}
}

impl<T, S: Stream<Item = T> + ?Sized> PromisedStream for &Promised<'_, T, S> {}

/// Asked of what is neither, or does not keep the promise: rustc says it of the function's own value.
pub trait PromisedNothing {
    /// Says nothing.
    #[inline]
    fn llmetry_promised(&self) {}
}

impl<T, V: ?Sized> PromisedNothing for Promised<'_, T, V> {}
