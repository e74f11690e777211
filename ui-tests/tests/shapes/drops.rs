//! What is dropped when: arguments, locals, what is awaited, temporaries of the last expression. The bare function says what is right.

use std::cell::RefCell;

use llmetry::{agent, task};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        pub(super) struct Pair<T> {
            pub(super) one: T,
            pub(super) two: T,
        }

        pub(super) fn letters() -> Pair<(D, D)> {
            Pair { one: pair("s1", "s2"), two: pair("s3", "s4") }
        }

        pub(super) fn two(one: &'static str, two: &'static str) -> Pair<D> {
            Pair { one: D(one), two: D(two) }
        }

        #[cfg_attr($on, task)]
        pub(super) fn names(a: D, b: D, c: D) {
            let _local = D("local");
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) fn unused_and_wild(_: D, b: D, _: D, _d: D) {
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) fn patterns((x, _): (D, D), (_, y): (D, D)) {
            let _local = D("local");
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) fn patterns_between(a: D, (x, _): (D, D), b: D, Pair { two, .. }: Pair<(D, D)>, _: D) {
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) fn wild_between(a: D, _: D, (x, _): (D, D), _: D, b: D) {
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) fn refs(ref a: D, b: D, ref c: D) {
            log(a.0);
        }
        #[cfg_attr($on, task)]
        pub(super) fn moved_out(a: D, b: D, c: D) -> (D, D) {
            (c, a)
        }
        #[cfg_attr($on, task)]
        pub(super) fn dropped_early(a: D, b: D, c: D) {
            drop(b);
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) fn tail_temporary(a: D, (b, _): (D, D)) -> usize {
            RefCell::new((D("temporary"), a.0.len())).borrow().1 + b.0.len()
        }
        #[cfg_attr($on, task)]
        pub(super) fn tail_temporary_without_patterns(a: D, b: D) -> usize {
            let _local = D("local");
            RefCell::new((D("temporary"), a.0.len())).borrow().1 + b.0.len()
        }
        #[cfg_attr($on, task)]
        pub(super) fn tail_match(a: D) -> usize {
            match RefCell::new(D("temporary")).borrow().0 {
                "temporary" => {
                    log("arm");
                    a.0.len()
                }
                _ => 0,
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn tail_without_value(a: D) {
            log(RefCell::new(D("temporary")).borrow().0)
        }
        #[cfg_attr($on, task)]
        pub(super) fn shadowing(a: D) {
            let a = (D("second"), a);
            let _a = D("third");
            log(a.0.0);
        }
        #[cfg_attr($on, task)]
        pub(super) fn panicking(a: D, (b, _): (D, D), _: D) {
            let _local = D("local");
            panic!("{}", a.0);
        }
        #[cfg_attr($on, task)]
        pub(super) async fn names_async(a: D, b: D, c: D) {
            let _local = D("local");
            log("body");
            pause().await;
        }
        #[cfg_attr($on, task)]
        pub(super) async fn unused_and_wild_async(_: D, b: D, _: D, _d: D) {
            pause().await;
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn patterns_async((x, _): (D, D), (_, y): (D, D)) {
            let _local = D("local");
            pause().await;
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn patterns_between_async(
            a: D,
            (x, _): (D, D),
            b: D,
            Pair { two, .. }: Pair<(D, D)>,
            _: D,
        ) {
            pause().await;
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn wild_between_async(a: D, _: D, [x, _]: [D; 2], _: D, b: D) {
            pause().await;
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn partly_moved_async(a: Pair<D>, b: Pair<Box<D>>, c: Pair<D>) {
            drop(a.two);
            let _local = b.one;
            pause().await;
            let _c = c.two;
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn moved_late_async(a: D, b: D, c: D) {
            pause().await;
            drop(b);
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn awaited(a: D, b: D) {
            let inner = names_async(D("inner a"), D("inner b"), D("inner c"));
            inner.await;
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn awaited_with_temporaries(a: D) -> usize {
            names_async(D("inner a"), D("inner b"), D("inner c")).await;
            (pause().await, RefCell::new(D("temporary")).borrow().0.len()).1
        }
        #[cfg_attr($on, task)]
        pub(super) async fn tail_temporary_async((a, _): (D, D)) -> usize {
            pause().await;
            RefCell::new((D("temporary"), a.0.len())).borrow().1
        }
        #[cfg_attr($on, task)]
        pub(super) async fn tail_await(a: D) -> D {
            async move {
                pause().await;
                a
            }
            .await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn panicking_async(a: D, (b, _): (D, D), _: D) {
            let _local = D("local");
            pause().await;
            panic!("{}", a.0);
        }
        #[cfg_attr($on, task)]
        pub(super) async fn returned_async(a: D, (b, _): (D, D)) -> D {
            let _local = D("local");
            pause().await;
            if a.0 == "a" {
                return b;
            }
            D("new")
        }

        impl Pair<D> {
            #[cfg_attr($on, agent)]
            pub(super) fn own(self, a: D, _: D) {
                log("body");
            }
            #[cfg_attr($on, agent)]
            pub(super) async fn own_async(self, (a, _): (D, D), _: D) {
                pause().await;
                log("body");
            }
            #[cfg_attr($on, agent)]
            pub(super) async fn own_one(self, _: D) -> D {
                pause().await;
                self.two
            }
        }
    };
}
twice!(items);

fn boxes<T>(make: fn(Box<D>, Box<D>) -> T) -> T {
    make(Box::new(D("b1")), Box::new(D("b2")))
}

shapes! {
    names: names(D("a"), D("b"), D("c")) => "names";
    unused_and_wild: unused_and_wild(D("a"), D("b"), D("c"), D("d")) => "unused_and_wild";
    patterns: patterns(pair("x", "rest of 0"), pair("rest of 1", "y")) => "patterns";
    patterns_between: patterns_between(D("a"), pair("x", "rest"), D("b"), letters(), D("e"))
        => "patterns_between";
    wild_between: wild_between(D("a"), D("b"), pair("x", "rest"), D("c"), D("d")) => "wild_between";
    refs: refs(D("a"), D("b"), D("c")) => "refs";
    moved_out: moved_out(D("a"), D("b"), D("c")) => "moved_out";
    dropped_early: dropped_early(D("a"), D("b"), D("c")) => "dropped_early";
    tail_temporary: tail_temporary(D("a"), pair("b", "c")) => "tail_temporary";
    tail_temporary_without_patterns: tail_temporary_without_patterns(D("a"), D("b"))
        => "tail_temporary_without_patterns";
    tail_match: tail_match(D("a")) => "tail_match";
    tail_without_value: tail_without_value(D("a")) => "tail_without_value";
    shadowing: shadowing(D("a")) => "shadowing";
    panicking: panicking(D("a"), pair("b", "c"), D("d")) => "panicking !panic";
    names_async: fates(|| names_async(D("a"), D("b"), D("c"))) => "names_async cancelled, names_async";
    unused_and_wild_async: fates(|| unused_and_wild_async(D("a"), D("b"), D("c"), D("d")))
        => "unused_and_wild_async cancelled, unused_and_wild_async";
    patterns_async: fates(|| patterns_async(pair("x", "rest of 0"), pair("rest of 1", "y")))
        => "patterns_async cancelled, patterns_async";
    patterns_between_async: fates(|| patterns_between_async(D("a"), pair("x", "rest"), D("b"), letters(), D("e")))
        => "patterns_between_async cancelled, patterns_between_async";
    wild_between_async: fates(|| wild_between_async(D("a"), D("b"), [D("x"), D("rest")], D("c"), D("d")))
        => "wild_between_async cancelled, wild_between_async";
    partly_moved_async: fates(|| partly_moved_async(two("a1", "a2"), boxes(|one, two| Pair { one, two }), two("c1", "c2")))
        => "partly_moved_async cancelled, partly_moved_async";
    moved_late_async: fates(|| moved_late_async(D("a"), D("b"), D("c")))
        => "moved_late_async cancelled, moved_late_async";
    awaited: fates(|| awaited(D("a"), D("b")))
        => "awaited cancelled(names_async cancelled), awaited(names_async)";
    awaited_with_temporaries: fates(|| awaited_with_temporaries(D("a")))
        => "awaited_with_temporaries cancelled(names_async cancelled), awaited_with_temporaries(names_async)";
    tail_temporary_async: fates(|| tail_temporary_async(pair("a", "b")))
        => "tail_temporary_async cancelled, tail_temporary_async";
    tail_await: fates(|| tail_await(D("a"))) => "tail_await cancelled, tail_await";
    panicking_async: fates(|| panicking_async(D("a"), pair("b", "c"), D("d")))
        => "panicking_async cancelled, panicking_async !panic";
    returned_async: fates(|| returned_async(D("a"), pair("b", "c")))
        => "returned_async cancelled, returned_async";
    own: two("s1", "s2").own(D("a"), D("b")) => "agent:own";
    own_async: fates(|| two("s1", "s2").own_async(pair("a", "b"), D("c")))
        => "agent:own_async cancelled, agent:own_async";
    own_one: fates(|| two("s1", "s2").own_one(D("a"))) => "agent:own_one cancelled, agent:own_one";
}

/// As the reference says ("Destructors"), so that `check` is known to compare something.
#[test]
fn the_log_shows_an_order() {
    let _ = take_log();
    traced::patterns(pair("x", "rest of 0"), pair("rest of 1", "y"));
    assert_eq!(take_log(), ["body", "local", "y", "rest of 1", "x", "rest of 0"]);
}
