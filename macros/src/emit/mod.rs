//! What is written instead of the function.
//!
//! In: the function, its arguments, its shape; all checked. Out: the same function with the same signature, whose body runs inside a
//! span. Does not: refuse anything.
//!
//! ```text
//! ATTRS VIS async fn f(a: A, b: B) -> R {
//!     static __LLMETRY_SITE: Site = Site::new(Kind::Task, "f").location(file!(), line!());
//!     let open = Open::new(&__LLMETRY_SITE);                                 // BEGIN: parent, fields, input
//!     let (result, open) = Scope::new(open, async move { EDGE '__llmetry_body: { BODY } }).await;
//!     …(&&&Returned(&result)).llmetry_observe(&open)…                                // END: outcome, output; the span ends
//! }
//!
//! ATTRS VIS fn f(a: A, b: B) -> R {
//!     …
//!     let (result, open) = call(open, move || -> R { EDGE '__llmetry_body: { BODY } });
//!     …
//! }
//!
//! ATTRS VIS fn f(a: A, b: B) {
//!     …
//!     let __llmetry_entered = Entered::new(open);
//!     BODY
//! }
//!
//! ATTRS VIS fn f(a: A, b: B) -> R {                                          // a body that is an async block
//!     Box::pin(async move { …  let (result, open) = Scope::new(open, async move { BODY }).await; … })
//! }
//! ```
//!
//! See `begin`, `run` (with `params`, for how the parameters get into the body) and `end`.

mod begin;
mod end;
mod lints;
mod params;
mod run;
mod site;

use proc_macro2::{Group, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ReturnType;
use syn::spanned::Spanned;

use self::end::By;
use self::params::{Into, Params};
pub(crate) use self::run::braced;
use crate::args::Args;
use crate::item::Function;
use crate::kind::Kind;
use crate::returned::{Returned, Wrap, output_of_future, promised, return_span};
use crate::rt::Rt;
use crate::shape::{AsyncBlock, Shape};

pub(crate) fn emit(kind: Kind, args: &Args, mut function: Function, shape: Shape) -> TokenStream {
    let rt = Rt(args.krate.as_ref());
    let site = site::site(kind, args, &function, &rt);
    let inside = match shape {
        Shape::Async => in_async_fn(args, &mut function, &rt),
        Shape::AsyncBlock(block) if !params::takes_more(args, &function, &block.block.stream()) => {
            return put(&function, &in_async_block(args, &function, block, &site, &rt));
        }
        Shape::AsyncBlock(_) | Shape::Sync => in_fn(args, &mut function, &rt),
    };
    put(&function, &quote_spanned!(Span::mixed_site()=> #site #inside))
}

/// The function with another body.
fn put(function: &Function, inside: &TokenStream) -> TokenStream {
    let Function { attrs, vis, sig, inner_attrs, braces, .. } = function;
    let mut tokens = TokenStream::new();
    for attr in attrs {
        attr.to_tokens(&mut tokens);
    }
    vis.to_tokens(&mut tokens);
    sig.to_tokens(&mut tokens);
    braced(quote_spanned!(Span::mixed_site()=> #(#inner_attrs)* #inside), *braces).to_tokens(&mut tokens);
    tokens
}

fn in_async_fn(args: &Args, function: &mut Function, rt: &Rt<'_>) -> TokenStream {
    let returned = Returned::of(&function.sig.output);
    let params = Params::of(function, args, Into::AsyncBlock);
    let begin = begin(args, function, params.borrowed(), rt);
    let run = run::in_async_block(function, &params, &returned, rt);
    let end = end(By::Async, &function.sig.output, &returned, args, rt);
    params.put_into(&mut function.sig);
    quote_spanned!(Span::mixed_site()=> #begin #run #end)
}

fn in_fn(args: &Args, function: &mut Function, rt: &Rt<'_>) -> TokenStream {
    let span = Span::mixed_site();
    let returned = Returned::of(&function.sig.output);
    if matches!(returned, Returned::Never | Returned::Function)
        || (returned.says_nothing() && !args.capture.output)
    {
        let begin = begin(args, function, std::iter::empty(), rt);
        let run = run::in_place(function, rt);
        return quote_spanned!(span=> #begin #run);
    }
    let end = end(By::Call, &function.sig.output, &returned, args, rt);
    if function.attrs.iter().any(|attr| attr.path().is_ident("track_caller")) {
        let begin = begin(args, function, std::iter::empty(), rt);
        let run = run::in_place_observed(function, &returned, rt);
        return quote_spanned!(span=> #begin #run #end);
    }
    let params = Params::of(function, args, Into::Closure);
    let begin = begin(args, function, params.borrowed(), rt);
    let run = run::in_closure(function, &params, &returned, rt);
    params.put_into(&mut function.sig);
    quote_spanned!(span=> #begin #run #end)
}

/// As an `async fn`, in the block that is the body. It captures what its own code names, as before, and what `begin` names.
fn in_async_block(
    args: &Args,
    function: &Function,
    AsyncBlock { around, keywords, block }: AsyncBlock,
    site: &TokenStream,
    rt: &Rt<'_>,
) -> TokenStream {
    let span = Span::mixed_site();
    let returned = output_of_future(&function.sig.output).map_or_else(
        // An alias, perhaps: its output has no other name.
        || match Returned::of(&function.sig.output) {
            Returned::Known(ty) => Returned::Known(
                syn::parse_quote_spanned!(ty.span()=> <#ty as ::core::future::Future>::Output),
            ),
            _ => Returned::Opaque,
        },
        Returned::of_type,
    );
    // So that the outcome is known where it is looked at. In a statement of its own, or errors would speak of our types.
    let annotated = match &returned {
        Returned::Known(ty) => {
            let at = span.located_at(return_span(&function.sig.output, span));
            Some(quote_spanned!(at=> let result: #ty = result;))
        }
        _ => None,
    };
    let begin = begin(args, function, std::iter::empty(), rt);
    let end = match &returned {
        Returned::Never => never(),
        Returned::Unit if !args.capture.output => done(return_span(&function.sig.output, span)),
        _ => {
            let at = return_span(&function.sig.output, span);
            end::end(By::Async, Wrap::Nowhere, None, args.capture.output, at, rt)
        }
    };
    // Of a block that only borrows rustc says more where it is the last expression.
    let is_move = keywords.clone().into_iter().count() > 1;
    // Another attribute of ours has to find a block as well.
    let is_waited_for =
        function.attrs.iter().any(|attr| attr.path().segments.iter().any(|part| part.ident == "__outer"));
    let inside = if args.asks_at_the_start() || !is_move || is_waited_for {
        let inside = quote_spanned! {span=>
            #site
            #begin
            let (result, open) = #rt::Scope::new(open, #keywords #block).await;
            #annotated
            #end
        };
        let inside = braced(inside, block.span());
        quote_spanned!(span=> #keywords #inside)
    } else {
        // Nothing but the user's own block: another one around it would store what it captures a second time.
        let allow = lints::last_return();
        let give_back = if around.is_none() {
            quote_spanned!(span=> #allow return future;)
        } else {
            quote_spanned!(span=> future)
        };
        quote_spanned! {span=> {
            #site
            #begin
            let future = #rt::ended_by(open, #keywords #block, |result, open| {
                #annotated
                #end
            });
            #give_back
        } }
    };
    match around {
        None => inside,
        Some((path, arguments)) => {
            let mut call = Group::new(arguments.delimiter(), inside);
            call.set_span(arguments.span());
            quote_spanned!(span=> #path #call)
        }
    }
}

fn begin(
    args: &Args,
    function: &Function,
    borrowed: impl Iterator<Item = TokenStream>,
    rt: &Rt<'_>,
) -> TokenStream {
    begin::begin(args, function, borrowed, rt)
}

fn end(by: By, output: &ReturnType, returned: &Returned, args: &Args, rt: &Rt<'_>) -> TokenStream {
    let at = return_span(output, Span::mixed_site());
    match returned {
        Returned::Never => never(),
        returned if returned.says_nothing() && !args.capture.output => done(at),
        _ => end::end(by, Wrap::of(output), promised(output), args.capture.output, at, rt),
    }
}

/// Nobody has to look at the value. What rustc still has to say about it, it says at the return type.
fn done(at: Span) -> TokenStream {
    let allow = lints::last_return();
    quote_spanned! {Span::mixed_site().located_at(at)=>
        ::core::mem::drop(open);
        #allow
        return result;
    }
}

/// There is none.
fn never() -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        ::core::mem::drop(open);
        match result {}
    }
}
