//! Prints the path of the runtime's door for generated code: `::llmetry::__rt`, or that of `crate = path`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

pub(crate) struct Rt<'a>(pub(crate) Option<&'a Path>);

impl ToTokens for Rt<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let span = Span::mixed_site();
        let krate = self.0.map_or_else(|| quote_spanned!(span=> ::llmetry), ToTokens::to_token_stream);
        tokens.extend(quote_spanned!(span=> #krate::__rt));
    }
}
