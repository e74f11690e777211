//! Answers from memory, with and without `LlmLayer` around them: one thread takes a chunk of each of the streams in turn, as an executor with eight busy tasks does.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use llmetry::LlmLayer;
use tower_layer::Layer;
use tower_service::Service;

use super::{Cost, Part, STREAMS, script};
use crate::allocations;
use crate::meter::{block_on, median, metered_section};

/// Chunks of each stream between two readings of the clock: a fraction of a millisecond, so that most of them pass undisturbed on a machine
/// that others use too.
const STRETCH: usize = 50;
/// Chunks in a stretch, of all streams.
#[expect(clippy::cast_precision_loss, reason = "some hundreds")]
const PASSED: f64 = (STREAMS * STRETCH) as f64;

/// A body that is there already.
struct Script {
    chunks: Arc<[Bytes]>,
    next: usize,
}

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks.get(self.next).cloned();
        self.next += 1;
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// A server that has its answer ready.
struct There(Option<Response<Script>>);

impl Service<Request<Bytes>> for There {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Script>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        black_box(request);
        ready(Ok(self.0.take().expect("it is asked once")))
    }
}

pub(super) fn bare(part: Part, samples: usize) -> Cost {
    measure(part, samples, ask)
}

pub(super) fn observed(part: Part, samples: usize) -> Cost {
    measure(part, samples, |request, there| ask(request, LlmLayer::new().layer(there)))
}

fn ask<S, B>(request: Request<Bytes>, mut server: S) -> B
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Infallible>,
{
    let Ok(answer) = block_on(server.call(request));
    answer.into_body()
}

fn measure<B: Body<Data = Bytes>>(part: Part, samples: usize, open: fn(Request<Bytes>, There) -> B) -> Cost {
    let chunks: Arc<[Bytes]> = script::chunks().into();
    let run = |metered, one_by_one| sample(&chunks, metered, one_by_one, open);
    // Makes thread-locals and buffers, and wakes the worker for the first time.
    run(None, false);
    let (mut firsts, mut rests) = (Vec::new(), Vec::new());
    let (mut count, mut bytes) = (0, 0);
    for _ in 0..samples {
        let found = run(Some(part), false);
        firsts.extend(found.firsts);
        rests.extend(found.rests);
        count += found.allocations.count;
        bytes += found.allocations.bytes;
    }
    let mut each = run(None, true).each;
    each.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let of = |sum: u64| sum as f64 / (samples * STREAMS) as f64;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let number = chunks.len() as f64;
    Cost {
        chunk_ns: median(&rests),
        each_ns: median(&each),
        slow_ns: each.get(each.len() * 99 / 100).copied().unwrap_or_default(),
        first_ns: median(&firsts),
        allocations: of(count),
        bytes: of(bytes),
        chunks: number,
    }
}

struct Found {
    /// Nanoseconds to the first chunk, a stream each.
    firsts: Vec<f64>,
    /// Nanoseconds a chunk after it, a stretch each.
    rests: Vec<f64>,
    /// Chunks timed one by one.
    each: Vec<f64>,
    allocations: allocations::Allocations,
}

fn sample<B: Body<Data = Bytes>>(
    chunks: &Arc<[Bytes]>,
    metered: Option<Part>,
    one_by_one: bool,
    open: fn(Request<Bytes>, There) -> B,
) -> Found {
    // What a client makes anyway is made outside of the timer.
    let exchanges = RefCell::new((0..STREAMS).map(|_| exchange(chunks)).collect::<Vec<_>>());
    let bodies = RefCell::new(Vec::with_capacity(STREAMS));
    let firsts = RefCell::new(Vec::with_capacity(STREAMS));
    let each = RefCell::new(Vec::with_capacity(if one_by_one { STREAMS * chunks.len() } else { 0 }));

    let before = allocations::of_this_thread();
    let begin = || {
        for (request, there) in exchanges.take() {
            let start = Instant::now();
            let mut body = Box::pin(open(request, there));
            assert!(poll(&mut body), "there is a first chunk");
            firsts.borrow_mut().push(nanoseconds(start));
            bodies.borrow_mut().push(body);
        }
    };
    let rests = RefCell::new(Vec::with_capacity(chunks.len() / STRETCH));
    let read = || {
        let (mut bodies, mut each, mut rests) = (bodies.borrow_mut(), each.borrow_mut(), rests.borrow_mut());
        // The first chunk has passed; what is left over by the stretches is read with the end.
        let stretches = (chunks.len() - 1) / STRETCH;
        for _ in 0..stretches {
            let start = Instant::now();
            for _ in 0..STRETCH {
                for body in bodies.iter_mut() {
                    if one_by_one {
                        let start = Instant::now();
                        poll(body);
                        each.push(nanoseconds(start));
                    } else {
                        poll(body);
                    }
                }
            }
            rests.push(nanoseconds(start) / PASSED);
        }
        for body in bodies.iter_mut() {
            while poll(body) {}
        }
        bodies.clear();
    };
    match metered {
        Some(Part::First) => metered_section(&begin),
        _ => begin(),
    }
    match metered {
        Some(Part::Rest) => metered_section(&read),
        _ => read(),
    }
    let allocations = allocations::of_this_thread() - before;

    Found { firsts: firsts.into_inner(), rests: rests.into_inner(), each: each.into_inner(), allocations }
}

/// A request, and who answers it.
fn exchange(chunks: &Arc<[Bytes]>) -> (Request<Bytes>, There) {
    let request = Request::post(format!("http://127.0.0.1:8000{}", script::PATH))
        .header("content-type", "application/json")
        .body(Bytes::from_static(script::QUESTION))
        .expect("a valid request");
    let answer = Response::builder()
        .header("content-type", "text/event-stream; charset=utf-8")
        .body(Script { chunks: Arc::clone(chunks), next: 0 })
        .expect("a valid answer");
    (request, There(Some(answer)))
}

/// Takes a chunk as a client does; `false` at the end.
fn poll<B: Body<Data = Bytes>>(body: &mut Pin<Box<B>>) -> bool {
    let mut task = Context::from_waker(Waker::noop());
    match body.as_mut().poll_frame(&mut task) {
        Poll::Ready(Some(Ok(frame))) => {
            black_box(frame.into_data().is_ok());
            true
        }
        Poll::Ready(None) => false,
        Poll::Ready(Some(Err(_))) | Poll::Pending => unreachable!("it is all there"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn nanoseconds(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}
