//! Names of the user's that the generated code might have meant: it names everything in full, without a prelude.

#![no_implicit_prelude]

#[allow(dead_code)]
mod words {
    #[derive(::core::fmt::Debug)]
    pub(crate) struct Result;
    #[derive(::core::fmt::Debug)]
    pub(crate) struct Option;
    pub(crate) struct Box;
    pub(crate) struct String;
    pub(crate) struct Vec;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct Site;
    pub(crate) struct Scope;
    pub(crate) struct Open;
    pub(crate) struct Kind;
    pub(crate) trait Send {}
    pub(crate) trait Sync {}
    pub(crate) trait Sized {}
    pub(crate) trait Drop {}
    pub(crate) trait FnOnce {}
    pub(crate) trait Future {
        fn future(&self) -> u8 {
            7
        }
    }
    pub(crate) trait Stream {
        fn stream(&self) -> u8 {
            8
        }
    }
    impl<T> Future for T {}
    impl<T> Stream for T {}
    pub(crate) trait DisplayErr {}
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod alloc {}
    pub(crate) mod llmetry {}
    pub(crate) mod opentelemetry {}
    pub(crate) fn drop() {}
}

/// A library that hands the attributes on.
mod reexport {
    pub(crate) mod inner {
        pub(crate) use ::llmetry as traces;
    }
}

use crate::support::{D, fates, finish, pair, pause};

macro_rules! items {
    ($on:meta) => {
        #[allow(unused_imports)]
        use super::words::*;

        #[cfg_attr($on, ::llmetry::task(name = "a", version = 1, err = true, fields(my.n = n, my.m = m)))]
        pub(crate) async fn beside_our_words(
            n: u8,
            (m, _): (u8, Box),
            _: Option,
        ) -> ::core::result::Result<u8, Result> {
            pause().await;
            ::core::result::Result::Ok(n + m)
        }
        #[cfg_attr($on, ::llmetry::tool)]
        pub(crate) fn own_result(fails: bool) -> Result {
            if fails {
                ::core::assert!(fails);
            }
            Result
        }
        #[cfg_attr($on, ::llmetry::tool)]
        pub(crate) fn real_result(fails: bool) -> ::core::result::Result<u8, ::std::string::String> {
            let text = ::core::result::Result::Err(::std::string::String::new());
            if fails {
                text?
            }
            ::core::result::Result::Ok(1)
        }
        #[cfg_attr($on, ::llmetry::tool)]
        pub(crate) fn observed(open: u8, __llmetry_held: u8, result: u8) -> u8 {
            open + __llmetry_held + result.future() + result.stream()
        }
        #[cfg_attr($on, ::llmetry::task)]
        pub(crate) fn own_traits(n: &u8) -> u8 {
            *n
        }
        #[cfg_attr($on, ::llmetry::task)]
        pub(crate) fn inner_words(n: u8) -> u8 {
            mod core {}
            mod llmetry {}
            fn drop() -> u8 {
                1
            }
            struct Open;
            let _ = Open;
            n + drop()
        }
        #[cfg_attr($on, super::reexport::inner::traces::task(crate = super::reexport::inner::traces))]
        pub(crate) fn through_super(n: u8) -> u8 {
            n
        }
        #[cfg_attr($on, ::llmetry::agent(crate = crate::hygiene::reexport::inner::traces, fields(my.n = n)))]
        pub(crate) async fn through_the_crate(n: u8) -> ::core::result::Result<u8, u8> {
            pause().await;
            ::core::result::Result::Err(n)
        }
        #[cfg_attr($on, ::llmetry::task)]
        pub(crate) async fn drops(a: D, (b, _): (D, D)) -> D {
            pause().await;
            let _c = a;
            b
        }
        #[cfg_attr($on, ::llmetry::task)]
        pub(crate) fn names_of_ours(__llmetry_arg0: u8, (site, self_): (u8, u8)) -> u8 {
            __llmetry_arg0 + site + self_
        }
    };
}
twice!(items);

shapes! {
    beside_our_words: finish(beside_our_words(1, (2, words::Box), words::Option)) => "a v1 {n=1, m=2}";
    own_result: own_result(true) => "tool:own_result";
    real_result: (real_result(false), real_result(true)) => "tool:real_result, tool:real_result !String";
    observed: observed(1, 2, 3) => "tool:observed";
    own_traits: words::Future::future(&own_traits(&1)) => "own_traits";
    inner_words: inner_words(1) => "inner_words";
    through_super: through_super(1) => "through_super";
    through_the_crate: finish(through_the_crate(1)) => "agent:through_the_crate {n=1} !u8";
    drops: fates(|| drops(D("a"), pair("b", "c"))) => "drops cancelled, drops";
    names_of_ours: names_of_ours(2, (3, 4)) => "names_of_ours";
}
