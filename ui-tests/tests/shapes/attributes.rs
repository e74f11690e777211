//! Other attributes on the function, above ours and below: all of them keep their meaning.

use std::future::Future;
use std::panic::Location;

use futures_util::future::BoxFuture;
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
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_result(d: D, (a, _): (D, D)) -> Result<u32, Broken> {
            let _local = D("local");
            match d.0 {
                "good" => Ok(Location::caller().line()),
                _ => Err(Broken),
            }
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_early(d: D) -> Result<u32, Broken> {
            if d.0 == "bad" {
                return Err(Broken);
            }
            Ok(tracked_result(d, pair("a", "b"))?)
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_future(d: D) -> BoxFuture<'static, (D, u32)> {
            let line = Location::caller().line();
            Box::pin(async move {
                pause().await;
                (d, line)
            })
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_opaque(d: D) -> impl Future<Output = (D, u32)> {
            let line = Location::caller().line();
            async move {
                pause().await;
                (d, line)
            }
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked_text(n: Option<u8>) -> String {
            n.map_or_else(
                || Location::caller().line().to_string(),
                |n| format!("{n} {}", Location::caller().line()),
            )
        }
        #[cfg_attr($on, task)]
        #[target_feature(enable = "sse2")]
        #[cfg(target_arch = "x86_64")]
        pub(super) unsafe fn with_features(n: u8) -> Option<u8> {
            n.checked_add(1)
        }
        #[cfg_attr($on, task)]
        #[cfg(not(target_arch = "x86_64"))]
        pub(super) unsafe fn with_features(n: u8) -> Option<u8> {
            n.checked_add(1)
        }
#[doc(hidden)]
        #[cfg_attr($on, task)]
        #[inline(always)]
        #[rustfmt::skip]
        #[doc(alias = "other")]
        pub(super) fn hidden(d : D) -> Option<D> { Some(d) }
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
    tracked_result: (tracked_result(D("good"), pair("a", "b")), tracked_result(D("bad"), pair("c", "d")).is_err())
        => "tracked_result, tracked_result !Broken";
    // Its body stays where it is, since no closure can know the caller: what leaves it early is not looked at.
    tracked_early: (tracked_early(D("good")), tracked_early(D("bad")).is_err())
        => "tracked_early(tracked_result), tracked_early";
    tracked_future: finish(tracked_future(D("d"))) => "tracked_future";
    tracked_opaque: fates(|| tracked_opaque(D("d")))
        => "tracked_opaque cancelled, tracked_opaque cancelled, tracked_opaque";
    tracked_text: tracked_text(Some(1)) => "tracked_text";
    // SAFETY: every processor of this architecture has the feature.
    with_features: unsafe { with_features(1) } => "with_features";
    hidden: hidden(D("d")) => "hidden";
    tracked_method: Tracked.method() => "method";
    under_tokio_main: under_tokio_main(D("a")) => "under_tokio_main";
    above_tokio_main: above_tokio_main(D("a")) => "above_tokio_main !Broken";
    tests: tests() => "under_test, above_tokio_test, under_tokio_test, above_test !panic";
}
