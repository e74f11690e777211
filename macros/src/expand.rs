//! The way through: parse, look, check, emit; or fall back.

use proc_macro2::TokenStream;

use crate::args::Args;
use crate::check::check;
use crate::emit::emit;
use crate::errors::Errors;
use crate::fallback::fallback;
use crate::item::Function;
use crate::kind::Kind;
use crate::shape::Shape;

pub(crate) fn expand(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    try_expand(kind, args, item.clone()).unwrap_or_else(|error| fallback(&error, item))
}

fn try_expand(kind: Kind, args: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut errors = Errors::new();
    let args = Args::parse(args, &mut errors);
    let function = match Function::parse(kind, item) {
        Ok(function) => function,
        Err(error) => {
            errors.push(error.clone());
            return Err(errors.check().err().unwrap_or(error));
        }
    };
    let shape = Shape::of(&function.sig);
    check(kind, &args, &function, shape, &mut errors);
    errors.check()?;
    Ok(emit(kind, &args, function, shape))
}
