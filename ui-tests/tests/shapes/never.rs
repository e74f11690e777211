//! Functions that never return: they end by panic or by being dropped.

use std::convert::Infallible;
use std::future::Future;

use llmetry::{agent, task, workflow};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) fn stops(_d: D) -> ! {
            let _local = D("local");
            panic!("stopped")
        }
        #[cfg_attr($on, task)]
        pub(super) fn stops_with_a_pattern((a, _): (D, D)) -> ! {
            log("body");
            unreachable!("{}", a.0)
        }
        #[cfg_attr($on, workflow)]
        pub(super) fn counts_down(n: u8) -> ! {
            if n == 0 {
                stops(D("d"))
            }
            counts_down(n - 1)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn waits(_d: D) -> ! {
            loop {
                pause().await;
            }
        }
        #[cfg_attr($on, task)]
        pub(super) async fn stops_later(d: D, _: D) -> ! {
            pause().await;
            panic!("{}", d.0)
        }
        #[cfg_attr($on, task)]
        pub(super) fn returns_a_value_in_one_arm(d: D) -> D {
            if d.0 == "d" { d } else { stops(d) }
        }
        #[cfg_attr($on, task)]
        pub(super) fn infallible(_d: D) -> Infallible {
            panic!("no value of it")
        }
        #[cfg_attr($on, task)]
        pub(super) fn never_fails(_d: D) -> Result<Infallible, Broken> {
            Err(Broken)
        }
        #[cfg_attr($on, task)]
        pub(super) async unsafe fn not_safe(_d: D) -> ! {
            pause().await;
            stops(D("inner"))
        }
        #[cfg_attr($on, task)]
        #[track_caller]
        pub(super) fn tracked(d: D) -> ! {
            panic!("{}", std::panic::Location::caller().line())
        }
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
        pub(super) struct S;
        impl S {
            #[cfg_attr($on, agent)]
            pub(super) fn method(&self, n: impl Fn()) -> ! {
                n();
                std::panic::resume_unwind(Box::new("resumed"))
            }
        }
    };
}
twice!(items);

shapes! {
    stops: stops(D("d")) => "stops !panic";
    stops_with_a_pattern: stops_with_a_pattern(pair("a", "b")) => "stops_with_a_pattern !panic";
    counts_down: counts_down(1) => "workflow:counts_down !panic(workflow:counts_down !panic(stops !panic))";
    waits: cancel(waits(D("d"))) => "waits cancelled";
    never_polled: drop(waits(D("d"))) => "";
    stops_later: finish(stops_later(D("d"), D("e"))) => "stops_later !panic";
    returns_a_value_in_one_arm: returns_a_value_in_one_arm(D("d")) => "returns_a_value_in_one_arm";
    returns_in_no_arm: returns_a_value_in_one_arm(D("e"))
        => "returns_a_value_in_one_arm !panic(stops !panic)";
    infallible: infallible(D("d")) => "infallible !panic";
    never_fails: never_fails(D("d")) => "never_fails !Broken";
    // SAFETY: it asks for nothing.
    not_safe: finish(unsafe { not_safe(D("d")) }) => "not_safe !panic(stops !panic)";
    tracked: tracked(D("d")) => "tracked !panic";
    future_of_never: cancel(future_of_never(D("d"))) => "future_of_never cancelled";
    method: S.method(|| log("before")) => "agent:method !panic";
}
