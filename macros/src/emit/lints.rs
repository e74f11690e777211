//! Every lint that generated code turns off, with its reason. None of these attributes covers a token of the user's body.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

/// On the dead branch that carries the return type and the captures.
pub(super) fn dead_branch() -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        #[allow(
            // It is dead on purpose.
            unreachable_code,
            clippy::diverging_sub_expression,
            clippy::empty_loop,
            // The return type is the user's: `()`, or `_` for an `impl Trait`.
            clippy::let_unit_value,
            clippy::let_with_type_underscore,
        )]
    }
}

/// On a mention of a parameter.
pub(super) fn mention() -> TokenStream {
    // The mention is ours, not a use of a name that says that it is unused.
    quote_spanned!(Span::mixed_site()=> #[allow(clippy::used_underscore_binding)])
}

/// On a parameter's binding inside of the body.
pub(super) fn rebinding() -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        #[allow(
            // `_a: A` is a parameter that is only dropped, not a binding without effect.
            clippy::no_effect_underscore_binding,
            // It moves the parameter into the body.
            clippy::redundant_locals,
        )]
    }
}

/// On the import of the outcomes: one of them is used, which one depends on the returned type.
pub(super) fn unused_outcomes() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #[allow(unused_imports)])
}

/// On bindings of a pattern that `fields(…)` may or may not use.
pub(super) fn borrowed_bindings() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #[allow(unused_variables, clippy::no_effect_underscore_binding)])
}

/// On the return of a body that may never reach its end, or that may end in a return itself.
pub(super) fn last_return() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #[allow(unreachable_code, clippy::needless_return, clippy::let_and_return)])
}

/// On the value that a pattern takes apart: only `ref mut` needs it to be `mut`.
pub(super) fn for_ref_mut() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #[allow(unused_mut)])
}
