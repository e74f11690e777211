//! What is written instead of the function.
//!
//! In: the function, its arguments, its shape; all checked. Out: the same function with the same signature, whose body runs inside a
//! span. Does not: refuse anything.
//!
//! ```text
//! ATTRS VIS async fn f(a: A, b: B) -> R {
//!     static __LLMETRY_SITE: Site = Site::new(Kind::Task, "f").location(module_path!(), file!(), line!());
//!     let mut open = Open::new(&__LLMETRY_SITE);
//!     if Open::start(&mut open) { Open::field(&open, "key", EXPR); }         // only with `fields(…)`
//!     let (result, open) = Scope::new(open, async move { EDGE '__llmetry_body: { BODY } }).await;
//!     { use {DisplayErr as _, …}; (&&&Returned(&result)).observe(&open); }   // not if nothing is returned
//!     result                                                                 // `open` is dropped: the span ends
//! }
//!
//! ATTRS VIS fn f(a: A, b: B) -> R {
//!     …
//!     let (result, open) = call(open, move || -> R { EDGE '__llmetry_body: { BODY } });
//!     …
//! }
//! ```
//!
//! `EDGE` and how the parameters get into the body: see `body` and `params`.

mod body;
mod fields;
mod lints;
mod params;
mod site;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ReturnType;

use crate::args::Args;
use crate::item::Function;
use crate::kind::Kind;
use crate::rt::Rt;
use crate::shape::Shape;

use self::params::Params;

pub(crate) fn emit(kind: Kind, args: &Args, function: Function, shape: Shape) -> TokenStream {
    let rt = Rt(args.krate.as_ref());
    let span = Span::mixed_site();
    let site = site::site(kind, args, &function, &rt);
    let params = Params::of(&function.sig, &function.body, &args.fields);
    let fields = fields::fields(&args.fields, &params, &rt);
    let run = body::run(&function, &params, shape, &rt);
    let observe = observe(&function.sig.output, shape, &rt);

    let Function { attrs, vis, mut sig, inner_attrs, braces, .. } = function;
    params.put_into(&mut sig);
    let inside = quote_spanned! {span=>
        #(#inner_attrs)*
        #site
        #fields
        let (result, open) = #run;
        #observe
        ::core::mem::drop(open);
        result
    };
    let mut tokens = TokenStream::new();
    for attr in &attrs {
        attr.to_tokens(&mut tokens);
    }
    vis.to_tokens(&mut tokens);
    sig.to_tokens(&mut tokens);
    body::braced(inside, braces).to_tokens(&mut tokens);
    tokens
}

/// What the returned value says about the span: found by its type, so that no bound is asked of it.
fn observe(output: &ReturnType, shape: Shape, rt: &Rt<'_>) -> Option<TokenStream> {
    if body::returns_unit(output) {
        return None;
    }
    let allow = lints::unused_outcomes();
    // Where the type is written, so that the refusal of a future behind an alias stands there.
    let span = Span::mixed_site().located_at(body::return_span(output, Span::mixed_site()));
    // What an `async fn` did, it did inside its span, also when it returns a handle that is a future.
    let refusal = (shape != Shape::Async).then(|| quote_spanned!(span=> #allow use #rt::ReturnsFuture as _;));
    Some(quote_spanned! {span=> {
        #allow
        use #rt::{AnyErr as _, DisplayErr as _, NoErr as _};
        #refusal
        (&&&#rt::Returned(&result)).observe(&open);
    } })
}
