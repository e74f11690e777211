//! How futures are run: never, half-way, by others, on another thread, at the same time, in a runtime.

use std::future::{Future, Ready, pending, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use llmetry::{InCurrentTrace as _, agent, task, workflow};

use crate::support::*;

/// Polls both in turn until both are ready.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    let (mut of_a, mut of_b) = (None, None);
    std::future::poll_fn(move |context| {
        if of_a.is_none() {
            of_a = ready_now(a.as_mut().poll(context));
        }
        if of_b.is_none() {
            of_b = ready_now(b.as_mut().poll(context));
        }
        match (of_a.take(), of_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (of_a, of_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

fn ready_now<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A thread that is awaited by its name only: no future, though it looks like one.
pub(crate) struct Handle<T>(T);

impl<T: Unpin> Future for Handle<&mut Option<T>> {
    type Output = T;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) async fn waits_for_ever(_d: D) {
            pending().await
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn waits_for_both(a: D, b: D) -> (D, D) {
            both(steps(1, a), steps(2, b)).await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn steps(n: u8, d: D) -> D {
            for _ in 0..n {
                pause().await;
            }
            d
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn gives_up(a: D, b: D) -> D {
            {
                let mut slow = std::pin::pin!(steps(9, a));
                assert!(poll_once(slow.as_mut()).is_pending());
                log("given up");
            }
            steps(1, b).await
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn never_asks(a: D) -> u8 {
            let unused = steps(1, a);
            pause().await;
            drop(unused);
            1
        }
        #[cfg_attr($on, task)]
        #[allow(clippy::async_yields_async)]
        pub(super) async fn starts_another(n: u8) -> Ready<u8> {
            pause().await;
            ready(n)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn local(n: Rc<u8>) -> u8 {
            pause().await;
            *n
        }
        #[cfg_attr($on, task)]
        pub(super) async fn sends(n: Arc<u8>, _: Vec<u8>, (a, _b): (u8, String)) -> u8 {
            pause().await;
            *n + a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn holds_a_guard(n: &Mutex<u8>) -> u8 {
            let mut guard = n.lock().unwrap_or_else(|poison| poison.into_inner());
            pause().await;
            *guard += 1;
            *guard
        }
        #[cfg_attr($on, agent)]
        pub(super) async fn spawns(d: D) -> Result<u8, tokio::task::JoinError> {
            pause().await;
            drop(d);
            tokio::spawn(sends(Arc::new(1), vec![], (2, String::new())).in_current_trace()).await
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn selects(a: D) -> u8 {
            tokio::select! {
                biased;
                () = waits_for_ever(a) => 0,
                n = local(Rc::new(7)) => n,
            }
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn joins() -> (u8, D) {
            tokio::join!(local(Rc::new(7)), steps(2, D("d")))
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn first_error() -> Result<(u8, u8), Broken> {
            tokio::try_join!(fails_late(), async {
                Ok(local(Rc::new(9)).await + steps(9, D("slow")).await.0.len() as u8)
            })
        }
        #[cfg_attr($on, task)]
        pub(super) async fn fails_late() -> Result<u8, Broken> {
            pause().await;
            Err(Broken)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn by_hand(mut n: u8) -> u8 {
            std::future::poll_fn(move |_| {
                n -= 1;
                if n == 0 { Poll::Ready(3) } else { Poll::Pending }
            })
            .await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn handle_like(mut n: Option<u8>) -> u8 {
            Handle(&mut n).await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn panics_when_dropped() {
            struct Bomb;
            impl Drop for Bomb {
                fn drop(&mut self) {
                    panic!("in a drop");
                }
            }
            let _bomb = Bomb;
            pause().await;
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn drops_trace(d: D) {
            struct Calls(D);
            impl Drop for Calls {
                fn drop(&mut self) {
                    said(self.0.0);
                }
            }
            let _calls = Calls(d);
            pause().await;
        }
        #[cfg_attr($on, task)]
        fn said(word: &'static str) {
            log(word);
        }
    };
}
twice!(items);

fn in_tokio<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

shapes! {
    never_polled: drop(waits_for_ever(D("d"))) => "";
    cancelled: cancel(waits_for_ever(D("d"))) => "waits_for_ever cancelled";
    at_the_same_time: fates(|| waits_for_both(D("a"), D("b")))
        => "workflow:waits_for_both cancelled(steps cancelled, steps cancelled), workflow:waits_for_both(steps, steps)";
    given_up: fates(|| gives_up(D("a"), D("b")))
        => "workflow:gives_up cancelled(steps cancelled, steps cancelled), workflow:gives_up(steps cancelled, steps)";
    never_asked: fates(|| never_asks(D("a"))) => "workflow:never_asks cancelled, workflow:never_asks";
    another: finish(finish(starts_another(7))) => "starts_another";
    local: finish(local(Rc::new(1))) => "local";
    moved_while_pending: {
        let mut future = Box::pin(sends(Arc::new(1), vec![], (2, String::new())));
        assert!(poll_once(future.as_mut()).is_pending());
        std::thread::spawn(|| finish(future)).join().ok()
    } => "sends";
    cancelled_elsewhere: {
        let mut future = Box::pin(sends(Arc::new(1), vec![], (2, String::new())));
        assert!(poll_once(future.as_mut()).is_pending());
        std::thread::spawn(|| drop(future)).join().ok()
    } => "sends cancelled";
    holds_a_guard: finish(holds_a_guard(&Mutex::new(1))) => "holds_a_guard";
    boxed: { let future: Pin<Box<dyn Future<Output = D>>> = Box::pin(steps(2, D("d"))); finish(future) }
        => "steps";
    in_a_list: finish(async {
        let mut outputs = Vec::new();
        for future in vec![steps(1, D("a")), steps(2, D("b"))] {
            outputs.push(future.await);
        }
        outputs
    }) => "steps, steps";
    polled_after_its_end: {
        let mut future = Box::pin(steps(0, D("d")));
        let output = poll_once(future.as_mut());
        let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll_once(future.as_mut()).is_ready()));
        (output, again.map_err(|panic| panic.downcast_ref::<&str>().map(|text| text.contains("after completion"))).err())
    } => "steps";
    spawned: in_tokio(spawns(D("d"))).ok() => "agent:spawns(sends)";
    selected: in_tokio(selects(D("d"))) => "workflow:selects(waits_for_ever cancelled, local)";
    joined: in_tokio(joins()) => "workflow:joins(local, steps)";
    first_error: in_tokio(first_error())
        => "workflow:first_error !Broken(fails_late !Broken, local, steps cancelled)";
    by_hand: finish(by_hand(3)) => "by_hand";
    handle_like: finish(handle_like(Some(3))) => "handle_like";
    panics_when_dropped: cancel(panics_when_dropped()) => "panics_when_dropped cancelled";
    drops_trace: fates(|| drops_trace(D("d")))
        => "workflow:drops_trace cancelled(said), workflow:drops_trace(said)";
    select_in_an_async_block: finish(async {
        let first = async { steps(1, D("a")).await; 1 };
        both(first, steps(0, D("b"))).await
    }) => "steps, steps";
}
