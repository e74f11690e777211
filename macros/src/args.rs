//! What is asked for: the attribute's arguments.
//!
//! In: the tokens between the attribute's parentheses. Out: [`Args`], each with its tokens, and every mistake on the token that
//! made it. Does not: know the function (see `check`).

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Lit, LitInt, LitStr, Path, Token};

use crate::errors::{Errors, nearest};

/// What may be written, for messages and for the nearest name.
const KNOWN: [&str; 9] =
    ["name", "version", "err", "skip", "skip_all", "fields", "crate", "capture", "parent"];

/// The arguments of one attribute.
#[derive(Debug, Default)]
pub(crate) struct Args {
    /// `name = "…"`
    pub(crate) name: Option<LitStr>,
    /// `version = 1`
    pub(crate) version: Option<LitInt>,
    /// `err = false`
    pub(crate) err: Option<bool>,
    /// `crate = path`
    pub(crate) krate: Option<Path>,
    /// `skip(a, b)`: nothing is captured yet, but the names have to be right.
    pub(crate) skip: Vec<Ident>,
    /// `fields(a.b = expr)`
    pub(crate) fields: Vec<Field>,
}

/// One `key = expr` of `fields(…)`.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) key: LitStr,
    pub(crate) value: Expr,
}

impl Args {
    /// Reads all arguments; what cannot be read is left out and reported.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        for argument in split(tokens, errors) {
            let Argument { key, form } = argument;
            if let Some(first) = seen.iter().find(|first| **first == key) {
                errors.at(key.span(), format_args!("`{first}` is given twice"));
                continue;
            }
            args.take(&key, form, errors);
            seen.push(key);
        }
        let find = |name| seen.iter().find(|key| *key == name);
        if let (Some(all), Some(_)) = (find("skip_all"), find("skip")) {
            errors.at(all.span(), "`skip_all` already skips what `skip(…)` names: keep one of them");
        }
        args
    }

    fn take(&mut self, key: &Ident, form: Form, errors: &mut Errors) {
        match (key.to_string().as_str(), form) {
            ("name", Form::Value(value)) => self.name = name(value, errors),
            ("version", Form::Value(value)) => self.version = version(value, errors),
            ("err", Form::Value(value)) => self.err = boolean(value, errors),
            ("crate", Form::Value(value)) => self.krate = path(value, errors),
            ("skip", Form::List(list)) => self.skip = names(key, list, errors),
            ("fields", Form::List(list)) => self.fields = fields(key, list, errors),
            ("skip_all", Form::Bare) => {}
            ("skip_all", Form::Value(value)) => errors.on(value, "`skip_all` stands alone, without a value"),
            ("skip_all", Form::List(list)) => {
                errors.at(list.span(), "`skip_all` stands alone; to skip some arguments write `skip(a, b)`");
            }
            ("capture" | "parent", _) => {
                errors.at(key.span(), format_args!("`{key}` is not supported yet"));
            }
            ("name", _) => errors.at(key.span(), "write `name = \"…\"`"),
            ("version", _) => errors.at(key.span(), "write `version = 1`"),
            ("err", _) => errors.at(key.span(), "write `err = false` (or `true`, the default)"),
            ("crate", _) => errors.at(key.span(), "write `crate = path::to::llmetry`"),
            ("skip", _) => errors.at(key.span(), "`skip` takes the names of arguments: `skip(a, b)`"),
            ("fields", _) => errors.at(key.span(), "`fields` takes keys and values: `fields(a.b = value)`"),
            (unknown, _) => errors.at(key.span(), unknown_argument(unknown)),
        }
    }
}

fn unknown_argument(word: &str) -> String {
    match nearest(word, KNOWN) {
        Some(known) => format!("unknown argument `{word}`; did you mean `{known}`?"),
        None => format!(
            "unknown argument `{word}`; known are `name`, `version`, `err`, `skip`, `skip_all`, `fields`, `crate`"
        ),
    }
}

// ---- Cutting the attribute into arguments, so that one mistake does not hide the next.

struct Argument {
    key: Ident,
    form: Form,
}

enum Form {
    /// `key`
    Bare,
    /// `key = value`; never empty.
    Value(TokenStream),
    /// `key(…)`
    List(Group),
}

/// One argument for each piece between commas. No argument has a comma outside of brackets.
fn split(tokens: TokenStream, errors: &mut Errors) -> Vec<Argument> {
    let mut arguments = Vec::new();
    let mut piece = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => {
                if piece.is_empty() {
                    errors.at(comma.span(), "expected an argument before this comma");
                } else {
                    arguments.extend(argument(std::mem::take(&mut piece), errors));
                }
            }
            token => piece.push(token),
        }
    }
    if !piece.is_empty() {
        arguments.extend(argument(piece, errors));
    }
    arguments
}

fn argument(piece: Vec<TokenTree>, errors: &mut Errors) -> Option<Argument> {
    let mut piece = piece.into_iter();
    let key = match piece.next()? {
        TokenTree::Ident(key) => key,
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            let hint = if text.starts_with('"') { format!("write `name = {text}`") } else { unnamed() };
            errors.at(literal.span(), hint);
            return None;
        }
        other => {
            errors.at(other.span(), unnamed());
            return None;
        }
    };
    let form = match piece.next() {
        None => Form::Bare,
        Some(TokenTree::Punct(equals)) if equals.as_char() == '=' => {
            let value: TokenStream = piece.by_ref().collect();
            if value.is_empty() {
                errors.at(equals.span(), format_args!("expected a value for `{key}` after the `=`"));
                return None;
            }
            Form::Value(value)
        }
        Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Parenthesis => Form::List(list),
        Some(other) => {
            errors.at(other.span(), format_args!("expected `=`, `(…)` or `,` after `{key}`"));
            return None;
        }
    };
    if let Some(extra) = piece.next() {
        errors.at(extra.span(), format_args!("expected `,` after `{key}(…)`"));
        return None;
    }
    Some(Argument { key, form })
}

fn unnamed() -> String {
    "expected an argument such as `name = \"…\"`".to_owned()
}

// ---- The values.

fn name(value: TokenStream, errors: &mut Errors) -> Option<LitStr> {
    match syn::parse2(value.clone()) {
        Ok(Lit::Str(text)) if text.value().trim().is_empty() => {
            errors.at(text.span(), "a span's name cannot be empty");
            None
        }
        Ok(Lit::Str(text)) => {
            no_suffix(&text, errors);
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

fn no_suffix(text: &LitStr, errors: &mut Errors) {
    if !text.suffix().is_empty() {
        errors.at(text.span(), "a suffix has no meaning here");
    }
}

fn version(value: TokenStream, errors: &mut Errors) -> Option<LitInt> {
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

fn boolean(value: TokenStream, errors: &mut Errors) -> Option<bool> {
    if let Ok(Lit::Bool(boolean)) = syn::parse2(value.clone()) {
        return Some(boolean.value);
    }
    errors.on(value, "`err` takes `true` or `false`");
    None
}

fn path(value: TokenStream, errors: &mut Errors) -> Option<Path> {
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

fn names(key: &Ident, list: Group, errors: &mut Errors) -> Vec<Ident> {
    let span = list.span();
    let parsed = in_group(list, |input| {
        Punctuated::<Ident, Token![,]>::parse_terminated_with(input, Ident::parse_any)
    });
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            errors.at(error.span(), "`skip` takes the names of arguments: `skip(a, b)`");
            return Vec::new();
        }
    };
    if parsed.is_empty() {
        errors.at(span, format_args!("`{key}()` names no argument"));
    }
    let mut names: Vec<Ident> = Vec::new();
    for name in parsed {
        if names.contains(&name) {
            errors.at(name.span(), format_args!("`{name}` is skipped twice"));
        } else {
            names.push(name);
        }
    }
    names
}

fn fields(key: &Ident, list: Group, errors: &mut Errors) -> Vec<Field> {
    let span = list.span();
    let mut fields: Vec<Field> = Vec::new();
    let read = in_group(list, |input| {
        if input.is_empty() {
            errors.at(span, format_args!("`{key}()` sets nothing"));
        }
        while !input.is_empty() {
            let field = field(input)?;
            if field.key.value().trim().is_empty() {
                errors.at(field.key.span(), "a field's key cannot be empty");
            } else if fields.iter().any(|other| other.key.value() == field.key.value()) {
                errors.at(field.key.span(), format_args!("the field `{}` is set twice", field.key.value()));
            } else {
                fields.push(field);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    });
    if let Err(error) = read {
        errors.push(error);
    }
    fields
}

/// `a.b = expr` or `"a.b" = expr`
fn field(input: ParseStream<'_>) -> syn::Result<Field> {
    let key = if input.peek(LitStr) {
        input.parse::<LitStr>()?
    } else if input.peek(Ident::peek_any) {
        let parts = Punctuated::<Ident, Token![.]>::parse_separated_nonempty_with(input, Ident::parse_any)?;
        let text: Vec<String> = parts.iter().map(|part| part.unraw().to_string()).collect();
        LitStr::new(&text.join("."), parts.span())
    } else {
        return Err(input.error("expected a field's key: `a.b = value` or `\"a-b\" = value`"));
    };
    if !input.peek(Token![=]) {
        let text = key.value();
        let message = format!("the field `{text}` needs a value: `{text} = …`");
        return Err(syn::Error::new(key.span(), message));
    }
    let equals = input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(equals.span(), "expected an expression after the `=`"));
    }
    Ok(Field { key, value: input.parse()? })
}

/// Parses what is between the parentheses; a mistake at their end is reported on the closing one.
fn in_group<T>(group: Group, parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>) -> syn::Result<T> {
    let parse = |input: ParseStream<'_>| {
        let content;
        syn::parenthesized!(content in input);
        parse(&content)
    };
    parse.parse2(TokenTree::from(group).into_token_stream())
}
