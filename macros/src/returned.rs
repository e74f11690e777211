//! What the signature says about the returned value.
//!
//! In: the return type as it is written. Out: [`Returned`], what code inside of the function may say of that type, and a few questions
//! about it. Does not: decide what a value is; an alias says nothing here, and the runtime looks at the type itself.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit_mut::{VisitMut, visit_type_mut};
use syn::{
    AssocType, GenericArgument, PathArguments, PathSegment, ReturnType, TraitBound, Type, TypeParamBound,
    TypePath,
};

/// What is known of the returned type inside of the function.
#[derive(Clone)]
pub(crate) enum Returned {
    /// `()`, or nothing written.
    Unit,
    /// `!`
    Never,
    /// All of it.
    Known(Type),
    /// `_` stands in it for each `impl Trait`.
    Partly(Type),
    /// `impl Trait`
    Opaque,
    /// An opaque function: no `Result`, future or stream, and nothing to capture.
    Function,
    /// An opaque iterator: no `Result`, future or stream.
    Iterator,
}

impl Returned {
    pub(crate) fn of(output: &ReturnType) -> Self {
        match output {
            ReturnType::Default => Self::Unit,
            ReturnType::Type(_, ty) => Self::of_type(ty),
        }
    }

    pub(crate) fn of_type(ty: &Type) -> Self {
        let mut ty = plain(ty).clone();
        match &ty {
            Type::Tuple(tuple) if tuple.elems.is_empty() => return Self::Unit,
            Type::Never(_) => return Self::Never,
            Type::ImplTrait(ty) if ty.bounds.iter().any(|bound| is_one_of(FUNCTIONS, bound)) => {
                return Self::Function;
            }
            Type::ImplTrait(ty) if ty.bounds.iter().any(|bound| is_one_of(ITERATORS, bound)) => {
                return Self::Iterator;
            }
            _ => {}
        }
        let mut opaque = EraseOpaque(false);
        opaque.visit_type_mut(&mut ty);
        match ty {
            Type::Infer(_) => Self::Opaque,
            ty if opaque.0 => Self::Partly(ty),
            ty => Self::Known(ty),
        }
    }

    /// The type to write on a binding of the value.
    pub(crate) fn annotation(&self) -> Option<&Type> {
        match self {
            Self::Known(ty) | Self::Partly(ty) => Some(ty),
            Self::Unit | Self::Never | Self::Opaque | Self::Function | Self::Iterator => None,
        }
    }

    /// Whether the value is neither a `Result` nor anything that still runs, whatever the names in scope: then nobody has to look
    /// at it.
    pub(crate) fn says_nothing(&self) -> bool {
        match self {
            Self::Unit | Self::Never | Self::Function | Self::Iterator => true,
            Self::Opaque => false,
            Self::Known(ty) | Self::Partly(ty) => {
                self.is_number()
                    || matches!(
                        ty,
                        Type::Reference(_)
                            | Type::Tuple(_)
                            | Type::Array(_)
                            | Type::Slice(_)
                            | Type::Ptr(_)
                            | Type::FnPtr(_)
                    )
            }
        }
    }

    /// Whether it is a number, `bool`, `char` or `str`.
    pub(crate) fn is_number(&self) -> bool {
        const NUMBERS: &[&str] = &[
            "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
            "u32", "u64", "u128", "usize",
        ];
        match self {
            Self::Known(Type::Path(TypePath { qself: None, path, .. })) => {
                path.get_ident().is_some_and(|ident| NUMBERS.contains(&ident.to_string().as_str()))
            }
            _ => false,
        }
    }
}

/// Where an opaque future or stream may be put into a wrapper: if all that the signature promises of it is that it is one, and auto
/// traits. In `impl Future + Clone` a wrapper could not keep the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    Nowhere,
    /// `impl Future`, `impl Stream`
    Whole,
    /// `Result<impl Stream, E>`, or another type of that form.
    InResult,
}

impl Wrap {
    pub(crate) fn of(output: &ReturnType) -> Self {
        let ReturnType::Type(_, ty) = output else { return Self::Nowhere };
        let may_be_wrapped =
            |ty: &Type| matches!(plain(ty), Type::ImplTrait(ty) if ty.bounds.iter().all(can_be_kept));
        match plain(ty) {
            ty if may_be_wrapped(ty) => Self::Whole,
            Type::Path(TypePath { qself: None, path, .. })
                if path.segments.last().and_then(first_type).is_some_and(may_be_wrapped) =>
            {
                Self::InResult
            }
            _ => Self::Nowhere,
        }
    }
}

const FUNCTIONS: &[&str] = &["Fn", "FnMut", "FnOnce", "AsyncFn", "AsyncFnMut", "AsyncFnOnce"];
const ITERATORS: &[&str] = &["Iterator", "DoubleEndedIterator", "ExactSizeIterator", "FusedIterator"];

fn is_one_of(names: &[&str], bound: &TypeParamBound) -> bool {
    last_name(bound).is_some_and(|name| names.contains(&name.as_str()))
}

fn last_name(bound: &TypeParamBound) -> Option<String> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    Some(bound.path.segments.last()?.ident.to_string())
}

fn can_be_kept(bound: &TypeParamBound) -> bool {
    const KEPT: &[&str] = &[
        "Future",
        "TryFuture",
        "Stream",
        "TryStream",
        "Send",
        "Sync",
        "Unpin",
        "UnwindSafe",
        "RefUnwindSafe",
        "Sized",
    ];
    // Where the trait comes from, if that is said: one of the program's own may promise more.
    const FROM: &[&str] = &[
        "std",
        "core",
        "alloc",
        "futures",
        "futures_core",
        "futures_util",
        "futures_lite",
        "tokio_stream",
        "stream",
        "future",
        "marker",
        "panic",
    ];
    let TypeParamBound::Trait(TraitBound { path, .. }) = bound else { return true };
    let is_known = path.segments.len() == 1 || FROM.contains(&path.segments[0].ident.to_string().as_str());
    is_known && last_name(bound).is_none_or(|name| KEPT.contains(&name.as_str()))
}

/// The output of a type that is written as a future: `impl Future<Output = T>`, `Pin<Box<dyn Future<Output = T>>>`,
/// `BoxFuture<'_, T>`.
pub(crate) fn output_of_future(output: &ReturnType) -> Option<&Type> {
    let ReturnType::Type(_, ty) = output else { return None };
    let mut ty = plain(ty);
    loop {
        match ty {
            Type::ImplTrait(ty) => return ty.bounds.iter().find_map(|bound| associated(bound, "Output")),
            Type::TraitObject(ty) => return ty.bounds.iter().find_map(|bound| associated(bound, "Output")),
            Type::Path(TypePath { qself: None, path, .. }) => {
                let last = path.segments.last()?;
                ty = plain(first_type(last)?);
                match last.ident.to_string().as_str() {
                    "BoxFuture" | "LocalBoxFuture" => return Some(ty),
                    "Pin" | "Box" => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

/// What an opaque future or stream is promised to bring, with `_` for what is opaque itself.
pub(crate) fn promised(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else { return None };
    let Type::ImplTrait(ty) = plain(ty) else { return None };
    let brings = |bound| associated(bound, "Output").or_else(|| associated(bound, "Item"));
    let mut ty = ty.bounds.iter().find_map(brings)?.clone();
    EraseOpaque(false).visit_type_mut(&mut ty);
    Some(ty)
}

/// The `T` of `Trait<name = T>`.
fn associated<'a>(bound: &'a TypeParamBound, name: &str) -> Option<&'a Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == name => Some(ty),
        _ => None,
    })
}

fn first_type(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Without the parentheses, and the invisible ones of a macro's fragments.
fn plain(mut ty: &Type) -> &Type {
    loop {
        match ty {
            Type::Paren(paren) => ty = &paren.elem,
            Type::Group(group) => ty = &group.elem,
            ty => return ty,
        }
    }
}

/// Where the return type is written, else `or`.
pub(crate) fn return_span(output: &ReturnType, or: Span) -> Span {
    match output {
        ReturnType::Default => or,
        ReturnType::Type(_, ty) => ty.span(),
    }
}

struct EraseOpaque(bool);

impl VisitMut for EraseOpaque {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Paren(paren) if matches!(*paren.elem, Type::ImplTrait(_)) => *ty = Type::clone(&paren.elem),
            Type::Group(group) if matches!(*group.elem, Type::ImplTrait(_)) => *ty = Type::clone(&group.elem),
            _ => {}
        }
        if let Type::ImplTrait(_) = ty {
            self.0 = true;
            *ty = syn::parse_quote_spanned!(ty.span()=> _);
        }
        visit_type_mut(self, ty);
    }
}
