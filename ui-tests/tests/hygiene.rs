//! Generated code names everything in full: it works without a prelude, beside types of the same names, and through a re-export.

#![no_implicit_prelude]
#![allow(dead_code, clippy::unused_async)]

mod clashes {
    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct Box;
    pub(super) struct Some;
    pub(super) struct Ok;
    pub(super) struct Site;
    pub(super) struct Scope;
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod llmetry {}

    #[::llmetry::task(name = "a", version = 1, err = true, fields(n = n, m = m))]
    pub(super) async fn waits(n: u8, (m, _): (u8, Box), _: Option) -> ::core::result::Result<u8, Result> {
        ::core::result::Result::Ok(n + m)
    }

    #[::llmetry::tool]
    pub(super) fn calls(open: u8, __llmetry_held: u8, result: u8) -> u8 {
        open + __llmetry_held + result
    }
}

/// A library that hands the attributes on.
mod reexport {
    pub(crate) mod inner {
        pub(crate) use ::llmetry as traces;
    }
}

#[reexport::inner::traces::task(crate = crate::reexport::inner::traces)]
fn through_a_path(n: u8) -> u8 {
    n
}

mod below {
    #[::llmetry::agent(crate = super::reexport::inner::traces, fields(n = n))]
    pub(super) async fn through_super(n: u8) -> ::core::result::Result<u8, u8> {
        ::core::result::Result::Ok(n)
    }
}

#[::core::prelude::v1::test]
fn they_run() {
    use ::core::future::Future;
    use ::core::task::{Context, Poll, Waker};
    let mut context = Context::from_waker(Waker::noop());
    let future = ::core::pin::pin!(clashes::waits(1, (2, clashes::Box), clashes::Option));
    ::core::assert!(::core::matches!(future.poll(&mut context), Poll::Ready(::core::result::Result::Ok(3))));
    let future = ::core::pin::pin!(below::through_super(1));
    ::core::assert!(::core::matches!(future.poll(&mut context), Poll::Ready(::core::result::Result::Ok(1))));
    ::core::assert_eq!(clashes::calls(1, 2, 3), 6);
    ::core::assert_eq!(through_a_path(1), 1);
}
