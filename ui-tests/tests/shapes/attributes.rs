//! Other attributes on the function, above ours and below: all of them keep their meaning.

use std::panic::Location;

use llmetry::task;

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[must_use]
        #[cfg_attr($on, task)]
        pub(super) fn must_use_above() -> u8 {
            1
        }
        #[cfg_attr($on, task)]
        #[must_use = "it is good"]
        pub(super) async fn must_use_below() -> u8 {
            2
        }
        #[deprecated]
        #[cfg_attr($on, task)]
        #[allow(clippy::missing_const_for_fn)]
        pub(super) fn deprecated_above() {}
        #[cfg_attr($on, task)]
        #[deprecated(since = "0.1.0", note = "no longer")]
        pub(super) async fn deprecated_below() {
            pause().await
        }
        #[inline]
        #[cfg_attr($on, task)]
        pub(super) fn inlined(d: D) -> D {
            d
        }
        #[cfg_attr($on, task)]
        #[inline(never)]
        #[cold]
        pub(super) fn not_inlined(d: D) -> D {
            d
        }
        /// A line
        #[cfg_attr($on, task)]
        /// and another.
        #[doc = "And a third."]
        pub(super) fn documented() {}
        #[allow(unused_variables, unused_mut)]
        #[cfg_attr($on, task)]
        pub(super) fn allowed(mut a: D) {
            let b = 1;
        }
        #[cfg_attr($on, task)]
        #[expect(unused_variables, reason = "they are not used")]
        pub(super) fn expected(a: D) {
            let b = 1;
        }
        #[cfg_attr($on, task)]
        #[expect(unreachable_code)]
        pub(super) async fn expected_async(d: D) -> D {
            pause().await;
            return d;
            log("never");
        }
        #[cfg_attr($on, task)]
        pub(super) fn inside(d: D) -> D {
            #![allow(unused_variables)]
            let b = 1;
            d
        }
        #[cfg(all())]
        #[cfg_attr($on, task)]
        #[cfg(not(any()))]
        pub(super) fn configured() -> &'static str {
            "this one"
        }
        #[cfg_attr($on, task)]
        #[cfg(any())]
        pub(super) fn configured() -> Missing {
            "not this one"
        }
        #[cfg_attr(all(), cfg_attr($on, task), inline)]
        #[cfg_attr(any(), missing)]
        pub(super) fn configured_attributes(#[cfg_attr(all(), allow(unused))] a: D) {}
        #[track_caller]
        #[cfg_attr($on, task)]
        pub(super) fn tracked_above(_d: D) -> u32 {
            Location::caller().line()
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_below((_a, _): (D, D)) -> (&'static str, u32, u32) {
            let caller = Location::caller();
            (caller.file(), caller.line(), caller.column())
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_panic(a: Option<u8>) -> u8 {
            a.expect("a value")
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_through() -> u32 {
            tracked_above(D("inner"))
        }
        pub(super) struct Tracked;
        impl Tracked {
            #[cfg_attr($on, task)]
            #[track_caller]
            pub(super) fn method(&self) -> u32 {
                Location::caller().line()
            }
        }
        #[tokio::main(flavor = "current_thread")]
        #[cfg_attr($on, task)]
        pub(super) async fn under_tokio_main(d: D) -> D {
            tokio::task::yield_now().await;
            d
        }
        #[cfg_attr($on, task)]
        #[tokio::main(flavor = "current_thread")]
        pub(super) async fn above_tokio_main(d: D) -> Result<D, Broken> {
            tokio::task::yield_now().await;
            drop(d);
            Err(Broken)
        }
        #[tokio::test]
        #[cfg_attr($on, task)]
        async fn under_tokio_test() -> Result<(), Broken> {
            tokio::task::yield_now().await;
            Ok(())
        }
        #[cfg_attr($on, task)]
        #[tokio::test]
        async fn above_tokio_test() {
            tokio::task::yield_now().await;
        }
        #[test]
        #[cfg_attr($on, task)]
        fn under_test() {
            log("a test");
        }
        #[cfg_attr($on, task)]
        #[test]
        #[should_panic(expected = "as it should")]
        fn above_test() {
            panic!("as it should");
        }
        pub(super) fn tests() {
            under_test();
            above_tokio_test();
            assert!(under_tokio_test().is_ok());
            assert!(std::panic::catch_unwind(above_test).is_err());
        }
    };
}
twice!(items);

shapes! {
    must_use: (must_use_above(), finish(must_use_below())) => "must_use_above, must_use_below";
    deprecated: {
        #[allow(deprecated)]
        (deprecated_above(), finish(deprecated_below()))
    } => "deprecated_above, deprecated_below";
    inlined: (inlined(D("a")), not_inlined(D("b"))) => "inlined, not_inlined";
    documented: documented() => "documented";
    allowed: allowed(D("a")) => "allowed";
    expected: expected(D("a")) => "expected";
    expected_async: fates(|| expected_async(D("a"))) => "expected_async cancelled, expected_async";
    inside: inside(D("a")) => "inside";
    configured: configured() => "configured";
    configured_attributes: configured_attributes(D("a")) => "configured_attributes";
    tracked_above: tracked_above(D("a")) => "tracked_above";
    tracked_below: tracked_below(pair("a", "b")) => "tracked_below";
    tracked_panic: tracked_panic(None) => "tracked_panic !panic";
    tracked_through: tracked_through() => "tracked_through(tracked_above)";
    tracked_method: Tracked.method() => "method";
    under_tokio_main: under_tokio_main(D("a")) => "under_tokio_main";
    above_tokio_main: above_tokio_main(D("a")) => "above_tokio_main !Broken";
    tests: tests() => "under_test, above_tokio_test, under_tokio_test, above_test !panic";
}
