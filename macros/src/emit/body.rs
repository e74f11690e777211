//! The call that runs the user's body inside the span.
//!
//! ```text
//! EDGE =  if false {                              // dead: for type inference and captures
//!             let __llmetry_returned: R = loop {};
//!             let __llmetry_held = &b;            // the captures, see `params`
//!             let __llmetry_held = &a;
//!             return __llmetry_returned;          // without this, `Ok(())` with `?` before it would not infer
//!         }
//!         REBINDINGS                              // only with patterns
//! ```
//!
//! The body's own braces get the place of the return type: an error about a missing last expression stands where that of the bare
//! function would. The label keeps `unused_braces` from seeing a needless block there.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::visit_mut::{VisitMut, visit_type_mut};
use syn::{ReturnType, Type};

use super::lints;
use super::params::Params;
use crate::item::Function;
use crate::rt::Rt;
use crate::shape::Shape;

/// `Scope::new(…).await` or `call(…)`.
pub(super) fn run(function: &Function, params: &Params, shape: Shape, rt: &Rt<'_>) -> TokenStream {
    let span = Span::mixed_site();
    let output = &function.sig.output;
    let returned = Returned::of(output);
    let at = return_span(output, function.sig.ident.span());
    let body = braced(function.body.clone(), at);
    let body = quote_spanned!(at=> '__llmetry_body: #body);
    let edge = edge(params, &returned, at);
    let rebindings = params.rebindings();
    let inside = if rebindings.is_empty() {
        quote_spanned!(span.located_at(at)=> #edge #body)
    } else {
        // A statement ends the life of the body's last temporaries before the bindings are dropped (edition 2021).
        let allow = lints::last_return();
        quote_spanned! {span.located_at(at)=>
            #edge
            #(#rebindings)*
            let __llmetry_result = #body;
            #allow
            return __llmetry_result;
        }
    };
    let inside = braced(inside, span.located_at(at));
    if shape == Shape::Async {
        return quote_spanned!(span=> #rt::Scope::new(open, async move #inside).await);
    }
    match returned {
        Returned::Known(ty) => quote_spanned!(span=> #rt::call(open, move || -> #ty #inside)),
        Returned::Partly(_) | Returned::Opaque => quote_spanned!(span=> #rt::call(open, move || #inside)),
    }
}

fn edge(params: &Params, returned: &Returned, at: Span) -> TokenStream {
    let span = Span::mixed_site().located_at(at);
    let allow = lints::dead_branch();
    let captures = params.captures();
    let uses = params.uses();
    let dead = match returned {
        Returned::Known(ty) | Returned::Partly(ty) => quote_spanned! {span=>
            let __llmetry_returned: #ty = loop {};
            #(#captures)*
            return __llmetry_returned;
        },
        Returned::Opaque => quote_spanned!(span=> loop {} #(#captures)*),
    };
    quote_spanned! {span=>
        #allow
        if false { #dead }
        #(#uses)*
    }
}

/// What is known of the returned type inside of the function.
enum Returned {
    /// All of it.
    Known(Type),
    /// `_` stands in it for each `impl Trait`.
    Partly(Type),
    /// `impl Trait`
    Opaque,
}

impl Returned {
    fn of(output: &ReturnType) -> Self {
        let mut ty = match output {
            ReturnType::Default => {
                return Self::Known(Type::Verbatim(quote_spanned!(Span::mixed_site()=> ())));
            }
            ReturnType::Type(_, ty) => Type::clone(ty),
        };
        let mut opaque = EraseOpaque(false);
        opaque.visit_type_mut(&mut ty);
        match ty {
            Type::Infer(_) => Self::Opaque,
            ty if opaque.0 => Self::Partly(ty),
            ty => Self::Known(ty),
        }
    }
}

struct EraseOpaque(bool);

impl VisitMut for EraseOpaque {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Paren(paren) if matches!(*paren.elem, Type::ImplTrait(_)) => *ty = Type::clone(&paren.elem),
            Type::Group(group) if matches!(*group.elem, Type::ImplTrait(_)) => *ty = Type::clone(&group.elem),
            _ => {}
        }
        if let Type::ImplTrait(_) = ty {
            self.0 = true;
            *ty = syn::parse_quote_spanned!(ty.span()=> _);
        }
        visit_type_mut(self, ty);
    }
}

/// Whether the function is written to return nothing.
pub(super) fn returns_unit(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

/// Where the return type is written, else `or`.
pub(super) fn return_span(output: &ReturnType, or: Span) -> Span {
    match output {
        ReturnType::Default => or,
        ReturnType::Type(_, ty) => ty.span(),
    }
}

/// `{ inside }` with braces of that span.
pub(super) fn braced(inside: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(Delimiter::Brace, inside);
    group.set_span(span);
    group.into()
}
