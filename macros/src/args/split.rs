//! Cutting the attribute into arguments, so that one mistake does not hide the next.
//!
//! In: the tokens between the parentheses. Out: keys and what was written behind them, unread. Does not: know which keys there are.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, Ident, Lit, LitBool, Token, token};

use crate::errors::Errors;

pub(super) struct Argument {
    pub(super) key: Ident,
    pub(super) form: Form,
}

pub(super) enum Form {
    /// `key`
    Bare,
    /// `key = value`; never empty.
    Value(TokenStream),
    /// `key(…)`
    List(Group),
}

pub(super) fn split(tokens: TokenStream, errors: &mut Errors) -> Vec<Argument> {
    let mut arguments = Vec::new();
    let read = |input: ParseStream<'_>| {
        items(input, errors, |input, _| {
            arguments.push(argument(input)?);
            Ok(())
        });
        Ok(())
    };
    if let Err(error) = read.parse2(tokens) {
        errors.push(error);
    }
    arguments
}

/// Reads what stands between commas. After a mistake it goes on behind the next comma.
pub(super) fn items(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut item: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    while !input.is_empty() {
        if input.peek(Token![,]) {
            errors.at(input.span(), "expected something before this comma");
        } else if let Err(error) = item(input, errors) {
            errors.push(error);
            skip_to_comma(input);
        } else if !input.is_empty() && !input.peek(Token![,]) {
            errors.at(next_span(input), missing_comma(input));
            // What looks like the next item is read as such.
            if begins_argument(input) {
                continue;
            }
            skip_to_comma(input);
        }
        _ = input.parse::<Option<Token![,]>>();
    }
}

/// Parses what is between the parentheses; a mistake at their end is reported on the closing one.
pub(super) fn in_group<T>(
    group: Group,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    let parse = |input: ParseStream<'_>| {
        let content;
        syn::parenthesized!(content in input);
        parse(&content)
    };
    parse.parse2(TokenTree::from(group).into_token_stream())
}

/// Parses, and leaves `input` as it was if that fails. (A failed parser may have left tokens inside of brackets, and `syn` would report
/// those as well.)
pub(super) fn attempt<T: Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    let fork = input.fork();
    let parsed = fork.parse()?;
    input.advance_to(&fork);
    Ok(parsed)
}

fn argument(input: ParseStream<'_>) -> syn::Result<Argument> {
    if !input.peek(Ident::peek_any) {
        let message = match input.fork().parse() {
            Ok(Lit::Str(text)) => format!("write `name = {}`", text.token()),
            _ => "expected an argument such as `name = \"…\"`".to_owned(),
        };
        return Err(syn::Error::new(next_span(input), message));
    }
    let key = input.call(Ident::parse_any)?;
    let form = if input.is_empty() || input.peek(Token![,]) {
        Form::Bare
    } else if input.peek(token::Paren) {
        Form::List(input.parse()?)
    } else if let Some(equals) = input.parse::<Option<Token![=]>>()? {
        let value = value(&key, input)?;
        if value.is_empty() {
            let message = format!("expected a value for `{key}` after the `=`");
            return Err(syn::Error::new(equals.span, message));
        }
        Form::Value(value)
    } else {
        let message = format!("expected `=`, `(…)` or `,` after `{key}`");
        return Err(syn::Error::new(next_span(input), message));
    };
    Ok(Argument { key, form })
}

/// The tokens up to the next comma, or up to where one was forgotten.
fn value(key: &Ident, input: ParseStream<'_>) -> syn::Result<TokenStream> {
    // The one value that may have commas outside of brackets: `parent = of::<A, B>()`.
    if key == "parent"
        && let Ok(value) = attempt::<Expr>(input)
    {
        return Ok(value.into_token_stream());
    }
    let mut value = TokenStream::new();
    let mut may_end = false;
    while !input.is_empty() && !input.peek(Token![,]) {
        if may_end && (begins_argument(input) || input.peek(Lit)) {
            break;
        }
        may_end = input.peek(Ident) || input.peek(LitBool) || input.peek(token::Paren);
        let token: TokenTree = input.parse()?;
        may_end |= matches!(token, TokenTree::Literal(_));
        token.to_tokens(&mut value);
    }
    Ok(value)
}

fn begins_argument(input: ParseStream<'_>) -> bool {
    input.peek(Ident) || input.peek(Token![crate])
}

fn missing_comma(input: ParseStream<'_>) -> String {
    match input.cursor().token_tree() {
        None | Some((TokenTree::Group(_), _)) => "expected `,`".to_owned(),
        Some((token, _)) => format!("expected `,` before `{token}`"),
    }
}

fn next_span(input: ParseStream<'_>) -> Span {
    input.cursor().token_tree().map_or_else(|| input.span(), |(token, _)| token.span())
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        _ = input.parse::<TokenTree>();
    }
}
