//! Before the body: the idle span, and what the attribute asks to know at the start.
//!
//! The span is opened early only if something is asked: its parent, then its fields, then its input. The expressions are evaluated once,
//! and only if the answer is wanted. They see the parameters as the body will; where the body will take a pattern apart, its bindings by
//! reference.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprPath, Lit};

use super::lints;
use crate::args::{Args, Field, Inputs};
use crate::item::Function;
use crate::rt::Rt;

pub(super) fn begin(
    args: &Args,
    function: &Function,
    borrowed: impl Iterator<Item = TokenStream>,
    rt: &Rt<'_>,
) -> TokenStream {
    let span = Span::mixed_site();
    let parent = args.parent.as_ref().map(|parent| {
        // A parameter is the body's.
        let borrow = is_name(parent).then(|| quote_spanned!(span.located_at(parent.span())=> &));
        quote_spanned!(span=> #rt::Open::parent(&mut open, #borrow #parent);)
    });
    let fields = fields(&args.fields, rt);
    let input = input(args, function, rt);
    if parent.is_none() && fields.is_none() && input.is_none() {
        return quote_spanned!(span=> let open = #rt::Open::new(&__LLMETRY_SITE););
    }
    let allow = lints::borrowed_bindings();
    let borrowed = borrowed.map(|binding| quote_spanned!(span=> #allow #binding));
    quote_spanned! {span=>
        let mut open = #rt::Open::new(&__LLMETRY_SITE);
        if #rt::Open::is_on(&mut open) {
            #(#borrowed)*
            #parent
            #fields
            #input
        }
    }
}

fn is_name(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(ExprPath { qself: None, path, .. }) if path.get_ident().is_some())
}

fn fields(fields: &[Field], rt: &Rt<'_>) -> Option<TokenStream> {
    if fields.is_empty() {
        return None;
    }
    let span = Span::mixed_site();
    let set = fields.iter().map(|Field { key, value }| {
        let value = match value {
            // A text that is known to live for ever need not be copied.
            Expr::Lit(ExprLit { attrs, lit: Lit::Str(text) }) if attrs.is_empty() => {
                quote_spanned!(span=> #rt::Text(#text))
            }
            value => quote_spanned!(span=> (&&&&&#rt::Captured(&(#value))).llmetry_attribute()),
        };
        quote_spanned!(span=> #rt::Open::field(&open, #key, #value);)
    });
    let allow = lints::unused_outcomes();
    Some(quote_spanned! {span=>
        if #rt::Open::start(&mut open) {
            #allow
            use #rt::{
                FieldAsDebug as _, FieldAsIs as _, FieldAsName as _, FieldAsSerialize as _, FieldAsText as _,
            };
            #(#set)*
        }
    })
}

fn input(args: &Args, function: &Function, rt: &Rt<'_>) -> Option<TokenStream> {
    // All arguments of a function without any are an empty object.
    if matches!(args.capture.inputs, Inputs::None) {
        return None;
    }
    let span = Span::mixed_site();
    let allow = lints::unused_outcomes();
    let allow_use = lints::mention();
    let inputs = args.captured_inputs(&function.bindings());
    let arguments = inputs.iter().map(|name| {
        let key = name.unraw().to_string();
        let cfgs = function.cfgs(name);
        quote_spanned!(span=> #(#cfgs)* (#key, &(&&&&#rt::Captured(&#name)).llmetry_capture()))
    });
    Some(quote_spanned! {span=>
        if #rt::Open::captures_input(&mut open) {
            #allow
            use #rt::{CaptureDebug as _, CaptureName as _, CaptureSerialize as _, CaptureText as _};
            #allow_use
            #rt::Open::input(&open, &[#(#arguments),*]);
        }
    })
}
