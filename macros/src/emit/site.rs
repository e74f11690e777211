//! The `static` that holds what is known at compile time, and the idle span made from it.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::args::Args;
use crate::item::Function;
use crate::kind::Kind;
use crate::rt::Rt;

pub(super) fn site(kind: Kind, args: &Args, function: &Function, rt: &Rt<'_>) -> TokenStream {
    let span = Span::mixed_site();
    let kind = kind.variant();
    let name = args.name.as_ref().map_or_else(|| function.name(), syn::LitStr::value);
    let version = args.version.as_ref().and_then(|version| version.base10_parse::<u64>().ok());
    let version = version.map(|version| quote_spanned!(span=> .version(#version)));
    let err = args.err.map(|err| quote_spanned!(span=> .err(#err)));
    // The line of the function, not of the attribute.
    let line = quote_spanned!(function.sig.ident.span()=> ::core::line!());
    quote_spanned! {span=>
        static __LLMETRY_SITE: #rt::Site = #rt::Site::new(#rt::Kind::#kind, #name)
            #version
            #err
            .location(::core::file!(), #line);
    }
}
