//! The body, inside the span.
//!
//! An `async fn` runs it as an `async` block, a sync function as a closure, so that what it returns can be looked at:
//!
//! ```text
//! EDGE =  if false {                              // dead: for type inference and captures
//!             let __llmetry_returned: R = loop {};
//!             let __llmetry_held = &b;            // the captures, see `params`
//!             let __llmetry_held = &a;
//!             return __llmetry_returned;          // without this, `Ok(())` with `?` before it would not infer
//!         }
//!         REBINDINGS                              // only with patterns that cannot be captured
//! ```
//!
//! A sync body's own braces get the place of the return type: an error about a missing last expression stands where that of the bare
//! function would. Those of an `async fn` keep theirs, for the same reason. The label keeps `unused_braces` from seeing a needless block there.
//!
//! A sync function whose value says nothing about its span needs no closure, and one that is `#[track_caller]` can have none: there the
//! body stays the function's own, behind a guard.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;

use super::lints;
use super::params::Params;
use crate::item::Function;
use crate::returned::{Returned, return_span};
use crate::rt::Rt;

/// `let (result, open) = Scope::new(open, async move { … }).await;`
pub(super) fn in_async_block(
    function: &Function,
    params: &Params,
    returned: &Returned,
    rt: &Rt<'_>,
) -> TokenStream {
    let span = Span::mixed_site();
    let inside = inside(function, params, returned, rt);
    let keywords = quote_spanned!(place(function)=> async move);
    quote_spanned!(span=> let (result, open) = #rt::Scope::new(open, #keywords #inside).await;)
}

/// `let (result, open) = call(open, move || -> R { … });`
pub(super) fn in_closure(
    function: &Function,
    params: &Params,
    returned: &Returned,
    rt: &Rt<'_>,
) -> TokenStream {
    let span = Span::mixed_site();
    let inside = inside(function, params, returned, rt);
    let keywords = quote_spanned!(place(function)=> move ||);
    match returned {
        Returned::Known(ty) => {
            quote_spanned!(span=> let (result, open) = #rt::call(open, #keywords -> #ty #inside);)
        }
        Returned::Unit => {
            quote_spanned!(span=> let (result, open) = #rt::call(open, #keywords -> () #inside);)
        }
        Returned::Partly(_)
        | Returned::Opaque
        | Returned::Function
        | Returned::Iterator
        | Returned::Never => {
            quote_spanned!(span=> let (result, open) = #rt::call(open, #keywords #inside);)
        }
    }
}

/// `let entered = Entered::new(open); BODY`, whose value nobody has to look at.
pub(super) fn in_place(function: &Function, rt: &Rt<'_>) -> TokenStream {
    let span = Span::mixed_site();
    let body = &function.body;
    let body = if has_items(body) {
        // Items first, for clippy: in a block of their own.
        let block = braced(body.clone(), function.braces);
        quote_spanned!(span=> '__llmetry_body: #block)
    } else {
        body.clone()
    };
    quote_spanned! {span=>
        let __llmetry_entered = #rt::Entered::new(open);
        #body
    }
}

/// The same, but the value is looked at if the body does not leave early.
pub(super) fn in_place_observed(function: &Function, returned: &Returned, rt: &Rt<'_>) -> TokenStream {
    let span = Span::mixed_site();
    let at = return_span(&function.sig.output, function.sig.ident.span());
    let body = braced(function.body.clone(), at);
    let body = quote_spanned!(at=> '__llmetry_body: #body);
    let (annotation, argument) = match returned.annotation() {
        Some(ty) => (Some(quote_spanned!(span=> : #ty)), Some(quote_spanned!(span=> ::<#ty>))),
        None => (None, None),
    };
    let allow = lints::last_return();
    // The type is said again: that of a body that does not compile is unknown, and rustc would go on about what that cannot do.
    quote_spanned! {span=>
        let entered = #rt::Entered::new(open);
        let result #annotation = #body;
        #allow
        let (result, open) = #rt::Entered::leave #argument (entered, result);
    }
}

/// Where the user sees the block or closure: at the return type. It is written as if by the user, since compiler and clippy say less, and
/// less well, about a closure that comes from a macro ("closure may outlive the current function", `needless_return`).
fn place(function: &Function) -> Span {
    return_span(&function.sig.output, function.sig.ident.span())
}

/// What the block or closure consists of.
fn inside(function: &Function, params: &Params, returned: &Returned, rt: &Rt<'_>) -> TokenTree {
    let span = Span::mixed_site();
    let at = place(function);
    // Where the bare function's missing last expression would be reported.
    let body_at = if function.sig.asyncness.is_some() { function.braces } else { at };
    let body = braced(function.body.clone(), body_at);
    let body = quote_spanned!(body_at=> '__llmetry_body: #body);
    let edge = edge(params, returned, at);
    let rebindings = params.rebindings();
    let allow = lints::last_return();
    let inside = if let Returned::Never = returned {
        // `!` has no name in stable Rust; a type without values is as good.
        quote_spanned! {span.located_at(at)=>
            #edge
            #(#rebindings)*
            let __llmetry_never: #rt::Never = #body;
            #allow
            return __llmetry_never;
        }
    } else if rebindings.is_empty() {
        quote_spanned!(span.located_at(at)=> #edge #body)
    } else {
        // In a block of this crate's edition the body's last temporaries go before the bindings, as they go before parameters.
        let bound = braced(quote_spanned!(span=> #(#rebindings)* #body), span.located_at(at));
        quote_spanned!(span.located_at(at)=> #edge #bound)
    };
    braced(inside, at)
}

fn edge(params: &Params, returned: &Returned, at: Span) -> TokenStream {
    let span = Span::mixed_site().located_at(at);
    let allow = lints::dead_branch();
    let captures = params.captures();
    let uses = params.uses();
    let unit;
    let annotation = if let Returned::Unit = returned {
        unit = syn::parse_quote_spanned!(span=> ());
        Some(&unit)
    } else {
        returned.annotation()
    };
    let dead = if let Some(ty) = annotation {
        // Errors say that the type comes from here: with the user's own place they don't name the attribute.
        let returned = Ident::new("__llmetry_returned", at);
        let fake_return = quote_spanned!(at=> return #returned;);
        quote_spanned! {span=>
            let #returned: #ty = loop {};
            #(#captures)*
            #fake_return
        }
    } else {
        quote_spanned!(span=> loop {} #(#captures)*)
    };
    quote_spanned! {span=>
        #allow
        if false { #dead }
        #(#uses)*
    }
}

/// Whether an item is declared in the body's first level.
fn has_items(body: &TokenStream) -> bool {
    const ITEMS: &[&str] = &[
        "fn", "const", "static", "use", "struct", "enum", "union", "trait", "impl", "mod", "type", "extern",
    ];
    body.clone()
        .into_iter()
        .any(|token| matches!(token, TokenTree::Ident(word) if ITEMS.contains(&word.to_string().as_str())))
}

/// `{ inside }` with braces of that span.
pub(crate) fn braced(inside: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(Delimiter::Brace, inside);
    group.set_span(span);
    group.into()
}
