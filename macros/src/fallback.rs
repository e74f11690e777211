//! What is written when something is wrong: the errors, and the item as the user wrote it, so that its callers do not light up too.

use proc_macro2::TokenStream;
use quote::quote;

use crate::item::is_expression;

pub(crate) fn fallback(error: &syn::Error, mut item: TokenStream) -> TokenStream {
    let errors = error.to_compile_error();
    if is_expression(&item) {
        return quote!({ #errors #item });
    }
    item.extend(errors);
    item
}
