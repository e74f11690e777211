//! How the function runs, as far as its signature says.
//!
//! In: the signature. Out: [`Shape`]. Looks, does not emit, and does not judge (`check` does). An alias of a future cannot be seen
//! here: the runtime refuses it by type.

use syn::{
    GenericArgument, PathArguments, PathSegment, ReturnType, Signature, Type, TypeParamBound, TypePath,
};

/// How a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An `async fn`.
    Async,
    /// A function whose work is done when it returns.
    Sync,
    /// A function whose return type is spelled as a future.
    ReturnsFuture,
    /// A function whose return type is spelled as a stream.
    ReturnsStream,
    /// `-> !`
    Never,
}

impl Shape {
    pub(crate) fn of(sig: &Signature) -> Self {
        let returned = match &sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => of_type(ty),
        };
        match returned {
            Some(shape) => shape,
            None if sig.asyncness.is_some() => Self::Async,
            None => Self::Sync,
        }
    }
}

fn of_type(ty: &Type) -> Option<Shape> {
    match ty {
        Type::Never(_) => Some(Shape::Never),
        Type::Paren(paren) => of_type(&paren.elem),
        Type::Group(group) => of_type(&group.elem),
        Type::ImplTrait(ty) => ty.bounds.iter().find_map(of_bound),
        Type::TraitObject(ty) => ty.bounds.iter().find_map(of_bound),
        Type::Path(TypePath { qself: None, path, .. }) => {
            let last = path.segments.last()?;
            match last.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => Some(Shape::ReturnsFuture),
                "BoxStream" | "LocalBoxStream" => Some(Shape::ReturnsStream),
                "Pin" | "Box" => of_type(only_argument(last)?).filter(|shape| *shape != Shape::Never),
                _ => None,
            }
        }
        _ => None,
    }
}

fn of_bound(bound: &TypeParamBound) -> Option<Shape> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    match bound.path.segments.last()?.ident.to_string().as_str() {
        "Future" | "IntoFuture" | "TryFuture" => Some(Shape::ReturnsFuture),
        "Stream" | "TryStream" => Some(Shape::ReturnsStream),
        _ => None,
    }
}

fn only_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
