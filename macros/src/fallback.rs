//! What is written when something is wrong: the errors, and the item as the user wrote it, so that its callers do not light up too.

use proc_macro2::TokenStream;

pub(crate) fn fallback(error: &syn::Error, mut item: TokenStream) -> TokenStream {
    item.extend(error.to_compile_error());
    item
}
