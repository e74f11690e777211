//! After the body: what its value says about the span, and what it still does.
//!
//! ```text
//! { use {DisplayErr as _, …}; (&&&Returned(&result)).llmetry_observe(&open); }       // an `Err` is an error
//! { use {FollowBoxedStream as _, …};
//!   (&&&&Returned(&result)).llmetry_kind().finish(result, open, OBSERVE, KEEP) }       // a stream goes on inside the span, see `scope/follow`
//! ```
//!
//! Both ask the value by its type, so that no bound is asked of it. `OBSERVE` looks at what a future or stream will bring, `KEEP` captures
//! the output.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Type;

use super::lints;
use crate::returned::Wrap;
use crate::rt::Rt;

/// Who made the value, which decides what it can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// An `async fn`: a future that it returns is finished work all the same, a handle for instance.
    Async,
    /// A call.
    Call,
}

pub(super) fn end(
    by: By,
    wrap: Wrap,
    promised: Option<Type>,
    captures_output: bool,
    at: Span,
    rt: &Rt<'_>,
) -> TokenStream {
    // What rustc still has to say about the value, it says at the return type.
    let span = Span::mixed_site().located_at(at);
    let allow = lints::unused_outcomes();
    let allow_return = lints::last_return();
    let follow = match (wrap, by) {
        (Wrap::Whole, By::Call) => quote_spanned!(span=> FollowFuture as _, FollowStream as _),
        (Wrap::Whole, By::Async) => quote_spanned!(span=> FollowStream as _),
        (Wrap::InResult, _) => quote_spanned!(span=> FollowStreamOrErr as _),
        (Wrap::Nowhere, By::Call) => quote_spanned! {span=>
            FollowBoxedFuture as _, FollowBoxedStream as _, FollowBoxedStreamOrErr as _
        },
        (Wrap::Nowhere, By::Async) => {
            quote_spanned!(span=> FollowBoxedStream as _, FollowBoxedStreamOrErr as _)
        }
    };
    // What the bare function's signature tells the compiler of a future or stream that is about to be wrapped.
    let promise = promised.filter(|_| wrap == Wrap::Whole).map(|ty| {
        quote_spanned! {span=>
            #allow
            use #rt::{PromisedFuture as _, PromisedNothing as _, PromisedStream as _};
            (&&&#rt::Promised::<#ty, _>::new(&result)).llmetry_promised();
        }
    });
    let keep = if captures_output { keep(rt) } else { quote_spanned!(span=> |_, _| {}) };
    quote_spanned! {span=>
        #promise
        #allow
        use #rt::{AnyErr as _, DisplayErr as _, NoErr as _, FollowNothing as _, #follow};
        (&&&#rt::Returned(&result)).llmetry_observe(&open);
        #allow_return
        return (&&&#rt::Returned(&result)).llmetry_kind().finish(
            result,
            open,
            |value, open| (&&&#rt::Returned(value)).llmetry_observe(open),
            #keep,
        );
    }
}

fn keep(rt: &Rt<'_>) -> TokenStream {
    let span = Span::mixed_site();
    let allow = lints::unused_outcomes();
    quote_spanned! {span=> |value, open| {
        #allow
        use #rt::{
            CaptureDebug as _, CaptureName as _, CaptureSerialize as _, CaptureText as _, SuccessOfAny as _,
            SuccessOfResult as _,
        };
        if #rt::Open::captures_output(open) {
            if let ::core::option::Option::Some(value) = (&&#rt::Success(value)).llmetry_success() {
                #rt::Open::output(open, &(&&&&#rt::Captured(value)).llmetry_capture());
            }
        }
    } }
}
