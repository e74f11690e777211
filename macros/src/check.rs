//! Is it allowed? The rules that need the arguments and the function.
//!
//! Simpler rules stand where the thing is parsed: in `args` for one argument, in `item` for what is no function.

use quote::ToTokens;
use syn::ReturnType;

use crate::args::Args;
use crate::errors::{Errors, nearest};
use crate::item::Function;
use crate::kind::Kind;
use crate::shape::Shape;

pub(crate) fn check(kind: Kind, args: &Args, function: &Function, shape: Shape, errors: &mut Errors) {
    const_fn(kind, function, errors);
    return_type(kind, function, shape, errors);
    skipped_names(args, function, errors);
}

fn const_fn(kind: Kind, function: &Function, errors: &mut Errors) {
    if let Some(keyword) = &function.sig.constness {
        let attribute = kind.attribute();
        errors
            .on(keyword, format_args!("{attribute} cannot go on a `const fn`: opening a span is not const"));
    }
}

fn return_type(kind: Kind, function: &Function, shape: Shape, errors: &mut Errors) {
    let ReturnType::Type(_, ty) = &function.sig.output else { return };
    let attribute = kind.attribute();
    let message = match shape {
        Shape::Async | Shape::Sync => return,
        Shape::Never => {
            format!("{attribute} cannot go on a function that never returns: its span would never end")
        }
        Shape::ReturnsFuture => format!(
            "{attribute} on a function that returns a future is not supported yet: make it an `async fn`, or annotate the \
             `async fn` that it calls"
        ),
        Shape::ReturnsStream => format!(
            "{attribute} on a function that returns a stream is not supported yet: annotate the functions that make the items"
        ),
    };
    errors.on(ty, message);
}

fn skipped_names(args: &Args, function: &Function, errors: &mut Errors) {
    let bindings = function.bindings();
    for name in args.skip.iter().filter(|name| !bindings.contains(name)) {
        if name == "self" {
            errors.at(name.span(), "this function has no `self`");
            continue;
        }
        let known: Vec<String> =
            bindings.iter().map(|binding| binding.to_token_stream().to_string()).collect();
        let message = match nearest(&name.to_string(), known.iter().map(String::as_str)) {
            Some(known) => format!("no argument is called `{name}`; did you mean `{known}`?"),
            None => format!("no argument is called `{name}`"),
        };
        errors.at(name.span(), message);
    }
}
