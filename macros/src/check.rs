//! Is it allowed? The rules that need the arguments and the function.
//!
//! Simpler rules stand where the thing is parsed: in `args` for what the arguments say alone, in `item` for what is no function.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use crate::args::{Args, Inputs, contains};
use crate::errors::{Errors, nearest};
use crate::item::Function;
use crate::kind::Kind;

pub(crate) fn check(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    const_fn(kind, function, errors);
    names(args, function, errors);
}

fn const_fn(kind: Kind, function: &Function, errors: &mut Errors) {
    if let Some(keyword) = &function.sig.constness {
        let attribute = kind.attribute();
        errors
            .on(keyword, format_args!("{attribute} cannot go on a `const fn`: opening a span is not const"));
    }
}

/// What `skip(…)` and `capture(…)` name has to be there.
fn names(args: &Args, function: &Function, errors: &mut Errors) {
    let bindings = function.bindings();
    for name in args.skip.iter().filter(|name| !contains(&bindings, name)) {
        if name == "self" {
            errors.at(name.span(), "this function has no `self`");
        } else {
            errors.at(name.span(), no_argument(name, &bindings, &[]));
        }
    }
    let Inputs::Named(captured) = &args.capture.inputs else { return };
    for name in captured.iter().filter(|name| !contains(&bindings, name)) {
        errors.at(name.span(), no_argument(name, &bindings, &["input", "output"]));
    }
}

fn no_argument(name: &Ident, bindings: &[Ident], words: &[&str]) -> String {
    let bindings: Vec<String> = bindings.iter().map(|binding| binding.unraw().to_string()).collect();
    let known = bindings.iter().map(String::as_str).chain(words.iter().copied());
    match nearest(&name.unraw().to_string(), known) {
        Some(known) => format!("no argument is called `{name}`; did you mean `{known}`?"),
        None => format!("no argument is called `{name}`"),
    }
}
