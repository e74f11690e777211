//! What is there: the annotated item.
//!
//! In: the item's tokens. Out: [`Function`], its signature parsed and its body left as the tokens that the user wrote, or an error on
//! the token that is no function. The body is not parsed on purpose: half-typed code keeps editors alive, rustc reports its mistakes
//! better than we could, and it costs no compile time.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::visit_mut::{VisitMut, visit_pat_ident_mut};
use syn::{Attribute, FnArg, Pat, PatIdent, Signature, Token, Visibility};

use crate::kind::Kind;

/// A function or method with a body.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `#![…]` at the top of the body.
    pub(crate) inner_attrs: Vec<Attribute>,
    /// The body between its braces, without `inner_attrs`.
    pub(crate) body: TokenStream,
    /// The body's braces.
    pub(crate) braces: Span,
}

impl Function {
    /// Reads the item; an error if it is not a function with a body.
    pub(crate) fn parse(kind: Kind, item: TokenStream) -> syn::Result<Self> {
        if let Some(error) = not_a_function(kind, &item) {
            return Err(error);
        }
        let parse = |input: ParseStream<'_>| Self::parse_with(kind, input);
        syn::parse::Parser::parse2(parse, item)
    }

    fn parse_with(kind: Kind, input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            let message = format!(
                "{} needs a function with a body: annotate the methods of the impls",
                kind.attribute()
            );
            return Err(syn::Error::new(sig.ident.span(), message));
        }
        let block: Group = input.parse()?;
        if block.delimiter() != Delimiter::Brace {
            return Err(syn::Error::new(block.span(), "expected the function's body"));
        }
        let Body { inner_attrs, body } = syn::parse2(block.stream())?;
        Ok(Self { attrs, vis, sig, inner_attrs, body, braces: block.span() })
    }

    /// Every name that the parameters bind, `self` included.
    pub(crate) fn bindings(&self) -> Vec<Ident> {
        let mut names = Names(Vec::new());
        for input in &self.sig.inputs {
            match input {
                FnArg::Receiver(receiver) => names.0.push(Ident::from(receiver.self_token)),
                FnArg::Typed(argument) => names.visit_pat_mut(&mut Pat::clone(&argument.pat)),
            }
        }
        names.0
    }

    /// The function's name as text, without `r#`.
    pub(crate) fn name(&self) -> String {
        self.sig.ident.unraw().to_string()
    }
}

struct Body {
    inner_attrs: Vec<Attribute>,
    body: TokenStream,
}

impl Parse for Body {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self { inner_attrs: input.call(Attribute::parse_inner)?, body: input.parse()? })
    }
}

struct Names(Vec<Ident>);

impl VisitMut for Names {
    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        self.0.push(pat.ident.clone());
        visit_pat_ident_mut(self, pat);
    }
}

/// The error for an item of another sort, on its keyword: a parser would only say "expected `fn`".
fn not_a_function(kind: Kind, item: &TokenStream) -> Option<syn::Error> {
    let start = |input: ParseStream<'_>| -> syn::Result<TokenStream> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse()
    };
    let rest = syn::parse::Parser::parse2(start, item.clone()).ok()?;
    let mut words = rest.into_iter().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(Some(word)),
        // The ABI of `extern "C" fn`.
        TokenTree::Literal(_) => None,
        TokenTree::Group(_) | TokenTree::Punct(_) => Some(None),
    });
    // `unsafe impl`, `const NAME`, `async fn`: the first word that is not a qualifier decides, and a qualifier in front of
    // something else is itself the keyword.
    let mut qualifier = None;
    while let Some(Some(word)) = words.next() {
        let what = match word.to_string().as_str() {
            "fn" => return None,
            "async" | "unsafe" | "safe" | "default" | "const" | "extern" => {
                qualifier = Some(word);
                continue;
            }
            "struct" => "a struct",
            "enum" => "an enum",
            "union" => "a union",
            "trait" => "a trait",
            "impl" => "an impl block",
            "mod" => "a module",
            "type" => "a type alias",
            "static" => "a static",
            "use" => "an import",
            "macro_rules" | "macro" => "a macro",
            "crate" => "an extern crate",
            "let" => "a statement",
            _ => break,
        };
        return Some(refusal(kind, &word, what));
    }
    let qualifier = qualifier?;
    match qualifier.to_string().as_str() {
        "const" => Some(refusal(kind, &qualifier, "a constant")),
        "extern" => Some(refusal(kind, &qualifier, "an extern block")),
        _ => None,
    }
}

fn refusal(kind: Kind, keyword: impl ToTokens, what: &str) -> syn::Error {
    let attribute = kind.attribute();
    syn::Error::new_spanned(keyword, format!("{attribute} goes on functions and methods, this is {what}"))
}
