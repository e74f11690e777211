//! The way through: parse, look, check, emit; or fall back.
//!
//! Of two attributes of ours on one function, the upper one is expanded first, and would wrap the body first: its span would be the
//! inner one. So it steps below the other and waits, as `__outer`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Attribute;

use crate::args::Args;
use crate::check::check;
use crate::emit::{braced, emit};
use crate::errors::Errors;
use crate::fallback::fallback;
use crate::item::Function;
use crate::kind::Kind;
use crate::rt::Rt;
use crate::shape::Shape;

pub(crate) fn expand(kind: Kind, args: &TokenStream, item: TokenStream) -> TokenStream {
    try_expand(kind, args, item.clone()).unwrap_or_else(|error| fallback(&error, item))
}

fn try_expand(kind: Kind, tokens: &TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut errors = Errors::new();
    let args = Args::parse(tokens.clone(), &mut errors);
    let function = match Function::parse(kind, item) {
        Ok(function) => function,
        Err(error) => {
            errors.push(error.clone());
            return Err(errors.check().err().unwrap_or(error));
        }
    };
    check(kind, &args, &function, &mut errors);
    errors.check()?;
    if let Some(last) = function.attrs.iter().rposition(is_ours) {
        return Ok(below(last, kind, &args, tokens, &function));
    }
    let shape = Shape::of(&function);
    Ok(emit(kind, &args, function, shape))
}

fn is_ours(attr: &Attribute) -> bool {
    let path = attr.path();
    let is_kind = path.segments.last().is_some_and(|last| Kind::of(&last.ident).is_some());
    is_kind && (path.segments.len() == 1 || path.segments[0].ident == "llmetry")
}

/// The function with this attribute below the one at `last`.
fn below(last: usize, kind: Kind, args: &Args, tokens: &TokenStream, function: &Function) -> TokenStream {
    let rt = Rt(args.krate.as_ref());
    let kind = Ident::new(kind.name(), proc_macro2::Span::call_site());
    let outer = quote!(#[#rt::__outer(#kind, #tokens)]);
    let (above, others) = function.attrs.split_at(last + 1);
    let Function { vis, sig, inner_attrs, body, braces, .. } = function;
    let body = braced(quote!(#(#inner_attrs)* #body), *braces);
    let mut item = TokenStream::new();
    for attr in above {
        attr.to_tokens(&mut item);
    }
    item.extend(outer);
    for attr in others {
        attr.to_tokens(&mut item);
    }
    vis.to_tokens(&mut item);
    sig.to_tokens(&mut item);
    body.to_tokens(&mut item);
    item
}

/// The attribute that waited: its kind, a comma, its arguments.
pub(crate) fn expand_outer(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut args = args.into_iter();
    let kind = args.next().and_then(|first| match first {
        TokenTree::Ident(kind) => Kind::of(&kind),
        _ => None,
    });
    // Nobody but `below` writes this attribute.
    let Some(kind) = kind else { return item };
    expand(kind, &args.skip(1).collect(), item)
}
