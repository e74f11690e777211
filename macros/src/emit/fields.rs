//! `fields(key = expr)`: the span is opened before the body, and if it is recorded the expressions are evaluated, once.
//!
//! They see the parameters as the body will; those of a pattern by reference, since only the body may take them apart.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, ExprLit, Lit};

use super::lints;
use super::params::Params;
use crate::args::Field;
use crate::rt::Rt;

pub(super) fn fields(fields: &[Field], params: &Params, rt: &Rt<'_>) -> TokenStream {
    let span = Span::mixed_site();
    if fields.is_empty() {
        return quote_spanned!(span=> let open = #rt::Open::new(&__LLMETRY_SITE););
    }
    let allow = lints::borrowed_bindings();
    let borrowed = params.borrowed().map(|binding| quote_spanned!(span=> #allow #binding));
    let set = fields.iter().map(|Field { key, value }| {
        let value = match value {
            // A text that is known to live for ever need not be copied.
            Expr::Lit(ExprLit { attrs, lit: Lit::Str(text) }) if attrs.is_empty() => {
                quote_spanned!(span=> #rt::Text(#text))
            }
            value => quote_spanned!(span=> #value),
        };
        quote_spanned!(span=> #rt::Open::field(&open, #key, #value);)
    });
    quote_spanned! {span=>
        let mut open = #rt::Open::new(&__LLMETRY_SITE);
        if #rt::Open::start(&mut open) {
            #(#borrowed)*
            #(#set)*
        }
    }
}
