//! The same functions with and without the attribute, side by side: what they do to their arguments, and how large their futures are.

#![allow(clippy::print_stdout)] // the sizes, for `--nocapture`
#![allow(
    unused_variables,
    clippy::needless_pass_by_value,
    clippy::toplevel_ref_arg,
    clippy::unused_self,
    clippy::large_types_passed_by_value,
    clippy::used_underscore_binding,
    clippy::unused_async,
    clippy::wildcard_imports
)]

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

thread_local! {
    static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn log(word: &'static str) {
    LOG.with_borrow_mut(|log| log.push(word));
}

/// Says its name when it is dropped.
struct D(&'static str);

impl Drop for D {
    fn drop(&mut self) {
        log(self.0);
    }
}

/// What is logged while `f` runs.
fn logged(f: impl FnOnce()) -> Vec<&'static str> {
    LOG.take();
    f();
    LOG.take()
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    NeverPolled,
    Cancelled,
    Finished,
}

fn meet<F: Future>(future: F, fate: Fate) {
    if matches!(fate, Fate::NeverPolled) {
        return drop(future);
    }
    let mut future = pin!(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match fate {
        Fate::Cancelled => assert!(polled.is_pending()),
        Fate::Finished => assert!(polled.is_ready()),
        Fate::NeverPolled => unreachable!(),
    }
}

struct S<T> {
    one: T,
    two: T,
}

/// Each function as it is and annotated.
macro_rules! twice {
    ($($item:item)*) => {
        mod bare {
            use super::*;
            $($item)*
        }
        mod traced {
            use super::*;
            $(#[llmetry::task] $item)*
        }
    };
}

twice! {
    pub(super) fn names(a: D, b: D, c: D) {
        let _local = D("local");
        log("body");
    }
    pub(super) fn underscores(_: D, b: D, _: D, _d: D) {
        log("body");
    }
    pub(super) fn patterns((x, _): (D, D), (_, y): (D, D)) {
        let _local = D("local");
        log("body");
    }
    pub(super) fn patterns_between(a: D, (x, _): (D, D), b: D, S { two, .. }: S<(D, D)>, _: D) {
        log("body");
    }
    pub(super) fn by_ref(ref a: D, b: D, ref c: D) {
        log(a.0);
    }
    pub(super) fn partly_moved(a: S<D>, b: S<Box<D>>) {
        drop(a.two);
        let _local = b.one;
        log("body");
    }
    pub(super) fn returns_early(a: D, b: D) -> Option<D> {
        if a.0 == "a" {
            return Some(b);
        }
        None
    }
    pub(super) fn tail_temporary(a: D, (b, _): (D, D)) -> usize {
        RefCell::new((D("temporary"), a.0.len())).borrow().1 + b.0.len()
    }
    pub(super) async fn async_names(fate: Fate, a: D, b: D, c: D) {
        let _local = D("local");
        log("body");
        if let Fate::Cancelled = fate { pending::<()>().await; }
    }
    pub(super) async fn async_underscores(_: D, b: D, _: D, fate: Fate, _d: D) {
        if let Fate::Cancelled = fate { pending::<()>().await; }
        log("body");
    }
    pub(super) async fn async_patterns((x, _): (D, D), (_, y): (D, D), fate: Fate) {
        let _local = D("local");
        if let Fate::Cancelled = fate { pending::<()>().await; }
        log("body");
    }
    pub(super) async fn async_patterns_between(fate: Fate, a: D, (x, _): (D, D), b: D, S { two, .. }: S<(D, D)>, _: D) {
        if let Fate::Cancelled = fate { pending::<()>().await; }
        log("body");
    }
    pub(super) async fn async_partly_moved(fate: Fate, a: S<D>, b: S<Box<D>>, c: S<D>) {
        drop(a.two);
        let _local = b.one;
        if let Fate::Cancelled = fate { pending::<()>().await; }
        let _c = c.two;
        log("body");
    }
    pub(super) async fn async_moved_late(fate: Fate, a: D, b: D, c: D) {
        if let Fate::Cancelled = fate { pending::<()>().await; }
        drop(b);
        log("body");
    }
    pub(super) async fn async_awaited(a: D, fate: Fate, b: D) {
        let inner = async_names(fate, D("inner a"), D("inner b"), D("inner c"));
        inner.await;
        log("body");
    }
}

impl S<D> {
    fn bare(self, a: D, _: D) {
        log("body");
    }
    #[llmetry::agent]
    fn traced(self, a: D, _: D) {
        log("body");
    }
    async fn async_bare(self, fate: Fate, _: D) {
        if let Fate::Cancelled = fate {
            pending::<()>().await;
        }
        log("body");
    }
    #[llmetry::agent]
    async fn async_traced(self, fate: Fate, _: D) {
        if let Fate::Cancelled = fate {
            pending::<()>().await;
        }
        log("body");
    }
}

fn pair(one: &'static str, two: &'static str) -> (D, D) {
    (D(one), D(two))
}

#[test]
fn sync_arguments_are_dropped_in_the_same_order() {
    macro_rules! same {
        ($name:ident($($arg:expr),*)) => {
            let bare = logged(|| _ = bare::$name($($arg),*));
            let traced = logged(|| _ = traced::$name($($arg),*));
            assert!(!bare.is_empty());
            assert_eq!(bare, traced, stringify!($name));
        };
    }
    same!(names(D("a"), D("b"), D("c")));
    same!(underscores(D("a"), D("b"), D("c"), D("d")));
    same!(patterns(pair("x", "rest of 0"), pair("rest of 1", "y")));
    let two = || S { one: pair("s1", "s2"), two: pair("s3", "s4") };
    same!(patterns_between(D("a"), pair("x", "rest"), D("b"), two(), D("e")));
    same!(by_ref(D("a"), D("b"), D("c")));
    same!(partly_moved(
        S { one: D("a1"), two: D("a2") },
        S { one: Box::new(D("b1")), two: Box::new(D("b2")) }
    ));
    same!(returns_early(D("a"), D("b")));
    same!(tail_temporary(D("a"), pair("b", "c")));

    let s = || S { one: D("s1"), two: D("s2") };
    assert_eq!(logged(|| s().bare(D("a"), D("b"))), logged(|| s().traced(D("a"), D("b"))));
    // As the reference says.
    let patterns = logged(|| traced::patterns(pair("x", "rest of 0"), pair("rest of 1", "y")));
    assert_eq!(patterns, ["body", "local", "y", "rest of 1", "x", "rest of 0"]);
}

#[test]
fn async_arguments_are_dropped_in_the_same_order() {
    macro_rules! same {
        ($fate:ident, $name:ident($($arg:expr),*)) => {
            let bare = logged(|| meet(bare::$name($($arg),*), $fate));
            let traced = logged(|| meet(traced::$name($($arg),*), $fate));
            assert!(!bare.is_empty());
            assert_eq!(bare, traced, "{} {:?}", stringify!($name), $fate);
        };
    }
    for fate in [Fate::NeverPolled, Fate::Cancelled, Fate::Finished] {
        same!(fate, async_names(fate, D("a"), D("b"), D("c")));
        same!(fate, async_underscores(D("a"), D("b"), D("c"), fate, D("d")));
        same!(fate, async_patterns(pair("x", "rest of 0"), pair("rest of 1", "y"), fate));
        let two = || S { one: pair("s1", "s2"), two: pair("s3", "s4") };
        same!(fate, async_patterns_between(fate, D("a"), pair("x", "rest"), D("b"), two(), D("e")));
        let s = |one, two| S { one: D(one), two: D(two) };
        let boxed = || S { one: Box::new(D("b1")), two: Box::new(D("b2")) };
        same!(fate, async_partly_moved(fate, s("a1", "a2"), boxed(), s("c1", "c2")));
        same!(fate, async_moved_late(fate, D("a"), D("b"), D("c")));
        same!(fate, async_awaited(D("a"), fate, D("b")));

        let bare = logged(|| meet(s("s1", "s2").async_bare(fate, D("b")), fate));
        let traced = logged(|| meet(s("s1", "s2").async_traced(fate, D("b")), fate));
        assert_eq!(bare, traced, "self {fate:?}");
    }
}

// ---- How large the futures are.

mod sizes {
    use super::{Context, Future, Poll, Waker, pin};

    pub(super) struct Yield(pub(super) bool);

    impl Future for Yield {
        type Output = ();
        fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    pub(super) fn finish<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
        }
    }

    macro_rules! twice {
        ($($item:item)*) => {
            pub(super) mod bare { use super::Yield; $($item)* }
            pub(super) mod traced { use super::Yield; $(#[llmetry::task] $item)* }
        };
    }
    twice! {
        pub(crate) async fn nothing() { Yield(false).await; }
        pub(crate) async fn small(a: u64) -> u64 { Yield(false).await; a }
        pub(crate) async fn large(a: [u8; 512]) -> u8 { Yield(false).await; a[3] }
        pub(crate) async fn large_local(a: u8) -> u8 { let l = [a; 512]; Yield(false).await; l[3] }
        pub(crate) async fn large_pattern((a, b): ([u8; 512], u8)) -> u8 { Yield(false).await; a[3] + b }
        pub(crate) async fn level_0(a: u64, b: u64) -> u64 { Yield(false).await; a + b }
        pub(crate) async fn level_1(a: u64, b: u64) -> u64 { level_0(a, b).await + a }
        pub(crate) async fn level_2(a: u64, b: u64) -> u64 { level_1(a, b).await + a }
        pub(crate) async fn level_3(a: u64, b: u64) -> u64 { level_2(a, b).await + a }
        pub(crate) async fn level_4(a: u64, b: u64) -> u64 { level_3(a, b).await + a }
    }
}

/// What the attribute adds, in bytes.
fn growth<A, B>(bare: &A, traced: &B) -> usize {
    size_of_val(traced) - size_of_val(bare)
}

#[test]
fn futures_stay_small() {
    macro_rules! grows {
        ($name:ident($($arg:expr),*)) => {{
            let (bare, traced) = (sizes::bare::$name($($arg),*), sizes::traced::$name($($arg),*));
            let growth = growth(&bare, &traced);
            println!("{}: {} + {growth}", stringify!($name), size_of_val(&bare));
            assert_eq!(sizes::finish(bare), sizes::finish(traced));
            growth
        }};
    }
    assert!(grows!(nothing()) <= 64);
    assert!(grows!(small(1)) <= 64);
    assert!(grows!(large([7; 512])) <= 64);
    assert!(grows!(large_local(1)) <= 64);
    assert!(grows!(large_pattern(([7; 512], 1))) <= 64);
    let levels = [grows!(level_1(1, 2)), grows!(level_2(1, 2)), grows!(level_3(1, 2)), grows!(level_4(1, 2))];
    for pair in levels.windows(2) {
        assert!(pair[1] - pair[0] <= 40, "{levels:?}");
    }
}
