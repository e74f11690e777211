//! What may stand in `key(…)`: the names of `skip` and `capture`, the keys and values of `fields`.

use proc_macro2::{Group, Ident};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{LitStr, Token};

use super::split::{attempt, in_group, items};
use super::{Capture, Field, Inputs, contains};
use crate::errors::Errors;

pub(super) fn skip(list: Group, errors: &mut Errors) -> Vec<Ident> {
    let span = list.span();
    let read = names(list, "`skip` takes the names of arguments: `skip(a, b)`", errors);
    let Some(read) = read else {
        errors.at(span, "`skip()` names no argument");
        return Vec::new();
    };
    let mut names: Vec<Ident> = Vec::new();
    for name in read {
        if contains(&names, &name) {
            errors.at(name.span(), format_args!("`{name}` is skipped twice"));
        } else {
            names.push(name);
        }
    }
    names
}

pub(super) fn capture(list: Group, errors: &mut Errors) -> Capture {
    let span = list.span();
    let expected =
        "`capture` takes `input`, `output` and the names of arguments: `capture(question, output)`";
    let Some(read) = names(list, expected, errors) else {
        errors.at(span, "`capture()` captures nothing: write `capture(input, output)`");
        return Capture::default();
    };
    let takes_all = read.iter().any(|name| name == "input");
    let mut seen: Vec<Ident> = Vec::new();
    let mut named = Vec::new();
    for name in read {
        if contains(&seen, &name) {
            errors.at(name.span(), format_args!("`{name}` is captured twice"));
            continue;
        }
        if name == "self" {
            errors.at(name.span(), "`self` is never captured: `fields(…)` can record a part of it");
        } else if name != "input" && name != "output" {
            if takes_all {
                let message = format!("`input` captures every argument already: leave `{name}` out");
                errors.at(name.span(), message);
            } else {
                named.push(name.clone());
            }
        }
        seen.push(name);
    }
    let inputs = match named {
        _ if takes_all => Inputs::All,
        none if none.is_empty() => Inputs::None,
        named => Inputs::Named(named),
    };
    Capture { inputs, output: seen.iter().any(|name| name == "output") }
}

/// The names in a list; `None` if it is empty.
fn names(list: Group, expected: &str, errors: &mut Errors) -> Option<Vec<Ident>> {
    if list.stream().is_empty() {
        return None;
    }
    let mut names = Vec::new();
    let read = in_group(list, |input| {
        items(input, errors, |input, _| {
            if !input.peek(Ident::peek_any) {
                return Err(input.error(expected));
            }
            names.push(input.call(Ident::parse_any)?);
            Ok(())
        });
        Ok(())
    });
    if let Err(error) = read {
        errors.push(error);
    }
    Some(names)
}

pub(super) fn fields(list: Group, errors: &mut Errors) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    if list.stream().is_empty() {
        errors.at(list.span(), "`fields()` sets nothing");
        return fields;
    }
    let read = in_group(list, |input| {
        items(input, errors, |input, errors| {
            let field = field(input)?;
            let key = field.key.value();
            if key.trim().is_empty() {
                errors.at(field.key.span(), "a field's key cannot be empty");
            } else if fields.iter().any(|other| other.key.value() == key) {
                errors.at(field.key.span(), format_args!("the field `{key}` is set twice"));
            } else {
                fields.push(field);
            }
            Ok(())
        });
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
    let Some(equals) = input.parse::<Option<Token![=]>>()? else {
        let text = key.value();
        let message = format!("the field `{text}` needs a value: `{text} = …`");
        return Err(syn::Error::new(key.span(), message));
    };
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(equals.span, "expected an expression after the `=`"));
    }
    Ok(Field { key, value: attempt(input)? })
}
