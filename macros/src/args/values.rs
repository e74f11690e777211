//! What may stand behind `key =`.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use syn::parse::{Parse, Parser};
use syn::{Expr, Lit, LitInt, LitStr, Path};

use super::split::in_group;
use crate::errors::Errors;

pub(super) fn name(value: TokenStream, errors: &mut Errors) -> Option<LitStr> {
    match syn::parse2(value.clone()) {
        Ok(Lit::Str(text)) if text.value().trim().is_empty() => {
            errors.at(text.span(), "a span's name cannot be empty");
            None
        }
        Ok(Lit::Str(text)) => {
            if !text.suffix().is_empty() {
                errors.at(text.span(), "a suffix has no meaning here");
            }
            Some(text)
        }
        _ => {
            errors.on(
                value,
                "`name` takes a string literal: a span's name is fixed at compile time; for a value that changes use \
                 `fields(…)`",
            );
            None
        }
    }
}

pub(super) fn version(value: TokenStream, errors: &mut Errors) -> Option<LitInt> {
    if let Ok(Lit::Int(number)) = syn::parse2(value.clone()) {
        let is_unsigned = matches!(number.suffix(), "" | "u8" | "u16" | "u32" | "u64" | "usize");
        match number.base10_parse::<u64>() {
            Ok(_) if is_unsigned => return Some(number),
            Ok(_) => errors.at(number.span(), "`version` is an unsigned integer: leave the suffix out"),
            Err(_) if number.base10_digits().starts_with('-') => {
                errors.on(value, "`version` is an unsigned integer");
            }
            Err(error) => errors.at(number.span(), format_args!("`version` has to fit `u64`: {error}")),
        }
    } else {
        errors.on(value, "`version` takes an unsigned integer literal, such as `version = 2`");
    }
    None
}

pub(super) fn boolean(value: TokenStream, errors: &mut Errors) -> Option<bool> {
    if let Ok(Lit::Bool(boolean)) = syn::parse2(value.clone()) {
        return Some(boolean.value);
    }
    errors.on(value, "`err` takes `true` or `false`");
    None
}

pub(super) fn path(value: TokenStream, errors: &mut Errors) -> Option<Path> {
    if let Ok(Lit::Str(text)) = syn::parse2(value.clone()) {
        errors.at(
            text.span(),
            format_args!("`crate` takes a path: `crate = {}`, without quotes", text.value()),
        );
        return None;
    }
    let path = Path::parse_mod_style.parse2(value.clone()).ok();
    if path.is_none() {
        errors.on(value, "`crate` takes a path, such as `crate = my_crate::llmetry`");
    }
    path
}

pub(super) fn expression(value: TokenStream, errors: &mut Errors) -> Option<Expr> {
    // A mistake at the end of the tokens is reported on the last of them: alone they have no end, and it would be on the whole attribute.
    let end = value.clone().into_iter().last().map_or_else(Span::call_site, |token| token.span());
    let mut group = Group::new(Delimiter::Parenthesis, value);
    group.set_span(end);
    in_group(group, Expr::parse).map_err(|error| errors.push(error)).ok()
}
